"""Nothing that an endpoint sends keeps the event loop from everybody else: a watchdog names the call that does."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from kvv_action.ask import runner
from kvv_action.benchmark import Generate
from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.errors import EndpointError
from kvv_action.journal.file import Journal, Record
from kvv_action.redact import Redactor
from kvv_action.schema import Attempt, Completion, Exchange, FailureKind, RunState, Sample, Score, ToolCall
from kvv_action.statistics.spending import boundaries
from tests.ask.fakes import FakeClient, Quiz, asking, make_run, said
from tests.ask.test_stopping import knows, run_of
from tests.benchmarks.test_variants import made
from tests.endpoint.conftest import KEY, chunk, document, events, http, http_stream, vendor
from tests.watchdog import each_time, watched

PROSE = 'The "quick" brown fox jumps over 13 lazy dogs;\nwe set $x_{12} = \\frac{3}{4}$, and so on. '
USAGE = {"prompt_tokens": 10, "completion_tokens": 5}


def long(size: int) -> str:
    """A text of so many characters."""
    return (PROSE * (size // len(PROSE) + 1))[:size]


def pieces(text: str, size: int) -> Iterator[str]:
    """A text in parts."""
    return (text[start : start + size] for start in range(0, len(text), size))


def call(arguments: str, number: int = 0, **head: object) -> dict[str, object]:
    """A chunk with a piece of a tool call."""
    return chunk(tool_calls=[{"index": number, "function": {"arguments": arguments}, **head}])


def streamed(*chunks: object, finish: str = "stop") -> bytes:
    """A whole stream, with a count of tokens that cannot be."""
    return http_stream(events(*chunks, {**chunk(finish), "usage": USAGE}, "[DONE]"))


def arguments(size: int) -> str:
    """JSON of so many characters."""
    return orjson.dumps({"text": long(size)}).decode()


ANSWERS: dict[str, Callable[[], bytes]] = {
    "400 KB of content": lambda: streamed(*(chunk(content=piece) for piece in pieces(long(400_000), 80))),
    "4 MB of content, in a document": lambda: http(200, document(long(4_000_000))),
    "4 MB of reasoning": lambda: streamed(
        *(chunk(reasoning_content=piece) for piece in pieces(long(4_000_000), 400)), chunk(content="0")
    ),
    "20000 pieces of a tool call": lambda: streamed(
        call("", id="c", type="function"), *(call(piece) for piece in pieces(arguments(400_000), 20)),
        finish="tool_calls",
    ),
    "5000 tool calls": lambda: streamed(
        *(call("{}", number, id=f"c{number}", type="function") for number in range(5000)), finish="tool_calls"
    ),
    "10 MB of arguments in one event": lambda: streamed(
        call(arguments(10_000_000), id="c", type="function"), finish="tool_calls"
    ),
    "10 MB of arguments in pieces": lambda: streamed(
        call("", id="c", type="function"), *(call(piece) for piece in pieces(arguments(10_000_000), 1000)),
        finish="tool_calls",
    ),
}  # fmt: skip


@contextmanager
def serving(answer: bytes) -> Iterator[str]:
    """The base URL of a vendor in a thread of its own."""
    loop, address = asyncio.new_event_loop(), Future[str]()

    async def serve() -> None:
        async with vendor(answer) as it:
            address.set_result(it.base_url)
            await stop.wait()

    stop = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        yield address.result(timeout=20)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


@pytest.mark.parametrize("kind", ANSWERS)
@each_time
async def test_no_answer_keeps_the_loop(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first byte to the line of the score: read, put together, redacted, written, reckoned and judged."""
    run = make_run(tmp_path, Quiz(count=1, judge=lambda *_: Score(value=1.0)))
    run.redactor = Redactor([KEY])
    with serving(ANSWERS[kind]()) as base_url:
        options = ClientOptions(base_url=base_url, api_key=KEY, redactor=run.redactor)
        async with EndpointClient(options) as client:
            with watched(monkeypatch) as dog:
                ending = await run.session(client)
    assert ending.state is RunState.COMPLETE
    assert len(run.lines("score")) == 1, run.lines("failure")
    dog.check()


def answers() -> Iterator[Completion]:
    """What a benchmark may have to judge."""
    yield Completion(content=long(2_000_000), finish_reason="stop")
    yield Completion(content="Answer: " + "?!" * 1_000_000, reasoning=long(2_000_000), finish_reason="stop")
    calls = [ToolCall(id=f"c{number}", name="get_weather", arguments="{}") for number in range(3000)]
    yield Completion(content="", tool_calls=tuple(calls), finish_reason="tool_calls")
    yield Completion(
        content="", tool_calls=(ToolCall(id="c", name="get_weather", arguments=arguments(4_000_000)),),
        finish_reason="tool_calls",
    )  # fmt: skip


@pytest.mark.parametrize("name", ["aime2025", "mmmu_pro", "ocrbench", "toolcall"])
@each_time
async def test_no_judgement_keeps_the_loop(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each benchmark judges long answers, and thousands of calls, beside the loop or in parts."""
    benchmark, samples = made(name)
    try:
        for completion in answers():
            named = tuple(replace(call, name=_offered(samples[0]) or call.name) for call in completion.tool_calls)
            exchange = Exchange(call=0, completion=replace(completion, tool_calls=named))
            await benchmark.score(samples[0], [exchange])  # a worker starts, modules are imported
            with watched(monkeypatch) as dog:
                score = await asyncio.create_task(benchmark.score(samples[0], [exchange]))
            assert score.value < 1.0
            dog.check()
    finally:
        await benchmark.aclose()


def _offered(sample: Sample) -> str:
    """The name of a tool that a request offers."""
    tools = sample.input.get("tools") if isinstance(sample.input, dict) else None
    return tools[0]["function"]["name"] if tools else ""


@each_time
async def test_no_look_keeps_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What all looks rest on is computed beside the loop, while the first answers are on their way."""
    run, client = run_of(tmp_path), FakeClient(knows(0.6))
    boundaries.cache_clear()
    with watched(monkeypatch) as dog:
        ending = await run.session(client, workers=8)
    assert ending.state is RunState.COMPLETE
    assert "decided early: fail" in run.lines("skip")[0]["reason"]
    dog.check()


class ShortClient:
    """An endpoint that reads nothing and counts nothing."""

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        await asyncio.sleep(0)
        return said("0", usage=None)


@each_time
async def test_no_prompt_keeps_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One of half a million tokens is searched, and reckoned where the endpoint does not count, beside the loop."""
    prompt = asking(long(2_500_000))
    run = make_run(tmp_path, Quiz(count=1, solving=lambda _, generate: generate(prompt)))
    with watched(monkeypatch) as dog:
        ending = await run.session(ShortClient())
    assert ending.state is RunState.COMPLETE
    assert run.lines("answer")[0]["reckoned"] > 500_000
    dog.check()


class PatientClient:
    """An endpoint that never answers."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        self.asked.set()
        await asyncio.sleep(60)
        raise AssertionError


@each_time
async def test_no_prompt_that_is_given_up_keeps_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its tokens are reckoned beside the loop, and its line is written all the same."""
    prompt = asking(long(1_000_000))
    run = make_run(tmp_path, Quiz(count=1, solving=lambda _, generate: generate(prompt)))
    client = PatientClient()
    session = asyncio.create_task(run.session(client))
    await client.asked.wait()
    with watched(monkeypatch) as dog:
        session.cancel()
        with pytest.raises(asyncio.CancelledError):
            await session
    assert run.lines("withdrawn")[0]["reckoned"] > 200_000
    dog.check()


class BreakingClient:
    """An endpoint that breaks off inside every answer."""

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        cut = Attempt(number=1, started=0.0, duration=1.0, failure=FailureKind.TRUNCATED, characters=100)
        raise EndpointError(FailureKind.TRUNCATED, "cut off", attempts=(cut,))


async def test_a_failure_is_written_down_while_the_run_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the run is cancelled while the tokens of a long prompt are reckoned."""
    begun, reckoned = threading.Event(), runner._prompt

    def slowly(out: runner._Outgoing) -> int:
        begun.set()
        time.sleep(0.1)
        return reckoned(out)

    monkeypatch.setattr(runner, "_prompt", slowly)
    prompt = asking(long(200_000))
    run = make_run(tmp_path, Quiz(count=1, solving=lambda _, generate: generate(prompt)))
    session = asyncio.create_task(run.session(BreakingClient()))
    await asyncio.to_thread(begun.wait)
    session.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session
    assert [line["reckoned"] > 40_000 for line in run.lines("error")] == [True]


@each_time
async def test_no_observation_keeps_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A test log of megabytes is redacted, compressed and written beside the loop."""
    log = long(3_000_000)

    async def testing(_: Sample, generate: Generate) -> None:
        await generate(asking("what is wrong?"))
        await generate.keep("log", {"exit": 1}, log)

    run = make_run(tmp_path, Quiz(count=1, solving=testing, judge=lambda *_: Score(value=1.0)))
    run.redactor = Redactor([KEY])
    with watched(monkeypatch) as dog:
        ending = await run.session(ShortClient())
    assert ending.state is RunState.COMPLETE
    assert run.lines("observation")[0]["packed"]
    dog.check()


LONG_ANSWER = long(200_000)


async def test_long_answers_of_many_samples_make_one_chain(tmp_path: Path) -> None:
    """Threads write one line after the other, and every answer is counted."""
    run = make_run(tmp_path, Quiz(count=12, judge=lambda *_: Score(value=1.0)))
    ending = await run.session(FakeClient(lambda _: said(LONG_ANSWER, usage=None)), workers=6)
    assert ending.state is RunState.COMPLETE
    assert len(run.lines("answer")) == len(run.lines("score")) == 12  # reading checks the chain


async def test_a_long_answer_is_kept_and_counted_although_its_sample_is_given_up(tmp_path: Path) -> None:
    """Cancelling waits until it is in the journal: it was paid for, and a later session does not ask again."""
    writing = threading.Event()

    class SlowJournal(Journal):
        def append(self, record: Record) -> None:
            if record["kind"] == "answer":
                writing.set()
                time.sleep(0.3)
            super().append(record)

    run = make_run(tmp_path, Quiz(count=1, judge=lambda *_: Score(value=1.0)))
    client = FakeClient(lambda _: said(LONG_ANSWER, usage=None))
    session = asyncio.create_task(run.session(client, journal=SlowJournal))
    await asyncio.to_thread(writing.wait)
    session.cancel()
    with pytest.raises(asyncio.CancelledError):
        await session
    assert len(run.lines("answer")) == 1
    assert (run.lines("withdrawn"), run.lines("score")) == ([], [])
    again = FakeClient()
    await run.session(again)
    assert again.bodies == []
    assert len(run.lines("score")) == 1
