"""Decodes a long JSON text in many short steps, so that other threads get their turn in between.

A call into C keeps all threads waiting until it returns: `orjson.loads` for 60 ms with a text of 10 MB. Here the
structure is read by Python, and a string a window at a time.
"""

import codecs
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from json.decoder import scanstring  # type: ignore[attr-defined]
from json.scanner import py_make_scanner  # type: ignore[attr-defined]
from typing import Any

from kvv_action.schema import Json

_WINDOW = 128 * 1024
"""Bytes that are decoded at a time."""
_LEAST, _MOST = -(2**63), 2**64 - 1
"""The whole numbers of 64 bits."""
_UNITS = re.compile(
    r"(?:[^\"\\]{1,4096}+|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\[^u]){1,256}"
)
"""A part of a string; it ends neither inside an escape nor between two escapes that are one character."""


@dataclass(slots=True)
class LongJson:
    """What was found in a text.

    Attributes:
        value: what it says.
        lone: a string has half of a surrogate pair.
        odd: a number is infinite.
    """

    value: Json = None
    lone: bool = False
    odd: bool = False


def decoded(data: bytes, errors: str = "strict") -> LongJson:
    """Decode one JSON value.

    Args:
        data: the text in UTF-8.
        errors: what is done about bytes that are no UTF-8, as in `bytes.decode`.

    Raises:
        ValueError: `data` is not UTF-8, not JSON, or nested too deeply.
    """
    found = LongJson()
    text = "".join(_windows(data, errors))
    try:
        found.value = _Decoder(found).decode(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return found


def _windows(data: bytes, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    for start in range(0, len(data), _WINDOW):
        yield decoder.decode(data[start : start + _WINDOW], start + _WINDOW >= len(data))


class _Decoder(json.JSONDecoder):
    """The decoder of the standard library, written in Python, with strings read in windows."""

    def __init__(self, found: LongJson) -> None:
        super().__init__(
            parse_constant=refused, parse_int=self._whole, parse_float=self._number, object_pairs_hook=self._mapping
        )
        self._found = found
        self.parse_string = self._string
        self.scan_once = py_make_scanner(self)

    def _whole(self, text: str) -> float:
        """As orjson reads it: a float where 64 bits do not suffice, for no other could be written down."""
        number = int(_in_ascii(text))
        return number if _LEAST <= number <= _MOST else self._number(text)

    def _number(self, text: str) -> float:
        number = float(_in_ascii(text))
        self._found.odd = self._found.odd or math.isinf(number)
        return number

    def _string(self, text: str, start: int, strict: bool = True) -> tuple[str, int]:
        parts: list[str] = []
        while (units := _UNITS.match(text, start)) is not None:
            parts.append(scanstring(units.group() + '"', 0, strict)[0])
            self._found.lone = self._found.lone or ("\\u" in units.group() and not _paired(parts[-1]))
            start = units.end()
        rest, end = scanstring(text, start, strict) if text[start : start + 1] == '"' else _unended(text, start)
        return "".join([*parts, rest]), end

    def _mapping(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        """What `dict` does in one go; names are read elsewhere than other strings."""
        self._found.lone = self._found.lone or not all(name.isascii() or _paired(name) for name, _ in pairs)
        return {name: value for name, value in pairs}  # noqa: C416 - each is a step of its own


def _in_ascii(number: str) -> str:
    """A number, in which the standard library takes the digits of any script."""
    if not number.isascii():
        raise ValueError("a number has digits that are not JSON's")
    return number


def _paired(text: str) -> bool:
    """Whether a text has no half of a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _unended(text: str, start: int) -> Any:
    """Raise what is wrong with a string from here on."""
    raise json.JSONDecodeError("Invalid escape or unterminated string", text[start : start + 20], 0)


def refused(constant: str) -> Json:
    """Raise ValueError: `NaN` and its like are not JSON."""
    raise ValueError(f"{constant} is not JSON")
