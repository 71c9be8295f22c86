"""Tests and intervals for the differences between two runs that answered the same samples.

All functions are pure. Differences are `new - base` in -1..1, one for each sample, epochs of a sample averaged before.
"""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvv_action.statistics.intervals import crossing, one_sided, z_value

if TYPE_CHECKING:
    from numpy import float64
    from numpy.typing import NDArray

DRAWS = 100_000
SEED = 20251124
"""Seed of the sign flips, so that the same runs give the same answer."""
BLOCKS = 20
"""Parts in which many draws are made, so that they take little memory."""
KINDS, ONE_BY_ONE = 64, 10
"""Where samples are of more kinds, so many samples of a kind are drawn one by one: several at once take ten times as
long as one."""
EXACT = 1000
"""Values up to which order statistics come from the binomial itself."""
_GRAIN = 1e-9
"""Differences below it are rounding, not answers."""
_DIGITS = 3
"""Decimals of a difference in the sign-flip test: so few sizes occur that many flips are quick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chance:
    """How likely differences at least as bad, or as good, are when nothing has changed; each one-sided."""

    worse: float
    better: float


def chance(differences: Sequence[float]) -> Chance:
    """The sign-flip test: had nothing changed, each difference could as well have come out the other way round.

    Needs no distribution and no large numbers, so that the rate of false alarms holds for any number of samples
    (Fisher 1935, "The Design of Experiments", 21). For one answer a sample, right or wrong, it is McNemar's exact test
    and computed as such; else the flips are drawn, which adds one to both counts to stay valid (Phipson and Smyth
    2010, doi:10.2202/1544-6115.1585).
    """
    rounded = [round(difference, _DIGITS) for difference in differences]
    sizes = Counter(abs(difference) for difference in rounded if difference)
    if not sizes:
        return Chance(worse=1.0, better=1.0)
    if len(sizes) > 1:
        return _drawn(sizes, sum(rounded))
    count, fell = sizes.total(), sum(difference < 0 for difference in rounded)
    return Chance(worse=_tail(count, fell), better=_tail(count, count - fell))


@dataclass(frozen=True, slots=True)
class AnsweredPair:
    """The answers of two runs to one sample; either may have answered it more often.

    Attributes:
        base, new: sum of the values of the answers of each run.
        base_count, new_count: number of these answers, at least 1.
    """

    base: float
    base_count: int
    new: float
    new_count: int

    @property
    def difference(self) -> float:
        """`new - base`, of the means."""
        return self.new / self.new_count - self.base / self.base_count


def chance_of(pairs: Sequence[AnsweredPair]) -> Chance:
    """`chance` for runs that may have answered a sample in unequal numbers of epochs.

    The mean of one answer and the mean of eight vary differently, so a difference of them could not as well have come
    out the other way round. Had nothing changed, though, each answer of a sample could as well belong to the other run:
    the answers of each sample are dealt out again (a permutation test within strata, Good 2005, "Permutation,
    Parametric and Bootstrap Tests of Hypotheses", 3). Partial values enter as right answers of the same sum.
    """
    if all(pair.base_count == pair.new_count for pair in pairs):
        return chance([pair.difference for pair in pairs])
    return _dealt(Counter(pairs))


def _dealt(pairs: Counter[AnsweredPair]) -> Chance:
    """Samples alike are dealt together: how often each outcome occurs among them is multinomial."""
    import numpy as np

    alike: Counter[tuple[int, int, int]] = Counter()
    for pair, count in pairs.items():
        alike[round(pair.base + pair.new), pair.base_count, pair.new_count] += count
    sums = _sums_dealt(alike)
    total = math.fsum(pair.difference * count for pair, count in pairs.items())
    worse, better = np.count_nonzero(sums <= total + 1e-7), np.count_nonzero(sums >= total - 1e-7)
    return Chance(worse=(int(worse) + 1) / (DRAWS + 1), better=(int(better) + 1) / (DRAWS + 1))


def _sums_dealt(alike: Counter[tuple[int, int, int]]) -> "NDArray[float64]":
    """Sums of the differences when all samples are dealt out again, so many times."""
    import numpy as np

    random, sums = np.random.RandomState(SEED), np.zeros(DRAWS)
    most = ONE_BY_ONE if len(alike) > KINDS else 0
    for (right, base_count, new_count), count in sorted(alike.items()):
        values, ways = map(np.array, _deals(right, base_count, new_count))
        if len(values) == 1:
            sums += count * values[0]
        elif count <= most:
            ends = np.cumsum(ways)[:-1]
            for _ in range(count):
                sums += values[np.searchsorted(ends, random.random_sample(DRAWS), side="right")]
        else:
            for block in np.split(sums, BLOCKS):
                block += random.multinomial(count, ways, size=len(block)) @ values
    return sums


def _deals(right: int, base_count: int, new_count: int) -> tuple[list[float], list[float]]:
    """The differences of a sample with so many right answers, and their (hypergeometric) probabilities."""
    most = range(max(0, right - base_count), min(right, new_count) + 1)
    ways = [math.comb(right, new) * math.comb(base_count + new_count - right, new_count - new) for new in most]
    return [new / new_count - (right - new) / base_count for new in most], [way / sum(ways) for way in ways]


def _tail(trials: int, seen: int) -> float:
    """Probability of at least `seen` heads among `trials` fair coins."""
    if 2 * seen <= trials:
        return 1 - _tail(trials, trials - seen + 1)
    ways = found = 1  # of all heads, then of one less, ...
    for tails in range(1, trials - seen + 1):
        ways = ways * (trials - tails + 1) // tails
        found += ways
    return found / 2**trials if seen <= trials else 0.0


def _drawn(sizes: Counter[float], total: float) -> Chance:
    """Equal sizes are flipped together: how many of them point up is binomial. `RandomState` keeps its stream."""
    import numpy as np

    random = np.random.RandomState(SEED)
    sums = np.zeros(DRAWS)
    for size, count in sorted(sizes.items()):
        sums += size * (2 * random.binomial(count, 0.5, size=DRAWS) - count)
    worse, better = np.count_nonzero(sums <= total + 1e-7), np.count_nonzero(sums >= total - 1e-7)
    return Chance(worse=(int(worse) + 1) / (DRAWS + 1), better=(int(better) + 1) / (DRAWS + 1))


def signed_rank(differences: Sequence[float]) -> float:
    """Wilcoxon's signed-rank test: chance of such a sum of ranks above 0, or a larger one, when nothing has changed.

    Exact, ties included: equal sizes share their mean rank, and the distribution of the sum is built rank by rank
    (Wilcoxon 1945, "Individual comparisons by ranking methods", Biometrics Bulletin 1). Zeros say nothing. With some
    hundred differences this takes milliseconds.
    """
    sizes = sorted((difference for difference in differences if difference), key=abs)
    ranks = _doubled_ranks([abs(size) for size in sizes])
    seen = sum(rank for rank, size in zip(ranks, sizes, strict=True) if size > 0)
    chances, top = [1.0], 0
    for rank in ranks:
        top += rank
        chances += [0.0] * (top + 1 - len(chances))
        chances = [(one + two) / 2 for one, two in zip(chances, [0.0] * rank + chances, strict=False)]
    return min(1.0, math.fsum(chances[seen:]))


def _doubled_ranks(ordered: Sequence[float]) -> list[int]:
    """Twice the rank of each size; equal sizes have the mean of their ranks."""
    ranks = list[int]()
    while len(ranks) < len(ordered):
        first = len(ranks)
        alike = bisect_right(ordered, ordered[first], first) - first
        ranks += [2 * first + alike + 1] * alike
    return ranks


def holm(values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given: rejecting those of at most alpha errs at all with probability alpha.

    The step-down procedure of Holm (1979, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6).
    """
    order = sorted(range(len(values)), key=values.__getitem__)
    adjusted, least = [1.0] * len(values), 0.0
    for rank, index in enumerate(order):
        least = max(least, min(1.0, (len(values) - rank) * values[index]))
        adjusted[index] = least
    return adjusted


def difference_interval(differences: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean difference; None without any.

    Tango's score interval of a difference of paired proportions (1998, doi:10.1002/(SICI)1097-0258(19980430)17:8
    <891::AID-SIM780>3.0.CO;2-B), which also holds when no sample or every sample changed. Differences between -1, 0
    and 1 (epochs, partial credit) enter as the number of right-or-wrong pairs that would have the same variance, like
    `effective_size` does for one run.
    """
    count = len(differences)
    if not count:
        return None
    rose = sum(difference for difference in differences if difference > 0) / count
    fell = -sum(difference for difference in differences if difference < 0) / count
    size = count * _equivalent(differences, rose, fell)
    return _limit(size, rose, fell, z_value(confidence)), _limit(size, rose, fell, -z_value(confidence))


def _limit(size: float, rose: float, fell: float, z: float) -> float:
    return sum(crossing(lambda delta: _tango(size, rose, fell, delta) - z, -1.0, 1.0, 1e-7)) / 2


def shown(differences: Sequence[float], error: float, confidence: float = 0.95) -> float:
    """The loss that `difference_interval` rules out for equal runs that differ as much, with all but this error.

    Args:
        differences: one for each sample; only how much they differ counts, not in which direction.
        error: how often chance makes equal runs look so different that this loss is not ruled out.
        confidence: of the interval.
    """
    either = sum(map(abs, differences)) / len(differences) / 2
    size = len(differences) * _equivalent([*differences, *(-one for one in differences)], either, either)
    z = z_value(confidence)
    return -_limit(size, either, either, z) * (1 + one_sided(error) / z)


def _equivalent(differences: Sequence[float], rose: float, fell: float) -> float:
    """Right-or-wrong pairs that one sample is worth; 1 for pairs of that kind."""
    mean = rose - fell
    variance = sum(difference * difference for difference in differences) / len(differences) - mean * mean
    return max(1.0, (rose + fell - mean * mean) / variance) if variance > _GRAIN else 1.0


def _tango(size: float, rose: float, fell: float, delta: float) -> float:
    """The score statistic of a true difference `delta`; falls as it grows."""
    linear = -size * (rose + fell) + size * (2 - rose + fell) * delta
    constant = -size * fell * delta * (1 - delta)
    down = (math.sqrt(max(0.0, linear * linear - 8 * size * constant)) - linear) / (4 * size)
    variance = size * (2 * down + delta * (1 - delta))
    distance = size * (rose - fell - delta)
    if variance <= 0:
        return math.copysign(math.inf, distance) if distance else 0.0
    return distance / math.sqrt(variance)


def median_interval(values: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the median from order statistics, without any assumption on the distribution.

    Its ends are the values so far inside that both tails of a binomial with 1/2 hold at most half of 1 - confidence
    (David and Nagaraja 2003, "Order Statistics", 7.1). None when there are too few values for any.
    """
    ordered = sorted(values)
    rank = _rank(len(ordered), confidence)
    return (ordered[rank - 1], ordered[-rank]) if rank else None


def _rank(count: int, confidence: float) -> int:
    """How many values from either end the interval of a median begins; by the normal distribution where many are."""
    if count > EXACT:
        return int((count + 1 - z_value(confidence) * math.sqrt(count)) / 2)
    rank, ways, tail, most = 0, 1, 1, (1 - confidence) / 2 * 2**count
    while tail <= most:
        rank += 1
        ways = ways * (count - rank + 1) // rank
        tail += ways
    return rank
