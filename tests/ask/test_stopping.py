"""A benchmark ends when its verdict is clear: by the order of the samples, whatever the order of arrival."""

import asyncio
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kvv_action.benchmark import Rows
from kvv_action.errors import EndpointError
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.order import positions, shuffled
from kvv_action.profiles.model import Profile, PublishedReference
from kvv_action.schema import BenchmarkResult, Completion, FailureKind, RunState, Sample, Saved, Verdict
from kvv_action.verdict.audit import rescore
from kvv_action.verdict.report import build
from tests.ask.fakes import RULES, FakeClient, Quiz, Recorder, Reply, Run, fake_profile, make_run, said, text_of

REFERENCE = PublishedReference(value=0.9, source="a paper", date="2026-01-01", n=2000)
COUNT = 300


def profile() -> Profile:
    return fake_profile(quiz=replace(RULES, reference=REFERENCE, margin=0.1))


def run_of(tmp_path: Path, *, epochs: int = 1, count: int = COUNT, **changes: Any) -> Run:
    return make_run(tmp_path, Quiz(count=count), epochs=epochs, profile=profile(), sequential=True, **changes)


def number_of(body: Mapping[str, Any]) -> int:
    return int(text_of(body).split()[1])


def knows(share: float) -> Any:
    """A vendor that knows this share of the questions, always the same ones."""

    def answer(body: Mapping[str, Any]) -> Reply:
        number = number_of(body)
        return said(str(number) if random.Random(number).random() < share else "wrong")

    return answer


@dataclass
class Slow(FakeClient):
    """Answers arrive in an order of their own."""

    seed: int = 0
    begun: list[int] = field(default_factory=list)
    ended: int = 0

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        draw = random.Random(self.seed * 1_000_003 + len(self.begun))
        self.begun.append(len(self.begun))
        for _ in range(draw.randrange(40)):
            await asyncio.sleep(0)
        reply = await super().complete(content, stream=stream)
        self.ended += 1
        return reply


@dataclass
class Until(FakeClient):
    """Says when it was asked so often."""

    count: int = 0
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        if len(self.bodies) >= self.count:
            self.reached.set()
        return await super().complete(content, stream=stream)


def only(run: Run) -> BenchmarkResult:
    (result,) = run.report().benchmarks
    return result


@pytest.mark.parametrize(
    ("share", "verdict", "most"), [(0.95, Verdict.PASS, 0.6), (0.4, Verdict.FAIL, 0.25), (0.0, Verdict.FAIL, 0.1)]
)
async def test_a_clear_vendor_ends_early(tmp_path: Path, share: float, verdict: Verdict, most: float) -> None:
    """Good or broken: what is left is skipped with the reason, and the run is complete."""
    run = run_of(tmp_path)
    client = FakeClient(knows(share))
    ending = await run.session(client)
    result = only(run)
    assert ending.state is RunState.COMPLETE
    assert result.verdict is verdict
    assert len(client.bodies) <= most * COUNT
    assert result.counts.skipped == COUNT - result.counts.scored
    assert list(result.skips) == [
        f"decided early: {verdict}, after {result.comparison.answers} of {COUNT} answers"  # type: ignore[union-attr]
    ]
    assert f"decided early, by {len(client.bodies)} of {COUNT} answers" in result.reason
    assert run.report().verdict is verdict


async def test_a_chain_ends_with_its_benchmark(tmp_path: Path) -> None:
    """When the verdict is clear, the rest of each conversation is not asked either."""

    class Conversations(Quiz):
        chained = True

        def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
            return (replace(one, cluster=f"c{one.input // 30}") for one in super().samples(rows, profile))

    class Watching(Recorder):
        def state(self, message: str) -> None:
            super().state(f"{message} ({len(client.begun)} asked)")

    run = make_run(tmp_path, Conversations(count=COUNT), profile=profile(), sequential=True)
    client, run.observer = Slow(knows(0.0)), Watching()
    await run.session(client, workers=40)
    assert only(run).verdict is Verdict.FAIL
    assert run.observer.states[-1].endswith(f" ({len(client.begun)} asked)")


async def test_a_borderline_vendor_runs_on(tmp_path: Path) -> None:
    """Just at the margin nothing is clear, and everything is asked."""
    run = run_of(tmp_path)
    client = FakeClient(knows(0.82))
    await run.session(client)
    result = only(run)
    assert len(client.bodies) == COUNT
    assert (result.verdict, result.counts.skipped, result.saved) == (Verdict.INCONCLUSIVE, 0, None)
    assert result.comparison is not None
    assert (result.comparison.early, result.comparison.looks) == (False, len(run.plan.benchmarks[0].looks))


async def test_the_samples_are_asked_in_the_planned_order(tmp_path: Path) -> None:
    """Wave by wave; the journal's indices are still those of the dataset."""
    run = run_of(tmp_path)
    client = FakeClient(knows(0.82))
    await run.session(client)
    asked = [number_of(body) for body in client.bodies]
    order, looks = shuffled(COUNT, 0), run.plan.benchmarks[0].looks
    for start, end in zip((0, *looks), looks, strict=False):
        assert asked[start:end] == sorted(order[start:end])
    assert all(line["sample"] == f"q{line['index']}" for line in run.lines("score"))


@pytest.mark.parametrize("seed", range(5))
async def test_the_order_of_arrival_does_not_matter(tmp_path: Path, seed: int) -> None:
    """Forty at a time, in any order: the same look decides, with the same numbers."""
    (tmp_path / "one").mkdir()
    alone = run_of(tmp_path / "one")
    await alone.session(FakeClient(knows(0.93)))
    run = run_of(tmp_path)
    await run.session(Slow(knows(0.93), seed=seed), workers=40)
    assert only(run).comparison == only(alone).comparison
    assert only(run).verdict is only(alone).verdict is Verdict.PASS


async def test_what_is_in_flight_is_given_up(tmp_path: Path) -> None:
    """It decides nothing any more; it is neither failed nor scored, and the reason counts it."""
    run = run_of(tmp_path)
    client = Slow(knows(0.0))
    await run.session(client, workers=60)
    result = only(run)
    assert len(client.begun) > client.ended
    assert result.counts.failed == 0
    assert result.counts.scored <= client.ended
    (line,) = run.lines("skip")
    given_up = int(line["reason"].rpartition("; ")[2].removesuffix(" in flight were given up"))
    assert len(client.begun) - client.ended <= given_up < 60
    assert len(run.lines("withdrawn")) + len(run.lines("answer")) == len(client.begun) == run.report().usage.requests


@dataclass
class Held(FakeClient):
    """Answers these questions and leaves all others without an answer."""

    numbers: frozenset[int] = frozenset()

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        completion = await super().complete(content, stream=stream)
        if number_of(orjson.loads(content)) not in self.numbers:
            await asyncio.Event().wait()
        return completion


async def test_with_everything_on_the_way_nothing_is_saved(tmp_path: Path) -> None:
    """The first look decides while the other 285 requests wait for their answers."""
    run = run_of(tmp_path)
    first = frozenset(positions(run.plan.benchmarks[0])[:15])
    client = Held(knows(0.0), numbers=first)
    await run.session(client, workers=COUNT)
    result = only(run)
    assert len(client.bodies) == run.report().usage.requests == COUNT
    assert (result.counts.scored, result.counts.skipped, result.saved) == (15, 285, Saved(requests=0, tokens=0))


@pytest.mark.parametrize("workers", [10, 60])
async def test_what_was_sent_saves_nothing(tmp_path: Path, workers: int) -> None:
    """Answers on the way when it ends early were paid for."""
    run, client = run_of(tmp_path), Slow(knows(0.0))
    await run.session(client, workers=workers)
    saved = only(run).saved
    assert saved is not None
    assert saved.requests == COUNT - len(client.begun)
    assert saved.tokens == 15 * saved.requests


@pytest.mark.parametrize("share", [0.95, 0.4, 0.82])
async def test_a_killed_run_reaches_the_same(tmp_path: Path, share: float) -> None:
    """Killed after any number of answers and gone on with: the same verdict, by the same answers, none asked twice."""
    (tmp_path / "one").mkdir()
    whole = run_of(tmp_path / "one")
    await whole.session(FakeClient(knows(share)))
    run = run_of(tmp_path)
    for stop in (5, 31, 64):
        client = Until(knows(share), count=stop)
        session = asyncio.create_task(run.session(client, finish=False))
        reached = asyncio.create_task(client.reached.wait())
        await asyncio.wait((session, reached), return_when=asyncio.FIRST_COMPLETED)
        session.cancel()
        reached.cancel()
        await asyncio.gather(session, reached, return_exceptions=True)
    await run.session(FakeClient(knows(share)))
    assert only(run).comparison == only(whole).comparison
    assert only(run).verdict is only(whole).verdict
    assert len(run.lines("score")) == len({line["sample"] for line in run.lines("score")})


async def test_a_decided_run_asks_nothing_more(tmp_path: Path) -> None:
    """Started again it says the same at once, also where an answer had failed."""

    def answer(body: Mapping[str, Any]) -> Reply:
        lost = number_of(body) == shuffled(COUNT, 0)[0]
        return EndpointError(FailureKind.SERVER_ERROR, "oops") if lost else said("wrong")

    run = run_of(tmp_path)
    await run.session(FakeClient(answer))
    before = only(run)
    again = FakeClient(answer)
    await run.session(again)
    assert again.bodies == []
    assert only(run) == before
    assert before.counts.failed == 1


async def test_a_failed_answer_is_waited_for_when_asked_again(tmp_path: Path) -> None:
    """A look whose failed answer is asked again is taken again, as the report does."""
    first = shuffled(COUNT, 0)[0]

    def flaky(body: Mapping[str, Any]) -> Reply:
        return EndpointError(FailureKind.SERVER_ERROR, "oops") if number_of(body) == first else knows(0.82)(body)

    run = run_of(tmp_path)
    await run.session(FakeClient(flaky))
    assert only(run).counts.failed == 1
    await run.session(FakeClient(knows(0.82)))
    assert only(run).counts.failed == 0
    assert only(run).comparison is not None
    assert only(run).comparison.answers == COUNT  # type: ignore[union-attr]


async def test_failures_cannot_help_to_pass_early(tmp_path: Path) -> None:
    """With a third of the answers lost, the others right, nothing passes."""

    def lossy(body: Mapping[str, Any]) -> Reply:
        number = number_of(body)
        return EndpointError(FailureKind.TIMEOUT_TOTAL, "late") if number % 3 == 0 else said(str(number))

    run = run_of(tmp_path)
    await run.session(FakeClient(lossy))
    result = only(run)
    assert result.verdict is Verdict.FAIL
    assert "what did not come decides, and 33.3 % failed, more than max-failure-rate 10.0 %" in result.reason
    patient = run_of(tmp_path / "x", max_failure_rate=0.5) if (tmp_path / "x").mkdir() is None else run
    await patient.session(FakeClient(lossy))
    assert only(patient).verdict is Verdict.INCONCLUSIVE


async def test_an_audit_reaches_the_same(tmp_path: Path) -> None:
    """Every answer judged again, every look taken again."""
    run = run_of(tmp_path)
    await run.session(FakeClient(knows(0.95)))
    again = await rescore(JournalReading(run.path), run.loaded)
    assert again.differences == []
    assert again.counts.total() == only(run).counts.scored
    assert build(run.path, again.changed) == run.report()


async def test_what_was_saved_is_reported(tmp_path: Path) -> None:
    """Requests that were not sent, and tokens by the mean of the answers that came."""
    run = run_of(tmp_path)
    client = FakeClient(knows(0.95))
    await run.session(client)
    saved = only(run).saved
    assert saved is not None
    assert saved.requests == COUNT - len(client.bodies)
    assert saved.tokens == 15 * saved.requests


async def test_epochs_are_looked_at_whole(tmp_path: Path) -> None:
    """With several epochs the first look comes after the first of them."""
    run = run_of(tmp_path, epochs=8, count=60)
    client = FakeClient(knows(1.0))
    await run.session(client)
    assert len(client.bodies) % 60 == 0
    assert len(client.bodies) < 8 * 60
    assert only(run).verdict is Verdict.PASS


async def test_one_benchmark_ends_without_the_other(tmp_path: Path) -> None:
    """Each has its own looks, and a family of two is stricter in failing."""
    rules = replace(RULES, reference=REFERENCE, margin=0.1)
    quizzes = (Quiz(count=COUNT), Quiz(count=COUNT, id="other", title="Other"))
    run = make_run(tmp_path, *quizzes, profile=fake_profile(quiz=rules, other=rules), sequential=True)
    await run.session(FakeClient(knows(0.95)), workers=8)
    found = run.report().benchmarks
    assert [result.verdict for result in found] == [Verdict.PASS, Verdict.PASS]
    assert {result.comparison.high_error for result in found if result.comparison} == {0.025}
    assert len(run.lines("skip")) == 2
