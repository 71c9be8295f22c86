"""`EndpointClient`: sends requests to one endpoint and returns whole answers or explained failures."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Self

import httpx

from kvv_action.endpoint.attempt import HttpTry
from kvv_action.endpoint.body import Body, PostedBody, TextBody
from kvv_action.endpoint.breaker import Breaker
from kvv_action.endpoint.decoding import mended
from kvv_action.endpoint.lag import LagMeter
from kvv_action.endpoint.limiter import Limiter, Slot
from kvv_action.endpoint.memory import MemoryBudget
from kvv_action.endpoint.options import ClientOptions
from kvv_action.endpoint.requests import Headers, chat_request, fetch_request, url_below
from kvv_action.endpoint.retry import asked_wait, decide
from kvv_action.endpoint.transport import EndpointTransport
from kvv_action.errors import EndpointError
from kvv_action.schema import CHAT, COMPLETIONS, Attempt, Completion, FailureKind, all_crashed

MESSAGE_LIMIT = 500
BODY_LIMIT = 2048
REQUEST_ID_LIMIT = 200


@dataclass(slots=True)
class Counters:
    """Counts of a client's work; `failed_tries` counts failed HTTP tries by cause, also those before a success."""

    requests: int = 0
    tries: int = 0
    completions: int = 0
    lost: int = 0
    bytes_received: int = 0
    seconds_waited: float = 0.0
    failed_tries: Counter[FailureKind] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tried:
    """The result of one try: one of `completion` and `failure`; `asked` is the pause that the endpoint wants."""

    attempt: Attempt
    completion: Completion | None = None
    failure: EndpointError | None = None
    asked: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """One request: how it and a try are made; `tries` and `may_crash` as in `benchmark.Client`."""

    request: Callable[[], httpx.Request]
    attempt: Callable[[], HttpTry]
    tries: int = 0
    may_crash: bool = False


class EndpointClient:
    """Sends chat-completions bodies to one endpoint; use it as an async context manager.

    Attributes:
        counters: for reports.
        limiter: its `state` is for progress.
        memory: what its answers in flight hold; clients of one run may share it.
    """

    def __init__(
        self,
        options: ClientOptions,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        random: random.Random = random.Random(),  # noqa: B008, S311 - shared on purpose; jitter is no secret
        memory: MemoryBudget | None = None,
    ) -> None:
        self._options = options
        self._clock = clock
        self._sleep = sleep
        self._random = random
        self._urls = {path: url_below(options.base_url, path) for path in (CHAT, COMPLETIONS)}
        self._headers = _headers(options)
        self._breaker = Breaker(options.stop_after_failures, options.prefix)
        self._transport: EndpointTransport | None = None
        self.limiter = Limiter(options.max_connections)
        self.memory = memory or MemoryBudget(options.max_memory)
        self.counters = Counters()
        self._lag = LagMeter()

    async def __aenter__(self) -> Self:
        self._transport = EndpointTransport(self._options)
        self._lag.start()
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._lag.stop()
        if self._transport is not None:
            await self._transport.aclose()
            self._transport = None

    async def complete(
        self, content: bytes, *, stream: bool, path: str = CHAT, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """Post one body and return the whole answer; see `benchmark.Client`.

        Raises:
            EndpointError: no usable answer after the retries (`Rejected`: the endpoint refuses the request).
            RunStopped: the endpoint refuses the key or is down; later calls raise it at once.
        """
        request = partial(chat_request, self._urls[path], self._headers, content)
        attempt = partial(self._new_try, stream=stream)
        return await self._asked(_Asking(request=request, attempt=attempt, tries=tries, may_crash=may_crash))

    async def fetch(
        self, path: str, content: bytes | None = None, *, tries: int = 0, may_crash: bool = False
    ) -> Completion:
        """Get another resource below the base URL, or post `content` there; see `benchmark.Client`.

        Raises:
            EndpointError, RunStopped: as in `complete`.
        """
        url, body = url_below(self._options.base_url, path), TextBody
        request = partial(fetch_request, url, self._headers)
        if content is not None:
            request, body = partial(chat_request, url, self._headers, content), PostedBody
        attempt = partial(self._new_try, stream=False, body=body)
        return await self._asked(_Asking(request=request, attempt=attempt, tries=tries, may_crash=may_crash))

    def _new_try(self, *, stream: bool, body: type[Body] | type[TextBody] = Body) -> HttpTry:
        return HttpTry(self._options, stream=stream, body=body, memory=self.memory, lag=self._lag)

    async def _asked(self, one: _Asking) -> Completion:
        """Try until there is an answer, or no retry is left or useful."""
        self.counters.requests += 1
        attempts: list[Attempt] = []
        while True:
            tried = await self._limited(one.request(), one.attempt(), len(attempts) + 1)
            if tried.completion is not None:
                self._breaker.succeeded()
                self.counters.completions += 1
                return replace(tried.completion, attempts=(*attempts, tried.attempt))
            assert tried.failure is not None
            wait = self._next_wait(one, tried, attempts)
            attempts.append(replace(tried.attempt, waited=wait))
            self.counters.seconds_waited += wait
            await self._sleep(wait)

    async def _limited(self, request: httpx.Request, one: HttpTry, number: int) -> _Tried:
        """One try with a slot of the limiter."""
        async with self.limiter as slot:
            self._breaker.check()
            tried = await self._try(request, one, number)
            self._pace(slot, tried)
        return tried

    def _pace(self, slot: Slot, tried: _Tried) -> None:
        if tried.completion is not None:
            self.limiter.succeeded(slot)
        elif tried.attempt.failure is FailureKind.RATE_LIMITED:
            self.limiter.throttled(slot)

    async def _try(self, request: httpx.Request, one: HttpTry, number: int) -> _Tried:
        if self._transport is None:
            raise RuntimeError("use EndpointClient inside `async with`")
        started = self._clock()
        self.counters.tries += 1
        try:
            completion = await one.run(self._transport, request)
        except EndpointError as error:
            failure = self._redacted(error)
            self.counters.failed_tries[failure.kind] += 1
            return _Tried(
                attempt=self._attempt(one, number, started, failure),
                failure=failure,
                asked=asked_wait(one.headers, self._clock()),
            )
        finally:
            self.counters.bytes_received += one.received
        return _Tried(attempt=self._attempt(one, number, started), completion=completion)

    def _attempt(self, one: HttpTry, number: int, started: float, failure: EndpointError | None = None) -> Attempt:
        return Attempt(
            number=number,
            started=started,
            duration=one.duration,
            status=one.status,
            failure=failure.kind if failure else None,
            message=failure.message[:MESSAGE_LIMIT] if failure else "",
            request_id=self._options.redactor.text(one.request_id)[:REQUEST_ID_LIMIT],
            characters=one.characters if failure else 0,
        )

    def _redacted(self, error: EndpointError) -> EndpointError:
        """The failure without secrets; it is redacted before it is cut, because half a key is a secret too."""
        clean = self._options.redactor.text
        message, body = clean(mended(error.message))[:MESSAGE_LIMIT], clean(error.body)[:BODY_LIMIT]
        return type(error)(error.kind, message, status=error.status, body=body)

    def _next_wait(self, one: _Asking, tried: _Tried, before: list[Attempt]) -> float:
        """Seconds until the next try.

        Raises:
            EndpointError: the request is given up.
            RunStopped: further requests are useless.
        """
        failure = tried.failure
        assert failure is not None
        attempts = (*before, tried.attempt)
        decision = decide(
            failure.kind,
            replace(self._options, retry_attempts=one.tries) if one.tries and all_crashed(attempts) else self._options,
            self._random,
            tries=len(attempts),
            spent=_spent_on_retries(attempts),
            asked=tried.asked,
        )
        if decision.wait is not None:
            return decision.wait
        self.counters.lost += 1
        message = f"{failure.message} ({decision.reason})" if decision.reason else failure.message
        final = type(failure)(failure.kind, message, attempts=attempts, status=tried.attempt.status, body=failure.body)
        self._breaker.failed(final, crash=one.may_crash and all_crashed(attempts))
        raise final


def _spent_on_retries(attempts: tuple[Attempt, ...]) -> float:
    """Seconds of all pauses and tries but the first try, which may take as long as the total deadline."""
    return sum(attempt.waited for attempt in attempts) + sum(attempt.duration for attempt in attempts[1:])


def _headers(options: ClientOptions) -> Headers:
    headers = Headers(
        {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Accept-Encoding": "identity",
            "User-Agent": options.user_agent,
        }
    )
    if options.api_key:
        headers["Authorization"] = f"Bearer {options.api_key}"
    headers.update(options.extra_headers)
    return headers
