"""Runs Pre-Verification against the embedded vendor, with faults, and tells what each probe said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from entrypoint.compose import run_verification
from entrypoint.prepare import Demonstration
from entrypoint.settings import load
from kvv_action.benchmark import Finished
from kvv_action.schema import BenchmarkResult, Case, Outcome, Severity, Verdict
from tests.patience import SETTINGS, unhurried


class Quiet:
    """An observer that says nothing."""

    def started(self, benchmark: str, planned: int, resumed: int) -> None:
        """Nothing."""

    def finished(self, event: Finished) -> None:
        """Nothing."""

    def state(self, message: str) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What Pre-Verification concluded.

    Attributes:
        result: the whole of it.
        cases: by id of the probe.
        broken: cause by id, of the probes that do not hold.
        failed: message by id, of the probes that could not be judged.
        requests: how many were sent.
        causes: ids of the causes that fail the run and that nothing else explains, the first one first.
        verdict: that of the whole run.
        findings: ids of the causes that were found over its answers, above information.
    """

    result: BenchmarkResult
    cases: Mapping[str, Case]
    broken: Mapping[str, str]
    failed: Mapping[str, str]
    requests: int
    causes: Sequence[str]
    verdict: Verdict
    findings: Sequence[str]

    def assert_one_cause(self) -> None:
        """Whatever is broken comes from one cause, as a report tells it."""
        assert len(self.causes) <= 1, self.causes
        assert self.causes or not self.broken


def precheck(
    out: Path,
    *,
    profile: str = "kimi-k3",
    faults: Sequence[str] = (),
    tier: str = "full",
    **settings: str,
) -> Seen:
    """One run of Pre-Verification alone; `settings` are further ones, by field name."""
    chosen = {"profile": profile, "tier": tier, "benchmarks": "precheck", "out": str(out), **SETTINGS, **settings}
    with unhurried(faults):
        report = run_verification(load(chosen), Quiet(), demonstration=Demonstration(faults=tuple(faults)))
    (result,) = report.benchmarks
    cases = {case.id: case for case in result.cases}
    return Seen(
        result=result,
        cases=cases,
        broken={
            name: case.cause for name, case in cases.items() if case.outcome not in (Outcome.RIGHT, Outcome.FAILED)
        },
        failed={name: case.explanation for name, case in cases.items() if case.outcome is Outcome.FAILED},
        requests=report.usage.requests,
        causes=[one.cause_id for one in report.causes if one.severity is Severity.FAILURE],
        verdict=report.verdict,
        findings=[one.cause_id for one in report.findings if one.severity is not Severity.INFORMATION],
    )
