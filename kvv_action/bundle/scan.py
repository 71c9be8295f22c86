"""Searches files for secrets: known ones, and texts that look like keys."""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from kvv_action.redact import WINDOW, Redactor

_PATTERNS = {
    "an OpenAI-style key": rb"\bsk-[A-Za-z0-9_-]{20,}",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})",
    "a GitLab token": rb"\bglpat-[A-Za-z0-9_-]{20,}",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{30,}",
    "an NVIDIA key": rb"\bnvapi-[A-Za-z0-9_-]{20,}",
    "an AWS key id": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a Google API key": rb"\bAIza[0-9A-Za-z_-]{35}",
    "a Slack token": rb"\bxox[abprs]-[A-Za-z0-9-]{10,}",
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----",
    "a bearer token": rb"\b[Bb]earer\s+[A-Za-z0-9._~+/-]{24,}",
    "a JSON web token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
}
_ALL = re.compile(b"|".join(b"(?P<p%d>%s)" % (number, text) for number, text in enumerate(_PATTERNS.values())))
_MARKS = tuple(map(re.compile, (
    rb"sk-", rb"gh[pousr]_", rb"github_pat_", rb"glpat-", rb"hf_", rb"nvapi-", rb"A(?:KIA|SIA|Iza)", rb"xox",
    rb"-----BEGIN ", rb"earer", rb"eyJ",
)))  # fmt: skip
"""One of these is in every text that a pattern matches; most lines have none, and finding that out costs little.

What begins with letters that do not vary is found quickly; one pattern for all of them would take as long as all these.
"""
_NAMES = tuple(_PATTERNS)
BLOCK = WINDOW // 2
SHOWN = 6
"""Characters of a suspicious text that a message shows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """A place that may contain a secret, never the secret itself; `known` for one of the given secrets."""

    file: str
    line: int
    what: str
    known: bool = False

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}: {self.what}"


def scan(file: str, lines: Iterable[bytes], secrets: Redactor) -> Iterator[Suspect]:
    """All suspicious places of a file.

    Args:
        file: its name, for messages.
        lines: its content.
        secrets: the known secrets.
    """
    number = 1
    for block in _blocks(lines):
        text = b"".join(block)
        known, marked = secrets.bytes(text) != text, _marked(text, block)
        for place, line in enumerate(block) if known or marked else ():
            if known and secrets.bytes(line) != line:
                yield Suspect(file=file, line=number + place, what="one of your own keys", known=True)
            for found in _ALL.finditer(line) if place in marked else ():
                name = _NAMES[int((found.lastgroup or "p0")[1:])]
                what = f"looks like {name} ({found[0][:SHOWN].decode(errors='replace')}…)"
                yield Suspect(file=file, line=number + place, what=what)
        number += len(block)


def _blocks(lines: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lines in groups of `BLOCK` bytes or one longer line: most groups hold nothing, and are looked at as a whole."""
    block, size = list[bytes](), 0
    for line in lines:
        if block and size + len(line) > BLOCK:
            yield block
            block, size = [], 0
        block.append(line)
        size += len(line)
    if block:
        yield block


def _marked(text: bytes, block: Sequence[bytes]) -> set[int]:
    """The lines of a block that hold a mark."""
    ends, found = list(accumulate(map(len, block))), set[int]()
    for mark in _MARKS:
        at = mark.search(text)
        while at:
            place = bisect_right(ends, at.start())
            found.add(place)
            at = mark.search(text, ends[place])
    return found
