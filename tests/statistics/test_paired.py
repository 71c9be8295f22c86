"""Paired differences: rates of false alarms, coverage, and what is exact."""

import itertools
import math
import random
import time
from statistics import NormalDist

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.statistics.paired import (
    AnsweredPair,
    chance,
    chance_of,
    difference_interval,
    holm,
    median_interval,
    signed_rank,
)

pytestmark = pytest.mark.slow  # simulates thousands of runs

DIFFERENCES = st.lists(st.floats(-1, 1), min_size=1, max_size=40)


@pytest.mark.parametrize(("fell", "rose"), [(6, 0), (5, 1), (0, 3), (10, 10), (62, 12)])
def test_right_or_wrong_pairs_get_mcnemars_exact_test(fell: int, rose: int) -> None:
    """A binomial tail of the discordant pairs; the pairs that agree say nothing."""
    count = fell + rose
    expected = sum(math.comb(count, heads) for heads in range(fell, count + 1)) / 2**count
    assert chance([-1.0] * fell + [0.0] * 100 + [1.0] * rose).worse == pytest.approx(expected, rel=1e-12)


def test_nothing_changed_is_no_evidence() -> None:
    """Neither way."""
    found = chance([0.0] * 50)
    assert (found.worse, found.better) == (1.0, 1.0)


def test_drawn_flips_agree_with_counted_ones() -> None:
    """Differences of several sizes are drawn; all 2^12 flips say the same."""
    differences = [-1.0, -0.5, -0.5, -0.75, 0.25, 0.25, -0.25, 0.5, -1.0, -0.5, 0.75, -0.25]
    sums = [0.0]
    for size in map(abs, differences):
        sums = [total + sign * size for total in sums for sign in (1, -1)]
    expected = sum(total <= sum(differences) + 1e-9 for total in sums) / len(sums)
    assert chance(differences).worse == pytest.approx(expected, abs=0.005)


@settings(deadline=None)
@given(DIFFERENCES)
def test_the_mirror_image_swaps_worse_and_better(differences: list[float]) -> None:
    """Nothing in the test knows a direction."""
    one, other = chance(differences), chance([-difference for difference in differences])
    assert one.worse == pytest.approx(other.better, abs=0.01)
    assert 0 < one.worse <= 1


@settings(deadline=None)
@given(DIFFERENCES)
def test_the_same_differences_are_the_same_evidence(differences: list[float]) -> None:
    """Flips are drawn from a fixed seed, and the order of samples does not matter."""
    assert chance(differences) == chance(sorted(differences))


def test_false_alarms_keep_their_rate() -> None:
    """At 5 % no more than 5 % of unchanged vendors are called worse, for few samples as well."""
    rng = random.Random(3)
    alarms = 0
    for _ in range(2000):
        rates = [rng.betavariate(4, 1) for _ in range(30)]
        alarms += chance([(rng.random() < rate) - (rng.random() < rate) for rate in rates]).worse <= 0.05
    assert alarms <= 0.05 * 2000


def test_holm_steps_down() -> None:
    """The smallest is multiplied by the number, the next by one less; never falling."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=20))
def test_holm_only_makes_it_harder(values: list[float]) -> None:
    """Adjusted values are at least the given ones, at most 1, and in their order."""
    adjusted = holm(values)
    assert all(value <= found <= 1 for value, found in zip(values, adjusted, strict=True))
    ranked = sorted(range(len(values)), key=lambda index: values[index])
    assert [adjusted[index] for index in ranked] == sorted(adjusted)


@settings(deadline=None)
@given(DIFFERENCES)
def test_the_interval_holds_the_difference(differences: list[float]) -> None:
    """And stays within what is possible."""
    interval = difference_interval(differences)
    assert interval is not None
    low, high = interval
    mean = sum(differences) / len(differences)
    assert -1 <= low <= mean + 1e-6
    assert mean - 1e-6 <= high <= 1


def test_no_sample_changed_leaves_room() -> None:
    """As wide as Wilson's interval of a rate of which nothing was seen: z^2 / (n + z^2)."""
    low, high = difference_interval([0.0] * 30) or (0, 0)
    assert (low, high) == pytest.approx((-0.11351, 0.11351), abs=1e-4)


def test_nothing_compared_has_no_interval() -> None:
    """Not a wide one."""
    assert difference_interval([]) is None


@pytest.mark.parametrize(("samples", "epochs"), [(30, 1), (200, 1), (30, 8), (1000, 1)])
@pytest.mark.parametrize("loss", [0.0, 0.05])
def test_coverage(samples: int, epochs: int, loss: float) -> None:
    """The interval holds the true difference nearly as often as it says, epochs clustered by sample."""
    rng, held, runs = random.Random(samples * epochs), 0, 400
    for _ in range(runs):
        rates = [min(1.0, rng.betavariate(6, 1)) for _ in range(samples)]
        truth = sum(max(0.0, rate - loss) - rate for rate in rates) / samples
        differences = [
            sum(rng.random() < rate - loss for _ in range(epochs)) / epochs
            - sum(rng.random() < rate for _ in range(epochs)) / epochs
            for rate in rates
        ]
        low, high = difference_interval(differences) or (0.0, 0.0)
        held += low <= truth <= high
    assert held >= (0.95 - 0.03) * runs


def test_median_interval_by_order_statistics() -> None:
    """Values 40 and 61 of a hundred, as in any table of the sign test."""
    assert median_interval([float(value) for value in range(1, 101)]) == (40.0, 61.0)


def test_too_few_values_have_no_interval_of_the_median() -> None:
    """With five even the whole range is too short: 2 / 32 is more than 5 %."""
    assert median_interval([1.0] * 5) is None
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]) == (1.0, 6.0)


def test_many_values_join_on_smoothly() -> None:
    """Beyond a thousand the binomial is normal."""
    edges = [median_interval([float(value) for value in range(count)]) for count in (1000, 1001)]
    assert all(edge is not None for edge in edges)
    assert abs(edges[0][0] - edges[1][0]) <= 1  # type: ignore[index]


def answered(base: list[int], new: list[int]) -> AnsweredPair:
    """A sample with these right and wrong answers."""
    return AnsweredPair(sum(base), len(base), sum(new), len(new))


def test_unequal_epochs_are_dealt_out_within_each_sample() -> None:
    """The drawn chances agree with those of every way in which the answers could have belonged to the two runs."""
    samples = [([1], [1, 0, 0]), ([1], [1, 1, 0]), ([0], [0, 1, 0]), ([1, 1], [0])]
    ways = []
    for base, new in samples:
        every = [*base, *new]
        ways.append(
            [
                sum(every[place] for place in places) / len(new)
                - (sum(every) - sum(every[place] for place in places)) / len(base)
                for places in itertools.combinations(range(len(every)), len(new))
            ]
        )
    totals = [sum(way) for way in itertools.product(*ways)]
    seen = sum(answered(base, new).difference for base, new in samples)
    found = chance_of([answered(base, new) for base, new in samples])
    assert found.worse == pytest.approx(sum(total <= seen + 1e-9 for total in totals) / len(totals), abs=0.006)
    assert found.better == pytest.approx(sum(total >= seen - 1e-9 for total in totals) / len(totals), abs=0.006)


def test_unequal_epochs_of_many_kinds_are_dealt_out_as_quickly() -> None:
    """The chance is that of the sum's normal distribution, and 500 samples of 400 kinds take about a second."""
    draw, pairs = random.Random(1), list[AnsweredPair]()
    for _ in range(500):
        right, base, new = draw.random(), draw.randint(28, 32), draw.randint(28, 32)
        counts = [sum(draw.random() < right for _ in range(epochs)) for epochs in (base, new)]
        pairs.append(AnsweredPair(counts[0], base, counts[1], new))
    began = time.process_time()
    found = chance_of(pairs)
    assert time.process_time() - began < 6
    assert found.worse == pytest.approx(normal_chance(pairs), abs=0.01)
    assert found.worse + found.better == pytest.approx(1, abs=0.01)


def normal_chance(pairs: list[AnsweredPair]) -> float:
    """Of a sum of differences that is as low, where the answers of each sample are dealt out; for many samples."""
    variance = 0.0
    for pair in pairs:
        answers, right = pair.base_count + pair.new_count, pair.base + pair.new
        share = right / answers
        variance += answers**2 * share * (1 - share) / (answers - 1) / (pair.base_count * pair.new_count)
    total = math.fsum(pair.difference for pair in pairs)
    return NormalDist().cdf(total / math.sqrt(variance))


def test_equal_epochs_are_the_sign_flip_test() -> None:
    """Nothing changes where both runs answered each sample equally often."""
    pairs = [answered([1, 0], [0, 0]), answered([1, 1], [1, 0]), answered([1], [0])]
    assert chance_of(pairs) == chance([pair.difference for pair in pairs])


def one_epoch_and_many(draw: random.Random) -> list[AnsweredPair]:
    """One epoch against 32, nothing changed, most samples easy."""
    shares = [draw.betavariate(20, 0.5) for _ in range(50)]
    return [
        AnsweredPair(draw.random() < share, 1, sum(draw.random() < share for _ in range(32)), 32) for share in shares
    ]


def test_more_epochs_later_raise_no_false_alarm() -> None:
    """An error of 1 % errs in about 1 % of runs, where sign flips err in a fifth."""
    draw = random.Random(7)
    runs = [one_epoch_and_many(draw) for _ in range(40)]
    assert sum(chance_of(run).worse <= 0.01 for run in runs) <= 3  # 4 of 40 come up in 1 of 1000 such tests at 1 %
    assert sum(chance([pair.difference for pair in run]).worse <= 0.01 for run in runs) > 3


@pytest.mark.parametrize(
    ("differences", "p"),
    [([], 1.0), ([0.0, 0.0], 1.0), ([1.0, 2.0, 3.0], 1 / 8), ([-1.0, 2.0, 3.0], 2 / 8), ([1.0, -2.0, -3.0], 7 / 8),
     ([1.0, 1.0, -1.0], 1 / 2), ([1.0, 0.0, 2.0], 1 / 4)],
)  # fmt: skip
def test_signed_ranks_are_exact(differences: list[float], p: float) -> None:
    """Small cases, counted by hand: all signs of the ranks are equally likely; zeros say nothing."""
    assert signed_rank(differences) == pytest.approx(p)


@given(st.lists(st.integers(min_value=-4, max_value=4).filter(bool), min_size=1, max_size=9))
def test_signed_ranks_are_those_of_all_signs(differences: list[int]) -> None:
    """The chance is the share of sign patterns with at least such a sum, whatever sizes are alike."""
    ordered = sorted(map(abs, differences))
    ranks = {size: ordered.index(size) + (ordered.count(size) + 1) / 2 for size in ordered}
    sums = [
        sum(ranks[abs(size)] for size, up in zip(differences, signs, strict=True) if up)
        for signs in itertools.product((False, True), repeat=len(differences))
    ]
    seen = sum(ranks[abs(size)] for size in differences if size > 0)
    assert signed_rank(differences) == pytest.approx(sum(one >= seen for one in sums) / len(sums))
