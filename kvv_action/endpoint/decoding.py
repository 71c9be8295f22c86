"""Decodes JSON from endpoints: strictly if possible, else tolerantly."""

import json
import re
from collections.abc import Iterator
from typing import NamedTuple

import orjson

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint import long_json
from kvv_action.schema import Json

LONG = 512 * 1024
"""Bytes of a text from which it is read in short steps: in one, it would keep every thread waiting."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_MENDED = 64 * 1024
"""Characters that are mended at a time."""


class Decoded(NamedTuple):
    """A JSON value, and the anomaly that was tolerated."""

    value: Json
    anomaly: Anomaly | None = None


def decode(data: bytes) -> Decoded:
    """Decode one JSON value; lone surrogates stay in its texts until `mended` joins or replaces them.

    Raises:
        ValueError: `data` is not JSON, or nested too deeply.
    """
    if len(data) >= LONG:
        return _long(data)
    try:
        return Decoded(orjson.loads(data))
    except orjson.JSONDecodeError:
        return _forgiving(data)


def _long(data: bytes) -> Decoded:
    try:
        found, anomaly = long_json.decoded(data), None
    except UnicodeDecodeError:
        found, anomaly = long_json.decoded(data, "replace"), Anomaly.INVALID_UTF8
    if anomaly is None and (found.lone or found.odd):
        anomaly = Anomaly.LONE_SURROGATE if found.lone else Anomaly.ODD_JSON
    return Decoded(found.value, anomaly)


def _forgiving(data: bytes) -> Decoded:
    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_constant=long_json.refused)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not _is_utf8(data):
        return Decoded(value, Anomaly.INVALID_UTF8)
    return Decoded(value, Anomaly.LONE_SURROGATE if _SURROGATE.search(text) else Anomaly.ODD_JSON)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def mended(text: str) -> str:
    """`text` with surrogate pairs joined (servers cut them apart) and lone ones replaced by U+FFFD."""
    return "".join(map(_mended, _whole_pairs(text)))


def _mended(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _whole_pairs(text: str) -> Iterator[str]:
    """A text in parts; no cut separates a surrogate pair."""
    start = 0
    while start < len(text):
        end = start + _MENDED
        end += "\ud800" <= text[end - 1 : end] <= "\udbff"
        yield text[start:end]
        start = end
