"""Removes secrets from everything that is written."""

import base64
import html
import json
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from typing import Any
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

from kvv_action import schema

MASK = "***"
SENSITIVE_HEADER = ("auth", "key", "token", "secret", "cookie", "credential", "password", "signature")
"""A header is secret when its name contains one of these words."""
SHORTEST = 6
LONGEST_WORD = 12


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


_FIELDS = frozenset(field.name for record in vars(schema).values() if is_dataclass(record) for field in fields(record))
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

    def text(self, text: str) -> str:
        """`text` without secrets."""
        for secret in self._texts:
            if secret in text:
                text = text.replace(secret, MASK)
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
                return {name if name in _FIELDS else self.json(name): self.json(item) for name, item in value.items()}
            case _:
                return value

    def bytes(self, data: bytes) -> bytes:
        """`data` without secrets."""
        for secret in self._bytes:
            if secret in data:
                data = data.replace(secret, self._mask)
        return data
