"""Confidence intervals for a mean of scores in 0..1."""

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

FEW = 10
"""Up to so many right (or wrong) answers, and `RARE` of all, the tail of the interval is that of a Poisson count."""
RARE = 0.08
CAUTION = 0.5
"""Factor by which a design effect from few unlike answers is enlarged; found by simulation (tests/scoring)."""


def z_value(confidence: float) -> float:
    """Two-sided normal quantile (0.95 -> 1.96)."""
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def one_sided(error: float) -> float:
    """Normal quantile that a one-sided error leaves above (0.05 -> 1.645)."""
    return NormalDist().inv_cdf(1 - error)


def student(z: float, degrees: float) -> float:
    """The quantile of Student's t that leaves as much above as `z` does of the normal distribution.

    The expansion of Abramowitz and Stegun 26.7.5; good to 1 % from three degrees of freedom up (`z` up to 2.6), below
    that it is too small, so that one or two degrees give an infinite quantile.
    """
    if math.isinf(degrees) or z == 0:
        return z
    if degrees < 3:
        return math.inf
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / degrees**power for power, term in enumerate(terms, 1))


def student_tail(t: float, degrees: float) -> float:
    """Probability that Student's t is at least `t`; exact (Abramowitz and Stegun 26.7.1)."""
    if math.isinf(t) or math.isinf(degrees):
        return NormalDist().cdf(-t) if not math.isinf(t) else float(t < 0)
    tail = _beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2
    return tail if t >= 0 else 1 - tail


def count_tail(count: int, size: int, share: float) -> float:
    """Probability that at least `count` of `size` independent observations are of a kind with this share; exact."""
    if count <= 0:
        return 1.0
    return _beta(share, count, size - count + 1) if count <= size else 0.0


def score_limits(mean: float, size: float, z: float) -> tuple[float, float]:
    """Lower and upper limit of a proportion, each good for the one-sided error that `z` leaves.

    The score interval (Wilson 1927, doi:10.1080/01621459.1927.10502953). Where very few answers differ from the rest
    its far end is too near, as Brown, Cai and DasGupta show (2001, doi:10.1214/ss/1009213286); there, as they propose,
    it is the exact limit of a Poisson count, by the cube-root approximation of Wilson and Hilferty (1931).

    Args:
        mean: observed proportion, 0..1.
        size: number of independent observations; may be an effective, fractional number.
        z: normal quantile.
    """
    if size <= 0 or math.isinf(z):
        return 0.0, 1.0
    z2 = z * z
    centre = (mean + z2 / (2 * size)) / (1 + z2 / size)
    half = z * math.sqrt(max(0.0, mean * (1 - mean)) / size + z2 / (4 * size * size)) / (1 + z2 / size)
    low, high = max(0.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))  # rounding leaves none outside
    few = size * min(mean, 1 - mean)
    if 0 < few <= min(FEW, RARE * size):
        far = few * max(0.0, 1 - 1 / (9 * few) - z / (3 * math.sqrt(few))) ** 3 / size
        low, high = (min(low, far), high) if mean < 0.5 else (low, max(high, 1 - far))
    return low, high


def exact_limits(count: int, size: int, error: float) -> tuple[float, float]:
    """Lower and upper limit of a proportion, each wrong with at most this one-sided error at every true value.

    The exact binomial limits (Clopper and Pearson 1934, doi:10.1093/biomet/26.4.404).

    Args:
        count: observations of the kind that is counted.
        size: all observations, independent of each other.
        error: one-sided, 0..0.5.
    """
    if not size:
        return 0.0, 1.0
    low = 0.0 if not count else _share(lambda share: error - _beta(share, count, size - count + 1))
    high = 1.0 if count == size else _share(lambda share: 1 - error - _beta(share, count + 1, size - count))
    return low, high


def chance_at_most(count: float, size: float, share: float) -> float:
    """The chance of at most `count` of `size` with this share; both may be fractions, as of an effective size."""
    if count < 0 or count >= size:
        return float(count >= size)
    return _beta(1 - share, size - count, count + 1)


def _share(falling: Callable[[float], float]) -> float:
    return sum(crossing(falling, 0.0, 1.0)) / 2


def crossing(falling: Callable[[float], float], low: float, high: float, width: float = 0.0) -> tuple[float, float]:
    """An interval, at most `width` wide where numbers are that fine, in which a falling function crosses 0."""
    for _ in range(60):
        if high - low <= width:
            break
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return low, high


def _beta(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):
        return 1 - _beta(1 - x, b, a)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    c, d = 1.0, 1 / _nonzero(1 - (a + b) * x / (a + 1))
    value = d
    for m in range(1, 10_000):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d, c = 1 / _nonzero(1 + term * d), _nonzero(1 + term / c)
            value *= d * c
        if abs(d * c - 1) < 1e-14:
            break
    return front * value


def _nonzero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300


def wilson(mean: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Two-sided interval of a proportion (see `score_limits`).

    Args:
        mean: observed proportion, 0..1.
        n: number of independent observations; may be an effective, fractional number.
        confidence: two-sided.
    """
    return score_limits(mean, n, z_value(confidence))


def effective_size(sums: Sequence[float], counts: Sequence[float]) -> float:
    """Observations that independent draws would need for the same standard error of the mean.

    The variance is that of a ratio estimator over clusters, sum((s_i - m_i * mean)^2) / N^2 (Kish 1965, "Survey
    Sampling", 2.8), where cluster i has m_i answers that sum to s_i; the design effect divides N by it. Without Kish's
    factor k/(k-1), so that one answer from each of k samples, or the same answer in every epoch, makes exactly k. A
    design effect that rests on few unlike answers is enlarged, because it is then mostly estimated too small; it is
    never more than the answers of a cluster. Never more than the number of answers.

    Args:
        sums: summed score of each sample.
        counts: answers of each sample; samples without any are left out.
    """
    clusters = [(s, m) for s, m in zip(sums, counts, strict=True) if m]
    total = math.fsum(m for _, m in clusters)
    if len(clusters) < 2 or total == len(clusters):
        return float(len(clusters))
    mean = math.fsum(s for s, _ in clusters) / total
    unlike = mean * (1 - mean)
    if unlike <= 0:
        return float(len(clusters))
    squares = math.fsum((s - m * mean) ** 2 for s, m in clusters)
    effect = squares / (total * unlike) * (1 + CAUTION / (len(clusters) * unlike))
    most = math.fsum(m * m for _, m in clusters) / total
    return min(total, total / min(effect, most)) if effect > 0 else float(len(clusters))


def degrees_of(counts: Sequence[float]) -> float:
    """Degrees of freedom of an interval over clusters; infinite where every answer stands for itself."""
    known = [count for count in counts if count]
    return math.inf if math.fsum(known) == len(known) else len(known) - 1.0


def clustered(sums: Sequence[float], counts: Sequence[float], confidence: float = 0.95) -> tuple[float, float] | None:
    """Interval of the mean over all answers, answers of one sample counted as dependent; None without answers.

    With few samples the quantile is Student's (Korn and Graubard 1998, "Confidence intervals for proportions with small
    expected number of positive counts estimated from survey data").
    """
    total = math.fsum(counts)
    if not total:
        return None
    z = student(z_value(confidence), degrees_of(counts))
    return score_limits(math.fsum(sums) / total, effective_size(sums, counts), z)
