"""The one reading of a journal: what its plan is, where it stands, what was sent, and what each result judged."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from pydantic import ValidationError

from kvv_action.adapters import adapter
from kvv_action.errors import JournalError, in_words, refusal
from kvv_action.journal.file import Reader, Record
from kvv_action.journal.lines import outlives_failure, place_of, slot_of, to_attempts, to_exchange, to_failure, to_score
from kvv_action.journal.state import JournalState, read_state
from kvv_action.plan.shard import whole
from kvv_action.schema import (
    SCHEMA_VERSION,
    Attempt,
    Exchange,
    Judged,
    Place,
    RunPlan,
    Slot,
)

MALFORMED = (KeyError, TypeError, ValueError, IndexError, AttributeError)
"""What a line of another writer can raise when it is taken apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request and what came of it.

    Attributes:
        endpoint: empty for the endpoint under test.
        exchange: the answer or rejection; None when the request failed for good or was withdrawn.
        attempts: the tries of a request that failed for good.
        withdrawn: it was given up before its answer was there.
        call: number of the request within its sample.
        reckoned: tokens of its prompt, where no count of the endpoint is believed; else 0.
    """

    place: Place
    endpoint: str
    exchange: Exchange | None = None
    attempts: tuple[Attempt, ...] = ()
    withdrawn: bool = False
    call: int = 0
    reckoned: int = 0


def read_plan(path: Path) -> RunPlan:
    """The plan in a journal's first line.

    Raises:
        JournalError: empty, damaged, or of another version.
    """
    try:
        return _plan_in(next(iter(Reader(path)), None), path)
    except OSError as error:
        raise JournalError(f"{path}: {refusal(error)}") from error


def _plan_in(first: Record | None, path: Path) -> RunPlan:
    if first is None or first.get("kind") not in ("session", "merge"):
        raise JournalError(f"{path}: does not begin with a session; it is not a journal of kvv")
    if first.get("schema") != SCHEMA_VERSION:
        raise JournalError(
            f"{path}: has schema {first.get('schema')!r}; this version reads {SCHEMA_VERSION}. "
            "The version of kvv that wrote it can read it"
        )
    try:
        plan: RunPlan = adapter(RunPlan).validate_python(first["plan"])
    except (KeyError, ValidationError) as error:
        raise JournalError(f"{path}: its plan is not as kvv writes it ({in_words(error)})") from error
    whole(plan)
    return plan


def exchange_at(path: Path, offset: int) -> Exchange:
    """The exchange whose line begins at a byte position (see `Judged.offset`)."""
    with path.open("rb") as stream:
        stream.seek(offset)
        return to_exchange(orjson.loads(stream.readline()))


class JournalReading:
    """A journal that was read once; each call of `sent`, `judged` or `events` reads it once more, checking its chain.

    Memory grows by a few bytes per planned answer, and with the answers that are in flight.

    Args:
        path: the journal.

    Attributes:
        plan: of its first line.
        state: which results stand, sessions, shards, how it ended.
        head: digest of the last line.

    Raises:
        JournalError: it is empty, damaged, of another version, or does not fit its plan.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = Reader(path)
        records = iter(self._reader)
        try:
            first = next(records, None)
        except OSError as error:
            raise JournalError(f"{path}: {refusal(error)}") from error
        self.plan = _plan_in(first, path)
        self.state: JournalState = read_state(chain([first] if first is not None else [], records), self.plan)
        self.head = self._reader.head

    def span(self) -> tuple[float, float]:
        """When the run began, and when its last result came, in seconds since the epoch."""
        return float(self.state.sessions[0]["started"]), max(self.state.at)

    def judged(self, benchmark: str = "", of: Collection[Slot] | None = None) -> Iterator[Judged]:
        """Every result in the order of the lines; of one benchmark, if named. Raises JournalError.

        Args:
            benchmark: its id.
            of: the samples and epochs that are wanted; only their lines are taken apart.
        """
        for event in self.events(of):
            if isinstance(event, Judged) and benchmark in ("", event.place.benchmark):
                yield event

    def sent(self) -> Iterator[Sent]:
        """Every request in the order of the lines. Raises JournalError."""
        return (event for event in self.events() if isinstance(event, Sent))

    def events(self, of: Collection[Slot] | None = None) -> Iterator[Sent | Judged]:
        """Both, in the order of the lines; `of` as above. Raises JournalError."""
        waiting: dict[Slot, dict[int, tuple[Exchange, int]]] = {}
        for number, record in enumerate(self._reader, 1):
            try:
                if of is not None and "sample" in record and slot_of(record) not in of:
                    continue
                match record["kind"]:
                    case "answer" | "observation":
                        place, exchange = place_of(record), to_exchange(record)
                        waiting.setdefault(place.slot, {})[exchange.call] = exchange, self._reader.offset
                        if exchange.observation is None:
                            yield _sent(record, place, exchange)
                    case "error" | "withdrawn":
                        place = place_of(record)
                        if "sent" in record:
                            waiting.setdefault(place.slot, {})[record["call"]] = (
                                to_exchange(record),
                                self._reader.offset,
                            )
                        yield _sent(record, place, None)
                    case "score" | "failure":
                        place = place_of(record)
                        seen = waiting.pop(place.slot, {})
                        if outlives_failure(record):
                            waiting[place.slot] = {call: one for call, one in seen.items() if one[0].by_vendor}
                        yield self._judged(record, place, seen, number)
            except MALFORMED as error:
                raise JournalError(f"{self.path}, line {number} is not as kvv writes it ({in_words(error)})") from error

    def _judged(self, record: Record, place: Place, waiting: Mapping[int, tuple[Exchange, int]], number: int) -> Judged:
        """A killed process may have left answers to questions that its successor did not ask again; no score has them.

        Raises:
            JournalError: an answer that was judged is missing.
        """
        failed = record["kind"] == "failure"
        result = to_failure(record) if failed else to_score(record["score"])
        found = []
        for call in sorted(waiting) if failed else record["calls"]:
            if call not in waiting:
                raise JournalError(f"{place}: the answer to call {call} is missing")
            found.append(waiting[call])
        progress = self.state.progress[place.benchmark]
        return Judged(
            place=place,
            exchanges=tuple([exchange for exchange, _ in found]),
            result=result,
            stands=progress.last[progress.position(place.index, place.epoch)] == number,
            line=number,
            offset=max([offset for exchange, offset in found if exchange.by_vendor], default=-1),
        )


def _sent(record: Record, place: Place, exchange: Exchange | None) -> Sent:
    attempts: Any = record["attempts"] if record["kind"] == "error" else ()
    return Sent(
        place=place, endpoint=record.get("endpoint", ""), exchange=exchange, attempts=to_attempts(attempts),
        withdrawn=record["kind"] == "withdrawn", call=record.get("call", 0), reckoned=record.get("reckoned", 0),
    )  # fmt: skip
