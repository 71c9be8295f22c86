"""Tests whether a share of independent answers is larger than another one by more than chance."""

import math


def chance_of_more(count: int, size: int, other: int, other_size: int) -> float:
    """How likely `count` of `size` or more is when both shares are the same; Fisher's exact test, one-sided.

    Args:
        count: observations of the kind that is counted, where they seem more frequent.
        size: all observations there.
        other: observations of the kind where they seem less frequent.
        other_size: all observations there.
    """
    whole, found = size + other_size, count + other
    most = min(size, found)
    logs = [_log_choices(size, k) + _log_choices(other_size, found - k) for k in range(count, most + 1)]
    total = _log_choices(whole, found)
    return min(1.0, math.fsum(math.exp(one - total) for one in logs))


def _log_choices(size: int, count: int) -> float:
    """The logarithm of the number of ways to choose `count` of `size`."""
    if not 0 <= count <= size:
        return -math.inf
    return math.lgamma(size + 1) - math.lgamma(count + 1) - math.lgamma(size - count + 1)
