"""Decodes JSON from endpoints: strictly if possible, else tolerantly."""

import json
import re
from typing import NamedTuple

import orjson

from kvv_action.endpoint.anomalies import Anomaly
from kvv_action.schema import Json

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Decoded(NamedTuple):
    """A JSON value, and the anomaly that was tolerated."""

    value: Json
    anomaly: Anomaly | None = None


def decode(data: bytes) -> Decoded:
    """Decode one JSON value; lone surrogates stay in its texts until `mended` joins or replaces them.

    Raises:
        ValueError: `data` is not JSON, or nested too deeply.
    """
    try:
        return Decoded(orjson.loads(data))
    except orjson.JSONDecodeError:
        return _forgiving(data)


def _forgiving(data: bytes) -> Decoded:
    text = data.decode("utf-8", "replace")
    try:
        value = json.loads(text, parse_constant=_refused)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not _is_utf8(data):
        return Decoded(value, Anomaly.INVALID_UTF8)
    return Decoded(value, Anomaly.LONE_SURROGATE if _SURROGATE.search(text) else Anomaly.ODD_JSON)


def _refused(constant: str) -> Json:
    raise ValueError(f"{constant} is not JSON")


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def mended(text: str) -> str:
    """`text` with surrogate pairs joined (servers cut them apart) and lone ones replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
