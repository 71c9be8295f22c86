"""In which order answers are asked for, and when a verdict is looked for."""

from collections import Counter
from dataclasses import replace
from itertools import groupby
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.ask.stopping import waves
from kvv_action.plan.order import looks_at_ends, looks_for, positions, shuffled
from kvv_action.plan.shard import deal
from tests.ask.vendors import planned_of


@pytest.mark.parametrize("samples", [1, 7, 20, 50, 333, 1000])
def test_every_sample_has_one_place(samples: int) -> None:
    """None is lost, none comes twice, and the same seed gives the same order."""
    assert sorted(shuffled(samples, 3)) == list(range(samples))
    assert shuffled(samples, 3) == shuffled(samples, 3)


def test_the_seed_decides() -> None:
    """Another seed, another order."""
    assert shuffled(100, 1) != shuffled(100, 2)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3, 0.5])
def test_every_beginning_is_spread_over_the_dataset(share: float) -> None:
    """Datasets are ordered by category: a category of a tenth of the samples has its share of any beginning."""
    start = set(shuffled(1000, 5)[: round(1000 * share)])
    for category in range(10):
        inside = sum(category * 100 <= index < (category + 1) * 100 for index in start)
        assert abs(inside - 100 * share) <= 1


def test_every_sample_can_be_early() -> None:
    """The order is random: over many seeds each sample is in the first twentieth about as often."""
    counts = [0] * 100
    for seed in range(400):
        for index in shuffled(100, seed)[:5]:
            counts[index] += 1
    assert min(counts) > 5
    assert max(counts) < 45


@pytest.mark.parametrize(
    ("samples", "epochs", "looks"),
    [
        (1000, 1, (50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)),
        (50, 1, (10, 15, 20, 25, 30, 35, 40, 45, 50)),
        (30, 8, (30, 60, 90, 120, 150, 180, 210, 240)),
        (5, 1, ()),
        (30, 1, (12, 15, 18, 21, 24, 27, 30)),
        (2, 3, ()),
    ],
)
def test_looks(samples: int, epochs: int, looks: tuple[int, ...]) -> None:
    """Early for what is plainly broken, then every tenth; whole epochs; never at fewer than ten answers."""
    assert [look for look in looks_for(samples, epochs) if look >= 10] == list(looks)
    assert looks_for(samples, epochs) == looks


def test_without_looks_the_dataset_is_the_order() -> None:
    """A run that cannot end early asks as it always did."""
    planned = planned_of(reference=0.9, margin=0.1, samples=30, size=100, epochs=2)
    assert list(positions(planned)) == list(range(60))


def test_epochs_follow_one_another() -> None:
    """All samples once, then all of them again: each look is about the whole dataset."""
    planned = planned_of(reference=0.9, margin=0.1, samples=30, size=100, epochs=4, sequential=True)
    assert [position % 4 for position in positions(planned)[:31]] == [0] * 30 + [1]


def test_waves_are_what_looks_cover() -> None:
    """From one look to the next."""
    planned = planned_of(reference=0.9, margin=0.1, samples=300, size=100, sequential=True)
    planned = replace(planned, order_seed=9)
    found = list(waves(planned))
    assert [len(wave) for wave in found] == [15, 15, 30, 30, 30, 30, 30, 30, 30, 30, 30]
    assert frozenset().union(*found) == frozenset(range(300))
    assert found[0] == frozenset(shuffled(300, 9)[:15])


SIZES = st.lists(st.integers(1, 25), min_size=2, max_size=20)


@given(sizes=SIZES, seed=st.integers(0, 9), epochs=st.sampled_from([1, 1, 3]), chance=st.randoms(use_true_random=False))
def test_looks_and_waves_hold_chains_whole(sizes: list[int], seed: int, epochs: int, chance: Random) -> None:
    """Whatever the lengths of conversations: each is in one wave, one after another, and nothing is lost."""
    clusters = tuple(cluster for cluster, size in enumerate(sizes) for _ in range(size))
    samples = len(clusters)
    if epochs == 1 and chance.random() < 0.5:  # a subset, or a dataset that mixes them
        clusters = tuple(chance.sample(clusters, samples))
    looks = looks_for(samples, epochs)
    looks = looks_at_ends(looks, clusters, seed) if epochs == 1 else looks
    planned = planned_of(reference=0.9, margin=0.1, samples=samples, size=100, epochs=epochs)
    planned = replace(planned, clusters=clusters, looks=looks, order_seed=seed)
    order = list(positions(planned, chained=True))
    assert sorted(order) == list(range(samples * epochs))
    for wave in waves(planned, chained=True):
        inside = {clusters[position // epochs] for position in wave}
        each = Counter(clusters[position // epochs] for position in wave)
        rounds = {each[cluster] / clusters.count(cluster) for cluster in inside}
        assert len(rounds) == 1
        assert rounds.pop() in range(1, epochs + 1)
    if looks and epochs == 1:
        runs = [cluster for cluster, _ in groupby(clusters[position] for position in order)]
        assert len(runs) == len(set(runs)) == len(sizes)
        assert looks[-1] == samples


@given(sizes=SIZES, of=st.integers(1, 12), seed=st.integers(0, 9))
def test_no_shard_cuts_a_chain(sizes: list[int], of: int, seed: int) -> None:
    """Any number of shards: a conversation has one, and each gets as many conversations, to within one."""
    pairs = [(f"{chain}-{number}", f"c{chain}") for chain, size in enumerate(sizes) for number in range(size)]
    hands = deal({"talk": pairs}, range(1, of + 1), seed, whole=frozenset({"talk"}))["talk"]
    held = [{name.partition("-")[0] for name in ids} for ids in hands.values()]
    assert sorted(chain for chains in held for chain in chains) == sorted(map(str, range(len(sizes))))
    assert sum(map(len, hands.values())) == len(pairs)
    assert max(map(len, held)) - min(map(len, held)) <= 1
