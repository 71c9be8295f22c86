"""Plans comparisons: what one can decide, and how many answers an open one needs.

By the normal approximation; exact enough for planning, never used for a verdict. Scores, margins and differences are
fractions; sizes are independent answers.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

from kvv_action.statistics.differences import Estimate, overlap_from
from kvv_action.statistics.intervals import crossing

USUAL = 0.8
"""The power that planning asks for, as is usual: such a difference would have been seen with this chance."""


def standard_error(score: float, size: float, *, f1: bool = False) -> float:
    """Standard error of a proportion; for an F1 it is multiplied by the slope of F1 over the overlap."""
    share = overlap_from(score) if f1 else score
    error = math.sqrt(max(0.0, share * (1 - share)) / size) if size > 0 else math.inf
    return error * (2 / (1 + share) ** 2 if f1 else 1.0)


def paired_error(values: Sequence[float], their_epochs: int, epochs: int, drift: float) -> float:
    """Standard error of the mean difference of two equal endpoints over the same items.

    Args:
        values: for each item, how right the reference was.
        their_epochs: its answers to each; of a single one nobody knows how much an item varies, so it counts as much as
            all answers together do.
        epochs: answers of the vendor to each.
        drift: variance between two days.
    """
    count, mean = len(values), math.fsum(values) / len(values)
    varies = mean * (1 - mean)
    if their_epochs > 1:
        varies = math.fsum(one * (1 - one) for one in values) / count * their_epochs / (their_epochs - 1)
    return math.sqrt(varies * (1 / epochs + 1 / max(1, their_epochs)) / count + 2 / (epochs * count) ** 2 + drift)


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A comparison with a margin.

    Attributes:
        reference: the score to compare with, and its size.
        size: independent answers of the vendor.
        margin: a vendor further below the reference fails.
        pass_margin: how far below the reference still passes; None where that is the margin.
        to_pass, to_fail: normal quantiles of the limits that decide.
        to_differ: quantile of the limit that must be below the reference itself for a fail.
        error: standard error of the difference where it is known (paired), with drift; else it follows from the sizes.
        drift: the part of its variance that no number of answers makes smaller: endpoints differ from day to day.
    """

    reference: Estimate
    size: float
    margin: float
    to_pass: float
    to_fail: float
    to_differ: float = -math.inf
    error: float | None = None
    pass_margin: float | None = None
    drift: float = 0.0

    @property
    def passing(self) -> float:
        """How far below the reference still passes."""
        return self.margin if self.pass_margin is None else self.pass_margin

    def spread(self, deficit: float) -> float:
        """Standard error of the difference, for a vendor that is `deficit` below the reference."""
        if self.error is not None:
            return self.error
        mine = standard_error(min(1.0, max(0.0, self.reference.value - deficit)), self.size, f1=self.reference.f1)
        return math.hypot(mine, self.own_error, math.sqrt(self.drift))

    @property
    def own_error(self) -> float:
        """Standard error of the reference itself."""
        return standard_error(self.reference.value, self.reference.size, f1=self.reference.f1)

    def passes(self, deficit: float = 0.0) -> float:
        """Chance that a vendor passes that is `deficit` below the reference."""
        return self._chance(self.passing - deficit, deficit, self.to_pass)

    def fails(self, deficit: float) -> float:
        """Chance that such a vendor fails."""
        worse = self._chance(deficit - self.margin, deficit, self.to_fail)
        return min(worse, self._chance(deficit, deficit, self.to_differ))

    def _chance(self, distance: float, deficit: float, quantile: float) -> float:
        """Chance that a limit with this quantile lies beyond the margin, for a true difference this far from it."""
        spread = self.spread(deficit)
        return NormalDist().cdf(distance / spread - quantile) if spread else float(distance > 0)

    def margin_to_pass(self, chance: float) -> float:
        """The pass margin with which an equal vendor passes with this chance."""
        return self.spread(0.0) * (self.to_pass + NormalDist().inv_cdf(chance))

    def detectable(self, chance: float = USUAL) -> float | None:
        """The smallest deficit that fails with at least this chance; None where not even a score of 0 does."""
        low, high = self.margin, max(self.margin, self.reference.value)
        if self.fails(high) < chance:
            return None
        return crossing(lambda deficit: chance - self.fails(deficit), low, high, 1e-5)[1]

    def size_to_settle(self, seen: float, chance: float = USUAL) -> float | None:
        """Independent answers with which a true difference like the one seen is decided with this chance.

        Args:
            seen: vendor minus reference.
            chance: of a verdict.

        Returns:
            None when no number of answers is enough: the difference is at the margin, or the reference itself is not
            known well enough.
        """
        beyond = NormalDist().inv_cdf(chance)
        passing, failing = (seen + self.passing) / (self.to_pass + beyond), 0.0
        if seen < -self.margin:
            failing = min(-(seen + self.margin) / (self.to_fail + beyond), -seen / max(1e-9, self.to_differ + beyond))
        allowed = max(passing, failing)
        left = allowed**2 - self.drift
        if self.error is not None:
            return self.size * (self.error**2 - self.drift) / left if left > 0 else None
        left -= self.own_error**2
        score = min(1.0, max(0.0, self.reference.value + seen))
        return (standard_error(score, 1.0, f1=self.reference.f1) ** 2 / left) if left > 0 else None
