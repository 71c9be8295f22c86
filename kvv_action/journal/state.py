"""What a journal holds: which results stand, and which answers a resumed run need not ask again."""

import math
from array import array
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from kvv_action.adapters import adapter
from kvv_action.errors import JournalError, in_words
from kvv_action.journal.file import Record
from kvv_action.journal.lines import (
    check_answer,
    moment_of,
    outlives_failure,
    place_of,
    reason_of,
    slot_of,
    to_exchange,
    to_failure,
    value_of,
)
from kvv_action.schema import Exchange, FailureKind, PlannedBenchmark, Provenance, RunPlan, RunState, Slot


@dataclass(slots=True, kw_only=True)
class BenchmarkProgress:
    """Where the counting result of each sample and epoch of one benchmark stands.

    Attributes:
        last: by `index * epochs + epoch`, the number of the line that counts, 0 for none.
        failed: by the same position, 1 when that line is a failure that can be asked again.
        skips: why the rest was not asked, by shard of a divided run (0 for one that is not).
        lacking: the shards that did not ask because their machine lacks something; another machine can ask.
        named: the user asked for this benchmark by name, and a machine lacks what it needs.
    """

    epochs: int
    last: "array[int]"
    failed: bytearray
    skips: dict[int, str] = field(default_factory=dict)
    lacking: set[int] = field(default_factory=set)
    named: bool = False

    @property
    def skip(self) -> str:
        """Why the rest was not asked; empty when nothing was said."""
        return "; ".join(dict.fromkeys(reason for _, reason in sorted(self.skips.items())))

    @property
    def absent(self) -> bool:
        """Whether something was not asked because a machine lacks something."""
        return bool(self.lacking)

    @classmethod
    def empty(cls, planned: PlannedBenchmark) -> "BenchmarkProgress":
        """Progress without results."""
        slots = planned.samples * planned.epochs
        return cls(
            epochs=planned.epochs,
            last=array("q", bytes(8 * slots)),
            failed=bytearray(slots),
        )

    def position(self, index: int, epoch: int) -> int:
        """Where a sample and epoch stand.

        Raises:
            JournalError: they are not part of the plan.
        """
        position = index * self.epochs + epoch
        if not (index >= 0 and 0 <= epoch < self.epochs and position < len(self.last)):
            raise JournalError(f"the journal holds sample {index}, epoch {epoch}, which the plan does not have")
        return position


@dataclass(slots=True, kw_only=True)
class JournalState:
    """What a journal holds.

    Attributes:
        progress: by benchmark id.
        keys: answers of samples that have no result yet, or whose judge failed, by their key.
        sessions: the `session` lines.
        candidates: the `candidate` lines.
        end: the last `end` line of the last session, None when it was killed or still runs.
        at: time of the last result of each session, seconds since the epoch.
        wrong_probes: by id of a gating benchmark, its samples that were not right.
        redacted_from: the last digest of the journal whose texts were taken out, empty for a journal with its texts.
        merge: the `merge` line, None when the journal is that of one run.
        ends: by shard of a merged journal, its last `end` line, as above.
    """

    progress: Mapping[str, BenchmarkProgress]
    keys: dict[str, Exchange] = field(default_factory=dict)
    sessions: list[Record] = field(default_factory=list)
    candidates: list[Record] = field(default_factory=list)
    end: Record | None = None
    at: list[float] = field(default_factory=list)
    wrong_probes: dict[str, list[str]] = field(default_factory=dict)
    lines: int = 0
    mended_bytes: int = 0
    retried_failures: int = 0
    redacted_from: str = ""
    merge: Record | None = None
    ends: dict[int, Record | None] = field(default_factory=dict)
    shard_began: int = 1
    """Number of the line with which the shard that is being read begins."""

    @property
    def seconds(self) -> float:
        """Seconds in which at least one session ran; those of shards overlap."""
        total, until = 0.0, -math.inf
        for start, end in sorted(zip((float(session["started"]) for session in self.sessions), self.at, strict=True)):
            total += max(0.0, end - max(start, until))
            until = max(until, end)
        return total


def read_state(records: Iterable[Record], plan: RunPlan) -> JournalState:
    """Read a whole journal once; later results replace earlier failures of the same sample and epoch.

    Raises:
        JournalError: a line does not fit the plan.
    """
    result = JournalState(progress={planned.id: BenchmarkProgress.empty(planned) for planned in plan.benchmarks})
    waiting: dict[Slot, dict[str, Record]] = {}
    gates = {planned.id for planned in plan.benchmarks if planned.gates}
    for number, record in enumerate(records, 1):
        result.lines = number
        try:
            if number == 1 and "redacted" in record:
                result.redacted_from = str(record["redacted"]["head"])
            match record["kind"]:
                case "answer":
                    check_answer(record)
                    waiting.setdefault(_slot(record, result), {})[record["key"]] = record
                case "withdrawn" | "error":
                    _slot(record, result)
                case "observation":
                    _slot(record, result)
                    to_exchange(record)
                case "score" | "failure":
                    slot = _settle(record, number, result, gates)
                    answers = waiting.pop(slot, {})
                    if outlives_failure(record):
                        waiting[slot] = {key: one for key, one in answers.items() if not one.get("endpoint")}
                case _:
                    _note(record, result)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise JournalError(f"line {number} is not as kvv writes it ({in_words(error)})") from error
    for slot in tuple(waiting):
        result.keys.update((key, to_exchange(one)) for key, one in waiting.pop(slot).items())
    return result


def read_on(found: JournalState, path: Path, offset: int) -> None:
    """Note the lines about the run that were written after `found` was read: from a byte position of the journal on."""
    with path.open("rb") as stream:
        stream.seek(offset)
        for line in stream:
            found.lines += 1
            _note(orjson.loads(line), found)


def _note(record: Record, result: JournalState) -> None:
    """Lines about the run, not about a sample."""
    match record["kind"]:
        case "session":
            _begin(record, result)
        case "candidate":
            result.candidates.append(record)
        case "merge":
            if result.lines > 1:
                raise JournalError(f"line {result.lines} begins a merged journal in the middle of another one")
            result.merge = record
        case "skip":
            board, shard = result.progress[_known(record, result)], record.get("shard", 0)
            board.skips[shard] = reason_of(record)
            (board.lacking.add if record.get("absent") else board.lacking.discard)(shard)
            board.named = bool(record.get("named"))
        case "mended":
            result.mended_bytes += record["bytes"]
        case "end":
            RunState(record["state"])
            reason_of(record)
            result.end = record
            if result.merge is not None:
                result.ends[record["shard"]] = record
            result.at[-1] = max(result.at[-1], moment_of(record["at"]))


def _begin(record: Record, result: JournalState) -> None:
    """A session begins; in a merged journal it must belong to the plan and to a shard of it."""
    shard = record.get("shard", 0)
    if result.merge is not None:
        own, plan = record["plan"]["shard"], {**record["plan"], "shard": None}
        if plan != result.merge["plan"] or (own["number"], own["of"]) != (shard, result.merge["of"]):
            raise JournalError(f"line {result.lines}: shard {shard} is not one of the plan that was merged")
        if shard not in result.ends:
            result.shard_began = result.lines
        result.ends[shard] = None
    adapter(Provenance).validate_python(record["provenance"])
    result.sessions.append(record)
    result.at.append(moment_of(record["started"]))
    result.end = None
    for board in result.progress.values():
        board.skips.pop(shard, None)
        board.lacking.discard(shard)


def _slot(record: Record, result: JournalState) -> Slot:
    result.progress[_known(record, result)].position(record["index"], record["epoch"])
    return slot_of(record)


def _known(record: Record, result: JournalState) -> str:
    benchmark: str = record["benchmark"]
    if benchmark not in result.progress:
        raise JournalError(f"the journal holds benchmark {benchmark!r}, which the plan does not have")
    return benchmark


def _settle(record: Record, number: int, result: JournalState, gates: Collection[str]) -> Slot:
    """Note a result; a score is never replaced."""
    slot = benchmark, index, epoch = _slot(record, result)
    board = result.progress[benchmark]
    position = board.position(index, epoch)
    if board.last[position]:
        if board.last[position] < result.shard_began:
            raise JournalError(f"{place_of(record)} has results of shard {record['shard']} and of another one")
        if not board.failed[position]:
            raise JournalError(f"line {number} scores {benchmark} sample {index}, epoch {epoch} a second time")
        result.retried_failures += 1
    board.last[position] = number
    failure = to_failure(record) if record["kind"] == "failure" else None
    board.failed[position] = failure is not None and failure.kind is not FailureKind.REFUSED
    if failure is None and value_of(record["score"]) < 1.0 and benchmark in gates:
        result.wrong_probes.setdefault(benchmark, []).append(record["sample"])
    result.at[-1] = max(result.at[-1], moment_of(record["at"]))
    return slot
