"""Compares the findings over all answers, and delivery: a new failure is a regression."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kvv_action.compare.parts import ALPHA
from kvv_action.compare.records import Effect, FindingChange
from kvv_action.compare.words import CHANGE, RunNames
from kvv_action.report.text import percent
from kvv_action.schema import Finding, RunReport, Severity, Verdict
from kvv_action.statistics.shares import chance_of_more
from kvv_action.verdict.known_causes import is_delivery
from kvv_action.verdict.lead import arrival, to_do

DELIVERY = "delivery"
_ORDER = (Effect.WORSE, Effect.BETTER, Effect.LEFT_OUT, Effect.SAME)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSighting:
    """What one run saw of a cause; by default nothing."""

    severity: Severity | None = None
    cause: str = ""
    remedy: str = ""
    count: int = 0
    of: int = 0
    benchmarks: frozenset[str] = field(default_factory=frozenset)

    @property
    def fails(self) -> bool:
        """It fails the run."""
        return self.severity is Severity.FAILURE

    @property
    def told(self) -> str:
        """How often it was seen, in words."""
        return (
            f"{self.count} of {self.of} ({percent(self.count / self.of)})" if self.severity and self.of else "not seen"
        )


def finding_changes(
    base: RunReport, new: RunReport, names: RunNames = CHANGE, others: int = 1
) -> tuple[FindingChange, ...]:
    """Delivery and every failure and warning of either run; empty where a run did not look for them.

    Args:
        base: the run before.
        new: the run after.
        names: what the runs are called.
        others: how many runs are compared with `base`.
    """
    before, after = _seen(base), _seen(new)
    delivered = base.delivery is not None and new.delivery is not None
    checked = base.plan.checks is not None and new.plan.checks is not None
    common = _asked(base) & _asked(new)
    found = [
        _change(name, *_both(base, new, before.get(name), after.get(name), names), common, names, ALPHA / others)
        for name in {**after, **before}
        if (delivered if name == DELIVERY else checked)
    ]
    return tuple(sorted(found, key=lambda one: (_ORDER.index(one.finding), one.id != DELIVERY)))


def _both(
    base: RunReport, new: RunReport, before: RunSighting | None, after: RunSighting | None, names: RunNames
) -> tuple[RunSighting, RunSighting]:
    """What both runs saw; between vendors, of how many answers it was not seen counts too."""
    shown = before or after
    assert shown is not None
    empty = [RunSighting(of=_answers(report, shown) if names.vendors else 0) for report in (base, new)]
    return before or empty[0], after or empty[1]


def _answers(report: RunReport, shown: RunSighting) -> int:
    """Answers of a run to the benchmarks in which the other one saw a cause."""
    return sum(result.counts.scored for result in report.benchmarks if result.id in shown.benchmarks)


def _asked(report: RunReport) -> frozenset[str]:
    return frozenset(result.id for result in report.benchmarks if result.verdict is not Verdict.SKIPPED)


def _seen(report: RunReport) -> dict[str, RunSighting]:
    """By cause; all causes of broken delivery count as one, because its kinds change from run to run."""
    return dict([*_delivered(report), *_found(report)])


def _delivered(report: RunReport) -> Iterator[tuple[str, RunSighting]]:
    delivery = report.delivery
    if delivery is None or not delivery.broken:
        return
    failing = next((one for one in report.findings if is_delivery(one.cause_id)), None)
    yield DELIVERY, RunSighting(
        severity=Severity.FAILURE if failing else Severity.INFORMATION,
        cause=failing.cause if failing else arrival(delivery), remedy=_remedy(failing, report) if failing else "",
        count=delivery.broken, of=delivery.requests, benchmarks=_asked(report),
    )  # fmt: skip


def _found(report: RunReport) -> Iterator[tuple[str, RunSighting]]:
    for one in report.findings:
        if one.severity is not Severity.INFORMATION and not is_delivery(one.cause_id):
            yield one.cause_id, RunSighting(
                severity=one.severity, cause=one.cause, remedy=_remedy(one, report), count=one.count, of=one.of,
                benchmarks=frozenset(one.benchmarks),
            )  # fmt: skip


def _remedy(found: Finding, report: RunReport) -> str:
    """What to do, with the model's own values in switches where the report's ordered causes have them."""
    return to_do(next((one for one in report.causes if one.cause_id == found.cause_id), found))


def _change(
    name: str, before: RunSighting, after: RunSighting, common: frozenset[str], names: RunNames, alpha: float
) -> FindingChange:
    effect, reason = _effect(before, after, common, names, alpha)
    shown = after if after.severity else before
    return FindingChange(
        id=name, finding=effect, reason=f"{reason}: {before.told} {names.before}, {after.told} {names.now}",
        cause=shown.cause, remedy=shown.remedy, severity_before=before.severity, severity_after=after.severity,
        count_before=before.count, of_before=before.of, count_after=after.count, of_after=after.of,
    )  # fmt: skip


def _effect(
    before: RunSighting, after: RunSighting, common: frozenset[str], names: RunNames, alpha: float
) -> tuple[Effect, str]:
    """Only a failure that one run has alone is a change; between vendors only where chance does not explain it."""
    if before.fails == after.fails:
        return Effect.SAME, "fails both runs" if after.fails else "fails neither run"
    more, less = (after, before) if after.fails else (before, after)
    if not more.benchmarks & common:
        return Effect.LEFT_OUT, "was seen only in benchmarks that the other run did not ask"
    if (less.count or names.vendors) and chance_of_more(more.count, more.of, less.count, less.of) > alpha:
        return Effect.SAME, f"fails {names.new if after.fails else names.base} alone, but the difference may be chance"
    if names.vendors:
        effect, who = (Effect.WORSE, names.new) if after.fails else (Effect.BETTER, names.base)
        return effect, f"fails {who} alone"
    return (Effect.WORSE, "fails the run now") if after.fails else (Effect.BETTER, "no longer fails the run")
