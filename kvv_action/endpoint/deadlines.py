"""The deadlines of one attempt, watched by one timer."""

import asyncio
from types import TracebackType

from kvv_action.digits import figure
from kvv_action.endpoint.options import ClientOptions
from kvv_action.errors import EndpointError
from kvv_action.schema import FailureKind

AFTER_DONE = 5.0
"""Seconds that a server may hold a stream open after `[DONE]`."""


class Deadlines:
    """Cancels the block inside it when a deadline passes, and names that deadline.

    A document has only the total deadline. A stream has two more. The first-token deadline ends with the first text
    (a server that sends only `: keep-alive` misses it). After that the silence deadline counts from the last data
    event; comments do not count.

    The reader only stores the time of the last event. The timer checks it when it fires and sets itself again, so a
    chunk needs no timer of its own.

    Attributes:
        last: time of the last data event, on the loop's clock.
        expired: the deadline that passed; None before.
    """

    def __init__(self, options: ClientOptions, *, stream: bool) -> None:
        self._options = options
        self._loop = asyncio.get_running_loop()
        self.started = self.last = self._loop.time()
        self._first = self.started + options.first_token_timeout if stream else None
        self._silence: float | None = None
        self._stream = stream
        self._over = False
        self._timeout = asyncio.timeout(None)
        self._timer: asyncio.Handle | None = None
        self._due = 0.0
        self.expired: FailureKind | None = None
        self._ended: EndpointError | None = None

    def now(self) -> float:
        """The loop's clock."""
        return self._loop.time()

    def elapsed(self) -> float:
        """Seconds since the attempt began."""
        return self._loop.time() - self.started

    def first_token(self) -> None:
        """The first text has come: the silence deadline starts."""
        if self._stream:
            self._first = None
            self._silence = self._options.silence_timeout
            self._arm()

    def end(self, error: EndpointError) -> None:
        """End the block with an error that is not a deadline's."""
        if self.expired is None and self._ended is None:
            self._ended = error
            self._timeout.reschedule(self._loop.time())

    def done(self) -> None:
        """`[DONE]` has come: the stream must end soon, but nothing is lost if it does not."""
        self._over = True
        self._first = None
        self._silence = min(AFTER_DONE, self._options.silence_timeout)
        self._arm()

    def _next(self) -> tuple[float, FailureKind]:
        dues = [(self.started + self._options.total_timeout, FailureKind.TIMEOUT_TOTAL)]
        if self._first is not None:
            dues.append((self._first, FailureKind.TIMEOUT_FIRST_TOKEN))
        if self._silence is not None:
            dues.append((self.last + self._silence, FailureKind.TIMEOUT_SILENCE))
        return min(dues)

    def _arm(self) -> None:
        """Look again when the next deadline passes; a timer that fires before that stays, and sets itself again."""
        due = self._next()[0]
        if self._timer is not None:
            if self._due <= due:
                return
            self._timer.cancel()
        self._due = due  # a handle of uvloop that is due at once does not know it
        self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._ended is not None or self.expired is not None:
            return
        due, kind = self._next()
        if due > self._loop.time():
            self._arm()
            return
        self.expired = kind
        self._timeout.reschedule(self._loop.time())

    async def __aenter__(self) -> "Deadlines":
        await self._timeout.__aenter__()
        self._arm()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        try:
            await self._timeout.__aexit__(kind, error, trace)
        except TimeoutError:
            if self._over and self._ended is None:
                return True
            raise self._failure() from None
        self.expired = None
        return False

    def _failure(self) -> EndpointError:
        """The error to raise; it is kept nowhere, so that the answer is freed together with its traceback."""
        if (ended := self._ended) is not None:
            self._ended = None
            return ended
        options, kind = self._options, self.expired or FailureKind.TIMEOUT_TOTAL
        match kind:
            case FailureKind.TIMEOUT_FIRST_TOKEN:
                message = f"no text came within {figure(options.first_token_timeout)} s"
            case FailureKind.TIMEOUT_SILENCE:
                message = f"the stream was silent for {figure(options.silence_timeout)} s"
            case _:
                message = f"the answer was not complete within {figure(options.total_timeout)} s"
        return EndpointError(kind, message)
