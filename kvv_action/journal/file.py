"""The evidence: an append-only JSONL file in which every line holds the digest of the line before.

A line is in the kernel when `append` returns (it survives SIGKILL) and on disk within a second (`sync_forever`).

Kinds of lines:
    session   a process begins: plan, versions, time, and what first contact sent and heard
    candidate  next-token probabilities of a baseline's candidate: the most requests that they take, before the first
              one is sent; then how many of them were not sent, and the tokens that the others took
    answer    a completion or a rejection, before anything else happens to it
    observation  what a benchmark saw elsewhere and judges by: a tool's output, a patch, a test log
    error     a request that failed for good, with all its attempts
    withdrawn  a request that was given up before its answer was there
    score     a sample in an epoch was judged
    failure   a sample in an epoch has no score, and why
    skip      a benchmark is not asked (further), and why
    mended    a torn last line of a killed process was removed (never the first line: an empty journal is a new one)
    end       a process ended in an orderly way
    merge     the first line of a merged journal: the whole plan, and which shards follow (`shard_chains`)
"""

import asyncio
import contextlib
import fcntl
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from kvv_action.errors import JournalError, RunStopped, refusal
from kvv_action.journal.shard_chains import GENESIS, HASH, PREV, REST, START, WAS, ShardChains
from kvv_action.redact import Redactor

_OURS = frozenset({"kind", "benchmark", "sample", "key", "request", "failure", "packed"})
"""Fields in which a reader finds its way; no secret can be in them, for an endpoint has no part in them.

What is `packed` was redacted before it was compressed.
"""

_LOOK_AGAIN = 0.002
"""Seconds between two looks at whether a thread is still writing."""

Record = Mapping[str, Any]


class Reader:
    """Every whole line of a journal, in order, its chain checked; a torn last line (no newline) ends it.

    Can be iterated again and again.

    Attributes:
        head: digest of the last line read.
        offset: byte position at which it begins.
        strands: the chains of the shards, when it is a merged journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.head = GENESIS
        self.offset = 0
        self.strands = ShardChains()

    def __iter__(self) -> Iterator[Record]:
        """Yield the records.

        Raises:
            JournalError: a line does not follow from the one before, or is not JSON.
        """
        self.head, self.strands = GENESIS, ShardChains()
        merge: Record | None = None
        following = 0
        with self._path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    break
                record = _checked(self._path, number, line, self.head)
                if number == 1 and record.get("kind") == "merge":
                    merge = record
                self.head = sha256(line[:-1]).hexdigest()
                if line.startswith(WAS, REST):  # of a shard
                    self._follow(line[:-1], number)
                self.offset, following = following, following + len(line)
                yield record
        if merge is not None and "redacted" not in merge:  # whose lines are not those of the shards any more
            self._hold(merge)

    def _follow(self, line: bytes, number: int) -> None:
        try:
            self.strands.follow(line)
        except JournalError as error:
            raise JournalError(f"{self._path}, line {number}: {error}") from None

    def _hold(self, merge: Record) -> None:
        try:
            self.strands.hold(merge)
        except (JournalError, KeyError, TypeError) as error:
            raise JournalError(f"{self._path}: {error}") from None


def _checked(path: Path, number: int, line: bytes, head: str) -> Record:
    if number == 1 and not line.startswith(PREV):
        raise JournalError(
            f"{path}, line 1: the digest of the line before does not match; this is no journal of kvv. Name the folder "
            "that a run wrote."
        )
    if line[START : START + HASH] != head.encode():
        raise JournalError(
            f"{path}, line {number}: the digest of the line before does not match; the journal was changed or damaged. "
            "To run again, use another out folder, or fresh."
        )
    try:
        record: Record = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise JournalError(f"{path}, line {number}: not JSON ({error})") from error
    return record


def chained(bodies: Iterable[bytes]) -> Iterator[bytes]:
    """Whole lines of a new journal, with their newlines.

    Args:
        bodies: records as JSON without the opening brace.
    """
    head = GENESIS
    for body in bodies:
        line = b'%s%s",%s' % (PREV, head.encode(), body)
        head = sha256(line).hexdigest()
        yield line + b"\n"


def tail(path: Path) -> tuple[int, int, str]:
    """Length of the whole lines in bytes, their number, and the digest of the last one."""
    size, count, last = 0, 0, b""
    with path.open("rb") as stream:
        for line in stream:
            if not line.endswith(b"\n"):
                break
            size, count, last = size + len(line), count + 1, line
    return size, count, sha256(last[:-1]).hexdigest() if count else GENESIS


class Journal:
    """The one writer of a journal file; a second process is refused.

    Attributes:
        lines: whole lines in the file.
        head: digest of the last line.
        mended_bytes: size of the torn line that was removed on opening.
    """

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path = path
        self._redactor = redactor
        self._dirty = False
        self._turn = threading.Lock()
        self._fd = self._open()
        self._size, self.lines, self.head = tail(path)
        self.mended_bytes = os.fstat(self._fd).st_size - self._size
        if self.mended_bytes:
            os.ftruncate(self._fd, self._size)
            if self.lines:
                self.append({"kind": "mended", "bytes": self.mended_bytes})

    def _open(self) -> int:
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise JournalError(f"{self.path}: {refusal(error)}") from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(fd)
            raise JournalError(f"{self.path}: another kvv process is writing to it; use another out folder") from None
        return fd

    def append(self, record: Record) -> None:
        """Write one record through to the kernel, whole or not at all; several threads may call it.

        Raises:
            RunStopped: the disk is full or failing.
        """
        body = self._body(record)
        with self._turn:
            self._write(body)

    def _write(self, body: bytes) -> None:
        data = b"".join((PREV, self.head.encode(), b'",', memoryview(body)[1:], b"\n"))
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)  # a later line must not follow half of this one
            raise RunStopped(f"the journal {self.path} cannot be written: {refusal(error)}") from error
        self.head = sha256(memoryview(data)[:-1]).hexdigest()
        self._size += len(data)
        self.lines += 1
        self._dirty = True

    @property
    def busy(self) -> bool:
        """Whether a thread is writing: a long line takes tens of milliseconds, for which `append` would wait."""
        return self._turn.locked()

    async def free(self) -> None:
        """Wait until no thread is writing."""
        while self.busy:  # noqa: ASYNC110 - what it waits for is no event of a loop
            await asyncio.sleep(_LOOK_AGAIN)

    def redacted(self, value: Any) -> Any:
        """A JSON value as the journal keeps it: without secrets."""
        return self._redactor.json(value)

    def _body(self, record: Record) -> bytes:
        """The record as JSON, its texts without secrets; numbers, escapes and our own words stay what they are."""
        body = orjson.dumps(record, default=_plain)
        if self._redactor.bytes(body) == body:
            return body
        fields = orjson.loads(body).items()
        return orjson.dumps({name: value if name in _OURS else self._redactor.json(value) for name, value in fields})

    def sync(self) -> None:
        """Force what was written to disk.

        Raises:
            RunStopped: the disk is full or failing.
        """
        if not self._dirty:
            return
        self._dirty = False
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise RunStopped(f"the journal {self.path} cannot be synced to disk: {refusal(error)}") from error

    async def sync_forever(self, interval: float = 1.0) -> None:
        """Sync once an interval (seconds) until cancelled."""
        while True:
            await asyncio.sleep(interval)
            await asyncio.to_thread(self.sync)

    def close(self) -> None:
        """Sync and release the file."""
        try:
            self.sync()
        finally:
            os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _plain(value: object) -> object:
    """Mappings of other types, for orjson."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} cannot be written to a journal")
