"""Which packages offer benchmarks, by what their metadata says; nothing of theirs is imported."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "kvv.benchmarks"


@cache
def offered() -> Mapping[str, "EntryPoint"]:
    """The entry points of the group `kvv.benchmarks` by their names, which are the ids of the benchmarks, sorted.

    Of two packages that offer the same id, the one with the first name counts.
    """
    from importlib.metadata import entry_points  # slow to import, and most commands do without

    found = sorted(entry_points(group=GROUP), key=lambda point: (point.name, point.dist.name if point.dist else ""))
    first = {point.name: point for point in reversed(found)}
    return dict(sorted(first.items()))
