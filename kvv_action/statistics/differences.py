"""Differences between a vendor and its reference, with limits. All pure; scores and differences are fractions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kvv_action.statistics.intervals import score_limits, student


def f1_from(overlap: float) -> float:
    """F1 = 2J / (1 + J) of the overlap J = TP / (TP + FP + FN) (Jaccard's index)."""
    return 2 * overlap / (1 + overlap)


def overlap_from(f1: float) -> float:
    """The overlap of an F1."""
    return f1 / (2 - f1)


def newcombe(mine: tuple[float, float, float], theirs: tuple[float, float, float]) -> tuple[float, float]:
    """Limits of `mine` minus `theirs` by Newcombe's method 10; each is a lower limit, a score and an upper limit."""
    (low, score, high), (least, other, most) = mine, theirs
    down, up = math.hypot(score - low, most - other), math.hypot(high - score, other - least)
    return max(-1.0, score - other - down), min(1.0, score - other + up)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A score and the answers that it rests on.

    Attributes:
        share: a proportion, 0..1: right answers of all, or of F1 the overlap.
        size: independent observations behind it; effective, may be a fraction.
        degrees: of freedom, where the size was estimated from few samples.
        f1: the score is the F1 of this overlap, whose limits are carried over, for it grows with the overlap.
    """

    share: float
    size: float
    degrees: float = math.inf
    f1: bool = False

    @property
    def value(self) -> float:
        """The score."""
        return f1_from(self.share) if self.f1 else self.share

    def limits(self, z: float) -> tuple[float, float]:
        """Lower and upper limit, each with the one-sided error of the normal quantile `z`."""
        low, high = score_limits(self.share, self.size, student(z, self.degrees))
        return (f1_from(low), f1_from(high)) if self.f1 else (low, high)


class Difference(Protocol):
    """Vendor minus reference."""

    @property
    def value(self) -> float:
        """What was seen, -1..1."""
        ...

    def limits(self, z: float) -> tuple[float, float]:
        """Lower and upper limit, each with the one-sided error of the normal quantile `z`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Unpaired:
    """Difference from a score of which only the value and the size are known.

    The limits of both are combined as squares (Newcombe 1998, method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8
    <873::AID-SIM779>3.0.CO;2-I; for any limits Zou and Donner 2008, doi:10.1002/sim.3095), so the reference's own
    uncertainty counts, and both stay sound near 0 and 1.
    """

    vendor: Estimate
    reference: Estimate

    @property
    def value(self) -> float:
        """What was seen."""
        return self.vendor.value - self.reference.value

    def limits(self, z: float) -> tuple[float, float]:
        """See `Difference`."""
        (low, high), (least, most) = self.vendor.limits(z), self.reference.limits(z)
        mine, theirs = self.vendor.value, self.reference.value
        return newcombe((low, mine, high), (least, theirs, most))


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """Difference from a reference that answered the same samples, so that the difficulty of samples cancels out.

    Attributes:
        value: what was seen.
        error: its standard error.
        degrees: of freedom: samples less one.
    """

    value: float
    error: float
    degrees: float

    def limits(self, z: float) -> tuple[float, float]:
        """See `Difference`."""
        half = student(z, self.degrees) * self.error
        return max(-1.0, self.value - half), min(1.0, self.value + half)


Terms = Sequence[tuple[float, float]]
"""Numerator and denominator of each sample; the score is the sum of the first over the sum of the second."""


def share_of(terms: Terms) -> tuple[float, float]:
    """The score of all terms together, and the sum of the denominators."""
    whole = math.fsum([term[1] for term in terms])
    return (math.fsum([term[0] for term in terms]) / whole if whole else 0.0), whole


def paired_mean(
    differences: Terms, *, answers: float = 1.0, within: float | None = None, drift: float = 0.0
) -> PairedDifference | None:
    """Mean difference of two scores over the same samples; None with fewer than two clusters.

    The standard error is that of a mean of clusters. Two answers that would have differed, one each way, are added to
    the variance (Bonett and Price 2012, as below).

    Args:
        differences: for each cluster of samples the sum of the differences, and their number.
        answers: to each sample; one of them moves the difference of its sample by the inverse.
        within: variance of the sum of all differences, where these samples are all there are.
        drift: variance of the mean difference between two days of equal endpoints.
    """
    if len(differences) < 2:
        return None
    size = math.fsum(count for _, count in differences)
    mean = math.fsum(part for part, _ in differences) / size
    added, clusters = 2 / answers**2, len(differences)
    if within is not None:
        return PairedDifference(value=mean, error=_with(drift, math.sqrt(within + added) / size), degrees=math.inf)
    squares = math.fsum((part - mean * count) ** 2 for part, count in differences)
    error = math.sqrt((squares + added) * clusters / (clusters - 1)) / size
    return PairedDifference(value=mean, error=_with(drift, error), degrees=clusters - 1)


def _with(drift: float, error: float) -> float:
    return math.hypot(error, math.sqrt(drift)) if drift else error


def paired_f1(vendor: Terms, reference: Terms) -> PairedDifference | None:
    """Difference of two F1 over the same samples; None where one of them has none.

    The standard error is that of two ratios by linearisation (Binder 1983, doi:10.2307/1402588): each sample counts as
    a whole, with all its epochs. Two answers that would have differed, one each way, are added to the variance, so that
    few samples that happen to agree are no proof (Bonett and Price 2012, doi:10.3102/1076998611411915).

    Args:
        vendor: true positives, and these with all errors, of each sample.
        reference: the same of the reference against itself.
    """
    (mine, size), (theirs, other) = share_of(vendor), share_of(reference)
    if not size or not other or len(vendor) < 2:
        return None
    slope, slope2 = 2 / (1 + mine) ** 2 / size, 2 / (1 + theirs) ** 2 / other
    squares = (
        (slope * (part - mine * whole) - slope2 * (part2 - theirs * whole2)) ** 2
        for (part, whole), (part2, whole2) in zip(vendor, reference, strict=True)
    )
    error = math.sqrt(math.fsum(squares) + 2 * slope**2)
    return PairedDifference(value=f1_from(mine) - f1_from(theirs), error=error, degrees=len(vendor) - 1)
