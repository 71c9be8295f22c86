"""Reads probabilities inside prompts, which some servers return for text completions: many positions from one request.

Two spellings exist: `echo` with `logprobs` (OpenAI), and `prompt_logprobs` (vLLM). A salt before each text keeps caches
of earlier requests out. Each text is asked twice, and positions at which the two answers differ are dropped: there the
server's own batches and caches show.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kvv_action.fingerprint.asking import Asking
from kvv_action.fingerprint.discovery import PrefixAsker
from kvv_action.fingerprint.distance import FLOOR, ComparedPair, divergence
from kvv_action.fingerprint.position import FEWER, TOP, Position, read_inside
from kvv_action.fingerprint.prefixes import Domain, Prefix, pool
from kvv_action.fingerprint.reference import InsidePosition, InsideText, MeasuredPosition, Reference, same_prompt
from kvv_action.schema import COMPLETIONS, Request

REPEATS = 2
TEXTS = 6
"""Texts of each of these domains: text completions have no tools, and a long text has more places than are kept."""
DOMAINS = (Domain.CHAT, Domain.CODE, Domain.MATHS, Domain.CHINESE)
MOST_POSITIONS = 48
"""Positions that are kept of a text."""
STEADY = 10 * FLOOR
"""Nats up to which the repeats agree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideWay:
    """How probabilities inside prompts are asked for."""

    field: str
    top: int

    def request(self, text: str, asking: Asking) -> Request:
        """The request for one text; as an answer, one token is generated and not looked at."""
        told = {"echo": True, "logprobs": self.top} if self.field == "echo" else {"prompt_logprobs": self.top}
        sampling = {"temperature": asking.temperature, "top_p": asking.top_p}
        body = {name: value for name, value in sampling.items() if value is not None}
        return Request(
            body={"prompt": text, "max_tokens": 1, **body, **told}, sampling=False, stream=False, path=COMPLETIONS,
            verbatim=True,
        )  # fmt: skip


WAYS = tuple(InsideWay(field=field, top=top) for field in ("echo", "prompt_logprobs") for top in (TOP, FEWER))


async def inside_way(ask: PrefixAsker, asking: Asking) -> InsideWay | None:
    """The first way that brings positions; None where the server has none.

    Raises:
        EndpointError: a request failed for good.
    """
    text = pool()[0].text
    for way in WAYS:
        if any(read_inside(await ask(way.request(text, asking), may_reject=True), asked=way.top)):
            return way
    return None


def salted_texts(salt: str) -> Iterator[Prefix]:
    """Texts of our own with a salt before them, which a server has not seen."""
    for domain in DOMAINS:
        found = [prefix for prefix in pool() if prefix.domain is domain][:TEXTS]
        for prefix in found:
            content = f"{salt} {prefix.text}"
            yield Prefix(id=f"{prefix.id}-inside", domain=domain, messages=({"role": "user", "content": content},))


def text_of(prefix: Prefix) -> str:
    """The prompt of a salted text."""
    return str(prefix.messages[0]["content"])


def steady(first: Sequence[Position | None], again: Sequence[Position | None]) -> Mapping[int, Position]:
    """By place, the positions at which two answers agree."""
    found = dict[int, Position]()
    for at, (one, other) in enumerate(zip(first, again, strict=False)):
        if one is None or other is None or not one.usable or not same_prompt(one, other):
            continue
        apart = divergence(ComparedPair(reference=one, candidate=other))
        if apart is not None and apart.nats <= STEADY:
            found[at] = one
    return found


def inside_text(prefix: Prefix, found: Mapping[int, Position], kept: Sequence[int] | None = None) -> InsideText | None:
    """What a capture keeps of a text: the places `kept`, else the most telling ones; None where nothing is left."""
    places = sorted(found) if kept is None else [at for at in kept if at in found]
    if kept is None and len(places) > MOST_POSITIONS:
        places = sorted(sorted(places, key=lambda at: -found[at].entropy)[:MOST_POSITIONS])
    positions = tuple(
        InsidePosition(at=at, measured=(MeasuredPosition(session=0, calls=1, position=found[at]),)) for at in places
    )
    return InsideText(prefix=prefix, positions=positions) if positions else None


def with_inside(reference: Reference, texts: Sequence[InsideText]) -> Reference:
    """A capture with what it saw inside prompts."""
    return replace(reference, inside=tuple(texts))
