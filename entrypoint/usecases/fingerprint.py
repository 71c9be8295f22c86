"""Captures next-token probabilities of an endpoint; a capture that was interrupted goes on where it was."""

import asyncio
import hashlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import orjson

from entrypoint.kept_answers import KeptAnswers, part_of
from entrypoint.reference_files import write_reference
from entrypoint.request_sender import Post, RequestSender, client_of, pinned_sampling, profile_of
from entrypoint.streams import Say
from kvv_action import __version__
from kvv_action.digits import counted, noun
from kvv_action.errors import EndpointError, KvvError, Rejected
from kvv_action.fingerprint.asking import Asking, Dialect
from kvv_action.fingerprint.discovery import DiscoveredWays, discover
from kvv_action.fingerprint.inside import (
    REPEATS,
    InsideWay,
    inside_text,
    inside_way,
    salted_texts,
    steady,
    text_of,
    with_inside,
)
from kvv_action.fingerprint.position import Position, read_inside, read_position
from kvv_action.fingerprint.prefixes import Prefix, pool
from kvv_action.fingerprint.reference import (
    FEWEST,
    CaptureSession,
    InsideText,
    Reference,
    another_prompt,
    captured,
    merged,
    same_prompt,
)
from kvv_action.fingerprint.reference_file import as_bytes
from kvv_action.redact import Redactor
from kvv_action.schema import Exchange, Rejection, Request, Thinking
from kvv_action.settings import Settings, all_headers, vendor_name

LEAST_ENTROPY, MOST_ENTROPY = 0.3, 2.0
"""Nats: where nothing or everything is certain, numerics do not show."""
WARMING = -1
"""In place of the number of a call: its answer is not read."""
LONGEST_NOTE = 200
"""Characters of the note that stands in a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureOrder:
    """What a capture is to do.

    Attributes:
        out: file of the result.
        calls: to each prefix.
        positions: prefixes that are kept.
        thinking: what the requests say about thinking; None says what `like` said, else nothing.
        like: whose prefixes and sampling are asked; None chooses prefixes from the pool.
        added: the session is added to `like`.
        inside: positions inside prompts are captured as well, where the server tells them.
        restarted: the server was started anew since the last session of `like`.
        note: for readers.
        again: `like` is asked as it was, without finding out anything, in an order of its own and with half of the
            prefixes asked just before, so that cold and warm caches are mixed.
    """

    out: Path
    calls: int
    positions: int
    thinking: Thinking | None = None
    like: Reference | None = None
    added: bool = False
    inside: bool = False
    restarted: bool = False
    note: str = ""
    again: bool = False

    @property
    def most_requests(self) -> int:
        """Requests of an order that asks `again`, at most."""
        prefixes = len(self.like.prefixes) if self.like is not None else 0
        return (self.calls * prefixes) + (prefixes + 1) // 2

    @property
    def asked_thinking(self) -> Thinking:
        """What the requests say about thinking."""
        unsaid = self.like.asking.thinking if self.like is not None else Thinking.UNSET
        return self.thinking or unsaid


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureResult:
    """A capture that is written.

    Attributes:
        reference: what is in the file.
        ways: how the endpoint was asked.
        lost: requests that failed for good.
        other_prompts: prefixes of `like` at which the endpoint has another prompt.
        size: bytes of the file.
    """

    reference: Reference
    ways: DiscoveredWays
    lost: int
    other_prompts: int
    size: int = 0


def capture(settings: Settings, order: CaptureOrder, redactor: Redactor, say: Say) -> CaptureResult:
    """Ask an endpoint, and write what it told.

    Args:
        settings: endpoint, key, deadlines and retries.
        order: what to do.
        redactor: removes secrets from everything that is written.
        say: takes a line about how far it is.

    Raises:
        KvvError: the endpoint tells no probabilities, too few prefixes are left, or the file cannot be written.
    """
    return asyncio.run(_captured(settings, order, redactor, say))


async def _captured(settings: Settings, order: CaptureOrder, redactor: Redactor, say: Say) -> CaptureResult:
    async with client_of(settings, redactor) as client:
        return await captured_by(client.fetch, settings, order, redactor, say)


async def captured_by(
    post: Post, settings: Settings, order: CaptureOrder, redactor: Redactor, say: Say
) -> CaptureResult:
    """As `capture`, by a client that is there."""
    with KeptAnswers(part_of(order.out), _identity(settings, order), redactor) as kept:
        if kept.count:
            say(f"going on with {counted(kept.count, 'answer')} of {part_of(order.out).name}")
        sender = RequestSender(settings, profile_of(settings), post)
        work = _Work(settings=settings, order=order, sender=sender, kept=kept)
        result = await work.result(say)
        size = write_reference(order.out, result.reference, redactor)
        kept.done()
    return replace(result, size=size)


def _identity(settings: Settings, order: CaptureOrder) -> str:
    """Digest of what makes answers exchangeable."""
    like = order.like and hashlib.sha256(as_bytes(order.like)).hexdigest()
    what = (
        settings.base_url, settings.model, settings.extra_body, settings.think_mode, settings.effort,
        sorted(all_headers(settings)), order.asked_thinking, order.positions, order.inside, order.again, like,
        [one.digest for one in pool()],
    )  # fmt: skip
    return hashlib.sha256(orjson.dumps(what, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(slots=True, kw_only=True)
class _Work:
    """One capture under way; `lost` counts requests that failed for good."""

    settings: Settings
    order: CaptureOrder
    sender: RequestSender
    kept: KeptAnswers
    lost: int = 0

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        """Ask once for what is found out first; equal requests share an answer."""
        return await self._ask(request, 0, may_reject=may_reject)

    async def _ask(self, request: Request, call: int, *, may_reject: bool) -> Exchange:
        body = self.sender.body(request)
        key = hashlib.sha256(orjson.dumps((request.path, call)) + body).hexdigest()[:32]
        if (known := self.kept.known(key)) is not None:
            return known
        try:
            completion = await self.sender(request.path, body)
        except Rejected as refused:
            if not may_reject:
                raise
            rejection = Rejection(status=refused.status or 0, message=refused.message, body=refused.body)
            return self.kept.keep(key, Exchange(call=0, rejection=rejection))
        return self.kept.keep(key, Exchange(call=0, completion=completion))

    async def result(self, say: Say) -> CaptureResult:
        """Find out, choose, ask as often as ordered, and put together."""
        started, like = int(time.time()), self.order.like
        first = Asking(thinking=self.order.asked_thinking)
        if like is not None:
            sampling = like.asking
            first = replace(first, temperature=sampling.temperature, top_p=sampling.top_p)
        pinned = pinned_sampling(self.sender.profile, self.order.asked_thinking)
        known = _known_ways(like) if like is not None and self.order.again else None
        ways = known or await discover(self, first, pinned, fixed_sampling=like is not None)
        say(f"probabilities: {ways.probabilities}, of the {ways.covers}; dialect: {ways.asking.dialect}")
        found = await self._repeated(ways.asking, await self._candidates(ways.asking, say), say)
        session = CaptureSession(
            vendor=vendor_name(self.settings), model=self.settings.model, started=started, version=__version__,
            start=self._start(), asking=ways.asking, calls=self.order.calls, probabilities=ways.probabilities,
            covers=ways.covers,
            note="; ".join((*ways.notes, self.order.note)).strip("; ")[:LONGEST_NOTE],
        )  # fmt: skip
        fresh = captured(self.sender.profile.name if self.sender.profile else "", session, found.items())
        if self.order.inside:
            fresh = with_inside(fresh, await self._inside(ways.asking, say))
        return CaptureResult(
            reference=merged([like, fresh]) if like is not None and self.order.added else fresh,
            ways=ways, lost=self.lost, other_prompts=_other_prompts(like, fresh),
        )  # fmt: skip

    def _start(self) -> int:
        """Number of the server's start: that of the last session, unless it was started anew."""
        sessions = self.order.like.sessions if self.order.like is not None else ()
        return max((session.start for session in sessions), default=1) + self.order.restarted

    async def _candidates(self, asking: Asking, say: Say) -> dict[Prefix, list[Position]]:
        """The prefixes that are kept, with the first answer to each."""
        like = self.order.like
        prefixes = [one.prefix for one in like.prefixes] if like is not None else _pool(asking)
        asked = [prefix for prefix in prefixes if asking.allows(prefix)]
        say(f"asking {len(asked)} of {counted(len(prefixes), 'prefix', 'prefixes')} once")
        if like is not None and self.order.again:
            random.Random(len(like.sessions)).shuffle(asked)  # noqa: S311 - an order, no secret
            await self._all(asking, [(prefix, WARMING) for prefix in asked[::2]], say)
        found = await self._all(asking, [(prefix, 0) for prefix in asked], say)
        kept = {prefix: positions for prefix, positions in found.items() if like is not None or _telling(positions[0])}
        kept = dict(list(kept.items())[: self.order.positions if like is None else None])
        if len(kept) < FEWEST:
            told = "" if like is not None else f" and an entropy of {LEAST_ENTROPY:g} to {MOST_ENTROPY:g} nats"
            of = f"{len(kept)} of {counted(len(asked), 'prefix', 'prefixes')}"
            have = noun(len(kept), "has", "have")
            raise KvvError(f"{of} {have} readable probabilities{told}; at least {FEWEST} are needed")
        return kept

    async def _repeated(
        self, asking: Asking, found: dict[Prefix, list[Position]], say: Say
    ) -> dict[Prefix, list[Position]]:
        """With the further calls, each round in an order of its own; an answer to another prompt is left out."""
        jobs = list[tuple[Prefix, int]]()
        for call in range(1, self.order.calls):
            order = list(found)
            random.Random(call).shuffle(order)  # noqa: S311 - an order, no secret
            jobs += [(prefix, call) for prefix in order]
        if jobs:
            more = counted(self.order.calls - 1, "more time", "more times")
            say(f"asking {counted(len(found), 'prefix', 'prefixes')} {more}")
        again = await self._all(asking, jobs, say)
        return {
            prefix: [*positions, *(one for one in again.get(prefix, ()) if same_prompt(positions[0], one))]
            for prefix, positions in found.items()
        }

    async def _all(self, asking: Asking, jobs: Sequence[tuple[Prefix, int]], say: Say) -> dict[Prefix, list[Position]]:
        """Ask all at once, as far as connections allow; what is readable, by prefix in the order of the jobs."""
        progress = _Steps(len(jobs), say)
        tasks = [asyncio.create_task(self._position(asking, prefix, call, progress)) for prefix, call in jobs]
        try:
            positions = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        found = dict[Prefix, list[Position]]()
        for (prefix, _), position in zip(jobs, positions, strict=True):
            if position is not None:
                found.setdefault(prefix, []).append(position)
        return found

    async def _inside(self, asking: Asking, say: Say) -> Sequence[InsideText]:
        """The texts of `like`, or ours with a salt; each asked twice, one answer after the other."""
        way = await inside_way(self, asking)
        if way is None:
            say("the server tells no probabilities inside prompts")
            return ()
        like = self.order.like
        places = {text.prefix: [one.at for one in text.positions] for text in like.inside} if like is not None else {}
        texts = list(places) or list(salted_texts(self.kept.salt))
        say(f"asking {counted(len(texts), 'text')} {REPEATS} times for the probabilities inside them")
        progress = _Steps(len(texts), say)
        tasks = [self._inside_text(way, asking, prefix, places.get(prefix), progress) for prefix in texts]
        found = [text for text in await asyncio.gather(*tasks) if text is not None]
        kept = sum(len(text.positions) for text in found)
        say(f"{counted(kept, 'position')} inside prompts {noun(kept, 'is', 'are')} steady")
        return found

    async def _inside_text(
        self, way: InsideWay, asking: Asking, prefix: Prefix, places: Sequence[int] | None, progress: "_Steps"
    ) -> InsideText | None:
        request, seen = way.request(text_of(prefix), asking), []
        try:
            for call in range(REPEATS):
                exchange = await self._ask(request, call, may_reject=True)
                seen.append(read_inside(exchange, asked=way.top))
        except EndpointError:
            self.lost += 1
            return None
        finally:
            progress.step()
        return inside_text(prefix, steady(*seen), places)

    async def _position(self, asking: Asking, prefix: Prefix, call: int, progress: "_Steps") -> Position | None:
        try:
            exchange = await self._ask(asking.request(prefix), call, may_reject=True)
        except EndpointError:
            self.lost += 1
            return None
        finally:
            progress.step()
        position = read_position(exchange, asked=asking.top_logprobs).position
        return position if position is not None and position.usable else None


def _known_ways(like: Reference) -> DiscoveredWays:
    """The ways by which the first session was asked."""
    first = like.sessions[0]
    return DiscoveredWays(asking=first.asking, probabilities=first.probabilities, covers=first.covers)


def _pool(asking: Asking) -> list[Prefix]:
    """Our own prefixes, without the begun answers where the endpoint does not continue them."""
    return list(pool()) if asking.dialect is not Dialect.NONE else [prefix.asked_plainly for prefix in pool()]


class _Steps:
    """Says every quarter how far it is."""

    def __init__(self, total: int, say: Say) -> None:
        self._total, self._say, self._done = total, say, 0

    def step(self) -> None:
        """One more is done."""
        self._done += 1
        if self._done * 4 // self._total > (self._done - 1) * 4 // self._total:
            self._say(f"{self._done} of {counted(self._total, 'answer')}")


def _telling(position: Position) -> bool:
    return LEAST_ENTROPY <= position.entropy <= MOST_ENTROPY


def _other_prompts(like: Reference | None, fresh: Reference) -> int:
    """Prefixes at which the endpoint has another prompt than the reference."""
    theirs = {one.prefix.digest: one.position for one in like.prefixes} if like is not None else {}
    shared = [one for one in fresh.prefixes if one.prefix.digest in theirs]
    return sum(another_prompt(theirs[one.prefix.digest], one.position) for one in shared)
