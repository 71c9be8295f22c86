"""How well an answer names events in their order, as BEAM's authors measure it: Kendall's tau-b times F1.

Events and the lines of an answer are ranked over their union; what a side lacks shares the last rank there.
"""

import math
from collections.abc import Sequence
from itertools import combinations


def agreement(matches: Sequence[int], events: int, lines: Sequence[str] = ()) -> float:
    """F1 of the events that are named, times tau-b scaled to 0..1.

    Args:
        matches: for each line of an answer the event that it names, from 1; 0 for none.
        events: how many there are.
        lines: their texts; those that name no event and are equal count as one item. Without them each is its own.
    """
    named = [one for one in matches if one]
    if not named or not events:
        return 0.0
    precision, recall = len(named) / len(matches), len(named) / events
    ours: list[int | str] = list(range(1, events + 1))
    theirs = [one or (lines[place] if lines else f"line {place}") for place, one in enumerate(matches)]
    union = list(dict.fromkeys([*ours, *theirs]))
    tau = tau_b(_ranks(union, ours), _ranks(union, theirs))
    return (2 * precision * recall / (precision + recall)) * (tau + 1) / 2


def _ranks(union: Sequence[int | str], order: Sequence[int | str]) -> Sequence[int]:
    ranks = {item: place for place, item in enumerate(order, 1)}
    return [ranks.get(item, len(union) + 1) for item in union]


def tau_b(first: Sequence[int], second: Sequence[int]) -> float:
    """Kendall's tau-b (1945, doi:10.1093/biomet/33.3.239); 1 where a side has nothing to order."""
    agreeing = free_first = free_second = 0
    for (a, b), (c, d) in combinations(zip(first, second, strict=True), 2):
        agreeing += _sign(a - c) * _sign(b - d)
        free_first += a != c
        free_second += b != d
    return agreeing / math.sqrt(free_first * free_second) if free_first and free_second else 1.0


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
