"""The smallest difference from its reference that a benchmark of so many answers can show."""

import math

from kvv_action.schema import PlannedBenchmark
from kvv_action.scoring.intervals import z_value

POWER = 0.8
"""Chance with which a difference of the size that is named is seen."""
ALIKE = 0.5
"""Assumed correlation of the answers to one sample; it is not known before anything was asked."""


def smallest_difference(reference: float, samples: int, epochs: int, behind: int | None) -> float:
    """The difference whose two-sided 95 % interval leaves out zero in `POWER` of runs, by the normal approximation.

    Args:
        reference: the published score, 0..1.
        samples: samples asked.
        epochs: answers of each; those of one sample count less than as many samples (Kish's design effect).
        behind: answers behind the reference; None when it is not known, and then it is taken as exact.
    """
    answers = samples * epochs / (1 + (epochs - 1) * ALIKE)
    variance = reference * (1 - reference) * (1 / answers + (1 / behind if behind else 0.0))
    z = z_value(0.95) + z_value(2 * POWER - 1)
    return z * math.sqrt(variance)


def detectable(planned: PlannedBenchmark, samples: int, epochs: int) -> float | None:
    """The same for a planned benchmark at another size; None without a reference."""
    reference = planned.reference
    if reference is None or not samples:
        return None
    return smallest_difference(reference.value, samples, epochs, reference.n)
