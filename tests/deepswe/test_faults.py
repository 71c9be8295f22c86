"""Every fault of an agent in a task of DeepSWE: what SWE-bench says of it too. On demand, for it takes minutes."""

from pathlib import Path

import pytest

from tests.deepswe.test_demo import demo
from tests.deepswe.trees import PYTHON
from tests.pipeline.command import kvv
from tests.swebench.conftest import engine  # noqa: F401 - a fixture
from tests.swebench.demo import containers, observed, outcomes
from tests.swebench.test_faults import FAULTS

pytestmark = [pytest.mark.perf, pytest.mark.docker, pytest.mark.timeout(400), pytest.mark.usefixtures("engine")]


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, tmp_path: Path) -> None:
    """The same outcome, status and causes as in an instance of SWE-bench; no container is left; an audit agrees."""
    expected = FAULTS[fault]
    options = [option.replace("swebench", "deepswe") for option in expected.options]
    ran, result = demo(tmp_path, "--fault", fault, "--deepswe-tasks", PYTHON, *options)
    assert (ran.status, outcomes(result)) == (expected.status, {expected.outcome: 1}), result["reason"]
    assert {found["cause"] for found in result["diagnosis"]} == expected.causes
    if expected.told:
        assert any(expected.told in seen.text for seen in observed(tmp_path, "tool"))
    assert expected.did in (tmp_path / "journal.jsonl").read_text()
    assert containers(tmp_path) == []
    assert kvv("audit", tmp_path).status == 0
