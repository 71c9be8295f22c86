"""Sends a reply over HTTP: its pace, its parts and its ending."""

import asyncio
from collections.abc import Iterator

from aiohttp import web

from kvv_action.simulator.wire import Ending, Reply

WRITE = 64 * 1024
"""Bytes in one write; small events are sent together."""
HANG = 3600.0


class Closing:
    """Tells waiting replies that the vendor shuts down."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def begin(self) -> None:
        """End every wait now."""
        self._event.set()

    async def wait(self, seconds: float) -> bool:
        """Wait; True when the vendor shuts down meanwhile."""
        try:
            await asyncio.wait_for(self._event.wait(), seconds)
        except TimeoutError:
            return False
        return True

    def __bool__(self) -> bool:
        return self._event.is_set()


async def deliver(reply: Reply, request: web.BaseRequest, closing: Closing) -> web.StreamResponse:
    """Send `reply` as the answer to `request`; ends early when the client leaves or the vendor closes."""
    response = _response(reply)
    try:
        whole = await _sent(reply, request, response, closing)
    except ConnectionError:
        whole = False
    if not whole and request.transport is not None:
        request.transport.close()
    return response


def _response(reply: Reply) -> web.StreamResponse:
    """A response with a length when it is a whole document, else one that is written bit by bit."""
    headers = {**reply.headers, "Content-Type": reply.content_type}
    if reply.ending is not Ending.ABORTED and reply.flood is None and not reply.streamed:
        return web.Response(status=reply.status, headers=headers, body=b"".join(reply.parts))
    response = web.StreamResponse(status=reply.status, headers=headers)
    if reply.ending is Ending.ABORTED and not reply.streamed:
        response.content_length = sum(map(len, reply.parts)) + 1
    return response


async def _sent(reply: Reply, request: web.BaseRequest, response: web.StreamResponse, closing: Closing) -> bool:
    """Write the response; False when the connection must be closed under it."""
    if reply.ending is Ending.NEVER:
        await closing.wait(HANG)
        return False
    at_once = isinstance(response, web.Response)
    if not at_once:
        await response.prepare(request)
    delay = reply.delay if reply.streamed else reply.delay + reply.writing
    if delay and await closing.wait(delay):
        return False
    if at_once:
        return True
    for block in _blocks(reply):
        if closing or (isinstance(block, float) and await closing.wait(block)):
            return False
        if isinstance(block, bytes):
            await response.write(block)
    if reply.ending is Ending.ABORTED:
        return False
    await response.write_eof()
    return True


def _blocks(reply: Reply) -> Iterator[bytes | float]:
    """The body in writes, the flood in its place, and seconds where a stream waits."""
    flood = reply.flood
    if flood is None and reply.streamed and reply.parts and reply.writing:
        step = reply.writing / len(reply.parts)
        for part in reply.parts:
            yield step
            yield part
    elif flood is None:
        middle = len(reply.parts) // 2 if reply.streamed and reply.delay and reply.pause else 0
        yield from _joined(reply.parts[:middle])
        if middle:
            yield reply.delay * reply.pause
        yield from _joined(reply.parts[middle:])
    else:
        yield from _joined(reply.parts[: flood.before])
        yield from (flood.block for _ in range(flood.times))
        yield from _joined(reply.parts[flood.before :])


def _joined(parts: tuple[bytes, ...]) -> Iterator[bytes]:
    body = b"".join(parts)
    for start in range(0, len(body), WRITE):
        yield body[start : start + WRITE]
