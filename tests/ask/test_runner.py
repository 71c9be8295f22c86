"""The runner: what it asks, what it keeps, and what becomes of everything that can go wrong."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kvv_action.benchmark import Generate, Typical
from kvv_action.errors import (
    DatasetError,
    EndpointError,
    KvvError,
    Rejected,
    RunStopped,
    SandboxError,
    ScoringError,
    Undecided,
)
from kvv_action.journal.file import Journal, Reader
from kvv_action.schema import (
    Attempt,
    BenchmarkKind,
    Completion,
    Exchange,
    FailureKind,
    RunState,
    Sample,
    SampleFailure,
    Score,
    Thinking,
    Verdict,
)
from tests.ask.fakes import (
    Answerer,
    FakeClient,
    Quiz,
    Reply,
    Run,
    asking,
    equal,
    make_run,
    question,
    right,
    said,
    text_of,
)

ATTEMPTS = (Attempt(number=1, started=1.0, duration=0.1, status=503, failure=FailureKind.SERVER_ERROR),)


def failing(kind: FailureKind, message: str = "why") -> EndpointError:
    return EndpointError(kind, message, attempts=ATTEMPTS, status=503, body="sorry")


def only(number: int, reply: Exception | Reply) -> Answerer:
    """Right answers, but for one question."""
    return lambda body: reply if text_of(body).startswith(f"question {number} ") else right(body)


async def test_a_run_asks_every_sample_in_every_epoch(tmp_path: Path) -> None:
    """Samples times epochs, in the order of the plan with one worker."""
    run, client = make_run(tmp_path, epochs=2), FakeClient()
    ending = await run.session(client)
    assert ending.state is RunState.COMPLETE
    assert client.asked == [question(number) for number in (0, 0, 1, 1, 2, 2)]
    assert [(line["sample"], line["epoch"]) for line in run.lines("score")] == [
        (f"q{number}", epoch) for number in range(3) for epoch in range(2)
    ]


async def test_workers_share_the_samples(tmp_path: Path) -> None:
    """Nothing is asked twice by two of them."""
    run, client = make_run(tmp_path, Quiz(count=50)), FakeClient()
    await run.session(client, workers=7)
    assert sorted(client.asked) == sorted(question(number) for number in range(50))


async def test_no_more_requests_are_in_flight_than_workers(tmp_path: Path) -> None:
    """`max-connections` is what the user allowed."""
    flying, most = 0, 0

    class Slow(FakeClient):
        async def complete(self, content: bytes, *, stream: bool) -> Completion:
            nonlocal flying, most
            flying += 1
            most = max(most, flying)
            await asyncio.sleep(0)
            flying -= 1
            return await super().complete(content, stream=stream)

    await make_run(tmp_path, Quiz(count=20)).session(Slow(), workers=4)
    assert most == 4


async def test_an_answer_is_in_the_journal_before_it_is_judged(tmp_path: Path) -> None:
    """A scorer that crashes the process cannot lose evidence."""
    seen: list[int] = []

    def look(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        seen.append(len([line for line in Reader(run.path) if line["kind"] == "answer"]))
        return equal(sample, exchanges)

    run = make_run(tmp_path, Quiz(judge=look))
    await run.session(FakeClient())
    assert seen == [1, 2, 3]


async def test_an_answer_is_in_the_journal_before_the_next_question(tmp_path: Path) -> None:
    """Also within a sample of several calls."""
    seen: list[int] = []

    def look(body: Mapping[str, Any]) -> Reply:
        seen.append(len(run.lines("answer")))
        return right(body)

    run = make_run(tmp_path, Quiz(count=2, calls=2))
    await run.session(FakeClient(look))
    assert seen == [0, 1, 2, 3]


async def test_the_journal_holds_the_whole_answer(tmp_path: Path) -> None:
    """Content, usage, attempts and the digest of the request."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient())
    (line,) = run.lines("answer")
    assert line["completion"]["content"] == "0"
    assert line["completion"]["usage"] == {"prompt_tokens": 10, "completion_tokens": 5}
    assert len(line["completion"]["attempts"]) == 1
    assert len(line["request"]) == 64
    assert line["call"] == 0


@pytest.mark.parametrize("kind", list(FailureKind))
async def test_every_kind_of_failure_becomes_data(tmp_path: Path, kind: FailureKind) -> None:
    """A request that fails for good is a failure of its sample, with its attempts in the journal; the rest goes on."""
    run = make_run(tmp_path)
    await run.session(FakeClient(only(1, failing(kind))))
    (failure,) = run.lines("failure")
    assert (failure["sample"], failure["failure"], failure["message"]) == ("q1", kind, "why")
    (error,) = run.lines("error")
    assert (error["status"], error["body"], len(error["attempts"])) == (503, "sorry", 1)
    assert len(run.lines("score")) == 2


@pytest.mark.parametrize(
    ("raised", "kind", "message"),
    [
        (Undecided("the control failed"), FailureKind.UNDECIDED, "the control failed"),
        (ScoringError("the worker died"), FailureKind.SCORER, "the worker died"),
        (SandboxError("the engine is gone"), FailureKind.SANDBOX, "the engine is gone"),
        (KeyError("gone"), FailureKind.INTERNAL, "KeyError: 'gone'"),
        (AssertionError(), FailureKind.INTERNAL, "AssertionError: "),
        (ZeroDivisionError("x" * 1000), FailureKind.INTERNAL, "ZeroDivisionError: " + "x" * 481),
        (ValueError("a\ud800b"), FailureKind.INTERNAL, r"ValueError: a\ud800b"),
        (TimeoutError(), FailureKind.INTERNAL, "TimeoutError: "),
    ],
)
async def test_a_broken_scorer_is_a_failure(tmp_path: Path, raised: Exception, kind: FailureKind, message: str) -> None:
    """Never a wrong answer, and never the end of the run."""

    def broken(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        if sample.id == "q0":
            raise raised
        return equal(sample, exchanges)

    run = make_run(tmp_path, Quiz(judge=broken))
    ending = await run.session(FakeClient())
    (failure,) = run.lines("failure")
    assert (failure["failure"], failure["message"]) == (kind, message)
    assert ending.state is RunState.COMPLETE
    assert len(run.lines("answer")) == 3


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), float("inf")])
async def test_a_score_out_of_range_is_a_defect(tmp_path: Path, value: float) -> None:
    """It would spoil the mean."""
    run = make_run(tmp_path, Quiz(count=1, judge=lambda sample, exchanges: Score(value=value)))
    await run.session(FakeClient())
    assert run.lines("failure")[0]["failure"] == FailureKind.INTERNAL


async def test_a_whole_number_is_a_score(tmp_path: Path) -> None:
    """It is written as the float that it is read as, so that a report rendered again has the same bytes."""
    run = make_run(tmp_path, Quiz(count=1, judge=lambda sample, exchanges: Score(value=1)))
    await run.session(FakeClient())
    assert isinstance(run.lines("score")[0]["score"]["value"], float)


async def test_a_broken_benchmark_is_a_failure(tmp_path: Path) -> None:
    """A defect in `solve` is caught at the same boundary."""

    async def solving(sample: Sample, generate: Generate) -> None:
        raise RuntimeError("a bug")

    run = make_run(tmp_path, Quiz(solving=solving))
    await run.session(FakeClient())
    assert [line["message"] for line in run.lines("failure")] == ["RuntimeError: a bug"] * 3


async def test_a_refusal_is_a_failure_of_a_sample(tmp_path: Path) -> None:
    """A 4xx answer to an ordinary question says nothing about the model."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient(lambda body: Rejected(FailureKind.REJECTED, "no such model", status=404)))
    assert [line["failure"] for line in run.lines("failure")] == ["rejected"]
    assert len(run.lines("error")) == 1


async def test_a_refusal_is_an_answer_to_a_probe(tmp_path: Path) -> None:
    """With `may_reject` it is handed over and journaled as an answer."""
    run = make_run(tmp_path, Quiz(count=1, may_reject=True))
    reject = Rejected(FailureKind.REJECTED, "temperature", status=400, body="{}", attempts=ATTEMPTS)
    await run.session(FakeClient(lambda body: reject))
    (line,) = run.lines("answer")
    assert (line["rejection"]["status"], line["rejection"]["body"]) == (400, "{}")
    assert "completion" not in line
    assert run.lines("score")[0]["score"]["answer"] == "refused"
    assert not run.lines("error")


async def test_other_errors_are_failures_of_a_probe_too(tmp_path: Path) -> None:
    """`may_reject` covers refusals only."""
    run = make_run(tmp_path, Quiz(count=1, may_reject=True))
    await run.session(FakeClient(lambda body: failing(FailureKind.RATE_LIMITED)))
    assert run.lines("failure")[0]["failure"] == "rate-limited"


async def test_cancellation_propagates_and_keeps_what_came(tmp_path: Path) -> None:
    """No sample is marked as failed because the run was interrupted."""
    started = asyncio.Event()

    class Hanging(FakeClient):
        async def complete(self, content: bytes, *, stream: bool) -> Completion:
            if len(self.bodies) == 2:
                started.set()
                await asyncio.Event().wait()
            return await super().complete(content, stream=stream)

    run = make_run(tmp_path)
    task = asyncio.create_task(run.session(Hanging(), finish=False))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    kinds = [line["kind"] for line in run.lines()]
    assert kinds == ["session", "answer", "score", "answer", "score", "withdrawn"]


async def test_a_stop_ends_the_run_and_blames_its_sample(tmp_path: Path) -> None:
    """The request that showed the key to be refused is a failed one; what was not sent is skipped with the reason."""

    class Refusing(FakeClient):
        async def complete(self, content: bytes, *, stream: bool) -> Completion:
            if len(self.bodies) == 1:
                raise RunStopped("the key is refused") from failing(FailureKind.AUTH, "HTTP 401")
            return await super().complete(content, stream=stream)

    run = make_run(tmp_path, Quiz(count=4))
    ending = await run.session(Refusing())
    assert (ending.state, ending.reason) == (RunState.STOPPED, "the key is refused")
    (failure,) = run.lines("failure")
    assert (failure["sample"], failure["failure"], failure["message"]) == ("q1", "auth", "HTTP 401")
    assert len(run.lines("error")) == 1
    (result,) = run.report().benchmarks
    assert (result.counts.sent, result.counts.failed, result.counts.skipped) == (2, 1, 2)
    assert result.skips == {"the key is refused": 2}
    assert run.observer.states == ["the key is refused"]


async def test_a_stop_without_a_request_fails_no_sample(tmp_path: Path) -> None:
    """Those who only hear that the run is over were not sent."""

    class Over(FakeClient):
        async def complete(self, content: bytes, *, stream: bool) -> Completion:
            raise RunStopped("over")

    run = make_run(tmp_path)
    await run.session(Over(), workers=3)
    assert [line["kind"] for line in run.lines()] == ["session", "end"]
    assert run.report().verdict is Verdict.INCONCLUSIVE


async def test_samples_that_can_no_longer_be_read_stop_the_run(tmp_path: Path) -> None:
    """The file was changed meanwhile: an explained end, not a traceback."""

    def samples() -> Iterator[Sample]:
        yield Sample(id="q0", input=0, target="0")
        raise DatasetError("quiz.jsonl, line 2: not JSON")

    run = make_run(tmp_path)
    run.loaded = [replace(run.loaded[0], samples=samples)]
    ending = await run.session(FakeClient(), workers=2)
    assert (ending.state, ending.reason) == (RunState.STOPPED, "quiz.jsonl, line 2: not JSON")


async def test_defects_outside_of_samples_are_not_hidden(tmp_path: Path) -> None:
    """Only explained errors end a run in an orderly way."""

    def samples() -> Iterator[Sample]:
        raise ZeroDivisionError

    run = make_run(tmp_path)
    run.loaded = [replace(run.loaded[0], samples=samples)]
    with pytest.raises(ExceptionGroup) as info:
        await run.session(FakeClient())
    assert not info.value.subgroup(KvvError)


async def test_a_disk_that_fails_at_an_answer_stops_the_run(tmp_path: Path) -> None:
    """It is no failure of the sample: there is nowhere to note one."""

    class Full(Journal):
        def append(self, record: Mapping[str, Any]) -> None:
            if record["kind"] == "answer":
                raise RunStopped("the journal cannot be written: No space left on device")
            super().append(record)

    run = make_run(tmp_path)
    ending = await run.session(FakeClient(), journal=Full)
    assert ending.state is RunState.STOPPED
    assert "No space left" in ending.reason
    assert [line["kind"] for line in run.lines()] == ["session", "end"]


def gated(tmp_path: Path, *, probes: int = 3, **changes: Any) -> Run:
    gate = Quiz(id="gate", title="Gate", kind=BenchmarkKind.CONTRACT, gates=True, count=probes)
    return make_run(tmp_path, Quiz(), gate, **changes)


def wrong_gate(body: Mapping[str, Any]) -> Reply:
    """Everything that is asked first is answered wrongly: the probes."""
    return said("nonsense")


async def test_gates_run_first(tmp_path: Path) -> None:
    """Wherever they stand in the plan."""
    run = gated(tmp_path)
    await run.session(FakeClient())
    assert [line["benchmark"] for line in run.lines("score")] == ["gate"] * 3 + ["quiz"] * 3
    assert [name for name, _, _ in run.observer.begun] == ["gate", "quiz"]


async def test_a_closed_gate_skips_the_rest_with_the_reason(tmp_path: Path) -> None:
    """The verdict fails, and nothing of the rest is sent."""
    run = gated(tmp_path)
    await run.session(FakeClient(wrong_gate))
    quiz, gate = run.report().benchmarks
    assert (gate.verdict, quiz.verdict) == (Verdict.FAIL, Verdict.SKIPPED)
    assert quiz.reason == "Gate failed: q0, q1, q2"
    assert quiz.skips == {"Gate failed: q0, q1, q2": 3}
    assert run.observer.states == ["Gate failed: q0, q1, q2"]


async def test_a_closed_gate_names_at_most_five_probes(tmp_path: Path) -> None:
    """The rest is in the report."""
    run = gated(tmp_path, probes=7)
    await run.session(FakeClient(wrong_gate))
    assert run.observer.states == ["Gate failed: q0, q1, q2, q3, q4, …"]


async def test_a_closed_gate_names_probes_in_the_order_of_the_plan(tmp_path: Path) -> None:
    """As the verdict does; not in the order of the alphabet or of the answers."""
    run = gated(tmp_path, probes=12)
    await run.session(FakeClient(wrong_gate))
    quiz, gate = run.report().benchmarks
    names = [case.id for case in gate.cases]
    assert names != sorted(names)
    assert quiz.reason == f"Gate failed: {', '.join(names[:5])}, …"


async def test_a_gate_stays_closed_after_resuming(tmp_path: Path) -> None:
    """Nothing is asked again, and the reason is the same."""
    run = gated(tmp_path)
    await run.session(FakeClient(wrong_gate))
    before = run.report()
    client = FakeClient()
    await run.session(client)
    assert client.asked == []
    assert run.report().benchmarks == before.benchmarks


async def test_a_gate_closes_when_a_resumed_run_finds_it_wrong(tmp_path: Path) -> None:
    """One probe was wrong before the process was killed, the others are asked now."""
    run = gated(tmp_path)
    await run.session(FakeClient(wrong_gate), finish=False)
    lines = run.path.read_bytes().splitlines(keepends=True)
    run.path.write_bytes(b"".join(lines[:3]))
    client = FakeClient()
    await run.session(client)
    assert client.asked == [question(1), question(2)]
    assert run.report().benchmarks[0].reason == "Gate failed: q0"


async def test_a_probe_without_a_verdict_leaves_the_gate_open(tmp_path: Path) -> None:
    """Infrastructure failures prove nothing against the contract."""
    run = gated(tmp_path)
    await run.session(FakeClient(only(0, failing(FailureKind.TIMEOUT_TOTAL))))
    assert len([line for line in run.lines("score") if line["benchmark"] == "quiz"]) == 2


async def test_warn_goes_on(tmp_path: Path) -> None:
    """The failed gate is reported and does not count."""
    run = gated(tmp_path, precheck="warn")
    answers = iter([said("nonsense")] * 3)
    await run.session(FakeClient(lambda body: next(answers, None) or right(body)))
    report = run.report()
    assert [result.verdict for result in report.benchmarks][1] is Verdict.FAIL
    assert report.benchmarks[0].counts.scored == 3
    assert "Gate" not in report.reason


async def test_a_planned_skip_is_not_asked(tmp_path: Path) -> None:
    """The plan may know beforehand that a benchmark cannot be run here."""
    run = make_run(tmp_path)
    planned = replace(run.loaded[0].planned, skip="no sandbox here")
    run.loaded, run.plan = [replace(run.loaded[0], planned=planned)], replace(run.plan, benchmarks=(planned,))
    client = FakeClient()
    await run.session(client)
    assert client.asked == []
    (result,) = run.report().benchmarks
    assert (result.verdict, result.reason) == (Verdict.SKIPPED, "no sandbox here")


async def test_the_observer_sees_every_result(tmp_path: Path) -> None:
    """In the order in which they came, failures included."""
    run = make_run(tmp_path)
    await run.session(FakeClient(only(1, failing(FailureKind.CONNECT))))
    assert run.observer.begun == [("quiz", 3, 0)]
    assert [event.sample for event in run.observer.events] == ["q0", "q1", "q2"]
    assert isinstance(run.observer.events[1].result, SampleFailure)


async def test_a_benchmark_may_ask_in_parallel(tmp_path: Path) -> None:
    """Answers are judged in the order of the calls, whatever came first."""

    async def solving(sample: Sample, generate: Generate) -> None:
        async def one(number: int) -> None:
            await generate(asking(question(number)))

        await asyncio.gather(*(one(number) for number in range(3)))

    seen: list[list[str]] = []

    def judge(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        seen.append([exchange.completion.content for exchange in exchanges if exchange.completion])
        return Score(value=1.0)

    run = make_run(tmp_path, Quiz(count=1, solving=solving, judge=judge))
    await run.session(FakeClient())
    assert seen == [["0", "1", "2"]]


async def test_a_request_may_choose_its_own_way(tmp_path: Path) -> None:
    """Stream and thinking of a request go before those of the run."""

    async def solving(sample: Sample, generate: Generate) -> None:
        await generate(asking(question(0), stream=False, thinking=Thinking.OFF))

    client = FakeClient()
    await make_run(tmp_path, Quiz(count=1, solving=solving)).session(client)
    (body,) = client.bodies
    assert body["stream"] is False
    assert body["thinking"] == {"type": "disabled"}


async def test_benchmarks_run_together_the_longest_answers_first(tmp_path: Path) -> None:
    """By the tokens that an answer usually has; what is left of the connections goes to the next benchmark."""
    short = Quiz(id="short", count=3, typical=Typical(thinking=10, plain=10, source="a test"))
    long = Quiz(id="long", count=3, typical=Typical(thinking=90, plain=90, source="a test"))
    run, waiting = make_run(tmp_path, short, long), []
    client = FakeClient()
    task = asyncio.create_task(run.session(HeldClient(client, waiting), workers=4))
    for _ in range(50):
        await asyncio.sleep(0)
    assert run.observer.begun == [("short", 3, 0), ("long", 3, 0)]
    for release in waiting:
        release.set()
    await task
    order = [line["benchmark"] for line in run.lines("answer")]
    assert order[:4] == ["long", "long", "long", "short"]


async def test_containers_have_places_of_their_own(tmp_path: Path) -> None:
    """As many samples at once as the engine has places, and the next one, beside the connections of the others."""
    boxed, busy = 0, 0

    async def solving(sample: Sample, generate: Generate) -> None:
        nonlocal boxed, busy
        boxed += 1
        busy = max(busy, boxed)
        await generate(asking(question(sample.input)))
        await asyncio.sleep(0.001)
        boxed -= 1

    box = Quiz(id="box", count=6, solving=solving, sandboxed=True)
    run = make_run(tmp_path, Quiz(count=6), box)
    await run.session(FakeClient(), workers=4, sandbox=SimpleNamespace(places=2))
    assert busy == 3
    assert len(run.lines("score")) == 12


@dataclass
class HeldClient:
    """Every request waits until it is let go."""

    client: FakeClient
    waiting: list[asyncio.Event]

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        release = asyncio.Event()
        self.waiting.append(release)
        if len(self.waiting) <= 4:
            await release.wait()
        return await self.client.complete(content, stream=stream)
