"""Numbers of a record that cannot be true: they contradict each other, the calendar or physics."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from kvv_action.digits import figure
from kvv_action.leaderboard.completeness import implied
from kvv_action.leaderboard.finding_consistency import unfounded
from kvv_action.leaderboard.findings import CheckFinding, about, error, note, warning
from kvv_action.leaderboard.made_by import impossible
from kvv_action.leaderboard.recomputed import miscounted
from kvv_action.leaderboard.record import (
    BenchmarkRecord,
    CountsRecord,
    Mark,
    Origin,
    Record,
    Spread,
    State,
    TimingRecord,
    Trust,
    UsageRecord,
    expiry,
)
from kvv_action.leaderboard.verdict_consistency import contradictory

SKEW = timedelta(hours=1)
"""How far a runner's clock may be ahead."""
FASTEST_REQUESTS = 20_000.0
"""The most requests a second; the whole pipeline reaches a seventh of it on one core."""
FASTEST_TOKENS = 5_000_000.0
"""The most generated tokens a second over all connections: 2000 connections at 2500 tokens a second."""
LONGEST_ANSWER = 2_000_000
"""The most generated tokens in an answer; no context window is that long."""
EQUAL = 1e-6


def implausible(record: Record, now: datetime, choosing: frozenset[str] = frozenset()) -> Iterator[CheckFinding]:
    """All findings that follow from the record alone.

    Args:
        record: the submission.
        now: the time of the check, with time zone.
        choosing: see `completeness.deciding`.
    """
    yield from _dates(record, now)
    yield from _marks(record, choosing)
    if record.origin is Origin.PUBLISHED:
        yield from _published(record)
        return
    yield from _parts(record)
    for one in record.benchmarks:
        yield from about(one.id, _benchmark(one))
    yield from miscounted(record)
    yield from impossible(record)
    yield from contradictory(record)
    yield from unfounded(record)
    if record.timing:
        yield from _timing(record.timing, now)
    if record.usage and record.timing:
        yield from _usage(record, record.usage, record.timing)


def _dates(record: Record, now: datetime) -> Iterator[CheckFinding]:
    today = now.astimezone(UTC).date().isoformat()
    if record.date > (now + SKEW).astimezone(UTC).date().isoformat():
        yield error("date", f"the run ended on {record.date}, which is in the future")
    if record.expires != expiry(record.date):
        yield error("expiry", f"a run of {record.date} expires on {expiry(record.date)}, not on {record.expires}")
    elif record.expires < today and record.origin is Origin.MEASURED:
        yield error("expiry", f"expired on {record.expires}; measure again")
    if record.timing and record.timing.finished[:10] != record.date:
        yield error("date", f"the run finished at {record.timing.finished}, so its date is not {record.date}")


def _marks(record: Record, choosing: frozenset[str]) -> Iterator[CheckFinding]:
    state = State.PARTIAL if record.marks else State.COMPLETE
    if record.state is not state:
        yield error("marks", f"is called {record.state} with {len(record.marks)} marks of why it would be partial")
    if len(set(record.marks)) != len(record.marks):
        yield error("marks", "has a mark twice")
    for mark in sorted(implied(record.setup, record.benchmarks, record.verdict, choosing)):
        if mark not in record.marks:
            yield error("marks", f"lacks the mark {mark}, which follows from its content")
    if Mark.DEMONSTRATION in record.marks:
        yield error(
            "demonstration", "is a demonstration against the embedded vendor and says nothing about a real endpoint"
        )
    if Mark.SELF_TEST in record.marks:
        yield error("demonstration", "holds a self-test of the environment, which says nothing about the vendor")


def _published(record: Record) -> Iterator[CheckFinding]:
    yield error("origin", "repeats published scores; only maintainers add those")
    if record.source is None:
        yield error("origin", "names no source")


def _parts(record: Record) -> Iterator[CheckFinding]:
    needed = ("setup", "usage", "timing", "versions", "evidence", "verdict")
    absent = [name for name in needed if getattr(record, name) is None]
    if absent:
        yield error("incomplete", f"a measured record has {', '.join(absent)}")
    if record.source is not None:
        yield error("origin", "names a publication, but says that it was measured")
    if record.trust is Trust.RE_RUN:
        yield error("trust", "claims to be re-run; only maintainers can say that")
    names = [one.id for one in record.benchmarks]
    if len(set(names)) != len(names):
        yield error("benchmarks", "has a benchmark twice")
    if record.evidence and record.evidence.bundle is None:
        yield warning("evidence", "has no evidence bundle: nobody can recompute the scores")
    elif record.evidence and record.evidence.bundle:
        if record.evidence.bundle.redacted:
            yield warning("evidence", "its evidence is redacted: the scores cannot be recomputed")
        if record.evidence.bundle.url is None:
            yield note("evidence", "does not say where the evidence bundle can be fetched")


def _benchmark(one: BenchmarkRecord) -> Iterator[CheckFinding]:
    if one.counts is None or one.dataset is None or one.verdict is None or one.samples is None or one.epochs is None:
        yield error("incomplete", "a measured benchmark has counts, dataset, verdict, samples and epochs")
        return
    yield from _counts(one, one.counts)
    yield from _score(one, one.counts)


def _counts(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    if counts.planned != counts.sent + counts.skipped:
        yield error("counts", f"planned {counts.planned} is not sent {counts.sent} + skipped {counts.skipped}")
    if counts.sent != counts.scored + counts.failed + counts.refused:
        others = f" + refused as officially {counts.refused}" if counts.refused else ""
        yield error("counts", f"sent {counts.sent} is not scored {counts.scored} + failed {counts.failed}{others}")
    if counts.unparsed > counts.scored:
        yield error("counts", f"unparsed {counts.unparsed} is more than scored {counts.scored}")
    if counts.planned != (one.samples or 0) * (one.epochs or 0):
        yield error("counts", f"planned {counts.planned} is not {one.samples} samples x {one.epochs} epochs")
    if one.n != counts.scored:
        yield error("counts", f"n is {one.n}, but {counts.scored} answers were scored")


def _score(one: BenchmarkRecord, counts: CountsRecord) -> Iterator[CheckFinding]:
    if one.score is None:
        if one.interval is not None:
            yield error("score", "has an interval, but no score")
        return
    if not counts.scored:
        yield error("score", "has a score, but no answer was scored")
    if one.metrics.get(one.metric) != one.score and not (one.must_be_right and _is_share(one.score, counts.scored)):
        yield error("score", f"the score is {figure(one.score)}, the metric {one.metric} {one.metrics.get(one.metric)}")
    for name, pair in (("interval", one.interval), ("bounds", one.bounds)):
        if pair is None:
            continue
        if pair[0] > pair[1]:
            yield error("score", f"the {name} ends before it begins")
        elif not pair[0] - EQUAL <= one.score <= pair[1] + EQUAL:
            ends = " to ".join(map(figure, pair))
            yield error("score", f"the score {figure(one.score)} lies outside of its {name} {ends}")


def _is_share(score: float, of: int) -> bool:
    """Whether so many answers can have this share of right ones, which is the score where every one must be right."""
    return 0 <= score <= 1 and abs(score * of - round(score * of)) <= EQUAL * max(of, 1)


def _timing(timing: TimingRecord, now: datetime) -> Iterator[CheckFinding]:
    try:
        started, finished = (datetime.fromisoformat(text) for text in (timing.started, timing.finished))
    except ValueError as problem:
        yield error("times", str(problem))
        return
    if finished > now + SKEW:
        yield error("times", f"the run finished at {timing.finished}, which is in the future")
    if finished < started:
        yield error("times", "the run finished before it started")
    if timing.wall > (finished - started).total_seconds() + 2:
        yield error("times", f"{figure(timing.wall)} s do not fit between {timing.started} and {timing.finished}")
    if not timing.sessions:
        yield error("times", "has no session")
    for name, spread in (("first_token", timing.first_token), ("total", timing.total)):
        yield from _spread(name, spread, timing.wall)
    if (timing.first_token.max or 0) > (timing.total.max or 0) + 0.01:
        yield error("times", "a first token came later than the last answer was whole")


def _spread(name: str, spread: Spread, wall: float) -> Iterator[CheckFinding]:
    values = (spread.p50, spread.p95, spread.max)
    known = [value for value in values if value is not None]
    if len(known) not in (0, 3):
        yield error("times", f"{name} has only some of median, 95th percentile and maximum")
    elif known != sorted(known):
        yield error("times", f"{name}: median, 95th percentile and maximum are out of order")
    elif known and known[-1] > wall + 2:
        yield error("times", f"{name}: one answer took {figure(known[-1])} s, the whole run {figure(wall)} s")


def _usage(record: Record, usage: UsageRecord, timing: TimingRecord) -> Iterator[CheckFinding]:
    sent = sum(one.counts.sent for one in record.benchmarks if one.counts)
    scored = sum(one.counts.scored for one in record.benchmarks if one.counts)
    if usage.requests < sent:
        yield error("usage", f"{sent} answers were asked for with {usage.requests} requests")
    if usage.attempts < usage.requests:
        yield warning("usage", f"{usage.attempts} attempts are fewer than {usage.requests} requests")
    if usage.answers_without_usage > usage.requests:
        yield error("usage", "more answers lack usage than there were requests")
    if scored and not usage.completion_tokens and not usage.answers_without_usage:
        yield error("usage", "answers were scored, but no token was generated")
    if usage.completion_tokens > LONGEST_ANSWER * max(1, usage.requests):
        yield error("usage", f"{usage.completion_tokens} tokens are too many for {usage.requests} requests")
    if record.setup and record.setup.imported:
        return  # the times come from the imported file
    seconds, told = max(timing.wall, 0.001), f"{figure(timing.wall)} s"
    if usage.requests / seconds > FASTEST_REQUESTS:
        yield error("usage", f"{usage.requests} requests in {told} are faster than anything can ask")
    if usage.completion_tokens / seconds > FASTEST_TOKENS:
        yield error("usage", f"{usage.completion_tokens} tokens in {told} are faster than anything serves")
