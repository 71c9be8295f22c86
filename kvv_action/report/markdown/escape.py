"""Untrusted text inside markdown."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import groupby

from kvv_action.report.text import one_line

_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~$&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_AFTER_MARKDOWN = "@#"
"""GitHub looks for mentions and issue numbers in the finished HTML, where an entity is the character again
(github/cmark-gfm#181): a zero-width space has to follow."""
_NOT_IN_CODE = re.compile(r"\||\$[)\"'.,:;!?…]*$")
"""A table ends its cell at a bar even in code; GitHub reads a dollar sign before a backtick as mathematics."""
_OUTER = re.compile(r"([(\"']*)(.*?)([)\"'.,:;!?…]*)", re.DOTALL)
_WORDS = re.compile(
    r"[(\"']*`[^`]+`[)\"'.,:;!?…]*(?= |$)|[(\"]*'[^'`]+'[)\"'.,:;!?…]*(?= |$)"
    r"|\{(?:[^{}`]|\{[^{}`]*\})*\}[)\"'.,:;!?…]*(?= |$)|[^ ]+"
)
"""Words; what stands in backticks, in quotes or in braces is one."""
_COMPARED = re.compile(r"[<>=]+")
"""Code only together with the words around it."""
_VALUES = re.compile(r"(?:off|true|false|null|none|auto|required|length)[)\"'.,:;!?…]*")
"""Words that belong to the name of a setting or a field right before them."""
_YES_OR_NO = re.compile(r"(?:true|false)[)\"'.,:;!?…]*")
"""Words that belong to a name with a colon right before them, as in YAML."""
_OPTION_VALUES = re.compile(r"(?:[A-Z]+|[\w.-]*\d[\w.-]*)[)\"'.,:;!?…]*")
"""Further words that belong to an option right before them: placeholders, numbers, names with a number."""
_OPTION = re.compile(r"[(\"']*--[a-z]")
_ENDS = tuple(")\"'.,;!?…")
_QUOTED = re.compile(r"[(\"']*`[^`]+`[)\"'.,:;!?…]*")
"""A word that is a code span already."""
_CODE: ContextVar[bool] = ContextVar("code", default=False)


def text(value: str, limit: int = 200) -> str:
    """Untrusted text inside markdown: no markup, link, mention, table or HTML can form.

    Special characters are written as entities; within `words_as_code`, words that have some stand in code spans.
    """
    line = one_line(value, limit)
    return "".join(_in_code(line)) if _CODE.get() else _entities(line)


def code(value: str, limit: int = 200) -> str:
    """Untrusted JSON or other code: one code span within `words_as_code` where it needs one, else as `text`."""
    line = one_line(value, limit)
    whole = _CODE.get() and _kind(line) == "code"
    return _fenced(line) if whole else text(value, limit)


def option(value: str, limit: int = 200) -> str:
    """A setting as one types it, in one code span; a setting in a sentence as `text`."""
    return place(value, limit) if value.startswith("-") else text(value, limit)


def place(value: str, limit: int = 200) -> str:
    """A path, or the name of a dataset, in one code span within `words_as_code`, else as `text`."""
    line = one_line(value, limit)
    whole = _CODE.get() and bool(line) and not _NOT_IN_CODE.search(line)
    return _fenced(line) if whole else text(value, limit)


def markup(value: str, limit: int = 200) -> str:
    """Untrusted text inside HTML that stands in markdown, where code spans mean nothing."""
    return _entities(one_line(value, limit))


@contextmanager
def words_as_code() -> Iterator[None]:
    """Write words with special characters as code spans, which read well where markdown is not rendered."""
    before = _CODE.set(True)
    try:
        yield
    finally:
        _CODE.reset(before)


def _entities(line: str) -> str:
    return _SPECIAL.sub(_entity, line)


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};" + ("&#8203;" if match.group() in _AFTER_MARKDOWN else "")


def _in_code(line: str) -> Iterator[str]:
    """The line in pieces: plain words, spans of words with special characters, and words that cannot stand in code."""
    for place, (kind, _, found) in enumerate(_pieces(_WORDS.findall(line))):
        yield " " if place else ""
        yield found if kind in ("plain", "quoted") else _span(found) if kind == "code" else _entities(found)


def _pieces(words: Iterable[str]) -> Iterator[tuple[str, int, str]]:
    """Words of one kind that follow one another, with their kind; a comma or a semicolon ends a code span."""
    known, kind, number = list[tuple[str, int, str]](), "plain", 0
    for word in words:
        of_name = kind == "code" and _is_value(word, known[-1][2])
        number += kind == "code" and known[-1][2].endswith((",", ";"))
        kind = "code" if of_name else _kind(word)
        known.append((kind, number, word))
    for (kind, number), group in groupby(known, lambda one: one[:2]):
        yield kind, number, " ".join(word for _, _, word in group)


def _is_value(word: str, before: str) -> bool:
    """Whether a word is the value of the setting, field or option before it."""
    if before.endswith(":"):
        return bool(_YES_OR_NO.fullmatch(word))
    if before.endswith(_ENDS):
        return False
    return bool(_VALUES.fullmatch(word) or (_OPTION.match(before) and _OPTION_VALUES.fullmatch(word)))


def _kind(word: str) -> str:
    if _NOT_IN_CODE.search(word) or _COMPARED.fullmatch(word):
        return "entities"
    if _QUOTED.fullmatch(word):
        return "quoted"
    return "code" if _SPECIAL.search(word) or _OPTION.match(word) else "plain"


def _span(words: str) -> str:
    """A code span; brackets and the marks of a sentence stay outside."""
    match = _OUTER.fullmatch(words)
    assert match is not None
    before, inside, after = match.groups()
    return f"{before}{_fenced(inside)}{after}"


def _fenced(inside: str) -> str:
    longest = max(map(len, re.findall("`+", inside)), default=0)
    fence, room = "`" * (longest + 1), " " if inside.startswith("`") or inside.endswith("`") else ""
    return f"{fence}{room}{inside}{room}{fence}"
