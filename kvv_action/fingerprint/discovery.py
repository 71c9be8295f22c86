"""Finds out how an endpoint returns next-token probabilities, and how it continues a begun answer.

Everything is tried, nothing is assumed: a server that ignores a field would otherwise answer another question.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Protocol

from kvv_action.digits import figure
from kvv_action.errors import KvvError
from kvv_action.fingerprint.asking import Asking, Dialect
from kvv_action.fingerprint.comparison import FAR
from kvv_action.fingerprint.distance import ComparedPair, divergence, fitted_exponent
from kvv_action.fingerprint.position import FEWER, Covers, Position, read_position
from kvv_action.fingerprint.prefixes import Prefix, pool
from kvv_action.fingerprint.reference import PROCESSED, RAW, UNKNOWN
from kvv_action.schema import Exchange, Request

LONGER = 16
"""`max_tokens` where a server does not answer with one token."""
COLD = 0.5
"""The second temperature, at which raw probabilities stay and processed ones change."""
TESTED = 6
"""Prefixes with which raw and processed probabilities are told apart."""
REFUSALS = (400, 422)
"""Statuses by which a server refuses a field; any other one is no answer to this question."""
OVERHEAD = 4
"""Prompt tokens that a template may put between the question and the begun answer (an empty thought)."""
_CHAT = (Dialect.COMBINED, Dialect.PARTIAL, Dialect.CONTINUE, Dialect.TRAILING)
_COUNT, _WORDS, _NEXT = "Count from one to nine in words, separated by spaces.", "one two three four five", b" six"


class PrefixAsker(Protocol):
    """Sends one request of ours and hands the answer over, verbatim; equal requests may be asked again."""

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        """As `benchmark.Generate`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PinnedSampling:
    """What a profile pins, tried where 1 is refused; None where nothing is pinned."""

    temperature: float | None = None
    top_p: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredWays:
    """How an endpoint is asked, and what its probabilities are.

    Attributes:
        asking: what worked.
        probabilities: `RAW`, `PROCESSED` or `UNKNOWN`.
        covers: which text they belong to.
        notes: what a reader should know.
    """

    asking: Asking
    probabilities: str
    covers: Covers
    notes: tuple[str, ...] = field(default=())


async def discover(
    ask: PrefixAsker, asking: Asking, pinned: PinnedSampling, *, fixed_sampling: bool = False
) -> DiscoveredWays:
    """Find out how an endpoint can be asked.

    Args:
        ask: sends a request.
        asking: what is tried first.
        pinned: what the profile says of sampling.
        fixed_sampling: temperature and `top_p` must stay, because a reference was asked with them.

    Raises:
        KvvError: it tells no probabilities of the first token; the message says what it does instead.
        EndpointError: a request failed for good.
    """
    options = _ways(asking, PinnedSampling() if fixed_sampling else pinned, fixed=fixed_sampling)
    asking, first = await _accepted(ask, options)
    if asking.dialect is not Dialect.TEXT:
        asking = replace(asking, dialect=await _dialect(ask, asking))
    probabilities = await _probabilities(ask, asking)
    return DiscoveredWays(
        asking=asking, probabilities=probabilities, covers=first.covers, notes=tuple(_notes(asking, first))
    )


def _ways(asking: Asking, pinned: PinnedSampling, *, fixed: bool) -> list[Asking]:
    """The ways that are tried, those with the fewest changes first, text completions last."""
    temperatures = [asking.temperature] if fixed else _distinct(asking.temperature, pinned.temperature, None)
    top_ps = [asking.top_p] if fixed else _distinct(asking.top_p, pinned.top_p, None)
    tops, lengths = _distinct(asking.top_logprobs, FEWER), _distinct(asking.max_tokens, LONGER)
    grid = product(enumerate(temperatures), enumerate(top_ps), enumerate(tops), enumerate(lengths))
    ordered = sorted(grid, key=lambda way: sum(place for place, _ in way))
    chat = [
        replace(asking, temperature=temperature, top_p=top_p, top_logprobs=top, max_tokens=length, dialect=Dialect.NONE)
        for (_, temperature), (_, top_p), (_, top), (_, length) in ordered
    ]
    text = replace(asking, dialect=Dialect.TEXT)
    return [*chat, text, replace(text, top_logprobs=FEWER)]


def _distinct(*values: object) -> list:  # type: ignore[type-arg]
    return list(dict.fromkeys(values))


async def _accepted(ask: PrefixAsker, ways: Sequence[Asking]) -> tuple[Asking, Position]:
    """The first way that brings a position. A way whose sampling was accepted leaves the others' sampling out."""
    prefix, reasons, settled = _plain(1)[0], list[str](), None
    for way in ways:
        chat = way.dialect is not Dialect.TEXT
        if chat and settled is not None and (way.temperature, way.top_p) != settled:
            continue
        exchange = await ask(way.request(prefix), may_reject=True)
        if exchange.rejection is not None:
            status = exchange.rejection.status
            reasons.append(f"HTTP {status} {exchange.rejection.message[:200]}".strip())
            if chat and status not in REFUSALS:
                raise KvvError(f"the endpoint does not take the request: {reasons[-1]}")
            continue
        reading = read_position(exchange, asked=way.top_logprobs)
        if reading.position is not None:
            return way, _counted(reading.position)
        reasons.append(reading.reason)
        settled = (way.temperature, way.top_p) if chat else settled
    raise KvvError(f"the endpoint tells no probabilities of the first token: {_weightiest(reasons)}")


def _weightiest(reasons: Sequence[str]) -> str:
    """The first reason that is no HTTP refusal: what an accepted request lacks says more. Else the first refusal."""
    return next((reason for reason in reasons if not reason.startswith("HTTP ")), reasons[0])


def _counted(position: Position) -> Position:
    if position.prompt_tokens is None and not position.prompt_ids:
        raise KvvError(
            "the endpoint does not count prompt tokens, so it cannot be shown that prompts are the same: "
            "send usage.prompt_tokens"
        )
    return position


def _plain(count: int) -> list[Prefix]:
    """Prefixes that every endpoint can be asked."""
    return [prefix for prefix in pool() if not prefix.begun and not prefix.tools][:count]


async def _dialect(ask: PrefixAsker, asking: Asking) -> Dialect:
    """The dialect that is proved, or none."""
    own = await _own_begin(ask, asking)
    for dialect in _CHAT:
        tried = replace(asking, dialect=dialect)
        if (own is not None and await _continues_itself(ask, tried, own)) or await _counts_on(ask, tried):
            return dialect
    return Dialect.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class _OwnBegin:
    """A free answer: its prompt's tokens, its first token as text, and the probabilities that it told behind it."""

    prefix: Prefix
    prompt_tokens: int | None
    behind: Position


async def _own_begin(ask: PrefixAsker, asking: Asking) -> _OwnBegin | None:
    """A free answer without reasoning whose first token is text that no template strips; None if there is none."""
    for prefix in _plain(TESTED):
        free = await ask(replace(asking, max_tokens=LONGER).request(prefix), may_reject=True)
        first, second = (read_position(free, asked=asking.top_logprobs, at=at).position for at in (0, 1))
        if first is None or second is None or first.covers is not Covers.CONTENT:
            continue
        begun = (first.sampled or b"").decode(errors="replace")
        if begun and begun == begun.strip() and begun.encode() == first.sampled and second.usable:
            return _OwnBegin(prefix=replace(prefix, begun=begun), prompt_tokens=first.prompt_tokens, behind=second)
    return None


async def _continues_itself(ask: PrefixAsker, asking: Asking, own: _OwnBegin) -> bool:
    """The begin of its own answer is followed by the probabilities that it told behind it."""
    found = await _asked(ask, asking, own.prefix)
    if found is None or not _grown(own.prompt_tokens, found.prompt_tokens, 1):
        return False
    apart = divergence(ComparedPair(reference=own.behind, candidate=found))
    return apart is not None and apart.nats < FAR and _top(found) == _top(own.behind)


async def _counts_on(ask: PrefixAsker, asking: Asking) -> bool:
    """A begun list of numbers goes on with the next one, behind a space: a new answer would begin without."""
    question = _plain(1)[0].messages[0], {"role": "user", "content": _COUNT}
    bare = replace(_plain(1)[0], messages=question)
    longer = replace(bare, messages=(question[0], {"role": "user", "content": f"{_COUNT} {_WORDS}"}))
    found = await _asked(ask, asking, replace(bare, begun=_WORDS))
    if found is None or not (token := _top(found)) or not (token.startswith(b" s") and _NEXT.startswith(token)):
        return False
    before, words = await _asked(ask, asking, bare), await _asked(ask, asking, longer)
    if before is None or words is None or before.prompt_tokens is None or words.prompt_tokens is None:
        return False
    return _grown(before.prompt_tokens, found.prompt_tokens, words.prompt_tokens - before.prompt_tokens)


def _grown(before: int | None, after: int | None, by: int) -> bool:
    """Whether the prompt is longer by the begun answer, and by no more than an empty thought."""
    return before is not None and after is not None and before + by <= after <= before + by + OVERHEAD


def _top(position: Position) -> bytes:
    return max(position.tokens, key=position.tokens.__getitem__)


async def _asked(ask: PrefixAsker, asking: Asking, prefix: Prefix) -> Position | None:
    exchange = await ask(asking.request(prefix), may_reject=True)
    return read_position(exchange, asked=asking.top_logprobs).position


async def _probabilities(ask: PrefixAsker, asking: Asking) -> str:
    """Whether they change with the temperature, where two can be asked for."""
    warm = asking.temperature
    if warm is None:
        return UNKNOWN
    cold = replace(asking, temperature=COLD * warm)
    pairs = []
    for prefix in _plain(TESTED):
        one, other = await _asked(ask, asking, prefix), await _asked(ask, cold, prefix)
        if other is None:
            return UNKNOWN
        if one is not None:
            pairs.append(ComparedPair(reference=one, candidate=other))
    exponent = fitted_exponent(pairs)
    if exponent.low <= 0 or exponent.high - exponent.low > COLD:
        return UNKNOWN
    near = {RAW: abs(exponent.value - 1), PROCESSED: abs(exponent.value - COLD)}
    best = min(near, key=near.__getitem__)
    return best if near[best] < COLD / 4 else UNKNOWN


def _notes(asking: Asking, first: Position) -> Iterator[str]:
    for name, value in (("temperature", asking.temperature), ("top_p", asking.top_p)):
        if value != 1:
            yield f"no {name} is sent" if value is None else f"{name} {figure(value)} instead of 1"
    if asking.top_logprobs == FEWER:
        yield f"{FEWER} alternatives instead of more"
    if asking.max_tokens > 1:
        yield f"{asking.max_tokens} tokens are generated, the first position is read"
    if asking.dialect is Dialect.TEXT:
        yield "text completions: chats tell no probabilities, so the chat template is not covered"
    if first.covers is Covers.REASONING:
        yield "the first token is one of reasoning"
