"""Refuses JSON that two parsers could read in two ways, before anything in it is used."""

import json
import math
import re
from typing import Any, NoReturn

from pydantic import ValidationError

from kvv_action.report.text import one_line

DEEPEST = 16
"""The most levels of nesting; a record needs five."""
LONGEST_NUMBER = 32
"""The most characters of a number; a float has at most 24."""
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*(?:"|\\?\Z)', re.DOTALL)


class _Ambiguous(ValueError):
    """The message is for the submitter."""


def refuse_ambiguous(data: bytes) -> str:
    """Why these bytes are not a plain JSON object, in a sentence; empty when they are.

    Refused: other encodings than UTF-8, a byte order mark, duplicate keys, NaN and Infinity, numbers out of the range
    or length of a double, lone surrogates, deep nesting, anything after the value.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        return f"is not UTF-8 (byte {error.start})"
    if text.startswith("\ufeff"):
        return "begins with a byte order mark"
    if _depth(data) > DEEPEST:
        return f"is nested deeper than {DEEPEST} levels"
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_int, parse_float=_float
        )
    except _Ambiguous as error:
        return str(error)
    except (ValueError, RecursionError) as error:
        return f"is not JSON: {error}"
    return "" if isinstance(value, dict) else "is not a JSON object"


def mistake(error: ValidationError) -> str:
    """The first thing that is wrong with a value: where, and what."""
    first = error.errors(include_url=False)[0]
    return f"{one_line('.'.join(map(str, first['loc'])), 120)}: {first['msg']}"


def _depth(data: bytes) -> int:
    """The deepest nesting of brackets outside of strings; cheap, and done before any parser recurses."""
    level = deepest = 0
    for mark in re.findall(rb"[\[\]{}]", _TEXTS.sub(b"", data)):
        level += 1 if mark in b"[{" else -1
        deepest = max(deepest, level)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise _Ambiguous(f"has the key {name[:60]!r} twice in one object")
        for text in (name, value):
            if isinstance(text, str) and any("\ud800" <= char <= "\udfff" for char in text):
                raise _Ambiguous("holds half a surrogate pair, which is no character")
        found[name] = value
    return found


def _constant(name: str) -> NoReturn:
    raise _Ambiguous(f"holds {name}, which is no number in JSON")


def _int(text: str) -> int:
    if len(text) > LONGEST_NUMBER:
        raise _Ambiguous(f"holds a number of {len(text)} digits")
    return int(text)


def _float(text: str) -> float:
    if len(text) > LONGEST_NUMBER:
        raise _Ambiguous(f"holds a number of {len(text)} characters")
    value = float(text)
    if not math.isfinite(value):
        raise _Ambiguous(f"holds {text}, which is too large for a number")
    return value
