"""Recomputes without evidence the numbers of a record that follow from its counts, its score and its reference."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvv_action.digits import figure
from kvv_action.leaderboard.findings import CheckFinding, about, error, warning
from kvv_action.leaderboard.record import BenchmarkRecord, ComparisonRecord, CountsRecord, Mark, Record
from kvv_action.plan.order import FEWEST, looks_for
from kvv_action.schema import REFUSED, BenchmarkKind, Verdict
from kvv_action.statistics.aggregates import CONFUSION, RATES, f1_interval, f1_of
from kvv_action.statistics.differences import Estimate, Unpaired
from kvv_action.statistics.intervals import one_sided, wilson
from kvv_action.statistics.spending import boundaries
from kvv_action.verdict.noninferiority import ERROR
from kvv_action.verdict.rules import FALSE_ALARM

EQUAL = 1e-6
MEANS = frozenset({"accuracy", "pass@1", "resolved_rate", "probes_held"})
"""Metrics that are the mean value of the scored answers."""
F1 = "tool_call_f1"
HALF = 0.5
"""An interval by resampling is never so much narrower than one by counts."""
UNLIKE = 6.0
"""Standard errors by which answers before an early end may differ from those that were on their way; of independent
answers, so that two alike ones are allowed for."""
ENDED = frozenset({Mark.INTERRUPTED, Mark.STOPPED, Mark.SUBSET})
"""Marks that say why a part of a benchmark was not asked."""


def miscounted(record: Record) -> Iterator[CheckFinding]:
    """Each number that the counts beside it contradict."""
    for one in record.benchmarks:
        if one.counts is None or one.samples is None or one.epochs is None:
            continue  # reported elsewhere
        counts = one.counts
        yield from about(one.id, (*_refused(one, counts), *_skipped(record, one, counts), *_numbers(one, counts)))
        if one.must_be_right and (one.reference, one.margin, one.comparison) != (None, None, None):
            yield error("verdict", f"{one.id}: is compared with a reference, although every answer must be right")


def _numbers(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    yield from _rates(one, counts)
    if one.metric == F1:
        yield from _f1(one)
    elif one.metric in MEANS and one.measurement is None:
        yield from _bounds(one, counts)
        yield from _interval(one, counts)
        yield from _exact(one, counts)


def _refused(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """Requests that the official endpoint refuses are no part of a score, so they must be told by their own metric."""
    if one.metrics.get(REFUSED, 0.0) != counts.refused:
        yield error("counts", f"counts {counts.refused} requests as refused officially, but the metric says otherwise")


def _skipped(record: Record, one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """Answers that were not asked for, and an early end, which leaves some out."""
    early = one.comparison is not None and one.comparison.early
    if early and not counts.skipped:
        told = "is called decided early, although everything was asked"  # as can be, while the rest was in flight
        yield warning("early", told)
    if early and one.verdict not in (Verdict.PASS, Verdict.FAIL):
        yield error("early", f"is called decided early, but is {one.verdict}")
    unexplained = counts.skipped and not early and not record.stands_beside(one) and not ENDED & set(record.marks)
    if unexplained and one.verdict is Verdict.PASS:
        yield error("counts", f"{counts.skipped} answers were not asked for, and nothing says why")


def _rates(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """Shares that are told beside the score."""
    told = one.metrics.get("unparsed_rate")
    if counts.scored and told is not None and abs(told - counts.unparsed / counts.scored) > EQUAL:
        yield error("score", f"unparsed_rate is {figure(told)}, but {counts.unparsed} of {counts.scored} were unparsed")
    for name in ("unparsed_rate", "first_try_rate", *RATES):
        if not 0 <= one.metrics.get(name, 0.0) <= 1:
            yield error("score", f"{name} is {figure(one.metrics[name])}, which is no share")
    for name, (part, whole) in RATES.items():
        sums = [one.metrics.get(count) for count in (part, whole)]
        if name in one.metrics and sums[0] is not None and sums[1]:
            yield from _same(name, one.metrics[name], sums[0] / sums[1])


def _f1(one: BenchmarkRecord) -> Iterator[CheckFinding]:
    """The F1 of its own confusion counts."""
    tp, fp, fn, _ = (one.metrics.get(name) for name in CONFUSION)
    if one.score is None:
        return
    if tp is None or fp is None or fn is None or min(tp, fp, fn) < 0:
        yield error("score", "has an F1 without the counts that it follows from")
        return
    told = one.metrics.get(one.metric, one.score) if one.must_be_right else one.score
    yield from _same("score", told, f1_of(tp, fp + fn))
    low, high = f1_interval(round(tp), round(fp + fn)) if tp + fp + fn else (0.0, 1.0)
    if one.interval is not None and one.interval[1] - one.interval[0] < HALF * (high - low):
        yield error("interval", f"is narrower than {round(tp + fp + fn)} calls can make it")


def _same(name: str, told: float, right: float | None) -> Iterator[CheckFinding]:
    if right is None or abs(told - right) > EQUAL:
        made = "nothing" if right is None else figure(right)
        yield error("score", f"{name} is {told:g}, but its counts make it {made}")


def _bounds(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """What the score had been, had every missing answer been wrong, or right."""
    right = bounds_of(one, counts)
    if right is None or one.bounds is None:
        if right is not one.bounds and one.score is not None:
            yield error("score", "has bounds, although nothing was asked" if right is None else "lacks its bounds")
    elif max(abs(told - so) for told, so in zip(one.bounds, right, strict=True)) > EQUAL:
        low, high = one.bounds
        yield error("score", f"the bounds {low:g} to {high:g} are not {right[0]:g} to {right[1]:g}, as its counts say")


def bounds_of(one: BenchmarkRecord, counts: CountsRecord) -> tuple[float, float] | None:
    """The bounds of a mean; None where nothing was sent. An early end leaves out what decides nothing."""
    if not counts.sent:
        return None
    early = one.comparison is not None and one.comparison.early
    missing = counts.failed + (0 if early else counts.skipped)
    right, known = (one.score or 0.0) * counts.scored, counts.scored + missing or 1
    return right / known, (right + missing) / known


def _interval(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """Dependent answers widen an interval; nothing makes it narrower than that of so many independent ones."""
    if one.must_be_right:
        if one.interval is not None:
            yield error("interval", "has an interval, although every answer must be right")
        return
    if one.score is None or not counts.scored:
        return
    if one.interval is None:
        yield error("interval", f"has a score of {counts.scored} answers without its interval")
        return
    low, high = wilson(one.score, counts.scored)
    if one.interval[0] > low + EQUAL or one.interval[1] < high - EQUAL:
        told = f"{counts.scored} answers can make it: {low:.4f} to {high:.4f}"
        yield error("interval", f"{one.interval[0]:.4f} to {one.interval[1]:.4f} is narrower than {told}")


def _exact(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    """A probe holds or does not, so the number of those that hold is a whole one."""
    if one.kind is not BenchmarkKind.CONTRACT or one.score is None:
        return
    right = one.score * counts.scored
    if abs(right - round(right)) > EQUAL * max(1, counts.scored):
        yield error("score", f"{one.score:g} is no share of {counts.scored} probes")


@dataclass(frozen=True, slots=True, kw_only=True)
class PossibleLimits:
    """The narrowest limits that a comparison can have after some number of answers."""

    low: float
    high: float


def overstated(one: BenchmarkRecord, counts: CountsRecord, size: float) -> Iterator[CheckFinding]:
    """Limits of an unpaired comparison that are narrower than its answers can make them.

    Args:
        one: a benchmark with a comparison, a reference and a score.
        counts: its numbers of answers.
        size: of the reference; infinite where it is not known.
    """
    found = one.comparison
    if found is None or one.metric not in MEANS or one.score is None or one.reference is None:
        return
    possible = list(_early(one, found, counts, size) if found.early or counts.skipped else ())
    possible += [] if found.early else _whole(one, counts, size)
    if not possible:
        yield error("early", f"{counts.sent} of {counts.planned} answers cannot have decided early by this difference")
        return
    low, high = max(each.low for each in possible), min(each.high for each in possible)
    if one.verdict is not Verdict.FAIL and found.low > low + EQUAL:
        yield error("verdict", f"the lower limit {found.low:+.4f} is above {low:+.4f}, the most that its counts allow")
    if one.verdict is not Verdict.PASS and found.high < high - EQUAL:
        yield error(
            "verdict", f"the upper limit {found.high:+.4f} is below {high:+.4f}, the least that its counts allow"
        )


def understated(one: BenchmarkRecord, counts: CountsRecord, size: float, family: int) -> Iterator[CheckFinding]:
    """A fail that is told as open, by limits that are wider than the answers to a whole dataset make them.

    Args:
        one: a benchmark with a comparison, a reference and a margin.
        counts: its numbers of answers.
        size: of the reference.
        family: benchmarks that are judged by a reference; each makes the upper limit a little wider.
    """
    bounds, reference, margin = bounds_of(one, counts), one.reference, one.margin
    whole = one.dataset is not None and one.dataset.pinned and one.samples == one.rows and one.metric in MEANS
    if one.verdict is not Verdict.INCONCLUSIVE or not whole or bounds is None or reference is None or margin is None:
        return
    looks = looks_for(one.samples or 0, one.epochs or 0)
    shares = tuple(each / looks[-1] for each in looks) if looks else (1.0,)
    answers = counts.planned - counts.refused
    highs = [
        _limits(bounds, answers, reference, size, boundaries(shares, error / max(1, family))[-1]).high
        for error in (ERROR, FALSE_ALARM)
    ]
    if highs[0] < -margin - EQUAL and highs[1] < -EQUAL:
        told = f"its answers make the upper limit at most {highs[0]:+.4f}, below the margin {-margin:+.3f}"
        yield error("verdict", f"is inconclusive by limits that are wider than its answers make them: {told}")


def _whole(one: BenchmarkRecord, counts: CountsRecord, size: float) -> Iterator[PossibleLimits]:
    """At the end: what failed or was skipped counts wrong for one limit, and right for the other."""
    bounds = bounds_of(one, counts)
    answers = counts.planned - counts.refused
    if bounds is not None and one.reference is not None and answers:
        yield _limits(bounds, answers, one.reference, size, one_sided(ERROR))


def _early(
    one: BenchmarkRecord, found: ComparisonRecord, counts: CountsRecord, size: float
) -> Iterator[PossibleLimits]:
    """After each look that may have decided; answers on their way then are part of the score alone.

    A run that was interrupted can have decided by a look of which some answers never came, so that its size is open.
    """
    looks: Sequence[int] = looks_for(one.samples or 0, one.epochs or 0)
    if len(looks) < 2 or one.reference is None or one.score is None:
        return
    share, right = found.difference + one.reference, one.score * counts.scored
    for number, look in enumerate(looks[:-1]):
        if look >= FEWEST and (not found.early or (look <= counts.sent and _may_be(share, right, look, counts))):
            z = boundaries(tuple(each / looks[-1] for each in looks), ERROR)[number]
            yield _limits((share, share), look, one.reference, size, z)


def _may_be(share: float, right: float, look: int, counts: CountsRecord) -> bool:
    """Whether this share of the answers at a look and all that were right can both be, and are not too unlike."""
    seen, rest = look - counts.failed, counts.sent - look
    if seen <= 0 or share * seen > right + EQUAL * look or share * look < right - rest - EQUAL * look:
        return False
    if not rest or counts.failed:
        return True
    mean, after = right / counts.sent, (right - share * look) / rest
    return abs(share - after) <= UNLIKE * math.sqrt(max(mean * (1 - mean), 1 / look) * (1 / look + 1 / rest))


def _limits(bounds: tuple[float, float], answers: int, reference: float, size: float, z: float) -> PossibleLimits:
    theirs = Estimate(share=reference, size=size)
    mine = [Estimate(share=min(1.0, max(0.0, share)), size=answers) for share in bounds]
    worst, best = (Unpaired(vendor=one, reference=theirs).limits(z) for one in mine)
    return PossibleLimits(low=worst[0], high=best[1])
