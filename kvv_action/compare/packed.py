"""The samples of one benchmark in one run, each in one piece of memory: a long run has a hundred thousand of them."""

from array import array
from collections.abc import Iterator, Mapping
from struct import Struct

from kvv_action.compare.sampled import Sampled

_PLACE = Struct(">I")
_HEAD = Struct("<dIdHdHBB")
"""Total and number of the values, lowest and highest; bytes of the traffic, and of the epochs that failed.

The place goes first, and these two after it; what is left is the category.
"""
_TRAFFIC = _PLACE.size + _HEAD.size


class PackedSamples(Mapping[str, Sampled]):
    """By sample id; each look makes a record anew, and a changed one counts once it is put back."""

    def __init__(self) -> None:
        self._packed: dict[str, bytes] = {}

    def put(self, name: str, sampled: Sampled) -> None:
        """Keep a sample as it is now."""
        self._packed[name] = _pack(sampled)

    def ordered(self) -> "PackedSamples":
        """The same samples by their places in the plan."""
        found = PackedSamples()
        for name in sorted(self._packed, key=lambda name: self._packed[name][: _PLACE.size]):
            found._packed[name] = self._packed[name]
        return found

    def __getitem__(self, name: str) -> Sampled:
        return _unpack(self._packed[name])

    def __contains__(self, name: object) -> bool:
        return name in self._packed

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def _pack(one: Sampled) -> bytes:
    traffic, failed = one.traffic.tobytes(), one.failed.to_bytes((one.failed.bit_length() + 7) // 8, "little")
    head = _HEAD.pack(one.total, one.scored, *one.low, *one.high, len(traffic), len(failed))
    return b"".join((_PLACE.pack(one.index), head, traffic, failed, one.category.encode()))


def _unpack(packed: bytes) -> Sampled:
    total, scored, low, low_epoch, high, high_epoch, traffic, failed = _HEAD.unpack_from(packed, _PLACE.size)
    failures = _TRAFFIC + traffic
    return Sampled(
        index=int.from_bytes(packed[: _PLACE.size], "big"), category=packed[failures + failed :].decode(), total=total,
        scored=scored, low=(low, low_epoch), high=(high, high_epoch),
        failed=int.from_bytes(packed[failures : failures + failed], "little"),
        traffic=array("d", packed[_TRAFFIC:failures]),
    )  # fmt: skip
