"""Verdicts and their reasons: pure functions of the numbers."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from kvv_action.digits import counted, noun
from kvv_action.plan.order import FEWEST
from kvv_action.schema import (
    BenchmarkKind,
    Comparison,
    Counts,
    FailureCount,
    FailureKind,
    RunState,
    Severity,
    Shard,
    Verdict,
)
from kvv_action.statistics.intervals import exact_limits
from kvv_action.verdict.comparison import Compared
from kvv_action.verdict.rules import LOST_ERROR

_REPEATS = re.compile(r"no answer could be scored: |\d+ failed \(")
"""Parts of a reason that tell how requests failed."""
AT_MARGIN = 0.002
"""A difference so near the margin, as a fraction, is called equal to it."""

NEEDED = "to judge it, verify an official endpoint with --out official, then run this again with --reference official"


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictFigures:
    """The numbers that a benchmark's verdict follows from; a run and a leaderboard record both give them.

    Attributes:
        exact: every answer must be right (bundled samples, contract probes).
        sent, scored, failed, skipped: numbers of answers; sent = scored + failed.
        wrong: scored answers without the full value.
        reference, margin: what the profile says; None when it says nothing.
        stands: the verdict of the comparison with the reference; None when there is no comparison.
        torn: the verdict depends on whether the missing answers would have been right.
        most_failures: share of answers that may fail for good.
        lost_exactly: more failures than that are too many only where an exact limit shows it; else by the share alone.
        unjudged: of the failed ones, those whose judge failed, which is no fault of the vendor's.
    """

    exact: bool
    sent: int
    scored: int
    failed: int
    skipped: int
    wrong: int
    score: float | None
    reference: float | None
    margin: float | None
    stands: Verdict | None
    torn: bool
    most_failures: float
    lost_exactly: bool = False
    unjudged: int = 0

    @property
    def comparable(self) -> bool:
        """There are a reference and a margin."""
        return self.reference is not None and self.margin is not None

    @property
    def too_many_failed(self) -> bool:
        """Everything was asked, and a larger share failed for good than the run allows."""
        if self.skipped or not self.sent:
            return False
        if self.lost_exactly:
            return exact_limits(self.failed - self.unjudged, self.sent, LOST_ERROR)[0] > self.most_failures
        return (self.failed - self.unjudged) / self.sent > self.most_failures

    @property
    def informational(self) -> bool:
        """There is a score, but nothing to judge it by."""
        answered = self.score is not None and not self.skipped and not self.too_many_failed
        return answered and not self.exact and not self.comparable


def conclude(figures: VerdictFigures) -> Verdict:
    """The verdict of one benchmark."""
    if not figures.sent:
        return Verdict.SKIPPED
    if figures.exact:
        if figures.wrong:
            return Verdict.FAIL
        return Verdict.INCONCLUSIVE if figures.failed or figures.skipped else Verdict.PASS
    if not figures.comparable:
        return Verdict.INCONCLUSIVE
    if not figures.scored:
        return Verdict.FAIL if figures.sent >= FEWEST and figures.too_many_failed else Verdict.INCONCLUSIVE
    if figures.score is None or figures.stands is None:
        return Verdict.INCONCLUSIVE
    if figures.stands is Verdict.INCONCLUSIVE and figures.torn and figures.too_many_failed:
        return Verdict.FAIL
    return figures.stands


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictEvidence:
    """What a benchmark's verdict and its reason rest on.

    Attributes:
        right: answers with the full value.
        exact: every answer must be right (bundled samples, contract probes).
        reference, margin: what the profile says; None when it says nothing.
        compared: how the vendor stands against its reference; None when there is nothing to compare.
        wrong_ids: some of the samples that were not right.
        because: why samples were skipped, when they were.
        absent: why there is no score although answers were judged.
        most_failures, lost_exactly: see `VerdictFigures`.
        available: answers that the whole dataset gives in as many epochs.
        bundled: the samples are our own, too few and too easy to say anything about a model.
        measured_at: level of effort of the reference, where it is not the one that was asked for; else empty.
    """

    kind: BenchmarkKind
    exact: bool
    counts: Counts
    right: int
    score: float | None
    reference: float | None
    margin: float | None
    failures: Sequence[FailureCount]
    compared: Compared | None = None
    wrong_ids: Sequence[str] = ()
    because: str = ""
    absent: str = ""
    most_failures: float = 1.0
    lost_exactly: bool = False
    available: int = 0
    bundled: bool = False
    measured_at: str = ""

    @property
    def figures(self) -> VerdictFigures:
        """The numbers alone."""
        counts, compared = self.counts, self.compared
        return VerdictFigures(
            exact=self.exact, sent=counts.sent, scored=counts.scored, failed=counts.failed, skipped=counts.skipped,
            wrong=counts.scored - self.right, score=self.score, reference=self.reference, margin=self.margin,
            stands=compared.verdict if compared else None, torn=compared is not None and compared.torn,
            most_failures=self.most_failures, lost_exactly=self.lost_exactly,
            unjudged=sum(one.count for one in self.failures if one.kind is FailureKind.JUDGE),
        )  # fmt: skip

    @property
    def orientation(self) -> bool:
        """There is a score, but nothing to judge it by."""
        return self.figures.informational


def judge(evidence: VerdictEvidence) -> tuple[Verdict, str]:
    """The verdict of one benchmark and the reason in a sentence."""
    verdict = conclude(evidence.figures)
    return verdict, _reason(evidence, verdict)


def _reason(evidence: VerdictEvidence, verdict: Verdict) -> str:
    counts = evidence.counts
    if verdict is Verdict.SKIPPED:
        return evidence.because or "nothing was asked"
    if evidence.exact:
        return _exact(evidence, verdict)
    if not counts.scored:
        nothing = f"no answer could be scored: {missing(evidence)}"
        return f"{nothing}; {_more_than_allowed(evidence)}" if verdict is Verdict.FAIL else nothing
    if evidence.score is None:
        return evidence.absent or "the answers give no score"
    scored = f"scored {_percent(evidence.score)}"
    if evidence.reference is None:
        return f"{scored}, but the profile has no reference to compare with{_needed(evidence)}"
    if evidence.measured_at:
        return f"{scored}; not judged: the reference was measured at {evidence.measured_at}"
    if evidence.margin is None:
        reference = _percent(evidence.reference)
        told = f"{scored}; the reference of {reference} was measured in another way and is for orientation only"
        return told + _needed(evidence)
    if evidence.compared is None:
        sent = f"{counted(counts.sent, 'answer')} {noun(counts.sent, 'is', 'are')}"
        few = f"{scored}, but {sent} too few to compare; {FEWEST} are needed"
        return few + (f"; {missing(evidence)}" if counts.failed or counts.skipped else "")
    return _compared(evidence, evidence.compared, verdict)


def _needed(evidence: VerdictEvidence) -> str:
    """What would make it judged; reports of plans with the first rules keep their bytes."""
    if not evidence.lost_exactly:
        return ""
    return f"; {NEEDED}"


def _exact(evidence: VerdictEvidence, verdict: Verdict) -> str:
    counts, one = evidence.counts, "probe" if evidence.kind is BenchmarkKind.CONTRACT else "answer"
    if verdict is Verdict.FAIL:
        wrong = counts.scored - evidence.right
        named = ", ".join(evidence.wrong_ids[:5]) + (", …" if wrong > 5 else "")
        found = f", {counts.unparsed} without any answer found" if counts.unparsed else ""
        return f"{wrong} of {counted(counts.scored, one)} wrong{found} ({named})"
    if verdict is Verdict.INCONCLUSIVE:
        return f"{evidence.right} of {counted(counts.planned, one)} right, the rest unknown: {missing(evidence)}"
    every = f"the one {one}" if counts.scored == 1 and evidence.lost_exactly else f"all {counts.scored} {one}s"
    return f"{every}{' to bundled samples' if evidence.bundled else ''} right"


def _compared(evidence: VerdictEvidence, found: Compared, verdict: Verdict) -> str:
    numbers = found.comparison
    against = "the reference on the same samples" if numbers.paired else f"the reference {_percent(evidence.reference)}"
    if numbers.strata:
        shares = " and ".join(f"{_percent(one.share)} {one.name} items" for one in numbers.strata)
        against = f"the pack, with the weights of the dataset ({shares})"
    if numbers.reference_assumed:
        against += f" (its size is not published; {numbers.reference_size:.0f} answers assumed)"
    margin = _points(evidence.margin or 0.0, sign=False)
    seen = f"{_points(numbers.difference)} against {against}"
    if numbers.pass_margin is not None:
        return f"{seen}: {_with_two_margins(evidence, found, verdict, numbers.pass_margin)}"
    seen = f"{seen}, margin {margin}"
    early = f"; decided early, by {numbers.answers} of {evidence.counts.planned} answers" if numbers.early else ""
    match found.verdict:
        case Verdict.PASS:
            return f"{seen}: even the lower limit {_points(numbers.low)} is within the margin{early}"
        case Verdict.FAIL:
            return f"{seen}: even the upper limit {_points(numbers.high)} is below the margin{early}"
    if verdict is Verdict.FAIL:
        return f"{seen}: what did not come decides, and {_more_than_allowed(evidence)}; {missing(evidence)}"
    limits = f"the limits {_points(numbers.low)} and {_points(numbers.high)} hold both outcomes"
    decides = "; what did not come decides" if found.torn else ""
    lost = f"; {missing(evidence)}" if evidence.counts.failed or evidence.counts.skipped else ""
    return f"{seen}: {limits}{decides}{lost}; {_power(evidence, found)}"


def _with_two_margins(evidence: VerdictEvidence, found: Compared, verdict: Verdict, pass_margin: float) -> str:
    """Which question was answered: what loss is ruled out, or how much worse the vendor is shown to be."""
    numbers, counts = found.comparison, evidence.counts
    early = f"; decided early, by {numbers.answers} of {counts.planned} answers" if numbers.early else ""
    most, margin = _points(pass_margin, sign=False), _points(evidence.margin or 0.0, sign=False)
    limits = f"limits {_points(numbers.low)} and {_points(numbers.high)}"
    items = _items(numbers)
    match found.verdict:
        case Verdict.PASS:
            again = f"a vendor that loses {most} passes in at most {_percent(numbers.low_error)} of runs"
            return f"losses above {most} are ruled out ({limits}; {again}){items}{early}"
        case Verdict.FAIL if items:
            return f"more than the margin of {margin}{items}{early}"
        case Verdict.FAIL:
            return f"a loss of more than {margin} is shown ({limits}){early}"
    if verdict is Verdict.FAIL:
        return f"the answers that did not come decide, and {_more_than_allowed(evidence)}; {missing(evidence)}"
    lost = f"; {missing(evidence)}" if counts.failed or counts.skipped else ""
    if numbers.missing_decides:
        return f"the answers that did not come decide: had they been wrong, it would fail ({limits}){lost}"
    open_ = f"losses above {most} are not ruled out, a loss of more than {margin} is not shown ({limits})"
    return f"{open_}{items}{lost}; {_power(evidence, found)}"


def _items(numbers: Comparison) -> str:
    """Where a pack chose the items: on which ones the vendor is worse, and what the whole difference is made of."""
    worse = [
        f"{one.name} items ({one.asked} asked, {_percent(one.expected)} expected, {_percent(one.seen)} right)"
        for one in numbers.strata if one.worse
    ]  # fmt: skip
    return f"; worse than the pack on {' and '.join(worse)}" if worse else ""


def _more_than_allowed(evidence: VerdictEvidence) -> str:
    failed = evidence.counts.failed / evidence.counts.sent
    return f"{_percent(failed)} failed, more than max-failure-rate {_percent(evidence.most_failures)}"


def _power(evidence: VerdictEvidence, found: Compared) -> str:
    """What could have been seen, and what would settle it."""
    numbers = found.comparison
    could = "no deficit could have been seen" if numbers.detectable is None else (
        f"a deficit of {_points(numbers.detectable, sign=False)} would have been seen"
    )  # fmt: skip
    if found.torn:
        return f"{could}; running again asks for what did not come"
    if numbers.needed is None:
        if abs(numbers.difference + (evidence.margin or 0.0)) < AT_MARGIN:
            return f"{could}; the difference is at the margin, which no number of answers settles"
        return f"{could}; so near the margin no number of answers settles it, for the reference is uncertain itself"
    whole = evidence.available
    beyond = (
        f" (the dataset has {whole}; ask it in more epochs)"
        if whole and numbers.needed > whole - numbers.answers
        else ""
    )
    return (
        f"{could}; about {counted(numbers.needed, 'more answer')} would settle it if the true difference is the one "
        f"seen{beyond}"
    )


def missing(evidence: VerdictEvidence) -> str:
    """What failed and what was skipped, in words."""
    parts = [f"{failure.count} failed ({failure.kind}: {failure.example})" for failure in evidence.failures[:3]]
    if evidence.counts.refused:
        parts.append(f"{evidence.counts.refused} refused as the official endpoint refuses them")
    if evidence.counts.skipped:
        parts.append(f"{evidence.counts.skipped} not asked ({evidence.because or 'the run ended early'})")
    return "; ".join(parts) or "nothing"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.1f} %"


def _points(value: float, *, sign: bool = True) -> str:
    """A difference in percentage points."""
    return f"{100 * value:+.1f} points" if sign else f"{100 * value:.1f} points"


class BenchmarkVerdict(Protocol):
    """What the verdict of a run needs of each benchmark; a report and a leaderboard record both have it."""

    @property
    def id(self) -> str:
        """The benchmark's id."""

    @property
    def title(self) -> str:
        """Its name for people."""

    @property
    def kind(self) -> BenchmarkKind:
        """Contract or scored."""

    @property
    def verdict(self) -> Verdict:
        """Its own verdict."""

    @property
    def reason(self) -> str:
        """Why, in a sentence."""

    @property
    def orientation(self) -> bool:
        """There is a score, but nothing to judge it by, so it does not count."""


def overall(
    results: Sequence[BenchmarkVerdict],
    state: RunState,
    state_reason: str,
    *,
    advisory: Sequence[str] = (),
    wanted: Sequence[str] = (),
    beside: Sequence[str] = (),
) -> tuple[Verdict, str]:
    """The verdict of the run.

    What can only serve for orientation does not count; but where scores were asked for, at least one must be judged.

    Args:
        results: one per benchmark.
        state: an interrupted or stopped run never passes.
        state_reason: why it ended early.
        advisory: ids of benchmarks that are reported but do not count.
        wanted: ids of benchmarks without which a run does not pass.
        beside: ids of benchmarks that only stand beside others (the same items put another way).
    """
    counting = [result for result in results if result.id not in advisory and not result.orientation]
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE):
        found = [result for result in counting if result.verdict is verdict]
        if found and verdict is Verdict.INCONCLUSIVE and state is not RunState.COMPLETE:
            return verdict, state_reason
        if found:
            reason = "; ".join(f"{result.title}: {result.reason}" for result in found)
            early = f"{state_reason}; " if state is RunState.STOPPED else ""
            return verdict, early + reason
    if state is not RunState.COMPLETE:
        return Verdict.INCONCLUSIVE, state_reason
    passed = [result for result in counting if result.verdict is Verdict.PASS]
    aside = [f"{result.title} not judged ({result.reason})" for result in results if result.orientation]
    if aside and not any(result.kind is BenchmarkKind.SCORED and result.id not in beside for result in passed):
        return Verdict.INCONCLUSIVE, "; ".join(["no score could be judged", *aside])
    if passed:
        skipped = [result for result in counting if result.verdict is Verdict.SKIPPED]
        left = [f"{result.title} skipped ({result.reason})" for result in skipped]
        if missed := [result for result in skipped if result.id in wanted]:
            return Verdict.INCONCLUSIVE, "; ".join(_skipped(missed))
        left = aside + left
        return Verdict.PASS, "; ".join([", ".join(f"{result.title}: {result.reason}" for result in passed), *left])
    return Verdict.SKIPPED, "; ".join(f"{result.title}: {result.reason}" for result in results) or "nothing was asked"


def _skipped(results: Sequence[BenchmarkVerdict]) -> Iterator[str]:
    """What was not asked, each reason once."""
    for reason in dict.fromkeys(result.reason for result in results):
        yield f"{', '.join(result.title for result in results if result.reason == reason)} skipped ({reason})"


class SeenCause(Protocol):
    """What the verdict of a run needs of each finding; a report and a leaderboard record both have it."""

    @property
    def severity(self) -> Severity:
        """A failure fails the run."""

    @property
    def cause(self) -> str:
        """What is wrong, in a sentence."""


def with_findings(verdict: Verdict, reason: str, findings: Sequence[SeenCause]) -> tuple[Verdict, str]:
    """The verdict of the run with what was found over all answers: each failure fails it, and is told first."""
    failures = [finding.cause for finding in findings if finding.severity is Severity.FAILURE]
    if not failures:
        return verdict, reason
    return Verdict.FAIL, "; ".join([*failures, reason] if verdict is Verdict.FAIL else failures)


def with_one_cause(reason: str, cause: str, state: RunState) -> str:
    """The reason led by a cause that explains all of it; failures that only repeat the cause are not told again.

    Args:
        reason: of the run.
        cause: why every request was refused; empty where there is no one such cause.
        state: what stopped a run has told the cause already.
    """
    if not cause or state is not RunState.COMPLETE:
        return reason
    kept = [part for part in reason.split("; ") if not _REPEATS.search(part)]
    return "; ".join([cause, *kept])


def of_shard(
    shard: Shard,
    results: Sequence[BenchmarkVerdict],
    state: RunState,
    state_reason: str,
    *,
    advisory: Sequence[str] = (),
) -> tuple[Verdict, str]:
    """The verdict of one shard of a divided run: fail when a contract is broken, else it is left to the merge."""
    name = f"shard {shard.number} of {shard.of}"
    for result in results:
        if result.verdict is Verdict.FAIL and result.kind is BenchmarkKind.CONTRACT and result.id not in advisory:
            return Verdict.FAIL, f"{name}: {result.title}: {result.reason}"
    if state is not RunState.COMPLETE:
        return Verdict.INCONCLUSIVE, f"{name}: {state_reason}"
    return Verdict.INCONCLUSIVE, f"{name} is done; kvv merge makes the verdict of all shards"
