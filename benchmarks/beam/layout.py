"""Reads the layouts in which BEAM is published, each into the same rows, one conversation at a time.

The hub's dataset has a row for each conversation; the official repository a folder with `chat.json` and
`probing_questions/probing_questions.json`; Kimi-Vendor-Verifier two files of lines, made from that repository.
"""

import ast
import gzip
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError, in_words, refusal
from kvv_action.folders import holding
from kvv_action.schema import Json

Read = Callable[[], Iterator[Row]]
FOLDERS = {"128k": "100K", "500k": "500K", "1m": "1M"}
"""What the authors call the sizes: folders of the repository, and splits of the hub's dataset."""
CHATS, QUESTIONS = "_chats.jsonl", "_questions.jsonl"
GOLD = ("ideal_response", "ideal_answer", "ideal_summary", "answer")
"""Fields that hold an ideal answer; a question has one of them, or none."""


def layout(size: str, path: Path) -> Read | None:
    """Reads a copy of the official repository, or the files of Kimi-Vendor-Verifier; None for anything else.

    Args:
        size: which conversations, where there are several sizes.
        path: a folder, or one of the files.
    """
    if path.is_file():
        return _lines_of(path) if CHATS in path.name else None
    named = sorted(path.glob(f"*{CHATS}*"))
    mine = [one for one in named if f"_{size}_" in one.name] or named
    if len(mine) == 1:
        return _lines_of(mine[0])
    places = (path / "chats" / FOLDERS[size], path / FOLDERS[size], path)
    found = next((place for place in places if any(place.glob("*/chat.json"))), None)
    return partial(_repository, found) if found is not None else None


def _lines_of(chats: Path) -> Read:
    asked = chats.with_name(chats.name.partition(CHATS)[0] + QUESTIONS)
    return partial(_lines, chats, asked)


def _lines(chats: Path, asked: Path) -> Iterator[Row]:
    """Conversations beside their questions, which are in the same order."""
    questions = itertools.groupby(_json_lines(asked), lambda one: str(one.get("chat_id")))
    for chat in _json_lines(chats):
        name, mine = next(questions, ("none", iter(())))
        if name != str(chat.get("chat_id")):
            raise DatasetError(f"{asked.name}: the questions of conversation {chat.get('chat_id')} are out of order")
        yield {**chat, "chat_id": name, "questions": [_without(one, "chat_id") for one in mine]}


def _without(one: Mapping[str, Json], name: str) -> dict[str, Json]:
    return {key: value for key, value in one.items() if key != name}


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                try:
                    yield orjson.loads(line)
                except orjson.JSONDecodeError as error:
                    raise DatasetError(f"{path.name}, line {number}: not JSON ({in_words(error)})") from error
    except (OSError, EOFError) as error:
        raise DatasetError(f"{path.name}: {refusal(error)}") from error


def _repository(folder: Path) -> Iterator[Row]:
    """The folders of conversations by their number."""
    try:
        places = [one.parent for one in holding(folder, "chat.json")]
    except OSError as error:
        raise DatasetError(f"{error.filename or folder}: {refusal(error)}") from error
    for place in sorted(places, key=lambda one: (len(one.name), one.name)):
        asked = place / "probing_questions" / "probing_questions.json"
        yield _row(place.name, _json(place / "chat.json"), _json(asked))


def _json(path: Path) -> Any:
    try:
        return orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise DatasetError(f"{path.parent.name}/{path.name}: {refusal(error)}") from error


def tidy(row: Row) -> Row:
    """A row of the hub's dataset as those of the other layouts.

    Raises:
        DatasetError: it is malformed.
    """
    if "chat" not in row:
        return row
    return _row(str(row.get("conversation_id")), row["chat"], row.get("probing_questions"))


def _literal(text: str) -> Any:
    """Questions that the hub keeps as a text: JSON, or a literal of Python."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return ast.literal_eval(text)


def _row(name: str, chat: Json, asked: Json) -> Row:
    """One row from what the authors publish of a conversation.

    Raises:
        DatasetError: it is malformed.
    """
    try:
        return _made(name, chat, _literal(asked) if isinstance(asked, str) else asked)
    except (AttributeError, KeyError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as error:
        raise DatasetError(f"beam: conversation {name[:80]!r} is malformed ({in_words(error)})") from error


def _made(name: str, chat: Json, asked: Mapping[str, Sequence[Mapping[str, Json]]]) -> Row:
    said = [message for message in _flat(chat) if message.get("role") in ("user", "assistant") and message["content"]]
    places = {message["id"]: place for place, message in enumerate(said) if message.get("id") is not None}
    questions, evidence = [], []
    for ability, index, one in ((name, *pair) for name, many in asked.items() for pair in enumerate(many)):
        rubric = one.get("rubric", [])
        rubric = rubric if isinstance(rubric, list) else [str(rubric)]
        gold = next((str(one[field]) for field in GOLD if field in one), "\n".join(map(str, rubric)))
        questions.append({
            "question_type": ability, "question_index": index, "question": one["question"], "gold_answer": gold,
            "rubric": rubric, "difficulty": one.get("difficulty", "unknown"),
        })  # fmt: skip
        evidence.append(sorted({places[number] for number in _numbers(one.get("source_chat_ids")) if number in places}))
    messages = [{"role": message["role"], "content": message["content"]} for message in said]
    return {"chat_id": name, "messages": messages, "questions": questions, "evidence": evidence}


def _flat(chat: Json) -> Iterator[Mapping[str, Json]]:
    """The messages of batches, of turns in them, or of both."""
    for one in chat or ():
        if isinstance(one, Mapping) and "content" in one:
            yield one
        else:
            yield from _flat(one.get("turns") if isinstance(one, Mapping) else one)


def _numbers(value: Json) -> Iterator[int]:
    """The whole numbers in lists and objects of them."""
    match value:
        case bool() | None:
            return
        case int():
            yield value
        case Mapping():
            for one in value.values():
                yield from _numbers(one)
        case list() | tuple():
            for one in value:
                yield from _numbers(one)
