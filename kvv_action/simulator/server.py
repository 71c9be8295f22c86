"""The embedded vendor on a socket."""

import asyncio
import contextlib
import errno
import os
import socket
from types import TracebackType
from typing import Self

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import RawRequestMessage

from kvv_action.errors import Problem, UsageError, in_words
from kvv_action.simulator.answers import AnswerBook
from kvv_action.simulator.delivery import Closing, deliver
from kvv_action.simulator.options import VendorOptions
from kvv_action.simulator.refusal import no_such_route
from kvv_action.simulator.surfaces import PATHS, chat_of, translated
from kvv_action.simulator.vendor import Vendor
from kvv_action.simulator.wire import Reply, refused

BACKLOG = 2048
SHUTDOWN = 1.0
"""Seconds that running answers have until they must end."""
READ_BUFFER = 1024 * 1024


class EmbeddedVendor:
    """An OpenAI-compatible server in this process, for as long as the context is open.

    Attributes:
        requests: HTTP requests received, of any kind.
    """

    def __init__(
        self,
        options: VendorOptions,
        book: AnswerBook | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.options = options
        self.requests = 0
        self._vendor = Vendor(options, book or AnswerBook())
        self._host = host
        self._port = port
        self._closing = Closing()
        self._http: web.Server | None = None
        self._listener: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; the one asked for until it does."""
        return self._port

    @property
    def base_url(self) -> str:
        """What a client is given: `http://127.0.0.1:PORT/v1`."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}/v1"

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            UsageError: the address cannot be had.
        """
        loop = asyncio.get_running_loop()
        self._http = web.Server(
            self._handle,
            request_factory=_unlimited,
            handler_cancellation=True,
            access_log=None,
            read_bufsize=READ_BUFFER,
        )
        try:
            self._listener = await loop.create_server(self._http, self._host, self._port, backlog=BACKLOG)
        except OSError as error:
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else in_words(error)
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                allowed = f"Cannot listen there: {why}. Name an address of this machine, as in 127.0.0.1 or 0.0.0.0."
                raise UsageError([Problem(name="host", value=self._host, allowed=allowed)]) from error
            allowed = f"Cannot listen on {self._host}: {why}. Choose another port, or 0 for a free one."
            raise UsageError([Problem(name="port", value=str(self._port), allowed=allowed)]) from error
        self._port = self._listener.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening, end what is waiting, close every connection."""
        assert self._listener is not None
        assert self._http is not None
        self._listener.close()
        self._closing.begin()
        self._http.pre_shutdown()
        await self._http.shutdown(SHUTDOWN)
        with contextlib.suppress(TimeoutError):  # a connection that was taken meanwhile ends with the loop
            async with asyncio.timeout(SHUTDOWN):
                await self._listener.wait_closed()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        return await deliver(await self._reply(request), request, self._closing)

    async def _reply(self, request: web.BaseRequest) -> Reply:
        authorization = request.headers.get("Authorization", "")
        match request.method, request.path:
            case "POST", "/v1/chat/completions":
                return self._vendor.complete(authorization, await request.read())
            case "POST", "/v1/completions":
                return self._vendor.complete(authorization, await request.read(), raw=True)
            case "POST", path if path in PATHS and PATHS[path] in self.options.profile.surfaces:
                body = chat_of(PATHS[path], await request.read())
                return translated(PATHS[path], self._vendor.complete(authorization, body))
            case "POST", "/tokenize":
                return self._vendor.tokens(authorization, await request.read())
            case "GET", "/v1/models":
                return self._vendor.models(authorization)
            case method, path:
                return refused(no_such_route(method, path))


def _unlimited(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: "asyncio.Task[None]",
) -> web.BaseRequest:
    """A request whose body may have any size; images make requests large."""
    return web.BaseRequest(message, payload, protocol, writer, task, task.get_loop(), client_max_size=0)
