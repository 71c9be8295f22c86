"""A reference pack: how runs against an official endpoint answered each item, in one small file without any text.

Whoever has it compares every sample with the reference's own answers, without the runs themselves. Canonical bytes: the
same runs give the same file, and its digest is part of it.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from statistics import stdev
from typing import Any

import orjson
from pydantic import ValidationError

from kvv_action.adapters import adapter
from kvv_action.errors import KvvError, in_words
from kvv_action.options import ADDRESSES
from kvv_action.plan.strata import PackedItem
from kvv_action.schema import Json

FORM = "kvv reference pack 1"
LARGEST = 8 * 1024 * 1024
"""Bytes of a pack at most."""
EXPIRES_AFTER = 180
"""Days after its last run in which a pack is used: official endpoints change, too."""
DRIFT, FEWEST_DAYS = 0.005, 8
"""How much the score of an endpoint differs from day to day at least, and days from which that is estimated."""
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedRun:
    """Where the answers of one run come from.

    Attributes:
        model, vendor: names of model and endpoint.
        day: of its start, as YYYY-MM-DD.
        journal: digest of its evidence, by which it is known.
        version: of kvv.
        effort: level of thinking effort that it asked for; empty leaves it to the endpoint.
    """

    model: str
    vendor: str
    day: str
    journal: str
    version: str
    effort: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedBenchmark:
    """One benchmark in all runs of a pack.

    Attributes:
        version, metric, dataset, sampling, thinking: as the runs asked; answers under other ones cannot be compared.
        runs: for each run its number in the pack, and how often it asked each item.
        items: by sample id the values of its answers in 0..1, run by run; None where none came.
    """

    version: str
    metric: str
    dataset: str
    sampling: Mapping[str, Json]
    thinking: bool | None
    runs: Sequence[tuple[int, int]]
    items: Mapping[str, Sequence[float | None]]

    @property
    def epochs(self) -> int:
        """Answers to an item in all runs."""
        return sum(count for _, count in self.runs)

    @property
    def values(self) -> Mapping[str, float]:
        """By sample id, the mean of its answers."""
        answered = {name: [one for one in values if one is not None] for name, values in self.items.items()}
        return {name: math.fsum(values) / len(values) for name, values in answered.items() if values}

    @property
    def several(self) -> Mapping[str, PackedItem]:
        """By sample id, its answers; empty where the pack has only one answer to each sample."""
        if self.epochs < 2:
            return {}
        return {
            name: PackedItem(answers=[one for one in values if one is not None]) for name, values in self.items.items()
        }

    def scores(self) -> Iterable[tuple[int, float]]:
        """The score of each run, over the items that it answered."""
        begin = 0
        for run, count in self.runs:
            found = [one for values in self.items.values() for one in values[begin : begin + count] if one is not None]
            if found:
                yield run, math.fsum(found) / len(found)
            begin += count


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePack:
    """A whole pack; `expires` is the first day on which it is used no more."""

    profile: str
    expires: str
    runs: Sequence[PackedRun]
    benchmarks: Mapping[str, PackedBenchmark]
    demonstration: bool = False
    note: str = field(default="")

    @property
    def seal(self) -> str:
        """SHA-256 of everything in it, which stands in the file and shows that nothing was changed by chance."""
        return hashlib.sha256(_canonical(self)).hexdigest()

    @property
    def digest(self) -> str:
        """SHA-256 of the file, by which an address names it."""
        return hashlib.sha256(as_bytes(self)).hexdigest()

    @property
    def last_day(self) -> str:
        """Of its last run."""
        return max(run.day for run in self.runs)

    def days(self, benchmark: str) -> int:
        """On how many days a benchmark was asked."""
        return len({self.runs[run].day for run, _ in self.benchmarks[benchmark].runs})

    def drift(self, benchmark: str) -> float:
        """Variance of a difference from this pack because endpoints differ from day to day: sd² (1 + 1/days)."""
        by_day = defaultdict[str, list[float]](list)
        for run, score in self.benchmarks[benchmark].scores():
            by_day[self.runs[run].day].append(score)
        return drift_over([math.fsum(found) / len(found) for found in by_day.values()])


def drift_over(days: Sequence[float]) -> float:
    """Variance of a difference from what was asked on these days; their scores say how much they differ, if many."""
    deviation = max(DRIFT, stdev(days)) if len(days) >= FEWEST_DAYS else DRIFT
    return float(deviation**2 * (1 + 1 / max(1, len(days))))


def is_pack(name: str) -> bool:
    """Whether an entry of `reference` is the address or the file of a pack."""
    if name.startswith(ADDRESSES):
        return True
    path = Path(name)
    if not path.is_file() or path.stat().st_size > LARGEST:
        return False
    return f'"form":"{FORM.rpartition(" ")[0]} '.encode() in path.read_bytes()


def merged(packs: Sequence[ReferencePack]) -> ReferencePack:
    """One pack of all runs; a run that several have counts once.

    Raises:
        KvvError: they are of different profiles, or asked a benchmark in different ways.
    """
    first, *others = packs
    efforts = {run.effort for pack in packs for run in pack.runs}
    if len(efforts) > 1:
        raise KvvError(f"runs at the efforts {', '.join(sorted(efforts))} are no one reference")
    for other in others:
        if (other.profile, other.demonstration) != (first.profile, first.demonstration):
            raise KvvError(f"runs by the profiles {first.profile} and {other.profile} are no reference of one model")
        first = _joined(first, other)
    return first


def _joined(mine: ReferencePack, other: ReferencePack) -> ReferencePack:
    known = {run.journal: number for number, run in enumerate(mine.runs)}
    runs, numbers = list(mine.runs), dict[int, int]()
    for number, run in enumerate(other.runs):
        if run.journal not in known:
            numbers[number] = len(runs)
            runs.append(run)
    benchmarks = dict(mine.benchmarks)
    for name, theirs in other.benchmarks.items():
        fresh = _only(theirs, numbers)
        if fresh is not None:
            benchmarks[name] = _beside(name, benchmarks[name], fresh) if name in benchmarks else fresh
    return replace(mine, runs=tuple(runs), benchmarks=benchmarks, expires=max(mine.expires, other.expires))


def _only(theirs: PackedBenchmark, numbers: Mapping[int, int]) -> PackedBenchmark | None:
    """The answers of the runs that are new, under their numbers in the joined pack."""
    kept, places, begin = list[tuple[int, int]](), list[int](), 0
    for run, count in theirs.runs:
        if run in numbers:
            kept.append((numbers[run], count))
            places += range(begin, begin + count)
        begin += count
    items = {name: [values[place] for place in places] for name, values in theirs.items.items()}
    return replace(theirs, runs=tuple(kept), items=items) if kept else None


def _beside(name: str, mine: PackedBenchmark, other: PackedBenchmark) -> PackedBenchmark:
    for what in ("version", "metric", "dataset", "sampling", "thinking"):
        if getattr(mine, what) != getattr(other, what):
            raise KvvError(f"{name}: the runs asked with different values of {what}: they cannot be one reference")
    nothing, missing = [None] * mine.epochs, [None] * other.epochs
    items = {
        one: [*mine.items.get(one, nothing), *other.items.get(one, missing)]
        for one in dict.fromkeys((*mine.items, *other.items))
    }
    return replace(mine, runs=(*mine.runs, *other.runs), items=items)


def expiry(day: str) -> str:
    """When a pack expires whose last run was on this day."""
    return (date.fromisoformat(day) + timedelta(days=EXPIRES_AFTER)).isoformat()


def _canonical(pack: ReferencePack) -> bytes:
    return orjson.dumps({"form": FORM, **_plain(pack)}, option=orjson.OPT_SORT_KEYS)


def _plain(pack: ReferencePack) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(pack))
    for one in found["benchmarks"].values():
        one["items"] = {name: list(map(_short, values)) for name, values in one["items"].items()}
    return found


def _short(value: float | None) -> float | int | None:
    if value is None:
        return None
    return int(value) if value in (0.0, 1.0) else round(value, _DIGITS)


def as_bytes(pack: ReferencePack) -> bytes:
    """The file: canonical, with its seal."""
    content = {"form": FORM, "seal": pack.seal, **_plain(pack)}
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def parse(data: bytes, where: str) -> ReferencePack:
    """Read a pack, and check that it is whole.

    Raises:
        KvvError: it is none, or was changed after it was made.
    """
    try:
        content = orjson.loads(data)
        if not isinstance(content, dict):
            raise KvvError(f"{where}: is no reference pack")
        form = str(content.pop("form", None))[:100]
        del content["seal"]
        if form != FORM:
            raise KvvError(f"{where}: its form is {form!r}; this version reads {FORM!r}")
        pack = adapter(ReferencePack).validate_python(content)
    except (orjson.JSONDecodeError, KeyError, ValidationError) as error:
        raise KvvError(f"{where}: is no reference pack ({in_words(error)})") from error
    if as_bytes(pack) != data:
        raise KvvError(f"{where}: was changed after it was made")
    _consistent(pack, where)
    return pack


def _consistent(pack: ReferencePack, where: str) -> None:
    try:
        days = [date.fromisoformat(day) for day in (pack.expires, *(run.day for run in pack.runs))]
    except ValueError as error:
        raise KvvError(f"{where}: holds a day that is none") from error
    whole = bool(days) and bool(pack.runs) and all(_whole(one, len(pack.runs)) for one in pack.benchmarks.values())
    if not whole:
        raise KvvError(f"{where}: its numbers of runs, answers and values do not fit together")


def _whole(one: PackedBenchmark, runs: int) -> bool:
    counted = all(0 <= run < runs and 0 < count <= 1024 for run, count in one.runs)
    return (
        counted
        and bool(one.values)
        and all(
            len(values) == one.epochs and all(value is None or 0 <= value <= 1 for value in values)
            for values in one.items.values()
        )
    )
