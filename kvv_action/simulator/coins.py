"""Reproducible random numbers by digest, and a counter of how often a digest came."""

from collections import OrderedDict
from hashlib import blake2b

_RANGE = 2**64


def toss(seed: int, label: str, digest: bytes, occurrence: int = 0) -> float:
    """A number in [0, 1), always the same for the same arguments."""
    text = f"{seed}\0{label}\0{occurrence}\0".encode() + digest
    return int.from_bytes(blake2b(text, digest_size=8).digest()) / _RANGE


class Occurrences:
    """Counts how often each digest came; forgets the ones that were not seen for longest."""

    def __init__(self, limit: int = 100_000) -> None:
        self._limit = limit
        self._counts: OrderedDict[bytes, int] = OrderedDict()

    def next(self, digest: bytes) -> int:
        """The number of this occurrence, 1 for the first."""
        number = self._counts.pop(digest, 0) + 1
        self._counts[digest] = number
        if len(self._counts) > self._limit:
            self._counts.popitem(last=False)
        return number

    def __len__(self) -> int:
        return len(self._counts)
