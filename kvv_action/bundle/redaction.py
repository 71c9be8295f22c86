"""Removes the texts from a journal; digests, lengths, numbers and scores stay, so counts and verdicts do too.

Every line has the digest of its original line (`line`), and the first line has the last digest of the original journal,
so the original can be recognised later. Scores cannot be recomputed, and the report says so (`journal.redacted_from`).
Short answers can be guessed from their digests: do not publish what must stay secret.
"""

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from kvv_action.adapters import adapter
from kvv_action.journal.file import Reader, Record, chained, tail
from kvv_action.journal.lines import place_of, to_exchange
from kvv_action.redact import FIELDS
from kvv_action.schema import RunPlan
from kvv_action.verdict.checks.exact import AS_ASKED, ASKED_EXACTLY, is_as_asked, wanted_of
from kvv_action.verdict.checks.findings import seen_answer, text_signs

WORDS = frozenset({
    "kind", "benchmark", "sample", "key", "request", "failure", "endpoint", "state", "category", "cause", "remedy",
    "finish_reason", "model", "system_fingerprint", "anomalies", "raw_sha256", "request_id",
})  # fmt: skip
"""Fields with our own words, digests, or the names that an endpoint gives itself; all other texts are removed."""
WHOLE = frozenset({"plan", "provenance", "shards", "redacted", "findings"})
"""Fields that are kept unchanged: what was asked, and by which software."""
FOREIGN = frozenset({"usage", "data"})
"""Fields with names from outside: only their numbers stay."""
LONGEST_WORD = 200
_NUMBERS = frozenset({int, float, bool, type(None)})
"""Kinds of values that hold no text."""
_NAME = re.compile(r"[\w ./:@+-]+")
LONGEST_NAME, NAMES = 80, 1000
"""Characters of a name that is kept, and how many different ones are remembered."""


def redacted(path: Path) -> Iterator[bytes]:
    """The lines of a journal without its texts; each ends with a newline."""
    _, lines, head = tail(path)
    yield from chained(_bodies(Reader(path), {"lines": lines, "head": head}))


def _bodies(reader: Reader, origin: dict[str, Any]) -> Iterator[bytes]:
    plan: RunPlan | None = None
    first: dict[str, Any] = {"redacted": origin}
    for record in reader:
        plan = plan or adapter(RunPlan).validate_python(record["plan"])
        body: dict[str, Any] = {"line": reader.head, **first, **without_texts(record)}
        if plan.checks is not None and record["kind"] == "answer" and record.get("completion"):
            body["signs"] = _signs(record, plan)
        yield orjson.dumps(body)[1:]
        first = {}


def _signs(record: Record, plan: RunPlan) -> dict[str, str]:
    """What the texts of an answer show, which nobody could find any more without them."""
    place = place_of(record)
    planned = next(planned for planned in plan.benchmarks if planned.id == place.benchmark)
    exchange = to_exchange(record)
    answer = seen_answer(place, exchange, planned)
    markers = tuple((plan.checks or {}).get("markers", ()))
    found = {sign.cause.id: sign.word for sign in text_signs(answer, markers)}
    if not wanted_of(answer.request):
        return found
    return {**found, ASKED_EXACTLY: AS_ASKED if is_as_asked(exchange) else ""}


def without_texts(record: Record) -> dict[str, Any]:
    """A record without texts, and without the fields that chain it to others."""
    kept = {"reason"} if record["kind"] == "skip" else set()
    found = {
        name: value if name in WHOLE or name in kept else _stripped(value, name)
        for name, value in _unpacked(record).items()
        if name not in ("prev", "was", "line")
    }
    if "again" in found.get("provenance", ()):  # the paths of whoever asked
        found["provenance"] = {name: value for name, value in found["provenance"].items() if name != "again"}
    return found


def _unpacked(record: Record) -> Record:
    """The same with a compressed text as it was: a digest of the text stands for it, which no reader could unpack."""
    if "packed" not in record:
        return record
    seen = to_exchange(record).observation
    assert seen is not None
    return {**{name: value for name, value in record.items() if name != "packed"}, "text": seen.text}


def _stripped(value: Any, name: str, *, foreign: bool = False) -> Any:
    if isinstance(value, str):
        ours = name in WORDS and not foreign and len(value) <= LONGEST_WORD
        return value if ours else stand_in(value)
    if isinstance(value, list):
        return [_stripped(item, name, foreign=foreign) for item in value]
    if not isinstance(value, dict):
        return value
    foreign = foreign or name in FOREIGN
    return {
        key if key in FIELDS else _name(key): item
        if not item or type(item) in _NUMBERS or (key in WHOLE and not foreign)
        else _stripped(item, key, foreign=foreign)
        for key, item in value.items()
    }


def stand_in(text: str) -> str:
    """The replacement of a text: its length and digest; empty for an empty text."""
    if not text:
        return ""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"[redacted: {len(text)} characters, sha256 {digest}]"


def _name(name: str) -> str:
    """A name of a field; names that a model invented (such as an unknown tool) are replaced."""
    return name if len(name) <= LONGEST_NAME and _is_plain(name) else stand_in(name)


@lru_cache(maxsize=NAMES)
def _is_plain(name: str) -> bool:
    return _NAME.fullmatch(name) is not None
