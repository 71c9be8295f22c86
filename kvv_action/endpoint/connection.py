"""Bounds what a server sends before, beside and after an answer, and counts it before aiohttp takes it apart.

aiohttp bounds a line and the number of fields of one head. It reads interim responses for ever, and parses all that
one read from the socket holds before anybody can say no.
"""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from functools import partial
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

MOST_INTERIM = 16
"""Interim responses (1xx) before an answer."""
MOST_FIELDS = 128
"""Fields of one head."""
LARGEST_HEAD = 128 * 1024
"""Bytes of all heads of one answer, interim ones included."""
LONGEST_LINE = 64 * 1024
"""Bytes of one header: a page's security policy can be longer than aiohttp's 8 kB."""
FRAMING = 3
"""Bytes that may be received for one of the body: sizes of chunks, and what may stand beside them, are no content."""
HEAD_PIECE, PIECE = 2048, 16 * 1024
"""Bytes that are parsed at a time while the head is expected, and later."""

kept: ContextVar[bool] = ContextVar("kept", default=False)
"""Whether the last request of this task went over a connection that was kept from an earlier one."""

_Message = tuple[RawResponseMessage, StreamReader]


class TooMuchAround(aiohttp.ClientError):
    """What came around an answer is more than any server needs to say."""


class BoundedHandler(ResponseHandler):
    """Takes the bytes of one connection in small pieces, and hangs up on a server that exceeds a bound."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self._used = False
        self._begin()

    def _begin(self) -> None:
        self._received = self._interim = 0
        self._answer: StreamReader | None = None
        self._refusal: Callable[[], None] | None = None
        self._ahead = b""

    def set_response_params(self, **given: Any) -> None:
        """A request is about to be sent over this connection, in the task that asks."""
        kept.set(self._used)
        self._used = True
        self._begin()
        super().set_response_params(**given)

    def data_received(self, data: bytes) -> None:
        """Parse what came, piece by piece; nothing after the end of the answer is parsed."""
        if not data:
            super().data_received(data)  # goes on where the parser was paused
        data, self._ahead = self._ahead + data if self._ahead else data, b""
        while data and self.is_connected():
            if self._answer is not None and self._answer.is_eof():
                self._hang_up()
                return
            if self._reading_paused:
                self._ahead = data
                return
            size = HEAD_PIECE if self._answer is None else PIECE
            piece, data = (data, b"") if len(data) <= size else (data[:size], data[size:])
            is_head = self._answer is None
            super().data_received(piece)
            self._received += len(piece)
            self._check(is_head=is_head)

    def feed_data(self, data: _Message, size: int = 0) -> None:
        """Hand over the head of the answer; interim ones are only counted."""
        message, payload = data
        if 100 <= message.code < 200 and message.code != 101:
            self._interim += 1
        elif self._answer is None and self._interim <= MOST_INTERIM:
            self._answer = payload
            super().feed_data(data, size)

    def _check(self, *, is_head: bool) -> None:
        """Hang up when the head of the answer, or what frames its body, is too much."""
        if self._answer is None:
            if self._interim > MOST_INTERIM:
                self._refuse(self, f"more than {MOST_INTERIM} interim responses (1xx) came before the answer")
            elif self._received > LARGEST_HEAD:
                self._refuse(self, f"the head of the answer is larger than {LARGEST_HEAD} bytes")
        elif is_head:
            self._received = 0
        elif self._received > PIECE + FRAMING * self._answer.total_bytes:
            self._refuse(self._answer, "the body comes in pieces that are smaller than what is sent around them")

    def _refuse(self, told: "BoundedHandler | StreamReader", reason: str) -> None:
        self._refusal = partial(told.set_exception, TooMuchAround(reason))
        self._refusal()
        self._hang_up()

    def connection_lost(self, exc: BaseException | None) -> None:
        """The end of the connection is no other reason for those who have not yet been told why we hung up."""
        super().connection_lost(exc)
        if self._refusal is not None:
            self._refusal()

    def _hang_up(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class BoundedConnector(aiohttp.TCPConnector):
    """Opens connections with a `BoundedHandler`; aiohttp has no public place for one."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self._factory = cast("partial[ResponseHandler]", partial(BoundedHandler, loop=self._loop))
