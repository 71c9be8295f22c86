"""Draws bars and histograms."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from markupsafe import Markup

from kvv_action.digits import figure, noun
from kvv_action.report.pages.canvas import Canvas, Scale
from kvv_action.report.text import number, percent
from kvv_action.schema import Histogram


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A segment of a stacked bar: its name, size, and the class of its colour."""

    name: str
    size: float
    style: str


def stack(ident: str, title: str, parts: Sequence[Segment]) -> Markup:
    """A stacked bar; every segment with a size is at least a hair wide."""
    whole = sum(part.size for part in parts) or 1
    words = ", ".join(f"{part.name} {part.size:g}" for part in parts)
    canvas, left = Canvas(20, title, words, ident), 0.0
    for part in parts:
        width = 100 * part.size / whole
        canvas.rect(round(left, 2), max(0.35, width - 0.15) if part.size else 0, 0, 20, f"part {part.style}")
        left += width
    return canvas.svg()


def bar(ident: str, title: str, value: float, style: str = "") -> Markup:
    """One share in 0..1 as a bar."""
    canvas = Canvas(10, title, percent(value), ident)
    canvas.rect(0, 100, 0, 10, "track")
    canvas.rect(0, 100 * min(1.0, max(0.0, value)), 0, 10, f"bar {style}")
    return canvas.svg()


HISTOGRAM, ROOM = 96, 13
"""Pixels of the bars of a histogram; per cent of the width from one label of its axis to the next."""


def histogram(ident: str, title: str, found: Histogram, unit: str, *, plain: bool = True) -> Markup:
    """Counts over a logarithmic axis; `unit` is `seconds` or `tokens`. Pages of older runs say `1 answers`."""
    if not found.counts:
        return Markup("")
    edges = [edge or found.edges[1] / 1.25 for edge in found.edges]
    low, high = math.log10(edges[0]), math.log10(edges[-1])
    most, total = max(found.counts), sum(found.counts)
    counted = f"{number(total)} {noun(total if plain else 0, 'answer')}"
    words = f"{counted} from {_unit(found.edges[0], unit)} to {_unit(found.edges[-1], unit)}"
    canvas = Canvas(HISTOGRAM + 26, title, words, ident)
    scale = Scale(low=low, high=high)
    for (start, end), amount in zip(pairwise(edges), found.counts, strict=True):
        if amount:
            left, right = scale.at(math.log10(start)), scale.at(math.log10(end))
            height = max(1.5, round(HISTOGRAM * amount / most, 1))
            canvas.rect(left, max(0.3, right - left - 0.25), HISTOGRAM - height, height, "bar")
    canvas.stroke((0, HISTOGRAM), (100, HISTOGRAM), "axis")
    last = -float(ROOM)
    for value in _ticks(edges[0], edges[-1], unit):
        place = scale.at(math.log10(value))
        if place - last < ROOM:
            continue
        last = place
        canvas.stroke((place, HISTOGRAM), (place, HISTOGRAM + 5), "axis")
        canvas.text(place, HISTOGRAM + 20, _unit(value, unit), "soft")
    return canvas.svg()


def _ticks(low: float, high: float, unit: str) -> list[float]:
    """Round values on a logarithmic axis: powers of ten and threes; for time also minutes and hours."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1, 2, 5) if high / low < 30 else (1, 3)
    found = [step * 10.0**power for power in powers for step in steps]
    if unit == "seconds":
        found = [value for value in found if value < 50] + [60.0, 180.0, 600.0, 1800.0, 3600.0, 10800.0, 36000.0]
    return [value for value in found if low * 0.999 <= value <= high * 1.001]


def _unit(value: float, unit: str) -> str:
    if unit != "seconds":
        return f"{value / 1000:g} k" if value >= 10_000 else f"{value:g}"
    for size, name in ((3600, "h"), (60, "min"), (1, "s")):
        if value >= size:
            return f"{figure(value / size, 3)} {name}"
    return f"{1000 * value:.3g} ms"


def added(histograms: Iterable[Histogram]) -> Histogram:
    """The sum of histograms on the common grid; bins that all of them lack become one wide bin."""
    counts: dict[float, int] = {}
    ends: set[float] = set()
    for found in histograms:
        ends |= set(found.edges)
        for edge, amount in zip(found.edges, found.counts, strict=False):
            counts[edge] = counts.get(edge, 0) + amount
    edges = tuple(sorted(ends))
    return Histogram(edges=edges, counts=tuple(counts.get(edge, 0) for edge in edges[:-1]))
