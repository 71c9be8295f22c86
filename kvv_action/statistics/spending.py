"""Boundaries for early stopping: of a test that is looked at several times, at fixed shares of its samples.

Alpha spending (Lan and DeMets 1983, doi:10.1093/biomet/70.3.659): a function says how much of the permitted error may
be used up by each look, and each boundary is the one that uses exactly that much, by numerical integration (Armitage,
McPherson and Rowe 1969, doi:10.2307/2343787). So looking often does not make a false verdict more likely, and the
boundary at the end is close to the one of a test that is looked at only once.
"""

import math
from functools import lru_cache

from kvv_action.statistics.intervals import crossing

POWER = 1.5
"""Exponent of the spending function (Kim and DeMets 1987, doi:10.1093/biomet/74.1.149): at share t of the samples at
most alpha * t**POWER has been used. Smaller stops earlier, larger keeps more for the end."""
STEPS = 500
"""Points of the integration; boundaries are then good to three decimals."""


def spent(share: float, error: float) -> float:
    """The part of a one-sided error that may be used up at a share of the samples."""
    return float(error * min(1.0, share) ** POWER)


@lru_cache(maxsize=64)
def boundaries(shares: tuple[float, ...], error: float) -> tuple[float, ...]:
    """Normal quantiles that the test statistic must pass at each look.

    A constant part of the variance that looks have in common, like a reference's, makes the looks more alike than is
    assumed here, so that less than `error` is used.

    Args:
        shares: of the samples at each look, growing, the last one 1.
        error: one-sided, of all looks together.
    """
    process, found, before = _Process(), [], 0.0
    for share in shares:
        bound = process.boundary(share - before, share, spent(share, error) - spent(before, error))
        process.move(share - before, share, bound)
        found.append(bound)
        before = share
    return tuple(found)


class _Process:
    """The distribution of a test statistic under the null hypothesis, among runs that have crossed no boundary yet.

    Attributes:
        points: places of the process at the last look.
        weights: probability at each.
    """

    def __init__(self) -> None:
        import numpy as np

        self.points, self.weights = np.zeros(1), np.ones(1)

    def boundary(self, step: float, share: float, allowed: float) -> float:
        """The quantile that runs cross at the next look with the probability `allowed`; by bisection."""
        root = math.sqrt(share)
        return crossing(lambda bound: self._above(bound * root, step) - allowed, -8.0, 8.0, 1e-6)[1]

    def _above(self, place: float, step: float) -> float:
        """Probability of being above a place after a step of this variance."""
        scale = math.sqrt(2 * step)
        tails = (0.5 * math.erfc((place - point) / scale) for point in self.points.tolist())
        return math.fsum(weight * tail for weight, tail in zip(self.weights.tolist(), tails, strict=True))

    def move(self, step: float, share: float, bound: float) -> None:
        """Go on to the next look with the runs that stay below the boundary."""
        import numpy as np

        nexts = np.linspace(-8.0, bound, STEPS) * math.sqrt(share)
        kernel = np.exp(-((nexts[:, None] - self.points[None, :]) ** 2) / (2 * step)) / math.sqrt(2 * math.pi * step)
        trapezoid = np.full(STEPS, nexts[1] - nexts[0])
        trapezoid[[0, -1]] /= 2
        self.points, self.weights = nexts, (kernel @ self.weights) * trapezoid
