"""Every fault of an agent, on a real engine: the right outcome, and a host that stays well."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.coding import suspicion
from tests.pipeline.command import kvv, wait_until
from tests.swebench.demo import containers, demo, engine_disk, observed, outcomes

pytestmark = [pytest.mark.docker, pytest.mark.pipeline, pytest.mark.timeout(400), pytest.mark.usefixtures("engine")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conclusion:
    """What a run must say: its status, the one outcome of all instances, and causes.

    That the harm was done shows in what the model asked for (`did`) and in what it was told, in every instance.
    """

    status: int = 0
    outcome: str = "resolved"
    causes: frozenset[str] = frozenset()
    did: str = ""
    told: str = ""
    options: tuple[str, ...] = ()


ONE = ("--swebench-instances", "kvv__ledger-1")
"""Harm that stays inside a container is done in one instance."""
TOGETHER = frozenset({"never-ends-command", "floods-output", "fork-bomb", "fills-disk"})
"""What a host suffers from is done in all three at once."""
SPARE = 2**30
"""Bytes that others on the machine may have written meanwhile."""
FAULTS = {
    "gives-up": Conclusion(status=1, outcome="empty_patch"),
    "wrong-patch": Conclusion(status=1, outcome="unresolved"),
    "endless-loop": Conclusion(status=1, outcome="limit", causes=frozenset({"work was ended by a limit"})),
    "never-ends-command": Conclusion(told="[stopped after 3 seconds", options=("--swebench-limits", "command=3")),
    "floods-output": Conclusion(told="bytes in the middle were left out]"),
    "fork-bomb": Conclusion(told="[stopped after 5 seconds", options=("--swebench-limits", "command=5")),
    "fills-disk": Conclusion(
        told="[stopped, with everything that was running: more was written", options=("--container-disk", "0.2")
    ),
    "kills-container": Conclusion(did="kill -KILL -1", told="[exit status 0]"),
    "reads-future-commits": Conclusion(status=1, outcome="empty_patch"),
    "tampers-with-tests": Conclusion(
        status=1, outcome="unresolved", causes=frozenset({suspicion.TESTS_TOUCHED, suspicion.RUNNER_TOUCHED})
    ),
    "asks-negative-timeout": Conclusion(did='\\"timeout\\":-5', told="[exit status 0]"),
    "daemonizes": Conclusion(told="left"),
}


@pytest.fixture(scope="module")
def free(engine: None) -> Iterator[Callable[[], int]]:
    """Bytes that are free on the engine's disk."""
    with engine_disk() as found:
        yield found


@pytest.mark.parametrize("fault", FAULTS)
def test_fault(fault: str, free: Callable[[], int], tmp_path: Path) -> None:
    """The outcome is that of the work, not of the harm; no container is left; an audit agrees."""
    expected, before = FAULTS[fault], free()
    instances = 3 if fault in TOGETHER else 1
    ran, result = demo(tmp_path, "--fault", fault, *expected.options, *(() if fault in TOGETHER else ONE))
    assert outcomes(result) == {expected.outcome: instances}, result["reason"]
    assert ran.status == expected.status
    assert {found["cause"] for found in result["diagnosis"]} == expected.causes
    if expected.told:
        assert sum(expected.told in seen.text for seen in observed(tmp_path, "tool")) >= instances
    assert kvv("audit", tmp_path).status == 0
    assert (tmp_path / "journal.jsonl").read_text().count(expected.did) >= instances
    assert containers(tmp_path) == []
    wait_until(lambda: free() > before - SPARE, 60)
