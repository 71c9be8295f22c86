"""A scripted vendor on the loopback, and clients whose sleeps are written down instead of slept."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import orjson
import pytest

from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.redact import Redactor

KEY = "sk-Secret-0123456789"

Writer = asyncio.StreamWriter
Answer = bytes | Callable[[Writer], Awaitable[None]]


def http(status: int, body: bytes = b"", *headers: str, kind: str = "application/json") -> bytes:
    """A whole HTTP answer."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def events(*payloads: object) -> bytes:
    """A stream body; texts go out as they are, anything else as JSON."""
    texts = [p.encode() if isinstance(p, str) else orjson.dumps(p) for p in payloads]
    return b"".join(b"data: " + text + b"\n\n" for text in texts)


def chunk(finish: str | None = None, **delta: object) -> dict[str, object]:
    """A stream chunk for choice 0."""
    choice = {"index": 0, "delta": {"role": "assistant", **delta}, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice]}


def document(content: object = "hello", **message: object) -> bytes:
    """A whole answer that is no stream."""
    choice = {"index": 0, "message": {"content": content, **message}, "finish_reason": "stop"}
    return orjson.dumps({"id": "c1", "model": "m", "choices": [choice], "usage": {"prompt_tokens": 3}})


HELLO = events(chunk(content="hel"), chunk(content="lo"), chunk("stop"), "[DONE]")


def http_stream(body: bytes = HELLO, *headers: str) -> bytes:
    """A whole stream as one HTTP answer."""
    return http(200, body, *headers, kind="text/event-stream")


def hang(*parts: bytes, every: float = 0.0, close: bool = False) -> Answer:
    """Write `parts` with pauses, then hold the connection (or close it)."""

    async def write(writer: Writer) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(every)
        if not close:
            await asyncio.sleep(30)

    return write


STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
CHUNKED_HEAD = STREAM_HEAD.replace(b"Connection: close", b"Transfer-Encoding: chunked")


@dataclass
class Vendor:
    """Answers requests from a script; the last answer repeats. Keeps what it was sent."""

    script: list[Answer]
    port: int = 0
    heads: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    open: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def connection(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.open += 1
        try:
            while True:
                await self._exchange(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self.open -= 1
            self.closed.set()
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = int(head.lower().partition("content-length:")[2].split("\r\n")[0])
        body = await reader.readexactly(length)
        answer = self.script[min(len(self.heads), len(self.script) - 1)]
        self.heads.append(head)
        self.bodies.append(body)
        if isinstance(answer, bytes):
            writer.write(answer)
            return
        gone = asyncio.ensure_future(reader.read(1))
        writing = asyncio.ensure_future(answer(writer))
        await asyncio.wait({gone, writing}, return_when=asyncio.FIRST_COMPLETED)
        writing.cancel()
        gone.cancel()
        raise ConnectionResetError


@asynccontextmanager
async def vendor(*script: Answer) -> AsyncIterator[Vendor]:
    """A vendor that listens."""
    it = Vendor(list(script))
    server = await asyncio.start_server(it.connection, "127.0.0.1", 0, backlog=1024)
    it.port = server.sockets[0].getsockname()[1]
    try:
        yield it
    finally:
        server.close()


class Sleeps(list[float]):
    """Stands for asyncio.sleep."""

    async def __call__(self, seconds: float) -> None:
        self.append(seconds)
        await asyncio.sleep(0)


@dataclass
class Bench:
    """What a test of the client needs."""

    vendor: Vendor
    client: EndpointClient
    sleeps: Sleeps

    async def ask(self, *, stream: bool = True):
        return await self.client.complete(b'{"model":"m"}', stream=stream)


@pytest.fixture
def clean_environment(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
async def bench(clean_environment):
    """`await bench(answers..., options...)` gives a vendor with a client; `lag`: it may be late."""
    async with AsyncExitStack() as stack:

        async def start(
            *script: Answer, clock: Callable[[], float] = lambda: 1000.0, lag: bool = False, **options: object
        ) -> Bench:
            it = await stack.enter_async_context(vendor(*script))
            given = {"base_url": it.base_url, "api_key": KEY, "redactor": Redactor([KEY])} | options
            sleeps = Sleeps()
            client = EndpointClient(ClientOptions(**given), clock=clock, sleep=sleeps, random=random.Random(7))
            found = Bench(it, await stack.enter_async_context(client), sleeps)
            if not lag:
                client._lag.stop()
            return found

        yield start


@pytest.fixture
def wire():
    """The vocabulary of scripted answers."""
    names = [
        "KEY",
        "HELLO",
        "STREAM_HEAD",
        "CHUNKED_HEAD",
        "http",
        "http_stream",
        "events",
        "chunk",
        "document",
        "hang",
    ]
    return type("Wire", (), {name: staticmethod(g) if callable(g := globals()[name]) else g for name in names})


@pytest.fixture
def failure():
    """Run an awaitable that must fail, and hand over its exception."""

    async def caught(awaitable: Awaitable[object], kind: type[BaseException]) -> BaseException:
        with pytest.raises(kind) as info:
            await awaitable
        return info.value

    return caught
