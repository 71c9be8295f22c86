"""Draws a set of requests from a folder of tools and histories, in the form of K2VV's `samples.jsonl`.

The folder has `tools/*.json`, each a tool or a list of tools, and `histories/*.json` or `*.jsonl`, each line or file a
conversation: a list of messages, or an object with `messages` and perhaps the names of its `tools`.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from benchmarks.toolcall import k2vv
from kvv_action.errors import Problem, UsageError
from kvv_action.folders import listed
from kvv_action.schema import Json

ROOM = 16_000
"""`max_tokens` of a request where the profile names none."""


class NextTurn(StrEnum):
    """What the assistant did next in the history that a request is cut from."""

    CALLS = "calls"
    TEXT = "text"
    OPEN = "open"
    """Nothing: the history ends there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawOrder:
    """What is drawn: at most `count` requests, each with at most `most_tools` tools, by `seed`."""

    count: int = 2000
    most_tools: int = 16
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnRequests:
    """The requests, and where they come from.

    Attributes:
        rows: as they stand in the file.
        tools, histories: how many the folder has.
        turns: how many requests are cut before each kind of turn.
    """

    rows: Sequence[Mapping[str, Json]]
    tools: int
    histories: int
    turns: Mapping[NextTurn, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class _History:
    where: str
    messages: Sequence[Mapping[str, Json]]
    tools: Sequence[str]


@dataclass(slots=True, kw_only=True)
class _Groups:
    """The cuts of all histories by what came next."""

    cuts: dict[NextTurn, list[tuple[_History, int]]] = field(default_factory=lambda: {kind: [] for kind in NextTurn})

    def drawn(self, chance: random.Random) -> Iterator[tuple[NextTurn, _History, int]]:
        """All cuts in a random order; the kinds take turns until each is used up."""
        piles = {kind: chance.sample(cuts, len(cuts)) for kind, cuts in self.cuts.items() if cuts}
        while piles:
            for kind in tuple(piles):
                yield (kind, *piles[kind].pop())
                if not piles[kind]:
                    del piles[kind]


def draw(folder: Path, order: DrawOrder) -> DrawnRequests:
    """The requests of a folder; the same folder and order give the same requests.

    Raises:
        UsageError: the folder has no tools or histories, or one that is malformed.
    """
    tools, histories = _tools(folder), list(_histories(folder))
    for one in histories:
        for name in one.tools:
            if name not in tools:
                raise _wrong(one.where, f"It uses the tool {name!r}, which no file of {folder}/tools has.")
    chance, rows = random.Random(order.seed), dict[str, Mapping[str, Json]]()  # noqa: S311 - a choice, no secret
    turns = dict.fromkeys(NextTurn, 0)
    for kind, history, at in _grouped(histories).drawn(chance):
        if len(rows) == order.count:
            break
        row = _row(history, at, tools, order, chance, stream=len(rows) % 2 == 0)
        key = k2vv.content_key(row)
        if key not in rows:
            rows[key] = row
            turns[kind] += 1
    if not rows:
        raise _wrong(str(folder), "No history has a turn of a user that could be asked.")
    return DrawnRequests(rows=tuple(rows.values()), tools=len(tools), histories=len(histories), turns=turns)


def _grouped(histories: Sequence[_History]) -> _Groups:
    groups = _Groups()
    for history in histories:
        for kind, at in _cuts(history):
            groups.cuts[kind].append((history, at))
    return groups


def _row(
    history: _History, at: int, tools: Mapping[str, Json], order: DrawOrder, chance: random.Random, *, stream: bool
) -> Mapping[str, Json]:
    own = [name for name in tools if name in history.tools]
    others = [name for name in tools if name not in history.tools]
    more = chance.randint(0, max(0, min(len(others), order.most_tools - len(own))))
    offered = [*own, *chance.sample(others, more)] or chance.sample(others, 1)
    chance.shuffle(offered)
    return {
        "model": "kvv", "messages": list(history.messages[:at]), "max_tokens": ROOM, "stream": stream,
        "tools": [tools[name] for name in offered],
    }  # fmt: skip


def _cuts(history: _History) -> Iterator[tuple[NextTurn, int]]:
    """Where a request can end: after each message of a user or a tool, with what the assistant did next."""
    for at in range(1, len(history.messages) + 1):
        following = history.messages[at] if at < len(history.messages) else {}
        if history.messages[at - 1].get("role") not in ("user", "tool"):
            continue
        if not following:
            yield NextTurn.OPEN, at
        elif following.get("role") == "assistant":
            yield NextTurn.CALLS if following.get("tool_calls") else NextTurn.TEXT, at


def _files(folder: Path) -> list[Path]:
    return listed(folder) if folder.is_dir() else []


def _tools(folder: Path) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for path in (one for one in _files(folder / "tools") if one.suffix == ".json"):
        content = _read(_text(path), str(path))
        for entry in content if isinstance(content, list) else [content]:
            function = entry.get("function", entry) if isinstance(entry, dict) else None
            name = function.get("name") if isinstance(function, dict) else None
            if not isinstance(name, str) or not name:
                raise _wrong(str(path), "A tool is a function with a name, or a list of such.")
            if name in found and found[name]["function"] != function:
                raise _wrong(str(path), f"Two different tools are named {name!r}.")
            found[name] = {"type": "function", "function": function}
    if not found:
        raise _wrong(str(folder / "tools"), "There is no tool: put one JSON file there for each, or a list of them.")
    return found


def _histories(folder: Path) -> Iterator[_History]:
    paths = [path for path in _files(folder / "histories") if path.suffix in (".json", ".jsonl")]
    if not paths:
        raise _wrong(str(folder / "histories"), "There is no history: put .json or .jsonl files with messages there.")
    for path in paths:
        lines = _text(path).split("\n") if path.suffix == ".jsonl" else [_text(path)]
        for number, line in enumerate(lines, 1):
            where = f"{path}, line {number}" if path.suffix == ".jsonl" else str(path)
            if line.strip():
                yield _history(_read(line, where), where)


def _history(content: Json, where: str) -> _History:
    said = content.get("messages") if isinstance(content, dict) else content
    if not isinstance(said, list) or not all(
        isinstance(one, dict) and isinstance(one.get("role"), str) for one in said
    ):
        raise _wrong(where, "A history is a list of messages with a role, or an object with such `messages`.")
    named = content.get("tools", []) if isinstance(content, dict) else []
    names = [one if isinstance(one, str) else _name_of(one) for one in (named if isinstance(named, list) else [])]
    made = (message.get("tool_calls") for message in said)
    called = [_name_of(call) for calls in made if isinstance(calls, list) for call in calls]
    return _History(where=where, messages=said, tools=tuple(dict.fromkeys(name for name in (*names, *called) if name)))


def _name_of(entry: Json) -> str:
    function = entry.get("function", entry) if isinstance(entry, dict) else {}
    return str(function.get("name") or "") if isinstance(function, dict) else ""


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise _wrong(str(path), f"Not UTF-8: {error.reason}.") from None


def _read(text: str, where: str) -> Json:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _wrong(where, f"Not JSON: {error}.") from None


def _wrong(where: str, allowed: str) -> UsageError:
    return UsageError([Problem(name=where, value="", allowed=allowed)])
