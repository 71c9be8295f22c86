"""The smallest difference that a plan can show."""

import random

import pytest

from kvv_action.run.detectable import POWER, smallest_difference


def test_it_is_four_times_smaller_with_sixteen_times_the_answers() -> None:
    """It shrinks with the root of the number of samples."""
    assert smallest_difference(0.8, 1600, 1, None) == pytest.approx(smallest_difference(0.8, 100, 1, None) / 4)


def test_epochs_help_less_than_samples() -> None:
    """Further answers to the same samples say less than answers to other samples."""
    assert smallest_difference(0.8, 200, 1, None) < smallest_difference(0.8, 100, 2, None)
    assert smallest_difference(0.8, 100, 2, None) < smallest_difference(0.8, 100, 1, None)


def test_a_reference_has_an_uncertainty_of_its_own() -> None:
    """A published score of as many answers makes the difference larger by the root of two."""
    alone = smallest_difference(0.8, 500, 1, None)
    assert smallest_difference(0.8, 500, 1, 500) == pytest.approx(alone * 2**0.5)


def test_a_difference_of_that_size_is_seen_as_often_as_it_says() -> None:
    """Seeded simulation: a vendor that much worse is found below its reference in about 80 % of runs."""
    draws, reference, n = random.Random(1), 0.5, 400
    worse = reference - smallest_difference(reference, n, 1, None)
    seen = 0
    for _ in range(600):
        score = sum(draws.random() < worse for _ in range(n)) / n
        seen += score + 1.96 * (score * (1 - score) / n) ** 0.5 < reference
    assert abs(seen / 600 - POWER) < 0.06
