"""Removes secrets from everything that is written."""

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from functools import cached_property
from typing import Any, AnyStr
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from kvv_action import schema

MASK = "***"
SENSITIVE_HEADER = ("auth", "key", "token", "secret", "cookie", "credential", "password", "signature")
"""A header is secret when its name contains one of these words."""
SHORTEST = 6
LONGEST_WORD = 12
WINDOW = 64 * 1024
"""Characters of a long text that are looked at in one go, so that a thread which does it lets others run in between."""
EDGES = ' \n\t,:"{}[]()'
"""Where a long text may be cut: no spelling of a secret has one of these, unless the secret itself does."""
FOREIGN, FOREIGN_BYTES = r"[\u0380-\u07ff\u3000-\ud7ff\U00010000-\U0010ffff]", r"[\xce-\xdf\xe3-\xed\xf0-\xf4]"
"""Characters, and their first bytes in UTF-8, that no spelling of an ASCII secret has; Chinese text has few edges.

Not those beside them that patterns take for the letters i, s and k, such as the sign for a kelvin.
"""


def is_placeholder(secret: str) -> bool:
    """Whether a value is only a placeholder for a key, as for local servers: `EMPTY`, `none`, `x`, `default`.

    A placeholder has fewer than `SHORTEST` characters, or is one word of at most `LONGEST_WORD` letters in one case.
    Masking it would damage ordinary text, and no vendor issues such keys.
    """
    word = len(secret) <= LONGEST_WORD and secret.isascii() and secret.isalpha()
    return len(secret) < SHORTEST or (word and (secret.islower() or secret.isupper()))


def _spellings(secret: str) -> set[str]:
    """All spellings of a secret in JSON, URLs, XML, HTML, messages and authorization headers."""
    escaped = {escape(secret), *(escape(secret, quotes) for quotes in _XML_QUOTES), html.escape(secret)}
    quoted = {quote(secret), quote(secret, safe=""), quote_plus(secret)}
    lower = {re.sub("%[0-9A-F]{2}", lambda match: match.group().lower(), text) for text in quoted}
    return {
        secret,
        repr(secret)[1:-1],
        secret.encode().hex(),
        *_json_spellings(secret),
        *escaped,
        *quoted,
        *lower,
        *_base64(secret),
    }


_XML_QUOTES = ({'"': "&quot;"}, {'"': "&quot;", "'": "&apos;"}, {'"': "&#34;", "'": "&#39;"})


def _json_spellings(secret: str) -> set[str]:
    """Spellings in JSON, and in JSON inside a JSON string; a slash may be escaped."""
    found = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    found |= {text.replace("/", "\\/") for text in found}
    return found | {json.dumps(text, ensure_ascii=False)[1:-1] for text in found}


def _base64(secret: str) -> set[str]:
    """Spellings in base64, alone and inside a longer text (`user:KEY`).

    Base64 writes three bytes as four characters, so there are three alignments. Only characters that do not depend on
    the neighbours are used; the outermost ones leak at most five bits of the secret.
    """
    raw = secret.encode()
    found = set()
    for before in range(3):
        bits = 8 * (before + len(raw))
        text = base64.b64encode(bytes(before) + raw).decode()[-(-8 * before // 6) : bits // 6]
        found |= {text, text.replace("+", "-").replace("/", "_")}
    whole = base64.b64encode(raw).decode()
    return found | {whole, whole.replace("+", "-").replace("/", "_")}


_ENTITIES = {"&": "amp", "<": "lt", ">": "gt", '"': "quot", "'": "apos"}
_DECIMAL = re.compile(r"&(?:amp;)*#0*(\d{2,3});?", re.IGNORECASE)
_NUMBERED = (
    ("\\", re.compile(r"\\u00([2-7][0-9a-f])", re.IGNORECASE)),
    ("\\", re.compile(r"\\x([2-7][0-9a-f])", re.IGNORECASE)),
    ("%", re.compile(r"%(?:25)*([2-7][0-9a-f])", re.IGNORECASE)),
    ("&", re.compile(r"&(?:amp;)*#x0*([2-7][0-9a-f]);?", re.IGNORECASE)),
    ("&", _DECIMAL),
)
"""ASCII characters as numbers, and what they begin with: in JSON, in URLs, in HTML and XML; also escaped several times.

HTML comes last: JSON and URLs often write the `&` of an HTML character as a number.
"""
_AMPERSAND = r"(?:&|%(?:25)*26|\\{1,8}[ux](?:00)?26)(?:amp;)*"


def _unescaped(text: str) -> str:
    """`text` with its characters themselves, as far as ASCII goes, and without any backslash."""
    for sign, numbered in _NUMBERED:
        if sign in text and numbered.search(text):
            base = 10 if numbered is _DECIMAL else 16
            text = numbered.sub(lambda found, base=base: chr(int(found[1], base)), text)  # type: ignore[misc]
    if "&" in text:
        for character, name in _ENTITIES.items():
            text = text.replace(f"&{name};", character)
    return text.replace("\\", "")


def _any_spelling(secret: str, *, either_case: bool) -> re.Pattern[str]:
    """Matches a secret with each character spelled in any way; with `either_case`, as a small or a large letter."""
    ways = ("|".join(_ways(character, either_case=either_case)) for character in secret)
    return re.compile("".join(f"(?:{way})" for way in ways))


def _ways(character: str, *, either_case: bool) -> Iterator[str]:
    cases = {character.lower(), character.upper()} if either_case else {character}
    numbers = sorted(map(ord, cases))
    decimal, short, pair = ("|".join(format(number, form) for number in numbers) for form in ("d", "x", "02x"))
    yield f"(?i:{re.escape(character)})" if either_case else re.escape(character)
    yield f"(?i:%(?:25)*(?:{pair}))"
    yield rf"(?i:\\{{1,8}}(?:u00|x)(?:{pair}))"
    yield f"(?i:{_AMPERSAND}#(?:0*(?:{decimal})|x0*(?:{short}));?)"
    if character in _ENTITIES:
        yield f"(?i:{_AMPERSAND}{_ENTITIES[character]};)"
    if character in "\"'/":
        yield rf"\\{{1,8}}{character}"


class _AnyCase:
    """A secret that is found in either case, and with any of its characters escaped.

    Only for ASCII secrets; keys and headers are ASCII. A single word is found in its own case only: in another case it
    is an ordinary word of any text.
    """

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._lower = secret.lower()
        self._bare = self._lower.replace("\\", "")
        self._hex = secret.encode().hex()

    @staticmethod
    def suits(secret: str) -> bool:
        """Whether a secret can be looked for like this."""
        return secret.isascii() and len(secret) >= SHORTEST

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        word = self._secret.isalpha() and len(self._secret) <= LONGEST_WORD
        return _any_spelling(self._secret, either_case=not word), re.compile(self._hex, re.IGNORECASE)

    def removed(self, text: str, lower: str, plain: str) -> str:
        """`text` without it; `lower` is the text in small letters, `plain` is that unescaped."""
        if self._lower in lower or self._bare in plain or self._hex in lower:
            for pattern in self._patterns:
                text = pattern.sub(MASK, text)
        return text


def _windows(text: AnyStr, edges: Sequence[AnyStr], signs: re.Pattern[AnyStr]) -> Iterator[AnyStr]:
    """Parts of a text that end at edges, or else before one of the signs; one that has neither is not cut."""
    start = 0
    while len(text) - start > WINDOW:
        end = max((text.rfind(edge, start, start + WINDOW) for edge in edges), default=-1) + 1
        if end <= start:
            end = _next_sign(text, start + WINDOW, signs)
        yield text[start:end]
        start = end
    yield text[start:]


def _one_of(edges: Iterable[str], signs: str) -> str:
    """A pattern for any of them; it matches nothing where there are none."""
    return "|".join([*map(re.escape, edges), *filter(None, [signs])]) or "(?!)"


def _next_sign(text: AnyStr, start: int, signs: re.Pattern[AnyStr]) -> int:
    """Where the next sign stands; looked for in short steps."""
    for at in range(start, len(text), WINDOW):
        if found := signs.search(text, at, at + WINDOW):
            return found.start()
    return len(text)


FIELDS = frozenset(field.name for record in vars(schema).values() if is_dataclass(record) for field in fields(record))
"""Field names of journals and reports, which are never masked."""


class Redactor:
    """Replaces all spellings of the given secrets by `***`.

    Placeholders are not replaced; `has_placeholder` is True when one was given.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        given = {part.strip() for secret in secrets for part in (secret, *secret.splitlines()) if part.strip()}
        self.has_placeholder = any(is_placeholder(secret) for secret in given)
        spellings = {s for secret in given if not is_placeholder(secret) for s in _spellings(secret)}
        self._texts = tuple(sorted((s for s in spellings if len(s) >= SHORTEST), key=len, reverse=True))
        self._bytes = tuple(text.encode() for text in self._texts)
        self._mask = MASK.encode()
        self._edges = [edge for edge in EDGES if not any(edge in spelling for spelling in (*given, *spellings))]
        self._byte_edges = [edge.encode() for edge in self._edges]
        plain = all(map(str.isascii, given))
        self._signs = re.compile(_one_of(self._edges, FOREIGN if plain else ""))
        self._byte_signs = re.compile(_one_of(self._edges, FOREIGN_BYTES if plain else "").encode())
        self._any_case = tuple(
            _AnyCase(s) for s in sorted(given, key=len, reverse=True) if not is_placeholder(s) and _AnyCase.suits(s)
        )

    def text(self, text: str) -> str:
        """`text` without secrets."""
        if len(text) < SHORTEST:
            return text
        if len(text) <= WINDOW:
            return self._clean_text(text)
        clean = "".join(map(self._clean_text, _windows(text, self._edges, self._signs)))
        return text if clean == text else clean

    def _clean_text(self, text: str) -> str:
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, MASK)
        return self._hidden(text)

    def _hidden(self, text: str) -> str:
        """`text` without secrets in the other case, or with escaped characters."""
        if not self._any_case:
            return text
        lower = text.lower()
        escaped = "%" in lower or "&" in lower or "\\" in lower
        plain = _unescaped(lower).lower() if escaped else lower
        for secret in self._any_case:
            text = secret.removed(text, lower, plain)
        return text

    def json(self, value: Any) -> Any:
        r"""A JSON value without secrets in its texts and names; numbers and our own field names stay.

        A text is replaced as a whole when its JSON form still contains a secret, completed by an escape (`\n` and the
        rest of `nvapi-…`): only an attacker writes such a text.
        """
        match value:
            case str():
                text = self.text(value)
                return text if self.text(form := json.dumps(text, ensure_ascii=False)) == form else MASK
            case list():
                return [self.json(item) for item in value]
            case dict():
                return {name if name in FIELDS else self.json(name): self.json(item) for name, item in value.items()}
            case _:
                return value

    def _clean_bytes(self, data: bytes) -> bytes:
        for secret in self._bytes:
            if secret in data:
                data = data.replace(secret, self._mask)
        text = data.decode("utf-8", "surrogateescape")
        clean = self._hidden(text)
        return data if clean is text else clean.encode("utf-8", "surrogateescape")

    def bytes(self, data: bytes) -> bytes:
        """`data` without secrets."""
        if len(data) <= WINDOW:
            return self._clean_bytes(data)
        clean = b"".join(map(self._clean_bytes, _windows(data, self._byte_edges, self._byte_signs)))
        return data if clean == data else clean
