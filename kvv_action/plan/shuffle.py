"""Samples in the seed's random order, without holding a dataset in memory.

The dataset is read `PASSES` times; each time a random part of the samples is taken, in random order within `WINDOW`.
So no more than `WINDOW` samples are held, and what comes after what says nothing about the dataset.
"""

from collections.abc import Callable, Iterator, Sequence

from kvv_action.dataset.subset import rank
from kvv_action.schema import Sample

PASSES = 8
WINDOW = 64


def shuffled(read: Callable[[], Iterator[Sample]], seed: int) -> Iterator[Sample]:
    """Every sample once; the same seed gives the same order on every machine."""
    for part in range(PASSES):
        window: list[Sample] = []
        for sample in read():
            if rank(seed, sample.id)[0] % PASSES == part:
                window.append(sample)
            if len(window) == WINDOW:
                yield from _ordered(window, seed)
                window = []
        yield from _ordered(window, seed)


def _ordered(window: Sequence[Sample], seed: int) -> list[Sample]:
    return sorted(window, key=lambda sample: rank(seed, sample.id)[1:])
