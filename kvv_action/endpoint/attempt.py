"""One HTTP try: sends a request and reads the answer."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Mapping, Sequence

import httpx

from kvv_action.anomalies import Anomaly
from kvv_action.aside import in_turn
from kvv_action.endpoint.body import TURN, Body, PostedBody, TextBody, unpacked
from kvv_action.endpoint.deadlines import Deadlines
from kvv_action.endpoint.failures import TRANSPORT_ERRORS, status_failure, transport_failure
from kvv_action.endpoint.lag import LagMeter
from kvv_action.endpoint.memory import PART, MemoryBudget, Share
from kvv_action.endpoint.options import ClientOptions
from kvv_action.endpoint.reassembly import Reassembly
from kvv_action.endpoint.requests import HEADERS
from kvv_action.endpoint.transport import proxy_in_use
from kvv_action.errors import EndpointError
from kvv_action.schema import Completion

_ERROR_BODY = 65536
_ERROR_SECONDS = 1.0
"""Seconds for the body of a refusal after its status; what has come by then is what the endpoint said."""
PAUSE, FEWEST_BLOCKS = 0.25, 2
"""Seconds between reads, and reads after such a pause that fill a block exactly, by which a buffer is known.

Two suffice, those in the middle of a short stream: the first block holds the response's head, the last is not full.
"""
BLOCKS = frozenset({4096, 8192})
"""Sizes of a buffer's blocks; the transport itself hands over 16 kB at a time where more has come."""
_USAGE_HEADERS: Mapping[str, tuple[str, ...]] = {
    "x-msh-usage-prompt-tokens": ("prompt_tokens",),
    "x-msh-usage-cached-tokens": ("prompt_tokens_details", "cached_tokens"),
}
"""Headers that repeat a number of usage, and where that stands."""
LATE_SHARE = 0.1
"""If this process was late for a larger share of an answer's time, the times of the answer tell nothing."""
_REQUEST_IDS = ("x-request-id", "request-id", "cf-ray")


class HttpTry:
    """One HTTP try; its attributes stay readable after a failure.

    Attributes:
        status: HTTP status; None before a response.
        headers: of the response, with lower-case names.
        received: bytes of the response's body.
        duration: seconds until the end or the failure.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        stream: bool,
        body: type[Body] | type[TextBody] = Body,
        memory: MemoryBudget | None = None,
        lag: LagMeter | None = None,
    ) -> None:
        self._options = options
        self._lag = lag or LagMeter()
        self._late_before = self._lag.late
        self._memory = memory or MemoryBudget(options.max_memory)
        self._stream = stream
        self._new_body = body
        self.status: int | None = None
        self.headers: Mapping[str, str] = {}
        self.received = 0
        self.duration = 0.0
        self._body: Body | TextBody | None = None
        self._first: float | None = None
        self._paused = self._blocks = 0

    @property
    def request_id(self) -> str:
        """The endpoint's id of this request."""
        return next((self.headers[name] for name in _REQUEST_IDS if name in self.headers), "")

    @property
    def characters(self) -> int:
        """Characters of text received; those of a document count only when it is complete."""
        return self._body.assembly.characters if self._body is not None else 0

    async def run(self, transport: httpx.AsyncBaseTransport, request: httpx.Request) -> Completion:
        """Send `request` and read the answer, without cookies, redirects or other additions of a client.

        Raises:
            EndpointError: no usable answer; message and body are not yet redacted.
        """
        deadlines = Deadlines(self._options, stream=self._stream)
        try:
            with self._memory.share(deadlines.end) as share:
                async with deadlines:
                    response = await transport.handle_async_request(request)
                    try:
                        await self._receive(response, deadlines, share)
                    finally:
                        with contextlib.suppress(*TRANSPORT_ERRORS):
                            await _body(response).aclose()
                return await self._completed(deadlines)
        except TRANSPORT_ERRORS as error:
            raise transport_failure(error, proxy=proxy_in_use(self._options.base_url)[0]) from None
        finally:
            self.duration = deadlines.elapsed()

    async def _receive(self, response: httpx.Response, deadlines: Deadlines, share: Share) -> None:
        self.status = response.status_code
        received = response.extensions[HEADERS]
        self.headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in received}
        if not 200 <= self.status < 300:
            raise await self._refusal(response)
        encoding = self.headers.get("content-encoding", "")
        self._body = self._new_body(
            limit=self._options.max_response_bytes,
            encoding=encoding,
            clean=self._options.redactor.text,
            hold=_on_this_loop(share.hold),
            most=self._options.max_memory // PART,
        )
        try:
            await self._read(response, self._body, deadlines)
        finally:
            self.received = self._body.size

    async def _read(self, response: httpx.Response, body: Body | TextBody, deadlines: Deadlines) -> None:
        """Read to the end; after `[DONE]` a broken connection is only an anomaly."""
        assembly, before = body.assembly, deadlines.elapsed()
        try:
            async for data in _body(response):
                before = self._note_block(len(data), before, deadlines.elapsed())
                for portion in body.portions(data):
                    long = body.takes_long(portion)
                    if await in_turn(True, body.take, portion) if long else body.take(portion):
                        self._note_time(body, deadlines)
                    if len(portion) >= TURN:
                        await asyncio.sleep(0)  # more has come than one task may read while others wait
        except TRANSPORT_ERRORS:
            if not assembly.ended:
                if isinstance(body, Body):
                    body.read_aside()
                raise
            assembly.note(Anomaly.UNCLEAN_END)

    def _note_time(self, body: Body | TextBody, deadlines: Deadlines) -> None:
        """Tell the deadlines that something was said."""
        deadlines.last = deadlines.now()
        if self._first is None and (body.assembly.began or not body.streamed):
            self._first = deadlines.elapsed()
            deadlines.first_token()
        if body.assembly.ended:
            deadlines.done()

    def _note_block(self, size: int, before: float, now: float) -> float:
        """Count reads that came after a pause, and those of them that fill a buffer's block; returns the time."""
        if now - before > PAUSE:
            self._paused += 1
            self._blocks += size in BLOCKS
        return now

    async def _completed(self, deadlines: Deadlines) -> Completion:
        """The whole answer; its time ends before it is put together."""
        assert self._body is not None
        held_open = deadlines.expired is not None
        total = (deadlines.last - deadlines.started) if held_open else deadlines.elapsed()
        return await in_turn(self._body.long, self._completion, self._body, total, held_open)

    def _completion(self, body: Body | TextBody, total: float, held_open: bool) -> Completion:
        body.close()
        streamed = bool(body.streamed)
        if held_open:
            body.assembly.note(Anomaly.HELD_OPEN)
        late = self._lag.late - self._late_before > LATE_SHARE * total
        self._note_surprises(body, streamed=streamed, late=late)
        return body.assembly.completion(
            self._options.redactor.text,
            streamed=streamed,
            raw_bytes=body.size,
            raw_sha256=body.sha256,
            first_token=self._first if self._first is not None and streamed else total,
            total=total,
        )

    def _note_surprises(self, body: Body | TextBody, *, streamed: bool, late: bool) -> None:
        if isinstance(body, PostedBody):
            return  # whatever came, the benchmark looks at it itself
        if streamed and late:
            body.assembly.note(Anomaly.CLIENT_LATE)
        elif streamed and self._blocks >= FEWEST_BLOCKS and 2 * self._blocks > self._paused:
            body.assembly.note(Anomaly.READS_BUFFERED)
        if streamed != self._stream:
            body.assembly.note(Anomaly.STREAM_UNASKED if streamed else Anomaly.STREAM_IGNORED)
        if any(self._differs(name, body.assembly, keys) for name, keys in _USAGE_HEADERS.items()):
            body.assembly.note(Anomaly.USAGE_HEADERS_DIFFER)
        expected = "event-stream" if streamed else "json"
        if expected not in self.headers.get("content-type", ""):
            body.assembly.note(Anomaly.CONTENT_TYPE)

    def _differs(self, header: str, assembly: Reassembly, keys: Sequence[str]) -> bool:
        """Whether a header is there that says another number than usage."""
        told = self.headers.get(header)
        counted = None if told is None else assembly.counted(*keys)
        return told is not None and counted is not None and told.strip() != str(counted)

    async def _refusal(self, response: httpx.Response) -> EndpointError:
        """The failure for a status other than 2xx, with the readable part of the body."""
        status, url = response.status_code, str(response.request.url)
        said = bytearray()
        with contextlib.suppress(*TRANSPORT_ERRORS, TimeoutError):
            async with asyncio.timeout(_ERROR_SECONDS):
                async for data in _body(response):
                    said += data
                    if len(said) >= _ERROR_BODY:
                        break
        self.received = len(said)
        body = unpacked(bytes(said), self.headers.get("content-encoding", ""), limit=_ERROR_BODY)
        return status_failure(status, body, url=url, location=self.headers.get("location", ""))


def _on_this_loop(hold: Callable[[int], None]) -> Callable[[int], None]:
    """`hold` for any thread: it may end other answers, which only the event loop's own thread can."""
    loop, home = asyncio.get_running_loop(), threading.get_ident()

    async def there(held: int) -> None:
        hold(held)

    def told(held: int) -> None:
        if threading.get_ident() == home:
            hold(held)
        else:
            asyncio.run_coroutine_threadsafe(there(held), loop).result()

    return told


def _body(response: httpx.Response) -> httpx.AsyncByteStream:
    """The undecoded body."""
    assert isinstance(response.stream, httpx.AsyncByteStream)
    return response.stream
