"""Finds out which class of requests crashes the server.

A request that must be accepted and gets a 5xx, a closed connection or nothing but an error event at every try may have
met an outage. So others are sent: a plain one, which must be answered before and after; two more of the same kind; and
the same request without one of its traits after the other, which shows what it takes to crash the server. A 5xx or an
error event to a request that may be refused is a refusal with the wrong status.
"""

import asyncio
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from itertools import combinations
from operator import and_

from benchmarks.precheck.ask import ask
from benchmarks.precheck.causes import CRASHES, WRONG_STATUS
from benchmarks.precheck.probe import Probe, broken, refused, weighed
from benchmarks.precheck.trait import RequestSize, Trait
from benchmarks.precheck.traits import RequestTraits, sizes_of, summary_of, told_apart, traits_of
from kvv_action.benchmark import Generate
from kvv_action.errors import EndpointError, Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, FailureKind, Json, Rejection, Request, Score, Severity, Thinking

STUDIED, FOUND = "crash", "crash-class"
"""Names of observations: that a crash is looked into from here on; and what crashes the server, by which calls."""
VARIANTS = 2
"""Further requests of the same kind that must crash the server too."""
TRIES, TRIES_WITHOUT, TRIES_OF_INVALID = 3, 2, 3
"""HTTP tries of such a request, of one without a trait, and of a request that may be refused."""
DOWN_SECONDS = 30.0
"""Seconds after a lost plain request in which no other crash is looked into: the endpoint is down."""
MOST_TRAITS, MOST_MARKS = 40, 3
"""Traits that are taken away, one after the other, and how many of them a class names at most."""
HALVINGS, HALVED = 5, 20_000
"""How often the range between a size that is answered and one that crashes is halved, and up to which size."""
_REFUSED = Exchange(call=0, rejection=Rejection(status=400, message="refused", body=""))


def crashed(exchange: Exchange) -> bool:
    """Whether every try of a request crashed the server."""
    return exchange.rejection is not None and exchange.rejection.crashed


def may_be_refused(probe: Probe, before: Sequence[Exchange]) -> bool:
    """Whether a probe holds when its next request is refused by HTTP 400."""
    return _holds(probe, (*before, _REFUSED))


def is_no_answer(probe: Probe, exchanges: Sequence[Exchange]) -> bool:
    """Whether a crash among the answers to a probe's own requests leaves it open: a refusal would not have held."""
    return any(map(crashed, exchanges)) and not _holds(probe, _as_refused(exchanges))


def own_of(exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
    """The answers to a probe's own requests: all that came before a crash was looked into."""
    return exchanges[: next((place for place, one in enumerate(exchanges) if one.observation), len(exchanges))]


def _as_refused(exchanges: Sequence[Exchange]) -> tuple[Exchange, ...]:
    return tuple(_REFUSED if crashed(exchange) else exchange for exchange in exchanges)


def _holds(probe: Probe, exchanges: Sequence[Exchange]) -> bool:
    """Whether a probe holds; requests that were not sent count as refused."""
    missing = (_REFUSED,) * (len(probe.requests) - len(exchanges))
    try:
        return probe.judge((*exchanges, *missing)).value == 1.0
    except Undecided:
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class CrashClass:
    """Requests that always crash the server: they have all of some traits, and more of something than answered ones.

    Attributes:
        words: which ones, as in "every request with tools".
        probe: id of the probe that found it.
        names: of the traits.
        above: by name of a size, the largest that was answered.
    """

    words: str
    probe: str
    names: frozenset[str]
    above: Mapping[str, int]

    def holds(self, request: RequestTraits) -> bool:
        """Whether a request is one of them."""
        large = (request.sizes.get(name, size) > size for name, size in self.above.items())
        return self.names <= request.names and all(large)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """What may make a request crash the server: a trait, or a size above the largest that was answered.

    Attributes:
        known: which of the answered requests have it, one bit per request.
        above: the size; None for a trait.
    """

    name: str
    words: str
    known: int
    above: int | None = None


@dataclass(slots=True, kw_only=True)
class CrashStudy:
    """Looks into the crashes of one run, one after the other; what was found once is not looked for again.

    Attributes:
        classes: classes that were found.
    """

    profile: Profile
    think_mode: str
    classes: list[CrashClass] = field(default_factory=list)
    _answered: list[Request] = field(default_factory=list)
    _summaries: list[RequestTraits] = field(default_factory=list)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    _down_until: float = 0.0

    def note(self, request: Request, exchange: Exchange) -> None:
        """Remember what was answered."""
        if exchange.completion is not None:
            self._answered.append(request)

    @property
    def answered(self) -> Sequence[RequestTraits]:
        """What is known of every request that was answered; nothing is looked at before a crash."""
        self._summaries += map(self._summary, self._answered[len(self._summaries) :])
        return self._summaries

    def _summary(self, request: Request) -> RequestTraits:
        return summary_of(request, self.profile, self.think_mode)

    async def look_into(self, name: str, request: Request, generate: Generate, *, refusable: bool) -> None:
        """Find out what makes a request crash the server, and keep it as an observation; nothing where that is open.

        Args:
            name: id of the probe.
            request: what was sent.
            generate: sends more.
            refusable: the request may be refused, so that all there is to know is whether plain ones are answered.
        """
        generate.observe(STUDIED)
        async with self._lock:
            known = self._known(request)
            if known is not None:
                generate.observe(FOUND, {"words": known.words, "found_by": known.probe})
            elif time.monotonic() >= self._down_until and refusable:
                await self._alive({"controls": []}, generate)
            elif time.monotonic() >= self._down_until:
                await self._studied(name, request, generate)

    def _known(self, request: Request) -> CrashClass | None:
        """The class to which a request belongs, unless one of the class was answered."""
        one = self._summary(request)
        found = [known for known in self.classes if known.holds(one)]
        return next((known for known in found if not any(map(known.holds, self.answered))), None)

    async def _studied(self, name: str, request: Request, generate: Generate) -> None:
        calls: dict[str, list[int]] = {"controls": [], "variants": []}
        if not await self._alive(calls, generate):
            return
        for number in range(2, 2 + VARIANTS):
            variant = await _sent(told_apart(request, number), generate, TRIES)
            if variant is None or not crashed(variant):
                return
            calls["variants"].append(variant.call)
        if not await self._alive(calls, generate):
            return
        plain = await self._smallest(await self._plainest(request, generate), generate)
        found = self._class_of(name, plain, self._summary(request).names)
        self.classes.append(found)
        generate.observe(FOUND, {"words": found.words, **calls})

    async def _crashes(self, request: Request, generate: Generate) -> bool:
        """Whether a plainer request crashes the server, too; one that is answered is remembered."""
        exchange = await _sent(request, generate, TRIES_WITHOUT)
        if exchange is not None:
            self.note(request, exchange)
        return exchange is not None and crashed(exchange)

    async def _plainest(self, request: Request, generate: Generate) -> Request:
        """The plainest request that still crashes the server: every trait that can be taken away is gone."""
        tried = set[str]()
        while len(tried) < MOST_TRAITS:
            traits = sorted(traits_of(request, self.profile, self.think_mode), key=_coarse_first)
            trait = next((one for one in traits if one.name not in tried), None)
            if trait is None:
                break
            tried.add(trait.name)
            without = trait.without(request)
            if without != request and await self._crashes(without, generate):
                request = without
        return request

    async def _smallest(self, request: Request, generate: Generate) -> Request:
        """About the smallest request that still crashes the server."""
        for name in [size.name for size in sizes_of(request, self.profile)]:
            size = next(one for one in sizes_of(request, self.profile) if one.name == name)
            smaller = size.smaller(request, size.least) if size.value > size.least else request
            if smaller == request:
                continue
            if await self._crashes(smaller, generate):
                request = smaller
            elif size.value <= HALVED:
                request = await self._halved(request, size, generate)
        return request

    async def _halved(self, request: Request, size: RequestSize, generate: Generate) -> Request:
        """About the smallest value of a size at which the request crashes; at the least value it is answered."""
        least, most = size.least, size.value
        for _ in range(HALVINGS):
            middle = (least + most) // 2
            if not least < middle < most:
                break
            smaller = size.smaller(request, middle)
            if await self._crashes(smaller, generate):
                request, most = smaller, middle
            else:
                least = middle
        return request

    def _class_of(self, probe: str, request: Request, original: Collection[str]) -> CrashClass:
        """The fewest marks that a request has and that no answered one has all of; the most telling ones.

        Args:
            probe: its id.
            request: the plainest one that crashes the server.
            original: traits of the request that the probe sent; plainer requests may have others, which we added.
        """
        marks = [mark for mark in self._marks(request) if mark.above is not None or mark.name in original]
        for count in range(1, 1 + MOST_MARKS):
            for chosen in combinations(marks, count):
                if not reduce(and_, (mark.known for mark in chosen)):
                    return _class_by(chosen, probe)
        names = frozenset(mark.name for mark in marks if mark.above is None)
        return CrashClass(words=f"every request like that of {probe}", probe=probe, names=names, above={})

    def _marks(self, request: Request) -> Iterator[_Mark]:
        answered = self.answered
        for trait in traits_of(request, self.profile, self.think_mode):
            known = sum(1 << place for place, one in enumerate(answered) if trait.name in one.names)
            yield _Mark(name=trait.name, words=trait.words, known=known)
        for size in sizes_of(request, self.profile):
            others = [one.sizes.get(size.name, size.least) for one in answered]
            known = sum(1 << place for place, other in enumerate(others) if other >= size.value)
            above = max((other for other in others if other < size.value), default=size.least)
            words = size.words.format(f"{abs(size.value):,}")
            if size.value > size.least:
                yield _Mark(name=size.name, words=words, known=known, above=above)

    async def _alive(self, calls: Mapping[str, list[int]], generate: Generate) -> bool:
        """Whether a plain request is answered, asked in one of the ways to ask; the last one counts as an outage."""
        *ways, last = self._plain()
        for request in ways:
            exchange = await _sent(request, generate, TRIES)
            if exchange is not None and exchange.completion is not None:
                calls["controls"].append(exchange.call)
                return True
        try:
            exchange = await generate(last, may_reject=True)
        except EndpointError:
            exchange = None
        if exchange is None or exchange.completion is None:
            self._down_until = time.monotonic() + DOWN_SECONDS
            return False
        calls["controls"].append(exchange.call)
        return True

    def _plain(self) -> Iterator[Request]:
        """A plain request: not streamed, streamed, and with thinking turned the other way."""
        text, rules = "Reply with exactly: OK", self.profile.thinking
        yield ask(self.profile, text, stream=False)
        if (rules.switchable or rules.switch_open) and self.think_mode != "none":
            other = Thinking.OFF if rules.default else Thinking.ON
            yield ask(self.profile, text, stream=False, thinking=other)
        yield ask(self.profile, text, stream=True)


def _coarse_first(trait: Trait) -> bool:
    return not trait.coarse


def _class_by(marks: Sequence[_Mark], probe: str) -> CrashClass:
    return CrashClass(
        words=_joined(mark.words for mark in marks),
        probe=probe,
        names=frozenset(mark.name for mark in marks if mark.above is None),
        above={mark.name: mark.above for mark in marks if mark.above is not None},
    )


def _joined(phrases: Iterable[str]) -> str:
    """`every request with tools and with a picture that is streamed`."""
    text = "every request"
    for phrase in phrases:
        text += f" and {phrase}" if " with " in text and phrase.startswith("with ") else f" {phrase}"
    return text


async def _sent(request: Request, generate: Generate, tries: int) -> Exchange | None:
    """The answer, refusal or crash; None if the request was lost in another way."""
    try:
        return await generate(replace(request, may_crash=True, tries=tries), may_reject=True)
    except EndpointError:
        return None


def judged_crash(probe: Probe, exchanges: Sequence[Exchange]) -> Score:
    """The score of a probe whose request crashed the server.

    Raises:
        EndpointError: nothing is known but that the request was lost.
    """
    first = next(exchange for exchange in exchanges if crashed(exchange))
    found = next((one.observation for one in exchanges if one.observation and one.observation.name == FOUND), None)
    symptom = _symptom(first)
    if found is not None and _is_shown(found.data, exchanges):
        cause = CRASHES.seen(f"{found.data['words']} gets {symptom}")
        return broken(_evidence(found.data, first), cause, outcome="crashed")
    answered = any(exchange.completion is not None for exchange in exchanges)
    if answered and not is_no_answer(probe, own_of(exchanges)):
        return weighed(broken(f"refused by {refused(first)}", WRONG_STATUS), Severity.WARNING)
    assert first.rejection is not None
    attempts = first.rejection.attempts
    kind = attempts[-1].failure or FailureKind.SERVER_ERROR
    status = first.rejection.status or None
    raise EndpointError(kind, refused(first), attempts=attempts, status=status, body=first.rejection.body)


def _is_shown(data: Mapping[str, Json], exchanges: Sequence[Exchange]) -> bool:
    """Whether the calls of an observation prove its class; if another probe found the class, its calls do."""
    if data.get("found_by"):
        return True
    by_call = {exchange.call: exchange for exchange in exchanges if exchange.observation is None}
    variants = [by_call.get(call) for call in data.get("variants", ())]
    controls = [by_call.get(call) for call in data.get("controls", ())]
    return (
        len(variants) == VARIANTS
        and all(one is not None and crashed(one) for one in variants)
        and len(controls) > 1
        and all(one is not None and one.completion is not None for one in controls)
    )


def _symptom(exchange: Exchange) -> str:
    """What a crash looks like to a client."""
    assert exchange.rejection is not None
    match exchange.rejection.attempts[-1].failure:
        case FailureKind.DISCONNECTED:
            return "no answer: the connection is closed"
        case FailureKind.EMPTY_STREAM:
            return "an empty answer"
        case FailureKind.STREAM_ERROR:
            return "an error in place of an answer"
        case _:
            return f"HTTP {exchange.rejection.status}"


def _evidence(data: Mapping[str, Json], first: Exchange) -> str:
    if by := data.get("found_by"):
        return f"{refused(first)}; the request is one of those that {by} shows to crash the server"
    return (
        f"{refused(first)}; so do {VARIANTS} more requests of this kind, at every try, while plain ones are answered "
        "before and after"
    )
