"""Makes one journal of the journals of shards: the same bytes whatever the order in which they are given."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import orjson

from kvv_action.errors import JournalError
from kvv_action.journal.file import Reader, chained
from kvv_action.journal.reading import read_plan
from kvv_action.journal.shard_chains import embedded
from kvv_action.plan.difference import difference
from kvv_action.plan.shard import whole
from kvv_action.schema import SCHEMA_VERSION, RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardJournal:
    """The journal of one shard, its chain checked.

    Attributes:
        lines, head: whole lines and the digest of the last one.
    """

    path: Path
    number: int
    of: int
    plan: RunPlan
    lines: int
    head: str


def examine(paths: Sequence[Path]) -> list[ShardJournal]:
    """The shards in their order.

    Raises:
        JournalError: one is damaged or is no shard, they belong to different plans, or one is there twice.
    """
    parts = sorted(map(_read, paths), key=lambda part: (part.number, str(part.path)))
    first = min(parts, key=lambda part: str(part.path))
    for part in parts:
        if (part.plan, part.of) != (first.plan, first.of):
            raise JournalError(
                f"{first.path} and {part.path} are shards of different plans ({_apart(first, part)}); "
                "merge the shards of one plan"
            )
    for one, next_one in pairwise(parts):
        if one.number == next_one.number:
            raise JournalError(
                f"shard {one.number} of {one.of} is there twice: {one.path} and {next_one.path}; leave one of them out"
            )
    return parts


def _read(path: Path) -> ShardJournal:
    plan, reader, lines = read_plan(path), Reader(path), 0
    if plan.shard is None:
        raise JournalError(f"{path}: is not the journal of a shard; it was asked without `shard`, or is merged already")
    for lines, _ in enumerate(reader, 1):  # noqa: B007 - the chain is checked, the last number counts
        pass
    return ShardJournal(
        path=path, number=plan.shard.number, of=plan.shard.of, plan=whole(plan), lines=lines, head=reader.head
    )


def _apart(first: ShardJournal, other: ShardJournal) -> str:
    if first.plan != other.plan:
        return difference(first.plan, other.plan)
    return f"one is divided into {first.of}, the other into {other.of}"


def merged(parts: Sequence[ShardJournal]) -> Iterator[bytes]:
    """The lines of the merged journal, with their newlines."""
    shards = [{"shard": part.number, "lines": part.lines, "head": part.head} for part in parts]
    merge = {
        "kind": "merge", "schema": SCHEMA_VERSION, "of": parts[0].of, "plan": parts[0].plan, "shards": shards,
    }  # fmt: skip
    yield from chained(_bodies(orjson.dumps(merge), parts))


def _bodies(merge: bytes, parts: Sequence[ShardJournal]) -> Iterator[bytes]:
    """What follows the digest in each line."""
    yield merge[1:]
    for part in parts:
        with part.path.open("rb") as stream:
            for line in islice(stream, part.lines):
                yield embedded(line[:-1], part.number)


def continues(parts: Sequence[ShardJournal], old: Path) -> bool:
    """Whether the shards hold everything that an earlier merge holds."""
    try:
        merge = next(iter(Reader(old)), None)
    except JournalError:
        return False
    if merge is None or merge.get("kind") != "merge":
        return False
    by_number = {part.number: part for part in parts}
    return orjson.dumps(merge["plan"]) == orjson.dumps(parts[0].plan) and all(
        one["shard"] in by_number and _digest_at(by_number[one["shard"]], one["lines"]) == one["head"]
        for one in merge["shards"]
    )


def _digest_at(part: ShardJournal, line: int) -> str:
    """SHA-256 of a line of a shard's journal, counted from 1."""
    with part.path.open("rb") as stream:
        found = next(islice(stream, line - 1, line), b"")
    return hashlib.sha256(found.rstrip(b"\n")).hexdigest()
