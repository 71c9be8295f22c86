"""Changes in the documents of a reply, which faults of several kinds make."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kvv_action.schema import Json
from kvv_action.simulator.faults.model import Turn
from kvv_action.simulator.wire import Reply, rewritten

Document = dict[str, Any]
Send = Callable[[Reply, Turn], Reply]


def in_streams(change: Callable[[list[Json]], list[Json]]) -> Send:
    """A hook that changes the chunks of answers that are streams."""
    return lambda reply, turn: rewritten(reply, change) if turn.answer is not None and reply.streamed else reply


def in_answers(change: Callable[[Document], Document]) -> Send:
    """A hook that changes every document of an answer: each chunk, or the only one."""
    return lambda reply, turn: rewritten(reply, lambda all_: list(map(change, all_))) if turn.answer else reply


def in_endings(change: Callable[[Document], Document]) -> Send:
    """A hook that changes each choice that has a finish_reason."""

    def changed(document: Document) -> Document:
        choices = [change(choice) if choice.get("finish_reason") else choice for choice in document["choices"]]
        return {**document, "choices": choices}

    return in_answers(changed)


def delta_of(chunk: Json) -> Mapping[str, Any]:
    """What the first choice of a chunk brings; empty for a chunk without choices."""
    choices = chunk.get("choices")
    return choices[0].get("delta") or {} if choices else {}


def with_delta(chunk: Json, delta: Mapping[str, Any]) -> Document:
    """The chunk with another delta in its first choice."""
    return {**chunk, "choices": [{**chunk["choices"][0], "delta": delta}, *chunk["choices"][1:]]}


def call_pieces(chunks: list[Json]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Position of each chunk that brings a piece of a tool call, and the piece; the vendor sends one a chunk."""
    for at, chunk in enumerate(chunks):
        if pieces := delta_of(chunk).get("tool_calls"):
            yield at, pieces[0]


def each_piece(change: Callable[[Document, Document], Document]) -> Send:
    """A hook that changes every piece of a streamed call; `change` gets the piece and the head of its call."""

    def changed(chunks: list[Json]) -> list[Json]:
        heads: dict[int, Document] = {}
        new = list(chunks)
        for at, piece in call_pieces(chunks):
            head = heads.setdefault(piece["index"], dict(piece))
            new[at] = with_delta(chunks[at], {"tool_calls": [change(dict(piece), head)]})
        return new

    return in_streams(changed)
