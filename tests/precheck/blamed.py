"""What one fault in tool calls leads to: the probes that see it, and one cause for all of them."""

import fnmatch
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from benchmarks.precheck.causes import ProbeCause
from kvv_action.schema import Severity
from tests.findings.runs import ran

PROBES = "arguments,calls,tools.call.*,tools.arguments.*,tools.parallel.*,tools.no-arguments.*,tools.choice-none.*"
"""The two suites, and the probes of `tools` that faults in calls must not break as well, unless they say so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blamed:
    """What Pre-Verification says of a fault.

    Attributes:
        cause: the only one.
        probes: patterns of the probes that name it.
        level: a failure breaks the probes, a warning is told by them.
    """

    cause: ProbeCause
    probes: Collection[str]
    level: Severity = Severity.FAILURE
    profile: str = "kimi-k3"


def blamed(cause: ProbeCause, *probes: str, warns: bool = False) -> Blamed:
    """A row."""
    level = Severity.WARNING if warns else Severity.FAILURE
    return Blamed(cause=cause, probes=probes, level=level)


def assert_blamed(out: Path, fault: str, rule: Blamed) -> None:
    """Run with one fault, and compare."""
    report = ran(out, [fault], tier="full", probes=PROBES, profile=rule.profile)
    (result,) = report.benchmarks
    told = {case.id for case in result.cases if case.cause}
    assert [(found.cause, found.remedy) for found in result.diagnosis] == [(rule.cause.cause, rule.cause.remedy)]
    assert {probe for probe in told if any(fnmatch.fnmatchcase(probe, one) for one in rule.probes)} == told
    assert all(fnmatch.filter(told, pattern) for pattern in rule.probes)
    outcomes = {case.outcome for case in result.cases if case.id in told}
    assert outcomes == ({"right"} if rule.level is Severity.WARNING else {"wrong"})
    assert [found.cause_id for found in report.findings if found.severity is not Severity.INFORMATION] == []
    assert report.verdict == ("pass" if rule.level is Severity.WARNING else "fail")
