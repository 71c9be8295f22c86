"""Intervals: known values, and what dependence between epochs does to them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.statistics.intervals import clustered, effective_size, score_limits, student, wilson, z_value


@pytest.mark.parametrize(
    ("mean", "n", "low", "high"),
    [
        (0.5, 10, 0.2366, 0.7634),
        (0.9, 10, 0.5958, 0.9821),
        (1.0, 30, 0.8865, 1.0),
        (0.0, 30, 0.0, 0.1135),
        (0.5, 100, 0.4038, 0.5962),
        (15 / 148, 148, 0.0624, 0.1605),
    ],
)
def test_wilson_has_known_values(mean: float, n: float, low: float, high: float) -> None:
    """Those of R's `prop.test(correct = FALSE)`; 15 of 148 is the example of Newcombe 1998."""
    assert wilson(mean, n) == pytest.approx((low, high), abs=5e-5)


def test_z_value() -> None:
    """1.96, as everybody knows it."""
    assert z_value(0.95) == pytest.approx(1.959964, abs=1e-6)


def test_more_confidence_is_wider() -> None:
    """99 % holds 95 %."""
    low, high = wilson(0.7, 50, 0.99)
    assert low < wilson(0.7, 50)[0] < wilson(0.7, 50)[1] < high


def test_no_observation_says_nothing() -> None:
    """The whole range, or no interval."""
    assert wilson(0.5, 0) == (0.0, 1.0)
    assert clustered([], []) is None
    assert clustered([0.0, 0.0], [0, 0]) is None


def test_one_observation() -> None:
    """Wide, and within 0..1."""
    low, high = clustered([1.0], [1]) or (0, 0)
    assert (low, high) == pytest.approx((0.2065, 1.0), abs=5e-5)


def test_one_sample_in_many_epochs_counts_once() -> None:
    """One problem says nothing on others, however often it is asked."""
    assert effective_size([20.0], [32]) == 1.0


def test_one_epoch_is_plain_wilson() -> None:
    """Every answer is independent."""
    assert clustered([1.0, 1.0, 0.0, 1.0], [1, 1, 1, 1]) == wilson(0.75, 4)


@pytest.mark.parametrize("epochs", [2, 8, 32])
def test_identical_epochs_count_per_sample(epochs: int) -> None:
    """The same answers again are no new information."""
    sums = [float(epochs)] * 21 + [0.0] * 9
    assert effective_size(sums, [epochs] * 30) == pytest.approx(30)
    assert clustered(sums, [epochs] * 30) == pytest.approx(score_limits(0.7, 30, student(z_value(0.95), 29)))


def test_independent_epochs_count_nearly_all() -> None:
    """With equally hard samples, n x k answers are as good as n x k samples."""
    chance = random.Random(0)
    sizes = []
    for _ in range(30):
        sums = [float(sum(chance.random() < 0.7 for _ in range(16))) for _ in range(100)]
        sizes.append(effective_size(sums, [16] * 100))
    assert 0.9 * 1600 < sum(sizes) / len(sizes) <= 1600


def test_half_dependent_epochs_lie_between() -> None:
    """Some samples are hard, some easy."""
    sums = [8.0, 8.0, 7.0, 5.0, 4.0, 2.0, 1.0, 0.0]
    assert 8 < effective_size(sums, [8] * 8) < 64


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_without_variation_nothing_is_known_of_dependence(value: float) -> None:
    """All right or all wrong: the cautious count, one per sample."""
    assert effective_size([value * 4] * 10, [4] * 10) == 10


def test_samples_without_answers_are_left_out() -> None:
    """They failed; they are in the bounds, not here."""
    assert clustered([1.0, 0.0, 0.0], [1, 1, 0]) == wilson(0.5, 2)


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 1)), min_size=1, max_size=20))
def test_an_interval_holds_its_mean(samples: list[tuple[int, float]]) -> None:
    """And lies within 0..1, whatever is missing."""
    counts = [count for count, _ in samples]
    sums = [count * share for count, share in samples]
    found = clustered(sums, counts)
    if found is None:
        assert not any(counts)
        return
    mean = sum(sums) / sum(counts)
    assert 0.0 <= found[0] <= mean + 1e-9
    assert mean - 1e-9 <= found[1] <= 1.0
    assert effective_size(sums, counts) <= sum(counts)
