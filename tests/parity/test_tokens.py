"""Reckoned tokens against Kimi's own tokenizer."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.tokenizer import counter
from kvv_action.plan.tokens import of_text, total

pytestmark = pytest.mark.parity


def texts(data: Path) -> Iterator[tuple[str, list[str]]]:
    """Several kinds of what is sent and answered."""
    read = [json.loads(line) for line in (data / "aime25" / "aime25.jsonl").open()]
    yield "problems", [row["problem"] for row in read]
    yield "questions", [row["question"] for row in json.loads((data / "ocrbench" / "OCRBench.json").read_text())]
    read = [json.loads(line) for line in (data / "k2vv" / "samples_moonshot_3.jsonl").open()]
    yield (
        "tools",
        [json.dumps(row["tools"], ensure_ascii=False, separators=(",", ":")) for row in read if "tools" in row],
    )
    contents = (message.get("content") for row in read for message in row["messages"])
    yield "conversations", [content for content in contents if isinstance(content, str) and content]


def test_what_is_reckoned_is_near_the_truth(reference_data: Path) -> None:
    """Of each kind of text the expected sum is within 30 % of the tokenizer's; no text exceeds its ceiling."""
    count = counter(str(reference_data / "kimi_tokenizer" / "tiktoken.model"))
    for kind, listed in texts(reference_data):
        counts = [count(text) for text in listed]
        ratio = total(map(of_text, listed)).expected / sum(counts)
        print(f"{kind}: {sum(counts)} tokens, reckoned {ratio:.2f} of that")
        assert 0.9 <= ratio <= 1.3, kind
        assert all(tokens <= (of_text(text).ceiling or 0) for tokens, text in zip(counts, listed, strict=True))
