"""Answers of 10 MB and thousands of parts beside other streams; run with `pytest -m perf -s tests/perf/test_loop.py`.

Printed of each: the longest call on the event loop, in processor time, and how late a timer of the loop was at most: a
thread that holds the interpreter's lock makes the loop wait as well, and so does whoever else uses the processor.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from entrypoint.compose import SWITCH
from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.redact import Redactor
from kvv_action.schema import Score
from tests.ask.fakes import Quiz, make_run
from tests.ask.test_loop import USAGE, arguments, call, long, pieces, serving, streamed
from tests.endpoint.conftest import KEY, chunk, document, events, http, http_stream
from tests.watchdog import watched

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

EVERY = 0.002
MB = 1_000_000


def escaped(size: int, character: str = "人") -> bytes:
    r"""A document of so many bytes whose text is written as `\uXXXX`."""
    text = b"".join(b"\\u%04x" % ord(character) for _ in range(1000)) * (size // 6000)
    return document("HERE").replace(b"HERE", text)


def nested(depth: int) -> bytes:
    """A document with lists in lists."""
    return document(content="x").replace(b'"id"', b'"deep":' + b"[" * depth + b"]" * depth + b',"id"')


def headers() -> list[str]:
    """As many and as long ones as are read."""
    return [f"X-{number}: {'a' * 1000}" for number in range(100)]


def usage(size: int) -> dict[str, object]:
    """A usage object of so many bytes."""
    return {**USAGE, "details": {f"k{number}": number for number in range(size // 16)}}


ANSWERS: dict[str, Callable[[], bytes]] = {
    "10 MB of reasoning in pieces of 100": lambda: streamed(
        *(chunk(reasoning_content=piece) for piece in pieces(long(10 * MB), 100)), chunk(content="0")
    ),
    "10 MB of reasoning in a document": lambda: http(200, document("0", reasoning_content=long(10 * MB))),
    "50 000 pieces of a tool call": lambda: streamed(
        call("", id="c", type="function"), *(call(piece) for piece in pieces(arguments(1 * MB), 20)),
        finish="tool_calls",
    ),
    "50 000 pieces of 500 calls": lambda: streamed(
        *(call("x", number % 500, id=f"c{number % 500}", type="function") for number in range(50_000)),
        finish="tool_calls",
    ),
    "10 MB of arguments in one event": lambda: streamed(
        call(arguments(10 * MB), id="c", type="function"), finish="tool_calls"
    ),
    "4 MB in one line without its end": lambda: http_stream(b"data: " + b"x" * (4 * MB)),
    "4 MB of JSON in one line without its end": lambda: http_stream(events(chunk(content=long(4 * MB))).strip()),
    "10 MB of escapes in a document": lambda: http(200, escaped(10 * MB)),
    "10 MB of lone surrogates in a document": lambda: http(200, escaped(10 * MB, "\ud83d")),
    "10 MB of escapes in one event": lambda: http_stream(
        events(chunk(content="HERE")).replace(b"HERE", b"\\u4eba\\n" * (10 * MB // 8)) + streamed_end()
    ),
    "10 MB of quotes and backslashes": lambda: http(200, document('"\\\n' * (10 * MB // 6))),
    "1 000 000 lists in lists": lambda: http(200, nested(1 * MB)),
    "900 lists in lists, 5000 times": lambda: streamed(*(orjson.loads(nested(200)) for _ in range(5000))),
    "10 MB of lists": lambda: http(200, document("0").replace(b'"id"', b'"more":[' + b"[]," * (3 * MB) + b'0],"id"')),
    "100 000 comments": lambda: http_stream(
        b": keep-alive\n\n" * 100_000 + events(chunk(content="0")) + streamed_end()
    ),
    "100 000 events of nothing": lambda: http_stream(
        b'data: {"choices":[]}\n\n' * 100_000 + events(chunk(content="0")) + streamed_end()
    ),
    "100 kB of headers": lambda: http(200, document("0"), *headers()),
    "10 MB of usage": lambda: http_stream(
        events(chunk(content="0"), {**chunk("stop"), "usage": usage(10 * MB)}, "[DONE]")
    ),
    "12 kB of usage in each of 2000 chunks": lambda: http_stream(
        events(*({**chunk(content="0"), "usage": usage(12_000)} for _ in range(2000))) + streamed_end()
    ),
    "a refusal of 64 kB of comments": lambda: http(400, b"<!---->" * 9000, kind="text/html"),
    "a refusal of 64 kB of titles": lambda: http(500, b"<html>" + b"<title" * 10_000, kind="text/html"),
    "10 MB of short lines": lambda: http(200, document("ab\n" * (10 * MB // 4))),
    "10 MB of newlines": lambda: http(200, document("\n" * (5 * MB))),
    "10 MB of other alphabets": lambda: http(200, document("人口与发展" * (10 * MB // 15))),
    "10 MB of one letter": lambda: http(200, document("a" * (10 * MB))),
}  # fmt: skip


def streamed_end() -> bytes:
    """The last events of a stream."""
    return events({**chunk("stop"), "usage": USAGE}, "[DONE]")


class Ticker:
    """How late a timer of the loop is at most."""

    def __init__(self) -> None:
        self.late = 0.0

    async def run(self) -> None:
        """Until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY
            await asyncio.sleep(EVERY)
            self.late = max(self.late, loop.time() - due)


@pytest.mark.parametrize("kind", ANSWERS)
async def test_others_go_on(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No call on the loop takes long, and no thread keeps the loop from its work."""
    sys.setswitchinterval(SWITCH)
    ticker, run = Ticker(), make_run(tmp_path, Quiz(count=1, judge=lambda *_: Score(value=1.0)))
    run.redactor = Redactor([KEY])
    with serving(ANSWERS[kind]()) as base_url:
        options = ClientOptions(base_url=base_url, api_key=KEY, redactor=run.redactor, retry_attempts=1)
        async with EndpointClient(options) as client:
            with watched(monkeypatch) as dog:
                ticking = asyncio.create_task(ticker.run())
                await run.session(client)
                ticking.cancel()
    (ended,) = [*run.lines("score"), *run.lines("failure")]
    print(
        f"\n{kind:<42} longest call {1000 * dog.worst:>4.0f} ms, others late by {1000 * ticker.late:>4.0f} ms at most, "
        f"{ended['kind']} {ended.get('message', '')[:80]}"
    )
    dog.check()
