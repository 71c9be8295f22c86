"""The next-token probabilities of one answer, and the one reader that takes them from what a server sent.

A request asks for one token (or a few, of which only the first counts) with `logprobs`. The runner sends it verbatim
(`schema.Request.verbatim`), so the journal keeps the body of the answer as it came, and everything can be read again.
"""

import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import orjson

from kvv_action.schema import Completion, Exchange, Json

TOP = 20
"""`top_logprobs` of a request, where a server allows it."""
FEWER = 5
"""`top_logprobs` where a server refuses `TOP`."""
MOST_LISTED = 256
"""Entries that a server may list at one position."""
LONGEST_TOKEN = 4096
"""Bytes of a token."""
MOST_INSIDE = 20_000
"""Places of a prompt that are read."""
MOST_UNUSABLE = 0.02
"""Share of probability on tokens that are no text up to which a position is used."""
SLACK = 1e-3
"""How far above 1 probabilities may add up, and a logarithm may be above 0, by rounding."""
ABSENT = -100.0
"""A logarithm below it says that the token cannot be sampled: servers write -9999 after they cut the tail off."""
WHOLE = 1 - 1e-4
"""Probabilities that add up to this leave no tail."""
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}".encode()
_MARKERS = 4
"""Entries before the text that may be markers which the server leaves out of it."""


class Covers(StrEnum):
    """Which text the probabilities belong to."""

    REASONING = "reasoning"
    CONTENT = "content"
    PROMPT = "prompt"
    UNPROVEN = "unproven"
    """The answer shows no text: its only token is a marker, such as the begin of a tool call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """The probabilities of the token that follows one prefix, from one answer or as the mean of several.

    Attributes:
        tokens: natural logarithm of the probability, by the bytes of the token; without tokens that are no text.
        asked: `top_logprobs` of the request.
        listed: entries that came, before equal ones were joined.
        cut: some entries have no probability at all, so the server cut off the tail before it told them.
        unusable: share of probability on tokens that are empty or contain U+FFFD; it counts as rest.
        sampled: the token that was drawn; None for a mean of several answers.
        sampled_logprob: its own logarithm, as the server gave it.
        prompt_tokens: as the server counted them; None when it did not.
        prompt_ids: digest of the ids of the prompt's tokens; empty where the server gave none.
        covers: which text the probabilities belong to.
    """

    tokens: Mapping[bytes, float]
    asked: int = TOP
    listed: int = 0
    cut: bool = False
    unusable: float = 0.0
    sampled: bytes | None = None
    sampled_logprob: float | None = None
    prompt_tokens: int | None = None
    prompt_ids: str = ""
    covers: Covers = Covers.CONTENT

    @property
    def rest(self) -> float:
        """Share of probability, 0..1, that is on none of `tokens`."""
        return max(0.0, 1.0 - math.fsum(map(math.exp, self.tokens.values())))

    @property
    def usable(self) -> bool:
        """Whether nearly all of the probability is on tokens that are text, and there are enough to compare."""
        return self.unusable <= MOST_UNUSABLE and bool(self.tokens)

    @property
    def entropy(self) -> float:
        """In nats; the rest counts as one token, so that it is a lower bound."""
        rest = self.rest
        parts = math.fsum(math.exp(value) * -value for value in self.tokens.values())
        return parts + (-rest * math.log(rest) if rest > 0 else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReading:
    """What an answer showed: a position, or in plain words why there is none.

    Attributes:
        position: None where nothing can be compared.
        reason: empty where there is a position.
        covers: CONTENT, with reasoning before it, tells another position than the first one.
    """

    position: Position | None = None
    reason: str = ""
    covers: Covers = Covers.UNPROVEN


class _NoPositionError(ValueError):
    """The answer has no position, for the reason given."""

    def __init__(self, reason: str, covers: Covers = Covers.UNPROVEN) -> None:
        super().__init__(reason)
        self.covers = covers


def read_position(
    answer: Exchange | Completion | Mapping[str, Json] | str, *, asked: int = TOP, at: int = 0
) -> PositionReading:
    """Read one position of an answer to a chat or a text completion.

    Args:
        answer: a journaled step whose request was verbatim, its completion, or the body as text or JSON.
        asked: `top_logprobs` of the request.
        at: which token of the answer, of the first few; only the first one follows the prompt itself.

    Returns:
        Never raises; if there is no position, the reason says why.
    """
    try:
        return _read(_document(answer), asked, at)
    except _NoPositionError as why:
        return PositionReading(reason=str(why), covers=why.covers)


def read_inside(
    answer: Exchange | Completion | Mapping[str, Json] | str, *, asked: int = TOP
) -> tuple[Position | None, ...]:
    """The positions inside the prompt of a text completion, by place; None where the server tells none.

    Args:
        answer: as in `read_position`; the request had `echo` with `logprobs`, or `prompt_logprobs`.
        asked: alternatives that the request asked for.

    Returns:
        Never raises; empty where the answer has no such positions. `prompt_tokens` of a position is its place, and
        `prompt_ids` a digest of the tokens before it, where the server lists them.
    """
    try:
        document = _document(answer)
        choices = document.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        if not isinstance(choice, Mapping):
            return ()
        listed = choice.get("prompt_logprobs") or document.get("prompt_logprobs")
        if isinstance(listed, list):
            return tuple(_inside(at, _by_id(one), "", asked) for at, one in enumerate(listed[:MOST_INSIDE]))
        return tuple(_echoed(choice.get("logprobs"), _prompt_length(document), asked))
    except _NoPositionError:
        return ()


def _prompt_length(document: Mapping[str, Json]) -> int | None:
    usage = document.get("usage")
    return _count(usage.get("prompt_tokens")) if isinstance(usage, Mapping) else None


def _echoed(logprobs: Json, length: int | None, asked: int) -> Iterator[Position | None]:
    """The places of an echo that belong to the prompt."""
    if not isinstance(logprobs, Mapping) or length is None:
        return
    tokens, top = logprobs.get("tokens"), logprobs.get("top_logprobs")
    if not (isinstance(tokens, list) and isinstance(top, list)):
        return
    before = hashlib.sha256()
    for at, (token, table) in enumerate(zip(tokens[: min(length, MOST_INSIDE)], top, strict=False)):
        pairs = [(_token(text), value) for text, value in table.items()] if isinstance(table, Mapping) else []
        yield _inside(at, pairs, before.hexdigest()[:16], asked)
        before.update(_token(token) + b"\0")


def _by_id(table: Json) -> list[tuple[bytes, Json]]:
    """The tokens of one place as vLLM lists them; their ids are the names."""
    if not isinstance(table, Mapping):
        return []
    entries = [one for one in table.values() if isinstance(one, Mapping)]
    return [(_token(one.get("decoded_token")), one.get("logprob")) for one in entries]


def _inside(at: int, pairs: Sequence[tuple[bytes, Json]], ids: str, asked: int) -> Position | None:
    """None for the first token, which has no probability, and for a malformed place."""
    if not 0 < len(pairs) <= MOST_LISTED:
        return None
    try:
        listing = _listing([(token, _logprob(value)) for token, value in pairs], asked)
    except _NoPositionError:
        return None
    return replace(listing, prompt_tokens=at, prompt_ids=ids, covers=Covers.PROMPT)


def _document(answer: Exchange | Completion | Mapping[str, Json] | str) -> Mapping[str, Json]:
    if isinstance(answer, Exchange):
        if answer.completion is None:
            said = answer.rejection.message if answer.rejection is not None else "nothing was answered"
            raise _NoPositionError(f"the request was refused: {said[:200]}")
        answer = answer.completion
    if isinstance(answer, Completion):
        answer = answer.content
    if isinstance(answer, str):
        try:
            answer = orjson.loads(answer)
        except orjson.JSONDecodeError:
            raise _NoPositionError("the answer is not JSON") from None
    if not isinstance(answer, Mapping):
        raise _NoPositionError("the answer is no JSON object")
    return answer


def _read(document: Mapping[str, Json], asked: int, at: int) -> PositionReading:
    choices = document.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices else None
    if not isinstance(choice, Mapping):
        raise _NoPositionError("the answer has no choice")
    entries = list(_entries(choice.get("logprobs"), at))
    if len(entries) <= at:
        raise _NoPositionError("the answer has no logprobs" if not entries else "the answer is too short")
    covers = _covered([entry.token for entry in entries], choice)
    position = _position(entries[at], document, asked, covers)
    return PositionReading(position=position, covers=covers)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """One token of the answer as it was listed; `top` are its alternatives, None where they were not read."""

    token: bytes
    logprob: float
    top: Sequence[tuple[bytes, float]] | None = None


def _entries(logprobs: Json, at: int) -> Iterator[_Entry]:
    """The first entries of either dialect; with the alternatives of the one that is read."""
    if not isinstance(logprobs, Mapping):
        return
    if (content := logprobs.get("content")) is not None:
        listed = content[: _MARKERS + 1] if isinstance(content, list) else []
        for number, entry in enumerate(listed):
            yield _chat_entry(entry, read=number == at)
    else:
        yield from _text_entries(logprobs, at)


def _chat_entry(entry: Json, *, read: bool) -> _Entry:
    token, logprob = _pair(entry)
    if not read:
        return _Entry(token=token, logprob=logprob)
    top = entry.get("top_logprobs")
    if not isinstance(top, list):
        raise _NoPositionError("top_logprobs is no list")
    if len(top) > MOST_LISTED:
        raise _NoPositionError(f"top_logprobs has {len(top)} entries, more than {MOST_LISTED}")
    return _Entry(token=token, logprob=logprob, top=[_pair(one) for one in top])


def _text_entries(logprobs: Mapping[str, Json], at: int) -> Iterator[_Entry]:
    """`tokens`, `token_logprobs` and `top_logprobs` of text completions."""
    tokens, values, top = (logprobs.get(name) for name in ("tokens", "token_logprobs", "top_logprobs"))
    if not (isinstance(tokens, list) and isinstance(values, list) and isinstance(top, list)):
        return
    table = top[at] if at < len(top) else None
    if not isinstance(table, Mapping) or len(table) > MOST_LISTED:
        raise _NoPositionError("top_logprobs has no entry that is a table of tokens")
    alternatives = [(_token(token), _logprob(value)) for token, value in table.items()]
    for number, (token, value) in enumerate(zip(tokens[: _MARKERS + 1], values, strict=False)):
        yield _Entry(token=_token(token), logprob=_logprob(value), top=alternatives if number == at else None)


def _pair(entry: Json) -> tuple[bytes, float]:
    if not isinstance(entry, Mapping):
        raise _NoPositionError("an entry of logprobs is no object")
    return _token(entry.get("token"), entry.get("bytes")), _logprob(entry.get("logprob"))


def _token(text: Json, raw: Json = None) -> bytes:
    """The bytes of a token; those that the server lists as numbers, where it does."""
    if not isinstance(text, str):
        raise _NoPositionError("an entry of logprobs has no token that is text")
    if raw is None:
        found = text.encode(errors="surrogatepass")
    elif isinstance(raw, list) and all(type(one) is int and 0 <= one < 256 for one in raw):
        found = bytes(raw)
    else:
        raise _NoPositionError("bytes of a token is no list of bytes")
    if len(found) > LONGEST_TOKEN:
        raise _NoPositionError(f"a token is longer than {LONGEST_TOKEN} bytes")
    return found


def _logprob(value: Json) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value <= SLACK:  # nan is not
        raise _NoPositionError(f"a logprob is {str(value)[:40]}")
    return min(0.0, float(max(value, -1e9)))


def _position(entry: _Entry, document: Mapping[str, Json], asked: int, covers: Covers) -> Position:
    assert entry.top is not None
    return replace(
        _listing(entry.top, asked), sampled=entry.token, sampled_logprob=entry.logprob,
        prompt_tokens=_prompt_length(document), prompt_ids=_ids(document), covers=covers,
    )  # fmt: skip


def _listing(top: Sequence[tuple[bytes, float]], asked: int) -> Position:
    """The tokens of one place, equal ones joined, those that are no text apart."""
    joined: dict[bytes, float] = {}
    for token, value in top:
        if value > ABSENT:
            joined[token] = _sum(joined[token], value) if token in joined else value
    if not joined:
        raise _NoPositionError("top_logprobs lists no token")
    if math.fsum(map(math.exp, joined.values())) > 1 + asked * SLACK + SLACK:
        raise _NoPositionError("the probabilities add up to more than 1")
    textless = [token for token in joined if not token or _REPLACEMENT in token]
    unusable = math.fsum(math.exp(joined.pop(token)) for token in textless)
    cut = any(value <= ABSENT for _, value in top)
    return Position(tokens=joined, asked=asked, listed=len(top), cut=cut, unusable=min(1.0, unusable))


def _sum(one: float, other: float) -> float:
    """The logarithm of the sum of two probabilities."""
    high, low = max(one, other), min(one, other)
    return min(0.0, high + math.log1p(math.exp(low - high)))


def _count(value: Json) -> int | None:
    return value if type(value) is int and 0 <= value < 2**40 else None


def _ids(document: Mapping[str, Json]) -> str:
    """Digest of the ids of the prompt's tokens, which some servers give."""
    choices = document["choices"]
    for ids in (document.get("prompt_token_ids"), choices[0].get("prompt_token_ids")):
        if isinstance(ids, list) and ids and all(type(one) is int for one in ids):
            return hashlib.sha256(",".join(map(str, ids)).encode()).hexdigest()[:16]
    return ""


def _covered(tokens: Sequence[bytes], choice: Mapping[str, Json]) -> Covers:
    """Which text the first entry begins.

    Raises:
        _NoPositionError: it begins none, or the content although reasoning comes first.
    """
    message = choice.get("message")
    if not isinstance(message, Mapping):
        message = {"content": choice.get("text")}
    reasoning, content = _reasoning(message), _text(message.get("content"))
    if reasoning:
        if _begins(tokens, reasoning):
            return Covers.REASONING
        if content and _begins(tokens, content):
            why = "logprobs belong to the content alone, so they are not those of the first token"
            raise _NoPositionError(why, Covers.CONTENT)
        raise _NoPositionError("the first entry of logprobs does not begin the reasoning")
    if not content:
        return Covers.UNPROVEN
    if not _begins(tokens, content):
        raise _NoPositionError("the first entry of logprobs does not begin the content")
    return Covers.CONTENT


def _reasoning(message: Mapping[str, Json]) -> str:
    return _text(message.get("reasoning_content")) or _text(message.get("reasoning"))


def _text(value: Json) -> str:
    return value if isinstance(value, str) else ""


def _begins(tokens: Sequence[bytes], text: str) -> bool:
    """Whether the text begins with the first token; markers and white space before it may be missing in the text."""
    for token in tokens:
        if token.strip() and _starts(text, token):
            return True
        if token.strip() and not _is_marker(token):
            return False
    return True


def _starts(text: str, token: bytes) -> bool:
    """A token may end inside a character, which the text then replaces."""
    whole, bare = text.encode(errors="surrogatepass"), text.lstrip().encode(errors="surrogatepass")
    if whole.startswith(token) or bare.startswith(token.lstrip()):
        return True
    kept = token.decode(errors="ignore").encode()
    return kept != token and bare.startswith(kept.lstrip() + (b"" if kept.strip() else _REPLACEMENT))


def _is_marker(token: bytes) -> bool:
    bare = token.strip()
    return (bare[:1], bare[-1:]) in ((b"<", b">"), (b"[", b"]")) and len(bare) > 2


def mean_of(positions: Sequence[Position], weights: Sequence[int] = ()) -> Position:
    """The mean of several answers to one prefix: of the logarithms of each token that all of them list.

    Args:
        positions: at least one; with equal prompts.
        weights: of each; equal ones by default.
    """
    first, *others = positions
    if not others:
        return first
    weights = weights or [1] * len(positions)
    total = sum(weights)
    means = {
        token: math.fsum(weight * one.tokens[token] for one, weight in zip(positions, weights, strict=True)) / total
        for token in first.tokens
        if all(token in one.tokens for one in others)
    }
    return Position(
        tokens=means, asked=min(one.asked for one in positions), listed=first.listed,
        cut=any(one.cut for one in positions),
        unusable=math.fsum(weight * one.unusable for one, weight in zip(positions, weights, strict=True)) / total,
        prompt_tokens=first.prompt_tokens, prompt_ids=first.prompt_ids, covers=first.covers,
    )  # fmt: skip
