"""First contact with an endpoint: the list of its models and one plain request, before anything is verified.

A mistake of the user ends there. The list of models alone never condemns: it explains a plain request that was
refused, and is a warning when the request works.
"""

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field
from urllib.parse import urlsplit

import orjson

from kvv_action.ask.budget import believed, reckoned
from kvv_action.ask.mistakes import (
    WORDS,
    Approach,
    RefusedRequest,
    is_about_key,
    listed,
    mistake_of,
    own_words,
    secure,
    similar,
)
from kvv_action.benchmark import Client
from kvv_action.digits import figure
from kvv_action.errors import EndpointError, Misdirected, RunStopped, UsageError
from kvv_action.plan.tokens import of_body
from kvv_action.report.text import one_line
from kvv_action.schema import Completion, FailureKind, Json

MODELS = "models"
ASKED = "Say hello."
LENGTH = 16
"""Tokens that the plain request asks for at most."""
KEPT_NAMES, KEPT_WARNINGS = 20, 5
SUFFICES = 0.5
"""Share of the connect timeout that the list of models may take before the plain request follows."""

UNREACHED = frozenset({FailureKind.CONNECT, FailureKind.TIMEOUT_CONNECT})
BROKE = frozenset({FailureKind.DISCONNECTED, FailureKind.BAD_RESPONSE})
"""Something is there: it took the request and broke, or said what is no answer."""

NO_KEY = "none"
"""Sent as a key where none is set, to see whether an error is about the key."""

Dial = Callable[[str, str], AbstractAsyncContextManager[Client]]
"""Opens a client that tries each request once: for a base URL, with the user's key or, unless it is empty, another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """What first contact sent, and what came of it.

    Attributes:
        requests: sent in all.
        prompt, generated: tokens that they took.
        seconds: that they took.
        listed: how many models the endpoint lists; None when it gave no list.
        models: some of their names.
        answered: the plain request was answered.
        answer: to it, shortened.
        model: by which the endpoint calls what answered.
        warnings: what is odd and condemns nothing.
        down: why the endpoint cannot be asked now; empty when it can.
    """

    requests: int
    prompt: int = 0
    generated: int = 0
    seconds: float = 0.0
    listed: int | None = None
    models: tuple[str, ...] = ()
    answered: bool = False
    answer: str = ""
    model: str = ""
    warnings: tuple[str, ...] = ()
    down: str = ""

    def line(self) -> Mapping[str, Json]:
        """As the `session` line of a journal keeps it: only what there is."""
        return {name: value for name, value in asdict(self).items() if value not in (None, "", (), False)}


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainRequest:
    """The body of the plain request: no sampling, nothing about thinking."""

    body: Mapping[str, Json]
    stream: bool

    @classmethod
    def of(cls, model: str, extra_body: Mapping[str, Json], *, stream: bool) -> "PlainRequest":
        """For a model, with the user's own fields."""
        messages = [{"role": "user", "content": ASKED}]
        body = {"model": model, "messages": messages, "max_tokens": LENGTH, **extra_body, "stream": stream}
        return cls(body={**body, "stream_options": {"include_usage": True}} if stream else body, stream=stream)


async def first_contact(
    dial: Dial, approach: Approach, plain: PlainRequest, *, connect: float, patience: float, most: int | None = None
) -> Contact:
    """Ask for the list of models, and send one plain request.

    Args:
        dial: opens clients.
        approach: what the user set.
        plain: the request.
        connect: the connect timeout in seconds; a host that is silent for as long is down.
        patience: seconds to wait for the answer to the plain request, where anything answers.
        most: requests that may be sent, at least one; None for as many as are needed.

    Returns:
        What came; `down` says so when nothing was answered at all.

    Raises:
        UsageError: the user must change something first; nothing else was sent.
    """
    way = _Way(
        dial=dial, approach=approach, plain=plain, connect=connect, patience=patience, most=3 if most is None else most
    )
    listing, answer = await way.both()
    models = listed(listing.content) if isinstance(listing, Completion) else None
    if isinstance(answer, Completion):
        return way.contact(models, answer, warnings=tuple(_oddities(approach, listing, models)))
    heard = isinstance(listing, Completion) or any(one and one.status is not None for one in (listing, answer))
    error = await way.keyless(answer, listing) if heard else await way.scheme(answer)
    refused = RefusedRequest(
        error=error, models=models, found=await way.elsewhere(error) if models is None else "",
        other=isinstance(listing, Completion) and models is None,
    )  # fmt: skip
    if problem := mistake_of(approach, refused):
        raise UsageError([problem])
    words = own_words(error)
    if heard or error.kind in BROKE:  # it may be one request in many: the run finds out
        through = f".{approach.through}".removesuffix(".") if approach.proxy else ""
        return way.contact(models, warnings=(f"the plain request failed ({words}){through}",))
    way_there = approach.around if error.kind is FailureKind.CONNECT else approach.through
    told = f"{approach.name[:1].upper()}{approach.name[1:]} is down: nothing was answered ({words}).{way_there} "
    longer = ", or raise connect-timeout" if listing is not None and _silent(listing) else ""
    return way.contact(models, down=f"{told}Check {approach.prefix}base-url and the server{longer}, then run again.")


@dataclass(slots=True, kw_only=True)
class _Way:
    """The way to one endpoint: sends what first contact needs, and counts it."""

    dial: Dial
    approach: Approach
    plain: PlainRequest
    connect: float
    patience: float
    most: int
    sent: int = 0
    withdrawn: int = 0
    began: float = field(default_factory=time.monotonic)

    async def both(self) -> tuple[Completion | EndpointError | None, Completion | EndpointError]:
        """The list, and the answer to the plain request.

        The plain request follows at once, or while a list that takes long is still waited for. Where nothing connects
        it is not sent; where the list stays silent it has what is left of the connect timeout.
        """
        if self.most < 2:
            return None, await self._within(self.patience, asyncio.create_task(self._ask()))
        listing = asyncio.create_task(self._fetch(self.approach.base_url))
        asked: asyncio.Task[Completion | EndpointError] | None = None
        try:
            await asyncio.wait({listing}, timeout=SUFFICES * self.connect)
            if listing.done() and _unreached(found := listing.result()):
                return found, found
            asked = asyncio.create_task(self._ask())
            found = await listing
            return found, await self._within(self.connect if _silent(found) else self.patience, asked)
        finally:
            await _cancelled(listing, asked)

    async def _within(
        self, seconds: float, asked: "asyncio.Task[Completion | EndpointError]"
    ) -> Completion | EndpointError:
        """What the plain request comes to within a time from the beginning; afterwards it is withdrawn."""
        try:
            await asyncio.wait({asked}, timeout=max(0.0, self.began + seconds - time.monotonic()))
            if asked.done():
                return asked.result()
            self.withdrawn = math.ceil(of_body(self.plain.body).expected)
            return _late(seconds)
        finally:
            await _cancelled(asked)

    async def scheme(self, error: EndpointError) -> EndpointError:
        """The same error, or that the port speaks TLS: one that hangs up on a plain request is asked over TLS once.

        The other way round nothing is asked: the key would go out in the clear.
        """
        over_tls = secure(self.approach.base_url)
        hung_up = error.kind is FailureKind.DISCONNECTED and over_tls != self.approach.base_url
        if not hung_up or self.sent >= self.most:
            return error
        found = await self._fetch(over_tls)
        if isinstance(found, Completion) or found.status is not None or "certificate" in found.message:
            return Misdirected(FailureKind.DISCONNECTED, f"the port speaks TLS; set base-url to {over_tls}")
        return error

    async def keyless(self, error: EndpointError, listing: Completion | EndpointError | None) -> EndpointError:
        """The same error, or how a key is refused where none is set: some gateways crash when there is none.

        LiteLLM answers everything with a bare HTTP 500 then, like a server that is broken.
        """
        crashed = isinstance(listing, EndpointError) and listing.status == error.status == 500
        if self.approach.key or not crashed or self.sent >= self.most:
            return error
        found = await self._fetch(self.approach.base_url, NO_KEY)
        return found if isinstance(found, EndpointError) and is_about_key(found) else error

    async def elsewhere(self, error: EndpointError) -> str:
        """A base URL near the given one at which there is an API; empty when there is none, or no reason to look."""
        odd = error.status in (404, 405, 410) or error.kind is FailureKind.BAD_RESPONSE
        near = _versioned(self.approach.base_url)
        if not odd or not near or self.sent >= self.most or isinstance(error, Misdirected):
            return ""
        found = await self._fetch(near)
        there = listed(found.content) is not None if isinstance(found, Completion) else found.status == 401
        return near if there else ""

    def contact(
        self,
        models: Sequence[str] | None,
        answer: Completion | None = None,
        *,
        warnings: Sequence[str] = (),
        down: str = "",
    ) -> Contact:
        """What was sent and what came, bounded."""
        prompt, generated = _spent(self.plain, answer) if answer else (self.withdrawn, 0)
        return Contact(
            requests=self.sent,
            prompt=prompt,
            generated=generated,
            seconds=round(time.monotonic() - self.began, 3),
            listed=None if models is None else len(models),
            models=tuple(one_line(name, 200) for name in (models or ())[:KEPT_NAMES]),
            answered=answer is not None,
            answer=one_line(answer.content or answer.reasoning, 200) if answer else "",
            model=one_line(answer.model, 200) if answer else "",
            warnings=tuple(one_line(warning, WORDS + 100) for warning in warnings[:KEPT_WARNINGS]),
            down=down,
        )

    async def _ask(self) -> Completion | EndpointError:
        body = orjson.dumps(self.plain.body)
        return await self._tried(self.approach.base_url, lambda client: client.complete(body, stream=self.plain.stream))

    async def _fetch(self, base_url: str, key: str = "") -> Completion | EndpointError:
        """The list of models below a base URL; it comes within one connect timeout, or not at all."""
        try:
            async with asyncio.timeout(self.connect):
                return await self._tried(base_url, lambda client: client.fetch(MODELS), key)
        except TimeoutError:
            return _late(self.connect)

    async def _tried(
        self, base_url: str, send: Callable[[Client], Awaitable[Completion]], key: str = ""
    ) -> Completion | EndpointError:
        """One request on a client of its own: the first refused key makes a client stop."""
        self.sent += 1
        try:
            async with self.dial(base_url, key) as client:
                return await send(client)
        except EndpointError as error:
            return error
        except RunStopped as stop:
            if isinstance(stop.__cause__, EndpointError):
                return stop.__cause__
            raise


async def _cancelled(*tasks: "asyncio.Task[Completion | EndpointError] | None") -> None:
    """End what is still going on."""
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


def _late(seconds: float) -> EndpointError:
    return EndpointError(FailureKind.TIMEOUT_TOTAL, f"no answer came within {figure(seconds)} s")


def _unreached(found: Completion | EndpointError) -> bool:
    """Whether nothing connected."""
    return isinstance(found, EndpointError) and (found.kind in UNREACHED or isinstance(found, Misdirected))


def _silent(found: Completion | EndpointError) -> bool:
    return isinstance(found, EndpointError) and found.kind in (FailureKind.TIMEOUT_TOTAL, FailureKind.TIMEOUT_CONNECT)


def _versioned(base_url: str) -> str:
    """The base URL with the version that was forgotten, or without what stands behind it; empty for a good one."""
    parts = urlsplit(base_url)
    whole = re.match(r"(.*?/v\d+)(/.*)?$", parts.path)
    if whole is None:
        return parts._replace(path=f"{parts.path.rstrip('/')}/v1").geturl()
    return parts._replace(path=whole[1]).geturl() if whole[2] else ""


def _spent(plain: PlainRequest, answer: Completion) -> tuple[int, int]:
    """Tokens of the plain request, reckoned where the endpoint's own count cannot be."""
    prompt, generated = math.ceil(of_body(plain.body).expected), reckoned(answer)
    said = answer.tokens or (0, 0)
    return said[0] if believed(said[0], prompt) else prompt, said[1] if believed(said[1], generated) else generated


def _oddities(
    approach: Approach, listing: Completion | EndpointError | None, models: Sequence[str] | None
) -> Iterator[str]:
    """What is odd about the list of an endpoint that answers."""
    if isinstance(listing, EndpointError):
        yield f"{approach.name} gives no list of models ({own_words(listing)})"
    elif listing is not None and models is None:
        yield f"what {approach.name} gives as its list of models is none"
    elif models is not None and not models:
        yield f"the list of models of {approach.name} is empty"
    elif models and approach.model not in models:
        guess = similar(approach.model, models)
        alike = f"; the nearest name is {guess!r}" if guess else ""
        yield f"the list of models of {approach.name} does not have {approach.model!r}, which it answers{alike}"
