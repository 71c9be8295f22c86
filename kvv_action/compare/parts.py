"""What became of each benchmark: exact ones by every change, scored ones by what chance allows."""

from array import array
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import sub

from kvv_action.compare.measured import by_measurement
from kvv_action.compare.pairing import Pair, Paired, exact, obstacle, pair, planned
from kvv_action.compare.records import BenchmarkChange, Effect
from kvv_action.compare.side import Side
from kvv_action.compare.words import CHANGE, RunNames
from kvv_action.digits import counted, noun
from kvv_action.report.text import points
from kvv_action.schema import BenchmarkKind, BenchmarkResult, PlannedBenchmark, Verdict
from kvv_action.statistics.paired import AnsweredPair, Chance, chance_of, difference_interval, holm, shown
from kvv_action.verdict.tally import cut

ALPHA = 0.01
"""Chance of calling any benchmark worse when nothing has changed (and the same for better), for the whole comparison.

A gate is worth what its false alarms allow: at one in a hundred for worse and one for better, two runs of the same
vendor are called unchanged in at least 98 of 100 cases.
"""
TOLERANCE = 0.2
"""A model that loses a fifth is broken; a comparison that cannot rule that out answers `unknown`, not `none`."""
EQUAL = 0.02
"""How often chance may leave two equal runs with a loss that is not ruled out, for the whole comparison, where the
tolerance follows from what the runs can show."""
NAMED = 5
"""Samples that a reason names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A benchmark before chance has had its say.

    `unasked` is why a run did not ask what it had planned; `plain`: sentences are not those of the first rules.
    """

    part: BenchmarkChange
    paired: Paired | None = None
    unasked: str = ""
    names: RunNames = CHANGE
    plain: bool = False

    def answers(self) -> list[AnsweredPair]:
        """What both runs made of each matched sample; made anew each time, for long runs have many."""
        matched = self.paired.matched if self.paired else ()
        return [AnsweredPair(before.total, before.scored, after.total, after.scored) for _, before, after in matched]

    @property
    def by_chance(self) -> bool:
        """Whether there is anything to test."""
        return self.paired is not None and not self.part.exact and bool(self.paired.matched)


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedParts:
    """Every benchmark of either run.

    Attributes:
        changes: what became of each.
        paired: the samples that were compared, by benchmark.
        tolerances: by benchmark whose changes may be chance, the drop that must be ruled out to count as unchanged.
    """

    changes: tuple[BenchmarkChange, ...]
    paired: Mapping[str, Paired]
    tolerances: Mapping[str, float]


def parts(base: Side, new: Side, tolerance: float | None, names: RunNames = CHANGE, others: int = 1) -> ComparedParts:
    """Compare every benchmark of either run.

    Args:
        base: the run before.
        new: the run after.
        tolerance: a drop that a scored benchmark must rule out to count as unchanged; None: as small a one as the
            runs can show, and at most `TOLERANCE`.
        names: what the runs are called.
        others: how many runs are compared with `base`, for what chance may do in all of them together.
    """
    drafts = list(_drafts(base, new, names))
    tested = [draft for draft in drafts if draft.by_chance]
    chances, tolerances = list[Chance](), dict[str, float]()
    for draft in tested:
        answers = draft.answers()
        chances.append(chance_of(answers))
        tolerances[draft.part.id] = tolerance or _tolerance(answers, others * len(tested))
    worse = [min(1.0, others * value) for value in holm([found.worse for found in chances])]
    better = [min(1.0, others * value) for value in holm([found.better for found in chances])]
    adjusted = {
        draft.part.id: (down, up) for draft, down, up in zip(tested, worse, better, strict=True)
    }  # fmt: skip
    found = tuple(
        _concluded(draft, adjusted.get(draft.part.id), others * len(tested), tolerances.get(draft.part.id, TOLERANCE))
        for draft in drafts
    )
    paired = {draft.part.id: draft.paired for draft in drafts if draft.paired}
    return ComparedParts(changes=found, paired=paired, tolerances=tolerances)


def _tolerance(answers: Sequence[AnsweredPair], family: int) -> float:
    """The smallest drop that these samples rule out for all but a few pairs of equal runs."""
    return min(TOLERANCE, shown([pair.difference for pair in answers], EQUAL / family))


def _drafts(base: Side, new: Side, names: RunNames) -> Iterator[Draft]:
    results = {result.id: result for result in (*new.report.benchmarks, *base.report.benchmarks)}
    before = {result.id: result for result in base.report.benchmarks}
    after = {result.id: result for result in new.report.benchmarks}
    for name in results:
        yield replace(_draft(base, new, name, (before.get(name), after.get(name)), names), names=names)


def _draft(
    base: Side, new: Side, name: str, results: tuple[BenchmarkResult | None, BenchmarkResult | None], names: RunNames
) -> Draft:
    before, after = results
    either = after or before
    assert either is not None
    plans = planned(base.report.plan, name), planned(new.report.plan, name)
    part = BenchmarkChange(
        id=name, title=either.title, kind=either.kind, exact=False, finding=Effect.LEFT_OUT, reason="",
        score_before=before.score if before else None, score_after=after.score if after else None,
    )  # fmt: skip
    if plans[0] is None or plans[1] is None:
        return Draft(part=_only_one(part, new, plans[0], plans[1], names))
    reason = obstacle(base, new, plans[0], plans[1], names)
    if reason:
        return Draft(part=replace(part, finding=Effect.UNCLEAR, reason=reason))
    assert before is not None
    assert after is not None
    if new.report.plan.verdicts is not None and (why := _asked_by_neither(before, after)):
        return Draft(part=replace(part, reason=f"{NEITHER}: {why}"))
    if (measured := by_measurement(part, before, after, names)) is not None:
        return Draft(part=measured)
    paired = pair(base.samples.get(name, {}), new.samples.get(name, {}), names)
    part = _counted(part, paired, before, after, exactly=exact(plans[0], plans[1]) and not names.vendors)
    plain = new.report.plan.verdicts is not None
    return Draft(part=part, paired=paired, unasked=_unasked(before, after, names, plain=plain), plain=plain)


NEITHER = "neither run asked it"


def _asked_by_neither(before: BenchmarkResult, after: BenchmarkResult) -> str:
    """Why neither run asked a benchmark that both planned, where both say the same; empty where one did."""
    silent = all(one.verdict is Verdict.SKIPPED and not one.counts.sent for one in (before, after))
    return after.reason if silent and before.reason == after.reason else ""


def _unasked(before: BenchmarkResult, after: BenchmarkResult, names: RunNames, *, plain: bool) -> str:
    """Why one of the runs asked nothing of what both had planned; older comparisons know it of the new run alone."""
    if after.verdict is Verdict.SKIPPED:
        return f"{names.now}: {after.reason}" if names.vendors else after.reason
    if plain and before.verdict is Verdict.SKIPPED:
        return f"{names.before}: {before.reason}"
    return ""


def _only_one(
    part: BenchmarkChange, new: Side, before: PlannedBenchmark | None, after: PlannedBenchmark | None, names: RunNames
) -> BenchmarkChange:
    """A benchmark that a run did not ask: its own choice, or what kept it from asking."""
    if before is None:
        asked = NEITHER if after is None else f"only {names.new} asked it"
        return replace(part, reason=asked)
    skipped = next((one for one in new.report.plan.benchmarks if one.id == part.id and not one.left_out), None)
    if skipped is not None and skipped.skip:
        return replace(part, finding=Effect.UNCLEAR, reason=f"not asked {names.now}: {skipped.skip}")
    return replace(part, reason=f"only {names.base} asked it")


def _counted(
    part: BenchmarkChange, paired: Paired, before: BenchmarkResult, after: BenchmarkResult, *, exactly: bool
) -> BenchmarkChange:
    """The part with everything that is counted."""
    matched, count = paired.matched, len(paired.matched)
    causes = [{found.cause for found in result.diagnosis} for result in (before, after)]
    part = replace(
        part, exact=exactly, matched=count, failed_before=paired.failed_before, failed_after=paired.failed_after,
        lost_before=paired.lost_before, lost_after=paired.lost_after, left_out=paired.left_out,
        causes_new=tuple(sorted(causes[1] - causes[0])), causes_gone=tuple(sorted(causes[0] - causes[1])),
    )  # fmt: skip
    if not count:
        return part
    olds, news = array("d"), array("d")
    for _, old, new in matched:
        olds.append(old.value)
        news.append(new.value)
    differences = list(map(sub, news, olds))
    return replace(
        part, before=sum(olds) / count, after=sum(news) / count, difference=sum(differences) / count,
        interval=None if exactly else difference_interval(differences),
        fell=sum(difference < -1e-9 for difference in differences),
        rose=sum(difference > 1e-9 for difference in differences),
    )  # fmt: skip


def _concluded(draft: Draft, adjusted: tuple[float, float] | None, family: int, tolerance: float) -> BenchmarkChange:
    part, paired = draft.part, draft.paired
    if paired is None:
        return part
    if not paired.matched:
        return replace(part, finding=Effect.UNCLEAR, reason=f"nothing to compare: {_nothing(draft)}")
    if adjusted is None:
        return _exactly(part, paired, plain=draft.plain)
    part = replace(part, chance_worse=adjusted[0], chance_better=adjusted[1])
    return _tested(part, draft, family, tolerance)


def _nothing(draft: Draft) -> str:
    part, names = draft.part, draft.names
    if draft.unasked:
        return draft.unasked
    parts = [f"{count} where {reason}" for reason, count in part.left_out.items()]
    parts += [f"{part.failed_before} failed {names.before}"] if part.failed_before else []
    parts += [f"{part.failed_after} failed {names.now}"] if part.failed_after else []
    return ", ".join(parts) or "neither run asked anything"


def _exactly(part: BenchmarkChange, paired: Paired, *, plain: bool) -> BenchmarkChange:
    """Every answer must be right: each one that no longer is counts, whatever the others do."""
    one = _named(part)
    fell, rose = _names(paired.matched, falling=True), _names(paired.matched, falling=False)
    if part.fell:
        also = f"; {part.rose} now {_hold(part, part.rose)}" if part.rose else ""
        reason = f"{_no_longer(part)}: {fell}{also}"
        return replace(part, finding=Effect.WORSE, reason=reason)
    missing = [name for name, before, after in paired.matched if after.lost > before.lost and before.value > 1 - 1e-9]
    lost = missing + [name for name, before, _ in paired.unanswered if before.value > 1 - 1e-9]
    if lost:
        held = "held" if part.kind is BenchmarkKind.CONTRACT else noun(len(lost), "was right", "were right")
        reason = f"{counted(len(lost), one)} that {held} got no usable answer now: {_listed(lost)}"
        return replace(part, finding=Effect.UNCLEAR, reason=reason)
    if part.rose:
        more = f"{counted(part.rose, f'more {one}')} {_hold(part, part.rose)}: {rose}"
        return replace(part, finding=Effect.BETTER, reason=more)
    every = f"the one {one}" if part.matched == 1 and plain else f"all {part.matched} {one}s"
    return replace(part, finding=Effect.SAME, reason=f"{every} as before")


def _named(part: BenchmarkChange) -> str:
    """What a sample is called."""
    return "probe" if part.kind is BenchmarkKind.CONTRACT else "answer"


def _hold(part: BenchmarkChange, count: int) -> str:
    """That so many samples are as they should be."""
    if part.kind is BenchmarkKind.CONTRACT:
        return noun(count, "holds", "hold")
    return noun(count, "is right", "are right")


def _no_longer(part: BenchmarkChange) -> str:
    """How many samples are no longer as they should be."""
    lost = noun(part.fell, "is no longer right", "are no longer right")
    if part.kind is BenchmarkKind.CONTRACT:
        lost = noun(part.fell, "no longer holds", "no longer hold")
    return f"{part.fell} of {counted(part.matched, _named(part))} {lost}"


def brief(part: BenchmarkChange) -> str:
    """The finding in a few words, without the names of samples."""
    if part.finding is Effect.WORSE and part.exact:
        return f"{part.title}: {_no_longer(part)}"
    if part.finding in (Effect.WORSE, Effect.BETTER) and part.difference is not None and not part.exact:
        return f"{part.title} {points(part.difference, sign=True)} points"
    if part.finding is Effect.BETTER and part.matched:
        return (
            f"{part.title} ({counted(part.rose, f'more {_named(part)}')} as {noun(part.rose, 'it', 'they')} should be)"
        )
    return f"{part.title}: {part.reason}"


def _tested(part: BenchmarkChange, draft: Draft, family: int, tolerance: float) -> BenchmarkChange:
    """A scored benchmark: worse, better, unclear, or noise."""
    assert part.interval is not None
    assert part.difference is not None
    low, high = part.interval
    names = draft.names
    seen = f"on {counted(part.matched, 'sample')} ({names.fell(part.fell)}, {names.rose(part.rose)})"
    if part.chance_worse is not None and part.chance_worse <= ALPHA:
        between = f"95 % interval {points(-high)} to {points(-low)}"
        reason = f"{names.lost(points(-part.difference))}, {between}, {seen}"
        return replace(part, finding=Effect.WORSE, reason=reason)
    if hidden := _hidden(draft, family):
        return replace(part, finding=Effect.UNCLEAR, reason=hidden)
    if low < -tolerance:
        reason = f"a drop of up to {points(-low)} points is not ruled out {seen}; ask more samples or epochs"
        return replace(part, finding=Effect.UNCLEAR, reason=reason)
    if part.chance_better is not None and part.chance_better <= ALPHA:
        between = f"95 % interval {points(low)} to {points(high)}"
        reason = f"{names.gained(points(part.difference))}, {between}, {seen}"
        return replace(part, finding=Effect.BETTER, reason=reason)
    reason = (
        f"{points(part.difference, sign=True)} points {seen} is noise; a drop of more than {points(-low)} is ruled out"
    )
    return replace(part, finding=Effect.SAME, reason=reason)


def _hidden(draft: Draft, family: int) -> str:
    """Why answers that failed now could hide a regression: had they been wrong, it would be one.

    Where single epochs failed they count wrong in both runs, for then both lost something.
    """
    paired = draft.paired
    if paired is None or not (paired.unanswered or paired.lost_after):
        return ""
    worst = [AnsweredPair(before.total, before.asked, after.total, after.asked) for _, before, after in paired.matched]
    worst += [AnsweredPair(before.total, before.scored, 0.0, before.scored) for _, before, _ in paired.unanswered]
    if family * chance_of(worst).worse > ALPHA:
        return ""
    samples = (
        [f"{counted(len(paired.unanswered), 'sample')} got no usable answer {draft.names.now}"]
        if paired.unanswered
        else []
    )
    epochs = [f"{counted(paired.lost_after, 'answer')} of single epochs did not come"] if paired.lost_after else []
    return (
        f"{' and '.join(samples + epochs)}; had they been wrong, the loss would be "
        f"{points(-sum(pair.difference for pair in worst) / len(worst))} points"
    )


def _names(matched: Collection[Pair], *, falling: bool) -> str:
    sign = -1 if falling else 1
    return _listed([name for name, before, after in matched if sign * (after.value - before.value) > 1e-9])


def _listed(names: Sequence[str]) -> str:
    return ", ".join(cut(name, 60) for name in names[:NAMED]) + (", …" if len(names) > NAMED else "")
