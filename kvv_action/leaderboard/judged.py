"""Verdicts of a record against its own numbers, by the rules of `kvv_action.verdict.verdict`."""

from collections.abc import Iterator
from dataclasses import replace

from kvv_action.leaderboard.findings import Finding, error, warning
from kvv_action.leaderboard.record import BenchmarkRecord, ComparisonRecord, CountsRecord, Mark, Record
from kvv_action.plan.order import FEWEST
from kvv_action.plan.variants import BOTH, SUFFIX
from kvv_action.schema import (
    MOST_FAILURES,
    BenchmarkKind,
    BenchmarkResult,
    Comparison,
    Counts,
    DatasetInfo,
    RunState,
    Verdict,
)
from kvv_action.statistics.intervals import wilson
from kvv_action.verdict.verdict import overall

EQUAL = 1e-6
NEAR = 1e-3
"""How far a difference may be from score - reference; numbers of a report are rounded."""
NEAR_EARLY = 0.1
"""The same where a benchmark ended early: its score has the answers that were on their way, the comparison not."""


def contradictory(record: Record) -> Iterator[Finding]:
    """Where a verdict says something else than the numbers beside it."""
    setup = record.setup
    allowed = setup.max_failure_rate if setup else MOST_FAILURES
    for one in record.benchmarks:
        exact = one.kind is BenchmarkKind.CONTRACT or Mark.SELF_TEST in record.marks or _bundled(one)
        if one.counts is None or one.verdict is None:
            continue  # told elsewhere
        if setup and setup.holdout == BOTH and one.id.endswith(SUFFIX):
            found = _beside(one)
        elif exact:
            found = _exact(one, one.counts)
        else:
            found = _scored(one, one.counts, allowed)
        for finding in found:
            yield Finding(level=finding.level, rule=finding.rule, message=f"{one.id}: {finding.message}")
    yield from _run(record)


def comparable(one: BenchmarkRecord) -> bool:
    """Whether a scored benchmark has something to be compared with."""
    return one.reference is not None and one.margin is not None


def undecided(one: BenchmarkRecord) -> bool:
    """Whether a verdict was looked for and not found; what has nothing to compare with cannot have one."""
    exact = one.kind is BenchmarkKind.CONTRACT or _bundled(one)
    return one.verdict is Verdict.INCONCLUSIVE and (exact or comparable(one))


def _bundled(one: BenchmarkRecord) -> bool:
    return one.dataset is not None and one.dataset.source == "bundled"


def _beside(one: BenchmarkRecord) -> Iterator[Finding]:
    """Varied items beside the published ones are judged by their gap alone, which never fails."""
    if one.verdict is Verdict.FAIL:
        yield error("verdict", "fails, but varied items beside the published ones never do")


def _exact(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[Finding]:
    """Every answer must be right."""
    wrong = one.score is not None and one.score < 1 - EQUAL
    noun = "probes" if one.kind is BenchmarkKind.CONTRACT else "answers"
    if one.verdict is Verdict.PASS:
        if one.score is not None and wrong:
            yield error("verdict", f"passes with {100 * one.score:.1f} % of its {noun}; every one is required")
        if counts.failed or counts.skipped or not counts.scored:
            yield error("verdict", f"passes with {counts.scored} of {counts.planned} {noun}; every one is required")
    if one.verdict is Verdict.FAIL and one.kind is BenchmarkKind.CONTRACT and not wrong:
        yield error("verdict", f"fails, although none of its {noun} is wrong")
    if one.verdict is Verdict.SKIPPED and counts.sent:
        yield error("verdict", f"is called skipped, although {counts.sent} {noun} were asked for")


def _scored(one: BenchmarkRecord, counts: CountsRecord, allowed: float) -> Iterator[Finding]:
    """By the comparison with a reference, and by nothing else."""
    found, margin = one.comparison, one.margin
    if margin is None or one.reference is None:
        if one.verdict in (Verdict.PASS, Verdict.FAIL):
            yield error("verdict", f"is {one.verdict}, but has no reference and margin to be compared with")
        return
    if one.verdict is Verdict.SKIPPED and counts.sent:
        yield error("verdict", f"is called skipped, although {counts.sent} answers were asked for")
    if found is None:
        yield from _uncompared(one, counts, allowed)
        return
    yield from _limits(one, found)
    if one.verdict is Verdict.PASS and found.low < -margin - EQUAL:
        yield error("verdict", f"passes, but the lower limit {found.low:+.3f} is below the margin {-margin:+.3f}")
    if one.verdict is Verdict.FAIL and found.high > -margin + EQUAL:
        torn = found.low < -margin + EQUAL and _too_many_failed(counts, allowed)
        if not torn:
            yield error(
                "verdict", f"fails, but the upper limit {found.high:+.3f} is not below the margin {-margin:+.3f}"
            )
    if one.verdict is Verdict.INCONCLUSIVE and found.low > -margin + EQUAL:
        yield warning("verdict", "is inconclusive, although its lower limit is within the margin")


def _uncompared(one: BenchmarkRecord, counts: CountsRecord, allowed: float) -> Iterator[Finding]:
    """Without a comparison nothing passes, and only a vendor that does not answer fails."""
    if one.verdict is Verdict.PASS:
        yield error("verdict", "passes without a comparison with its reference")
    silent = not counts.scored and counts.sent >= FEWEST and _too_many_failed(counts, allowed)
    if one.verdict is Verdict.FAIL and not silent:
        yield error("verdict", "fails without a comparison with its reference")


def _too_many_failed(counts: CountsRecord, allowed: float) -> bool:
    """All was asked, and more of it failed for good than the run allows."""
    return not counts.skipped and counts.sent > 0 and counts.failed / counts.sent > allowed


def _limits(one: BenchmarkRecord, found: ComparisonRecord) -> Iterator[Finding]:
    """The limits against the difference, and against what independent answers give (Wilson 1927, halved for safety)."""
    if not found.low - EQUAL <= found.difference <= found.high + EQUAL:
        yield error("verdict", "the difference from the reference lies outside of its own limits")
    if found.high - found.low < EQUAL:
        yield error("verdict", "the limits of the difference leave nothing to chance")
    if found.paired or one.reference is None or one.score is None:
        return
    seen = one.score - one.reference
    if abs(seen - found.difference) > (NEAR_EARLY if found.early else NEAR):
        yield error("verdict", f"the difference {found.difference:+.3f} is not score - reference = {seen:+.3f}")
    low, high = wilson(one.score, max(1, one.n or 0))
    if found.high - found.low < 0.5 * (high - low):
        yield error("verdict", f"the limits of the difference are narrower than {one.n} answers can make them")


def _run(record: Record) -> Iterator[Finding]:
    """The run's verdict from those of its benchmarks."""
    unfinished = bool({Mark.INTERRUPTED, Mark.STOPPED} & set(record.marks))
    advisory = [one.id for one in record.benchmarks if _is_advisory(record, one)]
    state = RunState.STOPPED if unfinished else RunState.COMPLETE
    setup = record.setup
    allowed = setup.max_failure_rate if setup else MOST_FAILURES
    beside = [one.id for one in record.benchmarks if setup and setup.holdout == BOTH and one.id.endswith(SUFFIX)]
    results = [
        replace(_result(one), orientation=one.id not in beside and _orientation(one, one.counts, allowed))
        for one in record.benchmarks
        if one.counts and one.dataset and one.verdict
    ]
    expected, _ = overall(results, state, "", advisory=advisory, beside=beside)
    if record.verdict is expected or record.verdict is None:
        return
    if record.verdict is Verdict.INCONCLUSIVE and expected is not Verdict.FAIL and record.marks:
        return  # a shard, or without a benchmark that was asked for by name
    if expected is Verdict.FAIL:
        yield error("verdict", f"is {record.verdict}, although a benchmark fails")
    elif record.verdict is Verdict.FAIL:
        yield error("verdict", "fails, although no benchmark does")
    elif record.verdict is Verdict.PASS and unfinished:
        yield error("verdict", "passes, although the run did not come to its end")
    else:
        yield error("verdict", f"is {record.verdict}, although its benchmarks make it {expected}")


def _orientation(one: BenchmarkRecord, counts: CountsRecord, allowed: float) -> bool:
    """Answered as asked, but there is nothing to judge the score by (`run.verdict.Evidence.orientation`)."""
    answered = one.score is not None and not counts.skipped and not _too_many_failed(counts, allowed)
    exact = one.kind is BenchmarkKind.CONTRACT or _bundled(one)
    return one.verdict is Verdict.INCONCLUSIVE and answered and not exact and not comparable(one)


def _is_advisory(record: Record, one: BenchmarkRecord) -> bool:
    return record.setup is not None and record.setup.precheck == "warn" and one.kind is BenchmarkKind.CONTRACT


def _result(one: BenchmarkRecord) -> BenchmarkResult:
    """As much of a report's result as a record has."""
    counts, data = one.counts, one.dataset
    assert counts is not None
    assert data is not None
    assert one.verdict is not None
    sent = counts.scored + counts.failed + counts.refused  # that counts add up is looked at elsewhere
    return BenchmarkResult(
        id=one.id, title=one.title, version=one.version, kind=one.kind, verdict=one.verdict, reason=one.reason,
        score=one.score, interval=one.interval, bounds=one.bounds, reference=one.reference,
        reference_source=one.reference_source, margin=one.margin,
        counts=Counts(
            planned=sent + counts.skipped, sent=sent, scored=counts.scored, failed=counts.failed,
            unparsed=min(counts.unparsed, counts.scored), skipped=counts.skipped, refused=counts.refused,
        ),
        metrics=one.metrics, samples=one.samples or 0, epochs=one.epochs or 0,
        dataset=DatasetInfo(source=data.source, location=data.location, count=data.count, digest=data.digest),
        finish_reasons={}, anomalies={}, failures=(), skips={}, categories=(), diagnosis=(), cases=(), cases_omitted=0,
        comparison=_comparison(one),
    )  # fmt: skip


def _comparison(one: BenchmarkRecord) -> Comparison | None:
    found = one.comparison
    if found is None:
        return None
    return Comparison(
        difference=found.difference, low=found.low, high=found.high, low_error=0.0, high_error=0.0,
        paired=found.paired, reference_size=0.0, reference_assumed=False, answers=one.n or 0, looks=1,
        early=found.early, detectable=None, needed=None,
    )  # fmt: skip
