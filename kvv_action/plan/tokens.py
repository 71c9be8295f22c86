"""How many tokens a request costs, reckoned without the model's tokenizer: for plans and budgets, never for verdicts.

Text, expected: a word is a token for each `WORD` letters begun, a number one for each `DIGITS`, other signs one for
each `SIGNS`, a line break half of one, any other character `OTHER`. Over several kinds of text this is 1 % below to
26 % above the count of Kimi's tokenizer (`tests/parity/test_tokens.py`).

Text, ceiling: its bytes. Kimi's tokenizer joins bytes, so no text has more tokens than bytes.

Pictures, expected: a token for each 28 × 28 pixels, as MoonViT merges 2 × 2 patches of 14 pixels, at most 4096
(`in_patch_limit` 16384 in `preprocessor_config.json` of Kimi-K2.5 and K2.6). Ceiling: what a picture of its size has,
but at least 256, to which some servers enlarge a small one, and at most 16384 (65536 patches, the limit of K3).
"""

import base64
import binascii
import re
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from kvv_action import pictures
from kvv_action.errors import DatasetError
from kvv_action.schema import Json

WORD, DIGITS, SIGNS, OTHER = 8, 3, 3, 0.62
TILE = 28
"""Pixels along each side of what one token of a picture shows."""
USUAL_PICTURE, LEAST_PICTURE, MOST_PICTURE = 4096, 256, 16384
MESSAGE, MOST_MESSAGE = 4, 16
"""Tokens around a message."""
OPENING, MOST_OPENING = 4, 256
"""Tokens that a template adds to a conversation: the assistant's opening, a default system prompt, a note on effort."""

SLICE = 64 * 1024
"""Characters of a text that are looked at in one go: a thread that reckons a long one lets others run in between."""

_LETTERS = string.ascii_letters
_SIGNS = "".join(sign for sign in map(chr, range(128)) if not sign.isalnum() and not sign.isspace())
_UNITS = {_LETTERS: WORD, string.digits: DIGITS, _SIGNS: SIGNS}
"""How many characters of a kind are a token, where they follow one another."""
_IS_LETTER = _LETTERS.encode()
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_PROMPT = ("prompt", "tools", "response_format")
"""Fields of a body, beside the messages, that the model reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is expected, and the most that is possible; None when nothing limits it."""

    expected: float = 0.0
    ceiling: float | None = 0.0

    def __add__(self, other: "Span") -> "Span":
        ceiling = None if self.ceiling is None or other.ceiling is None else self.ceiling + other.ceiling
        return Span(expected=self.expected + other.expected, ceiling=ceiling)

    def __mul__(self, times: float) -> "Span":
        return Span(expected=self.expected * times, ceiling=None if self.ceiling is None else self.ceiling * times)


def total(spans: Iterable[Span]) -> Span:
    """The sum."""
    return sum(spans, Span())


def of_text(text: str) -> Span:
    """Tokens of a text."""
    return Span(expected=expected(text), ceiling=len(text.encode(errors="replace")))


def expected(text: str) -> float:
    """The tokens to expect of a text."""
    return sum(map(_of_slice, _slices(text)))


def most_expected(text: str) -> float:
    """A bound of `expected` that takes a tenth of its time: each word ends at something else than a letter."""
    data = text.encode(errors="replace")
    rest = data.translate(None, _IS_LETTER)
    letters = len(data) - len(rest)
    other = len(text) - letters
    return letters / WORD + (1 - 1 / WORD) * min(letters, other + 1) + other - rest.count(b" ")


def _slices(text: str) -> Iterator[str]:
    start = 0
    while len(text) - start > SLICE:
        end = _cut(text, start)
        yield text[start:end]
        start = end
    yield text[start:]


def _cut(text: str, start: int) -> int:
    """Where a slice ends so that no token is counted twice."""
    end = start + SLICE
    if (space := text.rfind(" ", start, end)) > start:
        return space
    part = text[start:end]
    for kind, unit in _UNITS.items():
        if run := SLICE - len(part.rstrip(kind)):
            return end - run % unit
    words = part.rstrip("\n")
    return start + len(words) if words else len(text) - len(text[start:].lstrip("\n"))


def _of_slice(text: str) -> float:
    """Counts by operations on all its bytes at once; looking at every word by itself takes three times as long."""
    plain = text if text.isascii() else _BEYOND_ASCII.sub("\x80", text)
    data = plain.encode("latin-1")
    other = len(text) - len(plain) + data.count(b"\x80")
    lines = _marked(data, _LINE_BREAKS).count(b" x")
    return sum(_units(data, table, unit) for table, unit in _TABLES) + lines / 2 + OTHER * other


def _table(kind: str) -> bytes:
    """Translates what is of a kind to x, everything else to a space."""
    return bytes(b"x"[0] if chr(code) in kind else b" "[0] for code in range(256))


_LINE_BREAKS = _table("\n")
_TABLES = tuple((_table(kind), unit) for kind, unit in _UNITS.items())


def _marked(data: bytes, table: bytes) -> bytes:
    return b" " + data.translate(table)


def _units(data: bytes, table: bytes, unit: int) -> int:
    """How many units are begun: whole ones, and what is left of a run after them."""
    marked = _marked(data, table).replace(b"x" * unit, b"X")
    return marked.count(b"X") + marked.count(b" x") + marked.count(b"Xx")


def of_picture(content: bytes) -> Span:
    """Tokens of a picture by its size; of one whose size cannot be read, what a large one costs."""
    try:
        size = pictures.check(content, "")
    except DatasetError:
        return Span(expected=LEAST_PICTURE, ceiling=MOST_PICTURE)
    tiles = -(-size.width // TILE) * -(-size.height // TILE)
    return Span(expected=min(tiles, USUAL_PICTURE), ceiling=min(max(tiles, LEAST_PICTURE), MOST_PICTURE))


def of_body(body: Mapping[str, Any]) -> Span:
    """Prompt tokens of a request's body."""
    messages = body.get("messages") or ()
    framed = Span(expected=OPENING + MESSAGE * len(messages), ceiling=MOST_OPENING + MOST_MESSAGE * len(messages))
    fields = (body[name] for name in _PROMPT if body.get(name))
    return total((framed, *map(_of_value, fields), *(_of_message(message) for message in messages)))


def _of_message(message: Mapping[str, Json]) -> Span:
    content = message.get("content")
    rest = {name: value for name, value in message.items() if name not in ("role", "content") and value}
    parts = content if isinstance(content, list | tuple) else [content]
    return total((*map(_of_part, parts), *((_of_value(rest),) if rest else ())))


def _of_part(part: Json) -> Span:
    text = part.get("text") if isinstance(part, Mapping) else part
    if isinstance(text, str):
        return of_text(text)
    content = _picture(part)
    if content is not None:
        return of_picture(content)
    return _of_value(part) if part else Span()


def _picture(part: Json) -> bytes | None:
    """The bytes of a part that is a picture; None of anything else, also of an address that is not fetched here."""
    image = part.get("image_url") if isinstance(part, Mapping) else None
    url = image.get("url") if isinstance(image, Mapping) else image
    if not isinstance(url, str) or not url.startswith("data:"):
        return None
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error:
        return None


def _of_value(value: Json) -> Span:
    """Tokens of what a template writes as JSON."""
    return of_text(value if isinstance(value, str) else orjson.dumps(value, default=dict).decode())


def of_output(body: Mapping[str, Any], usual: int, window: int | None) -> Span:
    """Tokens of the answer to a request.

    Args:
        body: of the request; its limit of tokens is the ceiling.
        usual: how many an answer has that is not cut off.
        window: tokens that the model can hold at all.
    """
    limits = [body[name] for name in ("max_tokens", "max_completion_tokens") if isinstance(body.get(name), int)]
    limit = min(limits, default=window)
    times = body.get("n", 1) if isinstance(body.get("n", 1), int) else 1
    return Span(expected=min(usual, limit or usual), ceiling=limit) * max(1, times)
