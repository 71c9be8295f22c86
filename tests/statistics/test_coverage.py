"""Intervals hold what they promise: how often the 95 % interval covers the truth."""

import math

import numpy as np
import pytest

from kvv_action.statistics.intervals import clustered, wilson

pytestmark = pytest.mark.slow  # simulates thousands of runs

TRUTHS = (0.02, 0.5, 0.9, 0.99)
ALLOWED = {30: 0.03, 200: 0.015, 1000: 0.015}
"""By number of answers, how far below nominal the coverage may be."""


@pytest.mark.parametrize("size", ALLOWED)
@pytest.mark.parametrize("truth", TRUTHS)
def test_independent_answers(size: int, truth: float) -> None:
    """Summed over every possible result."""
    covered = 0.0
    for right in range(size + 1):
        low, high = wilson(right / size, size)
        if low <= truth <= high:
            ways = math.lgamma(size + 1) - math.lgamma(right + 1) - math.lgamma(size - right + 1)
            covered += math.exp(ways + right * math.log(truth) + (size - right) * math.log(1 - truth))
    assert covered >= 0.95 - ALLOWED[size]


@pytest.mark.parametrize("size", ALLOWED)
@pytest.mark.parametrize("truth", TRUTHS)
@pytest.mark.parametrize("alike", [0.0, 0.3, 0.8])
def test_five_epochs_a_sample(size: int, truth: float, alike: float) -> None:
    """With answers of one sample alike by this intraclass correlation (beta-binomial); 2000 seeded runs."""
    assert coverage(size // 5, 5, truth, alike, runs=2000) >= 0.95 - ALLOWED[size]


def coverage(samples: int, epochs: int, truth: float, alike: float, *, runs: int, seed: int = 1) -> float:
    """How often `clustered` covers the truth."""
    random = np.random.RandomState(seed)
    chances: object = truth
    if alike:
        spread = (1 - alike) / alike
        chances = random.beta(truth * spread, (1 - truth) * spread, size=(runs, samples))
    sums = random.binomial(epochs, chances, size=(runs, samples))
    covered = 0
    for row in sums.tolist():
        low, high = clustered(row, [epochs] * samples) or (0.0, 1.0)
        covered += low <= truth <= high
    return covered / runs
