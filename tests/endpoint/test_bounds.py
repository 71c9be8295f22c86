"""What an endpoint can send is bounded before it is parsed; the memory of all answers is bounded together."""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from unittest.mock import Mock

import orjson
import pytest

from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.endpoint.body import Body
from kvv_action.endpoint.connection import BoundedHandler, TooMuchAround
from kvv_action.endpoint.memory import MIB, MemoryBudget
from kvv_action.endpoint.shapes import LONGEST_WORD
from kvv_action.errors import EndpointError
from kvv_action.redact import Redactor
from kvv_action.schema import Completion, FailureKind
from tests.endpoint import hostile

KEY = "sk-Secret-0123456789"
AT_ONCE = 50


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The hostile endpoints, in a process of their own."""
    with subprocess.Popen([sys.executable, hostile.__file__], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())
        process.kill()


async def asked(port: int, attack: str, count: int = 1, **options: object) -> tuple[list[object], MemoryBudget]:
    """What requests to an attack end with, and their budget."""
    patience = {"first_token_timeout": 0.5, "silence_timeout": 0.5, "total_timeout": 1.0, "retry_attempts": 1}
    given = {"base_url": f"http://127.0.0.1:{port}/{attack}/v1", "redactor": Redactor([KEY]), **patience, **options}
    async with EndpointClient(ClientOptions(**given, extra_headers={"X-Hostile": "1"})) as client:
        asking = (client.complete(b'{"model":"m"}', stream=True) for _ in range(count))
        return await asyncio.gather(*asking, return_exceptions=True), client.memory


@pytest.mark.parametrize(
    ("attack", "kind", "words"),
    [
        ("interim-100", "too-large", "more than 16 interim responses"),
        ("interim-bare", "too-large", "more than 16 interim responses"),
        ("interim-17", "too-large", "more than 16 interim responses"),
        ("interim-wide", "too-large", "head of the answer is larger than 131072 bytes"),
        ("header-wide", "too-large", "head of the answer is larger than 131072 bytes"),
        ("header-many", "bad-response", "Too many headers"),
        ("header-drip", "timeout-first-token", "no text came"),
        ("chunk-small", "too-large", "smaller than what is sent around them"),
        ("chunk-extension", "too-large", "smaller than what is sent around them"),
        ("responses-after", "bad-response", "no choices"),
        ("no-choices", "timeout-first-token", "no text came"),
        ("text-flood", "timeout-total", "not complete within"),
        ("error-body", "rejected", "HTTP 400"),
    ],
)
async def test_a_flood_ends_in_time_and_in_words(port: int, attack: str, kind: str, words: str) -> None:
    """Also where several come at once."""
    began = time.monotonic()
    ends, _ = await asked(port, attack, 4)
    assert time.monotonic() - began < 3.0
    assert {end.kind for end in ends} == {kind}
    assert all(re.search(words, end.message) and len(end.message) <= 1024 for end in ends)


async def test_sixteen_interim_responses_are_taken(port: int) -> None:
    """As many as anybody has reason to send."""
    ends, _ = await asked(port, "interim-16")
    assert ends[0].content == r"The answer is \boxed{3}."


async def test_a_cancelled_request_is_gone_at_once_under_a_flood(port: int) -> None:
    """Ctrl-C cancels the tasks."""
    task = asyncio.create_task(asked(port, "comment-flood", 8, first_token_timeout=60, total_timeout=60))
    await asyncio.sleep(0.3)
    began = time.monotonic()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert time.monotonic() - began < 1.0


async def test_the_largest_answer_ends_when_memory_is_used_up(port: int) -> None:
    """The failure names the setting, and all others go on."""
    ends, memory = await asked(port, "text-wide", 4, max_memory=8 * MIB, total_timeout=20)
    assert {end.kind for end in ends} == {"too-large"}
    assert all("response too large" in end.message and "max-memory" in end.message for end in ends)
    assert memory.most <= 8 * MIB


def test_the_largest_is_ended_though_a_small_one_asks() -> None:
    """A small answer does not end because another one is large."""
    budget, ended = MemoryBudget(1000), list[EndpointError]()
    with budget.share(ended.append) as large, budget.share(ended.append) as small:
        large.hold(800)
        small.hold(300)
        assert [error.kind for error in ended] == [FailureKind.TOO_LARGE]
        small.hold(900)
        with pytest.raises(EndpointError, match="max-memory"):
            small.hold(1001)


def test_what_ended_holds_nothing() -> None:
    """Room comes back."""
    budget = MemoryBudget(1000)
    for _ in range(3):
        with budget.share(pytest.fail) as share:
            share.hold(900)


ENGLISH, CHINESE, MIXED = " word", "月之", " é😀"


def streamed(wire, **delta: object) -> Iterator[bytes]:
    """100 000 tokens as a server sends them, in reads of some events."""
    whole = wire.events(*[{**wire.chunk(**delta), "created": 1, "object": "chat.completion.chunk"}] * 100)
    for _ in range(1000):
        yield whole
    yield wire.events(wire.chunk("stop"), "[DONE]")


@pytest.mark.parametrize(
    "delta",
    [
        {"content": ENGLISH},
        {"reasoning_content": MIXED},
        {"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": '{"a"'}}]},
    ],
    ids=["english", "mixed", "arguments"],
)
def test_fifty_honest_answers_of_100k_tokens_never_use_up_the_memory(wire, delta: dict[str, object]) -> None:
    """What one holds at most, fifty times: it is the same for each."""
    budget = MemoryBudget(256 * MIB)
    with budget.share(pytest.fail) as share:
        body = Body(limit=64 * MIB, hold=share.hold)
        for data in streamed(wire, **delta):
            body.feed(data)
        body.close()
    assert body.assembly.characters >= 300_000
    assert AT_ONCE * budget.most < 256 * MIB


def test_fifty_honest_documents_of_100k_tokens_never_use_up_the_memory(wire) -> None:
    """All have come, and one is read."""
    document = wire.document(CHINESE * 100_000)
    budget = MemoryBudget(256 * MIB)
    with budget.share(pytest.fail) as share:
        body = Body(limit=64 * MIB, hold=share.hold)
        body.feed(document)
        held = share.held or body.held
        body.close()
    assert (AT_ONCE - 1) * held + budget.most < 256 * MIB


def read(*events: object, clean: Redactor | None = None) -> Completion:
    """The answer of events."""
    body = Body(limit=64 * MIB, clean=(clean or Redactor()).text)
    body.feed(b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events))
    body.close()
    return body.assembly.completion((clean or Redactor()).text)


def test_names_and_reasons_are_kept_at_one_kibibyte(wire) -> None:
    """Model, id, fingerprint, finish_reason; names and ids of calls."""
    long = "m" * MIB
    call = {"index": 0, "id": long, "type": long, "function": {"name": long, "arguments": "{}"}}
    answer = read(
        {**wire.chunk(tool_calls=[call]), "id": long, "model": long, "system_fingerprint": long}, wire.chunk(long)
    )
    kept = (answer.model, answer.id, answer.system_fingerprint, answer.finish_reason or "")
    called = answer.tool_calls[0]
    assert {len(word) for word in (*kept, called.id, called.name, called.type)} == {LONGEST_WORD}


def test_a_key_at_the_end_of_what_is_kept_is_masked_before_the_cut(wire) -> None:
    """Half a key is a secret, too."""
    answer = read({**wire.chunk("stop"), "model": "m" * (LONGEST_WORD - 10) + KEY}, clean=Redactor([KEY]))
    assert answer.model == "m" * (LONGEST_WORD - 10) + "***"


def test_a_usage_that_cannot_be_one_is_not_kept(wire) -> None:
    """A megabyte of numbers."""
    answer = read({**wire.chunk("stop"), "usage": {"prompt_tokens": 1, "more": list(range(100_000))}})
    assert (answer.usage, "usage-unreadable" in answer.anomalies) == (None, True)


@pytest.mark.parametrize(
    "event",
    [
        '{"choices":[{"index":%d}]}',
        '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":%d}]}}]}',
        '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":%d,"function":{"arguments":"a"}}]}}]}',
        '{"choices":[{"index":0,"delta":{"content":"%d"}}]}',
    ],
    ids=["choices", "calls", "arguments", "content"],
)
def test_what_grows_is_counted(event: str) -> None:
    """Every part of an answer that grows with the stream takes from the budget."""
    parts = (
        b"".join(b"data: " + (event % n).encode() + b"\n\n" for n in range(start, start + 1000))
        for start in range(0, 10**7, 1000)
    )
    with pytest.raises(EndpointError, match="max-memory"):
        within(2 * MIB, parts)


def within(limit: int, parts: Iterable[bytes]) -> None:
    """Read a body within a budget."""
    with MemoryBudget(limit).share(pytest.fail) as share:
        body = Body(limit=64 * MIB, hold=share.hold)
        for part in parts:
            body.feed(part)
        body.close()


@pytest.mark.parametrize(
    "text",
    [b"[" + b"{}," * MIB + b"1]", b"[" + b"[]," * MIB + b"1]", b'"' + "😀a".encode() * MIB + b'"'],
    ids=["objects", "arrays", "wide"],
)
@pytest.mark.parametrize("head", [b'{"usage":', b'data: {"usage":'], ids=["document", "event"])
def test_what_costs_much_to_read_is_refused_before_it_is_read(head: bytes, text: bytes) -> None:
    """A few characters can become an object of 240 bytes, or make every other character four bytes long."""
    with pytest.raises(EndpointError, match="max-memory"):
        within(24 * MIB, [head + text + b"}\n\n"])


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (hostile.CHUNKED + b"1\r\n:\r\n" * 20_000, "smaller than what is sent around them"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 20, "more than 16 interim responses"),
    ],
)
async def test_the_reason_outlives_the_connection(sent: bytes, words: str) -> None:
    """Whoever reads only after the connection is gone is told why we hung up, and not that it broke."""
    handler = BoundedHandler(asyncio.get_running_loop())
    handler.connection_made(Mock(spec=asyncio.Transport, is_closing=lambda: False))
    handler.set_response_params()
    for start in range(0, len(sent), 4096):
        handler.data_received(sent[start : start + 4096])
    told = handler._answer or handler
    handler.connection_lost(None)
    error = told.exception()
    assert isinstance(error, TooMuchAround)
    assert words in str(error)
