"""Servers of a few lines that are not what a user meant to ask: they answer any request in one way."""

import asyncio
import contextlib
import ssl
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from tests.pipeline.servers import completion, events

Asked = tuple[str, str, bytes]
"""Method, path and body."""
Answer = Callable[[Asked], bytes]
Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def http(status: int, body: bytes | str | object = b"", *headers: str, kind: str = "application/json") -> bytes:
    """A whole HTTP answer; anything but text goes out as JSON."""
    data = body if isinstance(body, bytes) else body.encode() if isinstance(body, str) else orjson.dumps(body)
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", f"Content-Length: {len(data)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + data


def page(status: int, title: str) -> bytes:
    """A web page."""
    return http(status, f"<!DOCTYPE html><html><head><title>{title}</title></head></html>", kind="text/html")


def refusal(status: int, message: str, **fields: object) -> bytes:
    """An error as OpenAI's API words it."""
    return http(status, {"error": {"message": message, **fields}})


def models(*names: str) -> bytes:
    """A list of models."""
    return http(200, {"object": "list", "data": [{"id": name, "object": "model"} for name in names]})


def answered(asked: Asked) -> bytes:
    """A right answer, as a stream where one is asked for."""
    if orjson.loads(asked[2]).get("stream"):
        return http(200, events("Hello there"), kind="text/event-stream")
    return http(200, completion("Hello there"))


def routes(listing: bytes, chat: bytes | Answer, base: str = "/v1", otherwise: bytes = http(404, "")) -> Answer:
    """A server with the two routes that matter."""

    def answer(asked: Asked) -> bytes:
        method, path, _ = asked
        if (method, path) == ("GET", f"{base}/models"):
            return listing
        if (method, path) == ("POST", f"{base}/chat/completions"):
            return chat if isinstance(chat, bytes) else chat(asked)
        return otherwise

    return answer


@dataclass
class OddServer:
    """One that runs; `asked` is what it was asked, in order, and `heads` with which lines, in small letters."""

    port: int = 0
    asked: list[Asked] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)

    @property
    def chats(self) -> int:
        """Posted requests."""
        return sum(method == "POST" for method, _, _ in self.asked)


def speaking(answer: Answer, server: OddServer) -> Connection:
    """Read requests and answer them, one a connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        length = head.lower().partition("content-length:")[2].split("\r\n")[0].strip()
        body = await reader.readexactly(int(length or 0))
        method, path, _ = head.split(" ", 2)
        server.heads.append(head.lower().encode())
        server.asked.append((method, path, body))
        writer.write(answer((method, path, body)).replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
        await writer.drain()

    return talk


def saying(data: bytes, server: OddServer, *, first: bool = False) -> Connection:
    """Answer with bytes, whatever they are."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not first:
            await reader.read(64)
        writer.write(data)
        await writer.drain()

    return talk


async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read everything, say nothing."""
    while await reader.read(65536):
        pass


@contextlib.contextmanager
def listening(
    connection: Callable[[OddServer], Connection], *, tls: ssl.SSLContext | None = None
) -> Iterator[OddServer]:
    """Serve connections on a thread."""
    server, loop, ready = OddServer(), asyncio.new_event_loop(), threading.Event()

    async def serve() -> None:
        talk = connection(server)

        async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                await talk(reader, writer)
            with contextlib.suppress(OSError):
                writer.close()

        listener = await asyncio.start_server(guarded, "127.0.0.1", 0, ssl=tls)
        server.port = listener.sockets[0].getsockname()[1]
        ready.set()

    def run() -> None:
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda *_: None)  # broken handshakes are the point of it
        loop.run_until_complete(serve())
        loop.run_forever()
        tasks = asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert ready.wait(10)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


def served_by(answer: Answer, *, tls: ssl.SSLContext | None = None) -> contextlib.AbstractContextManager[OddServer]:
    """Serve HTTP by a function."""
    return listening(lambda server: speaking(answer, server), tls=tls)


@dataclass(frozen=True)
class Certificate:
    """A certificate of its own authority."""

    file: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """For a server."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.file, self.key)
        return context


def certificate(folder: Path, host: str = "127.0.0.1") -> Certificate:
    """Made by `openssl`."""
    made = Certificate(file=folder / "certificate.pem", key=folder / "key.pem")
    name = f"IP:{host}" if host[0].isdigit() else f"DNS:{host}"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
               "-days", "2", "-subj", "/CN=test", "-addext", f"subjectAltName={name}",
               "-keyout", str(made.key), "-out", str(made.file)]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return made
