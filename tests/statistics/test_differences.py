"""Differences from a reference, and how sure they are."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from kvv_action.statistics.differences import Estimate, PairedDifference, Unpaired, f1_from, overlap_from, paired_f1
from kvv_action.statistics.intervals import z_value

Z95 = z_value(0.95)


@pytest.mark.parametrize(
    ("first", "second", "low", "high"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((5, 56), (0, 29), -0.0381, 0.1926),
    ],
)
def test_newcombe_has_known_values(first: tuple[int, int], second: tuple[int, int], low: float, high: float) -> None:
    """The published examples of Newcombe 1998, table II, method 10."""
    vendor, reference = (Estimate(share=right / size, size=size) for right, size in (first, second))
    found = Unpaired(vendor=vendor, reference=reference)
    # the far ends of very few events are wider here than there (see `score_limits`)
    assert found.limits(Z95) == pytest.approx((low, high), abs=0.011)


def test_the_reference_is_uncertain_too() -> None:
    """The less is behind a published score, the less a difference says."""
    vendor = Estimate(share=0.9, size=1000)
    known, vague = (Unpaired(vendor=vendor, reference=Estimate(share=0.9, size=size)) for size in (100_000, 100))
    assert known.limits(Z95)[0] > vague.limits(Z95)[0] + 0.02


def test_f1_is_carried_over_from_the_overlap() -> None:
    """F1 grows with it, so limits of the one are limits of the other."""
    found = Estimate(share=0.6, size=100, f1=True)
    plain = Estimate(share=0.6, size=100)
    assert found.value == pytest.approx(0.75)
    assert found.limits(Z95) == pytest.approx(tuple(map(f1_from, plain.limits(Z95))))
    assert overlap_from(f1_from(0.37)) == pytest.approx(0.37)


def test_pairing_cancels_what_is_common() -> None:
    """The same answers have the same F1, with a small error that is not zero."""
    terms = [(1.0, 1.0)] * 80 + [(0.0, 1.0)] * 20 + [(0.0, 0.0)] * 100
    found = paired_f1(terms, terms)
    assert found is not None
    assert found.value == 0
    apart = Unpaired(vendor=Estimate(share=0.8, size=100, f1=True), reference=Estimate(share=0.8, size=100, f1=True))
    assert 0 < found.limits(Z95)[1] < apart.limits(Z95)[1]


def test_nothing_paired_is_no_difference() -> None:
    """Without positives on one side, or with one sample only."""
    assert paired_f1([(0.0, 0.0)] * 5, [(1.0, 1.0)] * 5) is None
    assert paired_f1([(1.0, 1.0)], [(1.0, 1.0)]) is None


def test_a_paired_difference_covers_the_truth() -> None:
    """Vendor and reference answer the same requests, each with its own error rate; 1000 seeded runs."""
    random, covered, runs, size = np.random.RandomState(7), 0, 1000, 300
    truth = f1_from(0.7) - f1_from(0.8)
    for _ in range(runs):
        counts = random.rand(size) < 0.6
        mine, theirs = (random.rand(size) < 0.7) & counts, (random.rand(size) < 0.8) & counts
        found = paired_f1(
            list(zip(mine * 1.0, counts * 1.0, strict=True)), list(zip(theirs * 1.0, counts * 1.0, strict=True))
        )
        assert isinstance(found, PairedDifference)
        low, high = found.limits(Z95)
        covered += low <= truth <= high
    assert covered / runs >= 0.935


def test_few_samples_say_little() -> None:
    """Student's quantile, not the normal one."""
    z = NormalDist().inv_cdf(0.975)
    few, many = (PairedDifference(value=0.0, error=0.1, degrees=degrees) for degrees in (4.0, math.inf))
    assert few.limits(z)[1] == pytest.approx(0.1 * 2.776, rel=0.01)
    assert many.limits(z)[1] == pytest.approx(0.196, abs=1e-3)
