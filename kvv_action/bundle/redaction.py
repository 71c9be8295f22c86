"""A journal without its texts: digests, lengths, numbers and scores stay, and with them counts and verdicts.

Every line holds the digest of the line that it was made from (`line`), and the first one the last digest of that
journal, so whoever is shown the whole journal later can tell that it is the one. Scores cannot be recomputed, and the
report says so (`journal.redacted_from`). Short answers can be guessed from their digests; what must stay secret is not
published.
"""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
from pydantic import TypeAdapter

from kvv_action.journal.file import Reader, Record, chained
from kvv_action.journal.lines import place_of, to_exchange
from kvv_action.schema import RunPlan
from kvv_action.verdict.checks.findings import seen_answer, text_signs

WORDS = frozenset({
    "kind", "benchmark", "sample", "key", "request", "failure", "endpoint", "state", "category", "cause", "remedy",
    "finish_reason", "model", "system_fingerprint", "anomalies", "raw_sha256", "request_id",
})  # fmt: skip
"""Fields that hold words of ours, digests, or what an endpoint calls itself; every other text goes."""
WHOLE = frozenset({"plan", "provenance", "shards", "redacted", "findings"})
"""Fields that are kept as they are: what was asked for, and by what."""
FOREIGN = frozenset({"usage", "data"})
"""Fields whose inner names are not ours: only numbers stay."""
LONGEST_WORD = 200
_NAME = re.compile(r"[\w ./:@+-]{1,80}")


def redacted(path: Path) -> Iterator[bytes]:
    """The lines of a journal without its texts, with their newlines."""
    reader = Reader(path)
    lines = sum(1 for _ in reader)
    yield from chained(_bodies(reader, {"lines": lines, "head": reader.head}))


def _bodies(reader: Reader, origin: dict[str, Any]) -> Iterator[bytes]:
    plan: RunPlan | None = None
    for number, (record, digest) in enumerate(with_digests(reader)):
        body: dict[str, Any] = {"line": digest, **({"redacted": origin} if not number else {}), **without_texts(record)}
        if not number:
            plan = TypeAdapter(RunPlan).validate_python(record["plan"])
        if plan is not None and plan.checks is not None and record["kind"] == "answer" and record.get("completion"):
            body["signs"] = _signs(record, plan)
        yield orjson.dumps(body)[1:]


def _signs(record: Record, plan: RunPlan) -> dict[str, str]:
    """What the texts of an answer show, which nobody could find any more without them."""
    place = place_of(record)
    planned = next(planned for planned in plan.benchmarks if planned.id == place.benchmark)
    answer = seen_answer(place, to_exchange(record), planned)
    markers = tuple((plan.checks or {}).get("markers", ()))
    return {sign.cause.id: sign.word for sign in text_signs(answer, markers)}


def with_digests(reader: Reader) -> Iterator[tuple[Record, str]]:
    """Every record with the digest of its line."""
    for record in reader:
        yield record, reader.head


def without_texts(record: Record) -> dict[str, Any]:
    """A record without texts and without its place in a chain."""
    kept = {"reason"} if record["kind"] == "skip" else set()
    return {
        name: value if name in WHOLE or name in kept else _stripped(value, name)
        for name, value in record.items()
        if name not in ("prev", "was", "line")
    }


def _stripped(value: Any, name: str, *, foreign: bool = False) -> Any:
    match value:
        case str():
            ours = name in WORDS and not foreign and len(value) <= LONGEST_WORD
            return value if ours else stand_in(value)
        case list():
            return [_stripped(item, name, foreign=foreign) for item in value]
        case dict():
            foreign = foreign or name in FOREIGN
            return {
                _name(key): item if key in WHOLE and not foreign else _stripped(item, key, foreign=foreign)
                for key, item in value.items()
            }
        case _:
            return value


def stand_in(text: str) -> str:
    """What stands for a text: its digest and its length; nothing stands for nothing."""
    if not text:
        return ""
    digest = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return f"[redacted: {len(text)} characters, sha256 {digest}]"


def _name(name: str) -> str:
    """Names are ours, but for those that a model made up (a tool that does not exist)."""
    return name if _NAME.fullmatch(name) else stand_in(name)
