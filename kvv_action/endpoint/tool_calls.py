"""Assembles tool calls from the pieces of a stream."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint.pieces import TextPieces
from kvv_action.endpoint.shapes import Clean, as_list, as_object, as_text, as_word, index_of, shortened
from kvv_action.schema import Json, ToolCall

MOST_DOUBLED = 32
"""Places at which a doubled piece is looked for."""
MOST_AGAIN = 1000
"""Pieces of a call that repeat the one before them, of which places are kept."""
HELD_BACK = 1000
"""Characters of arguments for each piece, from which a server holds them back instead of streaming them."""
_CALL = 800
"""Bytes of memory of a call without its texts."""
_ID = 200
"""Bytes of memory of an id without its characters."""


@dataclass(slots=True)
class _Call:
    index: int
    id: str = ""
    name: str = ""
    type: str = ""
    arguments: TextPieces = field(default_factory=TextPieces)
    pieces: int = 0
    length: int = 0
    last: str = ""
    again: list[tuple[int, int]] = field(default_factory=list)

    def add(self, piece: str) -> None:
        """Take a piece of the arguments; `again` has the places of those that repeat the piece before."""
        if piece == self.last and len(self.again) < MOST_AGAIN:
            self.again.append((self.length, self.length + len(piece)))
        self.last = piece
        self.length += len(piece)
        self.pieces += 1
        self.arguments.pieces.append(piece)


class ToolCalls:
    """Collects calls by index; a call without an index gets the next free one.

    A piece without index belongs to the call with its id; without a known id, an id or a name opens a call
    and anything else continues the last one. The same index with another id and a name is another call
    (servers number parallel calls 0, 0, 0).

    Attributes:
        held: bytes of memory of the calls without their arguments.
        held_text: bytes of memory of arguments that are joined.
    """

    def __init__(self, anomalies: dict[Anomaly, None], clean: Clean = str) -> None:
        self._clean = clean
        self._anomalies = anomalies
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._unfolded: list[_Call] = []
        self.held = self.held_text = 0

    def __bool__(self) -> bool:
        return bool(self._calls)

    @property
    def characters(self) -> int:
        """Characters of the arguments so far."""
        return sum(call.arguments.characters for call in self._calls)

    def fold(self) -> None:
        """Join the pieces of arguments."""
        for call in self._unfolded:
            before = call.arguments.held
            call.arguments.fold()
            self.held_text += call.arguments.held - before
        self._unfolded.clear()

    @property
    def held_back(self) -> bool:
        """Whether long arguments came in one piece, or in a few that are as long."""
        return any(call.arguments.characters >= HELD_BACK * max(1, call.pieces) for call in self._calls)

    @property
    def doubled(self) -> bool:
        """Whether arguments are JSON only without a piece that came twice in a row."""
        return any(_has_doubled_piece(call.arguments.text(), call.again) for call in self._calls)

    def _note(self, anomaly: Anomaly) -> None:
        self._anomalies[anomaly] = None

    def feed(self, pieces: Json) -> None:
        """Take the `tool_calls` of one delta.

        Raises:
            EndpointError: they have the wrong shape.
        """
        for piece in as_list(pieces, "tool_calls"):
            self._piece(as_object(piece, "a tool call"))

    def _piece(self, piece: dict[str, Json]) -> None:
        function = as_object(piece.get("function") or {}, "function")
        id_ = as_word(piece.get("id"), "a tool call's id", self._clean)
        name = as_word(function.get("name"), "a tool call's name", self._clean)
        call = self._call(piece.get("index"), id_, name)
        if id_ or name:
            self._head(call, id_, name)
        call.type = call.type or as_word(piece.get("type"), "a tool call's type", self._clean)
        if arguments := as_text(function.get("arguments"), "a tool call's arguments"):
            call.add(arguments)
            if len(call.arguments.pieces) == 1:
                self._unfolded.append(call)

    def _call(self, index: Json, id_: str, name: str) -> _Call:
        if index is None:
            self._note(Anomaly.CALL_WITHOUT_INDEX)
            return self._unnumbered(id_, name)
        number = index_of(index, "a tool call's index")
        call = self._by_index.get(number)
        if call is None:
            return self._open(number)
        if id_ and name and call.id and id_ != call.id:
            self._note(Anomaly.CALL_INDEX_REUSED)
            return self._by_id.get(id_) or self._open(number)
        return call

    def _unnumbered(self, id_: str, name: str) -> _Call:
        if id_ in self._by_id:
            return self._by_id[id_]
        if id_ or name or not self._calls:
            return self._open(max(self._by_index, default=-1) + 1)
        return self._calls[-1]

    def _open(self, index: int) -> _Call:
        if self._calls and index < self._calls[-1].index:
            self._note(Anomaly.CALLS_OUT_OF_ORDER)
        call = self._by_index[index] = _Call(index)
        self.held += _CALL
        self._calls.append(call)
        return call

    def _head(self, call: _Call, id_: str, name: str) -> None:
        """Store id and name; they usually come once, but some servers repeat them or send them in pieces."""
        if (id_ and id_ == call.id) or (name and name == call.name):
            self._note(Anomaly.CALL_HEADER_REPEATED)
        if id_ and id_ != call.id:
            call.id = shortened(call.id + id_, self._clean)
            if call.id not in self._by_id:
                self.held += _ID + len(call.id)
            self._by_id[call.id] = call
        if name and name != call.name:
            if call.name:
                self._note(Anomaly.CALL_NAME_SPLIT)
            call.name = shortened(call.name + name, self._clean)

    def done(self, clean: Clean) -> tuple[ToolCall, ...]:
        """All calls in order of their indexes, with `clean` applied to their texts."""
        return tuple(
            ToolCall(
                id=clean(call.id),
                name=clean(call.name),
                arguments=clean(call.arguments.text()),
                type=clean(call.type) or "function",
            )
            for call in sorted(self._calls, key=lambda call: call.index)
        )


def _has_doubled_piece(text: str, again: Sequence[tuple[int, int]]) -> bool:
    """Whether arguments are JSON only without the pieces that repeat the one before them, or without one of these."""
    again = [(start, end) for start, end in again if not _is_json(text[start:end])]
    if not again or _is_json(text):
        return False
    return any(_is_json(_without(text, out)) for out in (again, *([one] for one in again[:MOST_DOUBLED])))


def _without(text: str, places: Sequence[tuple[int, int]]) -> str:
    """A text without these places, which are in order and do not overlap."""
    ends = [0, *(end for _, end in places)]
    starts = [*(start for start, _ in places), len(text)]
    return "".join(text[end:start] for end, start in zip(ends, starts, strict=True))


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
