"""The memory that all answers in flight may hold together."""

from collections.abc import Callable
from typing import Self

from kvv_action.digits import figure
from kvv_action.errors import EndpointError
from kvv_action.schema import FailureKind

MIB = 2**20
COPIES = 3
"""How often a text counts: its pieces, the whole of it, and the line in which it is written."""
PART = 4
"""The text of one answer may take a fourth of the budget: while it is judged there are several copies of it."""
_OBJECT, _MAPPING = 80, 240
"""Bytes of memory for a value, and for an object, of a JSON text."""
_STEP = 2**20
"""Bytes that are looked at in one go."""


class MemoryBudget:
    """Bounds the sum of what answers hold; when it is used up, the largest answer ends.

    Args:
        limit: bytes.

    Attributes:
        most: the largest sum so far, in bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._shares = set[Share]()
        self._held = self.most = 0

    def share(self, end: Callable[[EndpointError], None]) -> "Share":
        """A new answer's share, as a context manager; `end` ends that answer from outside."""
        return Share(self, end)

    def opened(self, share: "Share") -> None:
        """Count a share."""
        self._shares.add(share)

    def closed(self, share: "Share") -> None:
        """Count a share no more."""
        if share in self._shares:
            self._shares.remove(share)
            self._held -= share.held

    def changed(self, share: "Share", held: int) -> None:
        """A share holds another number of bytes now.

        Raises:
            EndpointError: it is the largest, and there is no room.
        """
        if share not in self._shares:
            return  # it was ended, and its task goes on until it notices
        self._held += held - share.held
        share.held = held
        while self._held > self._limit:
            largest = max(self._shares, key=lambda one: one.held)
            self.closed(largest)
            if largest is share:
                raise self._full(share)
            largest.end(self._full(largest))
        self.most = max(self.most, self._held)

    def _full(self, share: "Share") -> EndpointError:
        most = figure(self._limit / MIB)
        told = (
            f"response too large: all answers in flight may hold {most} MiB together (max-memory), "
            f"and this one, the largest, needed {share.held / MIB:.1f} MiB of them"
        )
        return EndpointError(FailureKind.TOO_LARGE, told)


def too_long(most: int) -> EndpointError:
    """What one answer says takes more than its part."""
    told = f"response too large: the text of one answer may take {figure(most / MIB)} MiB, a quarter of max-memory"
    return EndpointError(FailureKind.TOO_LARGE, told)


class Share:
    """What one answer holds.

    Attributes:
        held: bytes.
        end: ends the answer from outside.
    """

    def __init__(self, budget: MemoryBudget, end: Callable[[EndpointError], None]) -> None:
        self._budget = budget
        self.end = end
        self.held = 0

    def hold(self, held: int) -> None:
        """The answer holds so many bytes now.

        Raises:
            EndpointError: there is no room, and this answer is the largest.
        """
        if held != self.held:
            self._budget.changed(self, held)

    def __enter__(self) -> Self:
        self._budget.opened(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._budget.closed(self)


def roomy(size: int) -> int:
    """Bytes of memory that a growing array of `size` bytes takes."""
    return size * 9 // 8


def reading_cost(data: bytes | bytearray) -> int:
    """About how many bytes it takes to read a JSON text: a few characters can become an object of 240 bytes."""
    values, mappings, wide = 0, 0, 1
    for start in range(0, len(data), _STEP):
        part = data[start : start + _STEP]
        values += part.count(b",") + part.count(b"[")
        mappings += part.count(b"{")
        wide = 1 if wide == 1 and part.isascii() and b"\\u" not in part else 4
    return 2 * wide * len(data) + _OBJECT * values + _MAPPING * mappings
