"""A server that passes requests on, and gives each event of a stream only after a pause, as a real engine does."""

import asyncio
import contextlib
from collections.abc import Iterator

import aiohttp
from aiohttp import web

from tests.pipeline.servers import Handler, served


def _handler(url: str, pause: float, comment: int) -> Handler:
    async def relay(request: web.Request) -> web.StreamResponse:
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{url}/chat/completions", data=await request.read(), headers=_kept(request)) as got,
        ):
            answer = web.StreamResponse(status=got.status, headers={"Content-Type": got.headers["Content-Type"]})
            await answer.prepare(request)
            if "event-stream" not in got.headers["Content-Type"]:
                await answer.write_eof(await got.read())
                return answer
            async for line in got.content:
                await answer.write(line)
                if line == b"\n":
                    await answer.write(b": " + b"-" * comment + b"\n\n")
                    await asyncio.sleep(pause)
            await answer.write_eof()
            return answer

    return relay


def _kept(request: web.Request) -> dict[str, str]:
    return {name: request.headers[name] for name in ("Content-Type", "Authorization") if name in request.headers}


@contextlib.contextmanager
def paced(url: str, pause: float = 0.06, comment: int = 0) -> Iterator[str]:
    """Pass chat requests on to a server, with a comment of some bytes after each event; the base URL."""
    with served(_handler(url, pause, comment)) as slow:
        yield slow
