"""From a benchmark's standing to the numbers that reports show and the verdict that they mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from kvv_action.plan.order import positions
from kvv_action.plan.strata import BORDER, SURE
from kvv_action.schema import Comparison, StratumComparison, Verdict
from kvv_action.statistics.differences import PairedDifference
from kvv_action.statistics.stratified import StratifiedDifference
from kvv_action.verdict.answers import AnswerTable
from kvv_action.verdict.noninferiority import ERROR, Look, Standing, design_of, holm
from kvv_action.verdict.rules import BIAS


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What a comparison says.

    Attributes:
        verdict: pass, fail or inconclusive.
        comparison: its numbers.
        torn: answers that did not come decide between two verdicts.
    """

    verdict: Verdict
    comparison: Comparison
    torn: bool


def compare_all(standings: Sequence[Standing], ledgers: dict[str, AnswerTable], count: int) -> dict[str, Compared]:
    """The comparison of each benchmark that has one, by id; `count` as in `holm`."""
    failed = holm(standings, count)
    rest = ERROR / max(1, count - len(failed))
    return {
        standing.planned.id: _compared(
            standing, ledgers[standing.planned.id], failed.get(standing.planned.id, rest),
            fails=standing.planned.id in failed,
        )
        for standing in standings
        if standing.looks
    }  # fmt: skip


def _compared(standing: Standing, ledger: AnswerTable, error: float, *, fails: bool) -> Compared:
    found = standing.failed(error) if fails else standing.passed()
    look = found or standing.looks[-1]
    verdict = (Verdict.FAIL if fails else Verdict.PASS) if found else Verdict.INCONCLUSIVE
    torn = found is None and look.torn(error)
    numbers = _numbers(look, ledger, error, len(standing.looks), settled=found is not None)
    if torn:
        decides = look.rules.sharp and look.missing_decides(error)
        numbers = replace(numbers, needed=None, missing_decides=decides)
    return Compared(verdict=verdict, comparison=numbers, torn=torn)


def _numbers(look: Look, ledger: AnswerTable, error: float, looks: int, *, settled: bool) -> Comparison:
    planned = look.planned
    assert planned.reference is not None
    known = look.seen.error if isinstance(look.seen, PairedDifference | StratifiedDifference) else None
    paired = known is not None
    order = positions(planned, look.rules.asked, chained=look.rules.chained)
    terms = ledger.terms(order[: planned.looks[look.number] if planned.looks else None], None)
    design = design_of(planned, look.size, terms, error, look.rules, known)
    needed = None if settled else design.size_to_settle(look.seen.value)
    more = None if needed is None else max(1, math.ceil((needed / look.size - 1) * look.answers))
    low, high = look.limits(ERROR)[0], look.limits(error)[1]
    return Comparison(
        difference=look.seen.value, low=low, high=high, low_error=ERROR, high_error=error, paired=paired,
        reference_size=0.0 if paired else round(design.reference.size, 1),
        reference_assumed=not paired and planned.reference.n is None,
        answers=look.answers,
        looks=look.number + 1 if settled else looks,
        early=settled and look.complete and bool(planned.looks) and look.number < len(planned.looks) - 1,
        detectable=design.detectable(), needed=more, pass_margin=look.rules.pass_margin,
        strata=_strata(look, error),
        passes_if_lower=round(design.passes(BIAS), 4) if look.rules.sharp and not paired else None,
    )  # fmt: skip


def _strata(look: Look, error: float) -> tuple[StratumComparison, ...]:
    """The strata by which the items were chosen, where they were."""
    if not isinstance(look.seen, StratifiedDifference):
        return ()
    worse = look.differs(error)
    return tuple(
        StratumComparison(
            name=one.name, share=one.share, asked=look.rules.asked.count(letter),
            expected=one.reference.share, seen=one.vendor.share, worse=one.name in worse,
        )
        for letter, one in zip((BORDER, SURE), look.seen.strata, strict=True)
    )  # fmt: skip
