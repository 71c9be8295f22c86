"""The difference from a reference over strata of items; each stratum has its own number of asked items."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from kvv_action.statistics.differences import Estimate, Unpaired
from kvv_action.statistics.intervals import chance_at_most


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenStratum:
    """One stratum.

    Attributes:
        name: as in the plan.
        share: of all items.
        vendor: over the items that were asked, drawn by chance.
        reference: over all its items, by other answers than those that made the stratum.
        drift: variance of a difference in it between two days of equal endpoints.
        weight: how much its test counts where all are combined.
    """

    name: str
    share: float
    vendor: Estimate
    reference: Estimate
    drift: float = 0.0
    weight: float = 1.0

    @property
    def loss(self) -> float:
        """What was seen, vendor minus reference."""
        return self.vendor.share - self.reference.share

    @property
    def chance(self) -> float:
        """How likely an equal vendor does as badly, or worse.

        Exactly by the binomial distribution, whose size is so much smaller that its variance is that of the whole
        difference. What is as bad as what was seen counts half (Lancaster 1961, doi:10.2307/2282066), so that levels
        hold on average and not far above for every score.
        """
        edge = 1 / (2 * self.reference.size)
        share = min(1 - edge, max(edge, self.reference.share))
        alone = share * (1 - share)
        size = alone / (alone / self.vendor.size + alone / self.reference.size + self.drift)
        right, step = self.vendor.share * size, size / self.vendor.size
        return (chance_at_most(right, size, share) + chance_at_most(right - step, size, share)) / 2

    @property
    def variance(self) -> float:
        """Variance of the difference, for an equal vendor."""
        alone = self.reference.share * (1 - self.reference.share)
        return alone / self.vendor.size + alone / self.reference.size + self.drift


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedDifference:
    """The whole difference, each stratum weighted by its share of the items.

    Attributes:
        strata: those that were asked.
        unasked: share of the other items times their accuracy: all of it may be lost.
        drift: variance of the whole difference between two days of equal endpoints.
    """

    strata: Sequence[SeenStratum]
    unasked: float
    drift: float = 0.0

    @property
    def value(self) -> float:
        """What was seen; items that were not asked count as right as often as the reference's."""
        return math.fsum(one.share * one.loss for one in self.strata)

    @property
    def error(self) -> float:
        """Its standard error, for an equal vendor."""
        return math.sqrt(math.fsum(one.share**2 * (one.variance - one.drift) for one in self.strata) + self.drift)

    def limits(self, z: float) -> tuple[float, float]:
        """See `Difference`; for the lower limit, items that were not asked count as wrong."""
        alone = [(one, Unpaired(vendor=one.vendor, reference=one.reference).limits(z)) for one in self.strata]
        squares = [
            math.fsum((one.share * (end - one.loss)) ** 2 for one, end in ends) + z * z * self.drift
            for ends in ([(one, low) for one, (low, _) in alone], [(one, high) for one, (_, high) in alone])
        ]
        low, high = self.value - self.unasked - math.sqrt(squares[0]), self.value + math.sqrt(squares[1])
        return max(-1.0, low), min(1.0, high)

    def chance(self) -> float:
        """How likely an equal vendor differs as much in all strata together.

        Fisher's combination of independent tests (1932, "Statistical Methods for Research Workers", 21.1); with
        weights it is that of Good (1955, "On the weighted combination of significance tests", Journal of the Royal
        Statistical Society B 17). With it the tests of single strata are a closed procedure, as Holm's is with the
        smallest of the chances (Marcus, Peritz and Gabriel 1976, doi:10.1093/biomet/63.3.655), which sees fewer of the
        losses that show everywhere a little.
        """
        seen = math.fsum(-one.weight * math.log(max(one.chance, 1e-300)) for one in self.strata)
        return min(1.0, _exceeded(seen, [one.weight for one in self.strata]))

    def differs(self, z: float) -> tuple[str, ...]:
        """The strata that are worse than the reference, with the one-sided error of the normal quantile `z`.

        Returns:
            Empty where none is shown to be; all, where it is shown of all together but of none by itself.
        """
        error = 1 - NormalDist().cdf(z)
        if self.chance() > error:
            return ()
        single = tuple(one.name for one in self.strata if one.chance <= error)
        return single or tuple(one.name for one in self.strata)


def _exceeded(seen: float, weights: Sequence[float]) -> float:
    """The chance that weighted exponential variables exceed this sum; weights are all equal or all different."""
    first, *others = weights
    if all(weight == first for weight in others):
        scaled = seen / first
        return math.exp(-scaled) * math.fsum(scaled**n / math.factorial(n) for n in range(len(weights)))
    return math.fsum(
        math.exp(-seen / one) * math.prod(one / (one - other) for other in weights if other != one) for one in weights
    )
