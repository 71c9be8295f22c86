"""Faults in the pieces of tool calls that a stream brings."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import Document, call_pieces, each_piece, in_streams, with_delta
from kvv_action.simulator.faults.model import Fault


def _arguments(piece: Mapping[str, Any]) -> str:
    return str(piece["function"].get("arguments") or "")


def _with_arguments(piece: Document, text: str) -> Document:
    return {**piece, "function": {**piece["function"], "arguments": text}}


def _first_index(piece: Document, _: Document) -> Document:
    return {**piece, "index": 0}


def _without_index(piece: Document, _: Document) -> Document:
    return {name: value for name, value in piece.items() if name != "index"}


def _named_again(piece: Document, head: Document) -> Document:
    return {**piece, "function": {**piece["function"], "name": head["function"]["name"]}}


def _headed_again(piece: Document, head: Document) -> Document:
    return {**_named_again(piece, head), "id": head["id"], "type": head["type"]}


def _whole_again(chunks: list[Json], *, with_head: bool) -> list[Json]:
    """After its last piece each call is sent once more with all its arguments."""
    new, last = list(chunks), {piece["index"]: at for at, piece in call_pieces(chunks)}
    texts, heads = dict[int, str](), dict[int, Mapping[str, Any]]()
    for _, piece in call_pieces(chunks):
        heads.setdefault(piece["index"], piece)
        texts[piece["index"]] = texts.get(piece["index"], "") + _arguments(piece)
    for index, at in sorted(last.items(), key=lambda item: -item[1]):
        bare = {"index": index, "function": {}}
        piece = _with_arguments(dict(heads[index]) if with_head else bare, texts[index])
        new.insert(at + 1, with_delta(chunks[at], {"tool_calls": [piece]}))
    return new


def _cumulative(chunks: list[Json]) -> list[Json]:
    new, so_far = list(chunks), dict[int, str]()
    for at, piece in call_pieces(chunks):
        so_far[piece["index"]] = so_far.get(piece["index"], "") + _arguments(piece)
        changed = _with_arguments(dict(piece), so_far[piece["index"]])
        new[at] = with_delta(chunks[at], {"tool_calls": [changed]})
    return new


def _split_names(chunks: list[Json]) -> list[Json]:
    """The name of a call comes in two pieces."""
    new: list[Json] = []
    pieces = dict(call_pieces(chunks))
    for at, chunk in enumerate(chunks):
        name = pieces[at]["function"].get("name") if at in pieces else None
        if not name or len(name) < 2:
            new.append(chunk)
            continue
        piece = pieces[at]
        first = {**piece, "function": {**piece["function"], "name": name[: len(name) // 2]}}
        second = {"index": piece["index"], "function": {"name": name[len(name) // 2 :]}}
        new += [with_delta(chunk, {"tool_calls": [one]}) for one in (first, second)]
    return new


def _interleaved(chunks: list[Json]) -> list[Json]:
    """The calls come in the reverse order of their indexes."""
    by_call: dict[int, list[int]] = {}
    for at, piece in call_pieces(chunks):
        by_call.setdefault(piece["index"], []).append(at)
    places = sorted(at for ats in by_call.values() for at in ats)
    turned = [at for index in sorted(by_call, reverse=True) for at in by_call[index]]
    new = list(chunks)
    for place, at in zip(places, turned, strict=True):
        new[place] = chunks[at]
    return new


def _in_one_piece(chunks: list[Json]) -> list[Json]:
    """All arguments of a call come with its last piece."""
    texts, last = dict[int, str](), dict[int, int]()
    for at, piece in call_pieces(chunks):
        texts[piece["index"]] = texts.get(piece["index"], "") + _arguments(piece)
        last[piece["index"]] = at
    new = list(chunks)
    for at, piece in call_pieces(chunks):
        text = texts[piece["index"]] if last[piece["index"]] == at else ""
        new[at] = with_delta(chunks[at], {"tool_calls": [_with_arguments(dict(piece), text)]})
    return new


def _in_few_pieces(chunks: list[Json]) -> list[Json]:
    """All arguments of a call come after its last piece, in blocks of `BLOCK` characters."""
    joined = _in_one_piece(chunks)
    pieces = dict(call_pieces(joined))
    new: list[Json] = []
    for at, chunk in enumerate(joined):
        text = _arguments(pieces[at]) if at in pieces else ""
        if len(text) <= BLOCK:
            new.append(chunk)
            continue
        blocks = (text[start : start + BLOCK] for start in range(0, len(text), BLOCK))
        new += [with_delta(chunk, {"tool_calls": [_with_arguments(dict(pieces[at]), block)]}) for block in blocks]
    return new


def _first_piece_twice(chunks: list[Json]) -> list[Json]:
    """The first piece of arguments of each call comes twice."""
    first = dict[int, int]()
    for at, piece in call_pieces(chunks):
        if _arguments(piece):
            first.setdefault(piece["index"], at)
    return [chunk for at, one in enumerate(chunks) for chunk in [one] * (2 if at in first.values() else 1)]


def _called_again(answer: Answer, _: Call) -> Answer:
    """Every call once more, under an id of its own."""
    again = tuple(replace(made, id=f"{made.id}-again") for made in answer.tool_calls)
    return replace(answer, tool_calls=(*answer.tool_calls, *again))


BLOCK = 2000
"""Characters of a block in which arguments are flushed."""
STRICT = "a finding: clients put these calls together wrongly"
FAULTS = (
    Fault("numbers-all-calls-alike", "streams parallel calls that all have index 0",
          f"{STRICT}, the second overwrites the first", send=each_piece(_first_index)),
    Fault("omits-call-indexes", "streams calls without an index", f"{STRICT}, they cannot tell them apart",
          send=each_piece(_without_index)),
    Fault("repeats-call-names", "repeats the name of a call with every piece of it", f"{STRICT}, they join the names",
          send=each_piece(_named_again)),
    Fault("repeats-call-heads", "repeats id, type and name of a call with every piece of it",
          f"{STRICT}, they join the names", send=each_piece(_headed_again)),
    Fault("resends-arguments", "streams arguments and then sends all of them once more",
          f"{STRICT}, the arguments come twice", send=in_streams(lambda chunks: _whole_again(chunks, with_head=False))),
    Fault("resends-calls", "streams calls and then sends each of them once more, id and name included",
          f"{STRICT}, the arguments come twice", send=in_streams(lambda chunks: _whole_again(chunks, with_head=True))),
    Fault("sends-cumulative-arguments", "sends all arguments so far with every piece",
          f"{STRICT}, the arguments are cumulative", send=in_streams(_cumulative)),
    Fault("sends-a-piece-twice", "streams the first piece of a call's arguments twice",
          f"{STRICT}, a piece comes twice", send=in_streams(_first_piece_twice)),
    Fault("repeats-calls", "returns every call once more, as another one", "a finding: the same call comes twice",
          say=_called_again),
    Fault("splits-call-names", "streams the name of a call in two pieces", f"{STRICT}, the name is cut",
          send=in_streams(_split_names)),
    Fault("holds-arguments-back", "streams all arguments of a call in one piece, after the model has written them",
          "a warning: long arguments are held back", send=in_streams(_in_one_piece)),
    Fault("flushes-arguments-in-blocks",
          "streams the arguments of a call in large blocks, after the model has written them",
          "a warning: long arguments are held back", send=in_streams(_in_few_pieces)),
    Fault("reverses-calls", "streams the last call first", f"{STRICT}, they are out of order",
          send=in_streams(_interleaved)),
)  # fmt: skip
