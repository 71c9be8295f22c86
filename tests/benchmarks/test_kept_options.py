"""The options of a benchmark in the plan of somebody else."""

from dataclasses import replace

import pytest

from benchmarks import registry
from kvv_action.errors import KvvError
from tests.report.reports import PLAN


@pytest.mark.parametrize("value", [7, {"a": 1}, {"steps": "x"}, [[]], "steps"])
@pytest.mark.parametrize("benchmark", ["swebench", "deepswe"])
def test_what_no_plan_has_is_refused(benchmark: str, value: object) -> None:
    """With a message, whatever stands there."""
    kind = registry.listed(benchmark).options()
    plan = replace(PLAN, choices={f"{benchmark}-limits": value})
    with pytest.raises(KvvError, match="limits"):
        kind.of_plan(plan, replace(PLAN.benchmarks[0], id=benchmark))
