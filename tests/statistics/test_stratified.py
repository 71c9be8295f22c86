"""The difference over strata of items."""

import math
from statistics import NormalDist

import numpy as np
import pytest

from kvv_action.statistics.differences import Estimate
from kvv_action.statistics.intervals import chance_at_most, one_sided
from kvv_action.statistics.stratified import SeenStratum, StratifiedDifference


def stratum(
    right: float, of: int, expected: float, *, share: float = 0.5, name: str = "border", weight: float = 1.0
) -> SeenStratum:
    """By a pack of very many answers."""
    return SeenStratum(
        name=name, share=share, vendor=Estimate(share=right / of, size=of), weight=weight,
        reference=Estimate(share=expected, size=1e6),
    )  # fmt: skip


def both(border: int, sure: int, weight: float = 1.0) -> StratifiedDifference:
    """Fifty answers of each: half of the border items are expected, and 49 in 50 sure ones."""
    seen = stratum(border, 50, 0.5, share=0.3), stratum(sure, 50, 0.98, share=0.6, name="sure", weight=weight)
    return StratifiedDifference(strata=seen, unasked=0.02)


@pytest.mark.parametrize(("count", "size", "share", "chance"), [
    (0, 3, 0.5, 0.125), (1, 3, 0.5, 0.5), (3, 3, 0.5, 1.0), (-1, 3, 0.5, 0.0), (44, 50, 0.97, 0.003736),
])  # fmt: skip
def test_a_tail_of_the_binomial_distribution(count: float, size: float, share: float, chance: float) -> None:
    """Exact, and between whole numbers something between."""
    assert chance_at_most(count, size, share) == pytest.approx(chance, abs=2e-5)
    assert chance_at_most(count, size, share) <= chance_at_most(count + 0.5, size, share)


def test_the_chance_of_a_stratum_is_that_of_its_counts() -> None:
    """With a reference that is well known it is the binomial tail, what was seen counted half."""
    expected = (chance_at_most(15, 50, 0.5) + chance_at_most(14, 50, 0.5)) / 2
    assert stratum(15, 50, 0.5).chance == pytest.approx(expected, rel=1e-2)
    assert stratum(50, 50, 1.0).chance == pytest.approx(0.5, abs=0.01)
    assert stratum(49, 50, 1.0).chance < 0.001


def test_an_uncertain_reference_proves_less() -> None:
    """Few answers of the pack, and days that differ, make a loss more likely to be chance."""
    sure = stratum(15, 50, 0.5)
    few = SeenStratum(name="border", share=0.5, vendor=sure.vendor, reference=Estimate(share=0.5, size=50))
    days = SeenStratum(name="border", share=0.5, vendor=sure.vendor, reference=sure.reference, drift=0.005)
    assert few.chance > 5 * sure.chance
    assert days.chance > 5 * sure.chance


def test_the_whole_is_weighted() -> None:
    """By the shares of the strata; what was not asked for may be lost, and counts against a pass alone."""
    found = both(15, 49)
    low, high = found.limits(one_sided(0.05))
    assert found.value == pytest.approx(0.3 * (0.3 - 0.5))
    assert low < found.value - 0.02 - 0.03
    assert found.value < high < 0
    assert both(25, 49).limits(1.0)[0] == pytest.approx(-0.02 - 0.0277, abs=0.01)


@pytest.mark.parametrize(("border", "sure", "worse"), [
    (25, 49, ()), (10, 49, ("border",)), (25, 40, ("sure",)), (10, 40, ("border", "sure")), (20, 46, ()),
    (17, 46, ("border", "sure")),
])  # fmt: skip
def test_where_a_vendor_is_worse(border: int, sure: int, worse: tuple[str, ...]) -> None:
    """By itself, or only in both together."""
    found = both(border, sure)
    assert found.differs(one_sided(0.006)) == worse
    single = [one.chance <= 0.006 for one in found.strata]
    assert bool(worse) or not any(single)
    assert not found.differs(one_sided(1e-12))


@pytest.mark.parametrize("weight", [0.5, 1.0, 1.0001, 1.5, 4.0])
def test_the_combined_chance_is_that_of_the_weighted_sum(weight: float) -> None:
    """Of two exponential variables, as drawn; near equal weights it is that of equal ones."""
    found = both(20, 47, weight)
    seen = -math.log(found.strata[0].chance) - weight * math.log(found.strata[1].chance)
    drawn = np.random.RandomState(3).exponential(size=(400_000, 2)) @ np.array([1.0, weight])
    assert found.chance() == pytest.approx(float((drawn > seen).mean()), rel=0.03)


def test_a_loss_on_sure_items_alone_counts_more_with_its_weight() -> None:
    """Where border items are as expected."""
    assert both(25, 44, 1.5).chance() < both(25, 44).chance()
    assert both(15, 49, 1.5).chance() > both(15, 49).chance()


@pytest.mark.parametrize("weight", [1.0, 1.5])
def test_an_equal_vendor_seldom_differs(weight: float) -> None:
    """Over strata of all kinds: at most as often as asked for, as far as 6000 draws of each tell."""
    rng, z = np.random.RandomState(7), one_sided(0.01)
    for expected in (0.3, 0.5, 0.7):
        for sure in (0.9, 0.97, 0.995):
            rights = zip(rng.binomial(50, expected, 6000), rng.binomial(50, sure, 6000), strict=True)
            seen: dict[tuple[int, int], bool] = {}
            found = 0
            for pair in rights:
                if pair not in seen:
                    strata = stratum(pair[0], 50, expected), stratum(pair[1], 50, sure, name="sure", weight=weight)
                    seen[pair] = bool(StratifiedDifference(strata=strata, unasked=0).differs(z))
                found += seen[pair]
            assert found / 6000 <= 0.01 + 2.6 * (0.01 * 0.99 / 6000) ** 0.5, (expected, sure)
    assert NormalDist().cdf(z) == pytest.approx(0.99)
