"""Real texts as if they were answers: of gpt-4o and of two vendors, logs, reports of bugs and patches, chats."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet

from kvv_action.schema import Completion, Place, ToolCall
from kvv_action.verdict.checks.markers import echo_of
from kvv_action.verdict.checks.sightings import SeenAnswer

LINES = 60
"""Lines of a log in one text."""
KEPT = 4000
"""Characters of a request that a journal keeps."""


def everything(folder: Path) -> Iterator[SeenAnswer]:
    """All texts under `KVV_REFERENCE_DATA`."""
    yield from gpt4o(folder)
    yield from vendors(folder)
    yield from logs(folder)
    yield from rows(folder)
    yield from chats(folder)


def said(source: str, number: int, content: str, *, request: str = "", **facts: Any) -> SeenAnswer:
    """A text as an answer."""
    place = Place(benchmark=source, sample=str(number), index=number, epoch=0)
    completion = Completion(content=content, **{"finish_reason": "stop", "model": source, **facts})
    return SeenAnswer(
        place=place, completion=completion, request=request[:KEPT], echo=frozenset(echo_of(request.encode()))
    )


def gpt4o(folder: Path) -> Iterator[SeenAnswer]:
    """Answers to MMMU Pro's questions."""
    for path in sorted((folder / "mmmu_pro" / "outputs").glob("*.jsonl")):
        for number, line in enumerate(path.open()):
            record = json.loads(line)
            request = json.dumps({"messages": [record.get("question", ""), record.get("options", "")]})
            yield said(path.stem, number, record["response"], request=request)


def vendors(folder: Path) -> Iterator[SeenAnswer]:
    """Answers with tool calls and usage, to requests that are known."""
    for path in sorted((folder / "k2vv" / "vendor_runs").glob("results-*.jsonl")):
        for number, line in enumerate(path.open()):
            record = json.loads(line)
            if choices := (record.get("response") or {}).get("choices"):
                body = json.dumps(record["request"], ensure_ascii=False)
                yield _answered(path.stem, number, body, choices[0], record["response"])


def _answered(source: str, number: int, body: str, choice: Any, response: Any) -> SeenAnswer:
    message = choice["message"]
    calls = tuple(
        ToolCall(id=call["id"], name=call["function"]["name"], arguments=call["function"]["arguments"])
        for call in message.get("tool_calls") or ()
    )
    return said(
        source, number, message.get("content") or "", request=body, tool_calls=calls, usage=response.get("usage"),
        reasoning=message.get("reasoning_content") or message.get("reasoning") or "", choices=1,
        finish_reason=choice["finish_reason"],
    )  # fmt: skip


def logs(folder: Path) -> Iterator[SeenAnswer]:
    """What test suites print, whole and in pieces."""
    for at, path in enumerate(sorted((folder / "swebench_logs" / "logs").glob("*.log"))):
        text = path.read_text(errors="replace")
        yield said("log", at, text)
        lines = text.splitlines()
        for start in range(0, len(lines), LINES):
            yield said("log piece", 1000 * at + start, "\n".join(lines[start : start + LINES]))


def rows(folder: Path) -> Iterator[SeenAnswer]:
    """Reports of bugs and patches, as a model would quote or write them."""
    for path in sorted((folder / "swebench_verified").glob("*.parquet")):
        for number, row in enumerate(parquet.read_table(path).to_pylist()):
            for name in ("problem_statement", "patch", "test_patch", "hints_text"):
                if row[name]:
                    yield said(f"swebench {name}", number, row[name])


def chats(folder: Path) -> Iterator[SeenAnswer]:
    """Messages of long conversations that a model wrote."""
    with gzip.open(folder / "beam" / "beam_128k_chats.jsonl.gz", "rt") as stream:
        for number, message in enumerate(text for line in stream for text in _texts(json.loads(line))):
            yield said("chat", number, message)


def _texts(value: Any) -> Iterator[str]:
    """Every content of a message, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("content"), str):
            yield value["content"]
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
