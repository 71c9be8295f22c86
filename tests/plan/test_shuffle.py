"""Samples in a random order that is the same everywhere, without a dataset in memory."""

import weakref
from collections.abc import Iterator
from itertools import pairwise

from kvv_action.plan.shuffle import WINDOW, shuffled
from kvv_action.schema import Sample


def read(count: int) -> Iterator[Sample]:
    return (Sample(id=f"q{number}", input=number) for number in range(count))


def order(count: int, seed: int) -> list[int]:
    return [sample.input for sample in shuffled(lambda: read(count), seed)]


def test_every_sample_comes_once_in_an_order_of_the_seed() -> None:
    """The same seed gives the same order, another one another."""
    assert sorted(order(1000, 1)) == list(range(1000))
    assert order(1000, 1) == order(1000, 1) != order(1000, 2)
    assert order(3, 1) in ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0])


def test_neighbours_of_the_dataset_are_torn_apart() -> None:
    """Hardly any sample is followed by the one that follows it in the dataset."""
    found = order(2000, 3)
    assert sum(b == a + 1 for a, b in pairwise(found)) < 40


class Picture:
    """Something large that a sample holds."""


def test_no_more_than_a_window_is_held() -> None:
    """Of thousands of pictures only those of one window are alive at a time."""
    alive: weakref.WeakSet[Picture] = weakref.WeakSet()

    def pictured() -> Iterator[Sample]:
        for number in range(3000):
            picture = Picture()
            alive.add(picture)
            yield Sample(id=f"q{number}", input=picture)

    most = max(len(alive) for _ in shuffled(pictured, 0))
    assert WINDOW / 2 < most <= WINDOW + 2
