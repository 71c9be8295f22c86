"""Writes numbers of any size, and the nouns that follow them, for a reader."""

import math
from decimal import Decimal


def small(value: float | None) -> str:
    """A number with two digits that count, never in powers of ten: `0.021`, `0.00080`, `12`; `∞` without an end."""
    if value is None:
        return "–"
    if value == 0:
        return "0"
    if not math.isfinite(value):
        return "∞"
    digits = max(0, 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def figure(value: float, digits: int = 6) -> str:
    """A number with at most so many digits that count, never in powers of ten: `1000000`, `0.6`, `0.00001`.

    No digit before the point is rounded away.
    """
    if not math.isfinite(value):
        return f"{value:g}"
    whole = len(str(abs(int(value))))
    return f"{Decimal(f'{value:.{max(digits, whole)}g}'):f}"


def exact(value: float) -> str:
    """The shortest number that reads back as the same one, never in powers of ten: for commands that can be pasted."""
    return f"{Decimal(repr(float(value))):f}".removesuffix(".0")


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 answer`, `3 answers`."""
    return f"{count} {noun(count, one, many)}"


def noun(count: int, one: str, many: str = "") -> str:
    """The noun behind a count: `noun(1, "answer")` is `answer`, `noun(3, "answer")` is `answers`."""
    return one if count == 1 else many or f"{one}s"
