"""The layouts in which BEAM is published give the same questions about the same messages."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest

from benchmarks.beam.benchmark import PINS
from benchmarks.beam.conversation import questions
from benchmarks.beam.layout import layout
from kvv_action.dataset.digest import canonical_digest
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError

SAID = [("user", "Where is the key?"), ("assistant", "Under the mat."), ("user", ""), ("user", "And the lamp?")]
ASKED = {
    "abstention": [{"question": "Who came?", "ideal_response": "Nobody said.", "rubric": ["nothing is known"]}],
    "temporal_reasoning": [
        {"question": "When?", "answer": 12, "rubric": "12", "difficulty": "hard", "source_chat_ids": {"a": [1], "b": 3}}
    ],
    "preference_following": [{"question": "Which?", "rubric": ["a", "b"], "source_chat_ids": []}],
}
PIN = PINS["128k"]


def chat(number: int) -> list[dict[str, Any]]:
    """The messages of one conversation, as the authors number them; an empty one among them."""
    return [
        {"role": role, "content": text and f"{text} {number}", "id": place, "index": "1,1"}
        for place, (role, text) in enumerate(SAID)
    ]


def repository(root: Path, count: int = 11) -> Path:
    """A checkout of the official repository, whose folders do not sort as numbers."""
    for number in range(1, count + 1):
        place = root / "chats" / "100K" / f"{number}"
        (place / "probing_questions").mkdir(parents=True)
        said = chat(number)
        turns = [{"batch_number": 1, "turns": [said[:2], said[2:]]}]
        (place / "chat.json").write_bytes(orjson.dumps(turns))
        (place / "probing_questions" / "probing_questions.json").write_bytes(orjson.dumps(ASKED))
    return root


def rows_of(path: Path) -> list[Mapping[str, Any]]:
    """All rows of a copy."""
    return list(load("beam", "benchmarks.beam", PIN, str(path)))


def converted(root: Path, rows: list[Mapping[str, Any]]) -> Path:
    """The two files that are made from the repository."""
    root.mkdir()
    chats = (orjson.dumps({"chat_id": row["chat_id"], "messages": row["messages"]}) + b"\n" for row in rows)
    (root / "beam_128k_chats.jsonl.gz").write_bytes(gzip.compress(b"".join(chats)))
    asked = (orjson.dumps({"chat_id": row["chat_id"], **one}) + b"\n" for row in rows for one in row["questions"])
    (root / "beam_128k_questions.jsonl").write_bytes(b"".join(asked))
    return root


def hub(root: Path, count: int = 11) -> Path:
    """Rows as the hub has them: questions are a Python literal, and batches hold messages."""
    root.mkdir()
    rows = (
        {"conversation_id": f"{number}", "chat": [chat(number)[:2], chat(number)[2:]], "probing_questions": repr(ASKED)}
        for number in range(1, count + 1)
    )
    (root / "rows.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return root / "rows.jsonl"


def test_three_layouts_are_one_dataset(tmp_path: Path) -> None:
    """Ids in the order of their numbers, no empty message, the same digest; evidence where the authors name it."""
    official = rows_of(repository(tmp_path / "official"))
    assert [row["chat_id"] for row in official] == [f"{number}" for number in range(1, 12)]
    assert [message["content"] for message in official[0]["messages"]] == [
        "Where is the key? 1", "Under the mat. 1", "And the lamp? 1",
    ]  # fmt: skip
    others = [rows_of(converted(tmp_path / "files", official)), rows_of(hub(tmp_path / "hub"))]
    for rows in others:
        assert canonical_digest(rows, PIN.columns) == canonical_digest(official, PIN.columns)
    found = questions(official[1], 2)
    assert [one.id for one in found] == ["2-abstention-0", "2-temporal_reasoning-0", "2-preference_following-0"]
    assert [(one.gold, one.rubric, one.evidence) for one in found] == [
        ("Nobody said.", ("nothing is known",), ()), ("12", ("12",), (1, 2)), ("a\nb", ("a", "b"), ()),
    ]  # fmt: skip
    assert [one.evidence for one in questions(others[0][1], 2)] == [()] * 3


def test_a_folder_of_one_size_and_its_files_are_found(tmp_path: Path) -> None:
    """The checkout, the folder of a size and one of the files name the same; a folder of something else does not."""
    root = repository(tmp_path / "official", 2)
    files = converted(tmp_path / "files", rows_of(root))
    for path in (root, root / "chats", root / "chats" / "100K", files, files / "beam_128k_chats.jsonl.gz"):
        read = layout("128k", path)
        assert read is not None, path
        assert [row["chat_id"] for row in read()] == ["1", "2"]
    assert layout("128k", tmp_path) is None


def test_what_does_not_belong_together_is_refused(tmp_path: Path) -> None:
    """Questions of another conversation, a broken line, a question without a rubric: each is named."""
    files = converted(tmp_path / "files", rows_of(repository(tmp_path / "official", 2)))
    asked = files / "beam_128k_questions.jsonl"
    lines = asked.read_bytes().splitlines(keepends=True)
    asked.write_bytes(b"".join(lines[3:]))
    with pytest.raises(DatasetError, match="the questions of conversation 1 are out of order"):
        rows_of(files)
    asked.write_bytes(b"{\n")
    with pytest.raises(DatasetError, match=r"beam_128k_questions\.jsonl, line 1: not JSON"):
        rows_of(files)
    row = {"chat_id": "1", "messages": [], "questions": [{"question_type": "abstention", "question_index": 0}]}
    with pytest.raises(DatasetError, match="conversation 4 is malformed"):
        questions(row, 4)


@pytest.mark.parametrize(
    "asked", ["{'abstention': [", '["a"]', "7", "{'abstention': [{}]}", '{"abstention": 1}', "x" * 9, "-" * 100_000]
)
def test_rows_of_the_hub_that_are_damaged_are_named(asked: str, tmp_path: Path) -> None:
    """So are those of the repository; nothing ends in a stack trace."""
    rows = hub(tmp_path / "hub", 2)
    first, second = (orjson.loads(line) for line in rows.read_bytes().splitlines())
    rows.write_bytes(orjson.dumps(first) + b"\n" + orjson.dumps({**second, "probing_questions": asked}))
    with pytest.raises(DatasetError, match="beam: conversation '2'"):
        rows_of(rows)
    root = repository(tmp_path / "official", 2)
    (root / "chats" / "100K" / "2" / "chat.json").write_bytes(b'[{"turns": [[{"content": "x", "role": []}]]}]')
    (root / "chats" / "100K" / "2" / "probing_questions" / "probing_questions.json").write_bytes(b"[1]")
    with pytest.raises(DatasetError, match="beam: conversation '2'"):
        rows_of(root)


def test_questions_of_the_hub_may_be_json(tmp_path: Path) -> None:
    """With `null`, which is no Python."""
    rows, asked = hub(tmp_path / "hub", 1), {**ASKED, "abstention": [{**ASKED["abstention"][0], "extra": None}]}
    (row,) = (orjson.loads(line) for line in rows.read_bytes().splitlines())
    expected = rows_of(rows)
    rows.write_bytes(orjson.dumps({**row, "probing_questions": orjson.dumps(asked).decode()}))
    assert rows_of(rows) == expected
