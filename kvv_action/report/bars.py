"""Draws charts as text, for step summaries of GitHub and for terminals.

Every line is one interval or one share, narrow enough for a phone in landscape. GitHub removes SVG and data URIs from
step summaries, and its Mermaid charts cannot draw an interval.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from kvv_action.report.text import one_line

WIDTH = 40
"""Characters of a bar."""
NAME = 16
POINT, LINE, LOW, HIGH, FULL, EMPTY, TRACK = "●─├┤█░ "
_UNFIT = re.compile(r"[^\w .,+()/-]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A value with its interval on an axis.

    Attributes:
        marks: further values on the axis, by their character; drawn above the interval and below the value.
    """

    value: float
    low: float
    high: float
    marks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """The ends of the axis."""

    low: float
    high: float

    def place(self, value: float, width: int = WIDTH) -> int:
        """The column of a value; a value outside the axis goes to its end."""
        share = (value - self.low) / (self.high - self.low)
        return min(width - 1, max(0, round(share * (width - 1))))


def axis_for(values: list[float], step: float = 0.05, least: float = 0.1) -> Axis:
    """An axis around all values, between multiples of `step`, within 0..1, and at least `least` long."""
    low, high = (math.floor(min(values) / step) * step, math.ceil(max(values) / step) * step)
    if high - low < least:
        low = max(0.0, high - least)
        high = max(high, low + least)
    return Axis(low=max(0.0, round(low, 6)), high=min(1.0, round(high, 6)))


def interval_bar(drawn: Interval, axis: Axis, width: int = WIDTH) -> str:
    """`├──●─┤` with its marks."""
    cells = [TRACK] * width
    low, high = axis.place(drawn.low, width), axis.place(drawn.high, width)
    for place in range(low, high + 1):
        cells[place] = LINE
    cells[low], cells[high] = LOW, HIGH
    for mark, value in drawn.marks.items():
        cells[axis.place(value, width)] = mark
    cells[axis.place(drawn.value, width)] = POINT
    return "".join(cells)


def share_bar(share: float, width: int = WIDTH) -> str:
    """`██████░░`; full only at 1, empty only at 0."""
    full = min(width - 1, max(1, round(share * width))) if 0 < share < 1 else round(share) * width
    return FULL * full + EMPTY * (width - full)


def name(text: str, width: int = NAME) -> str:
    """A name at the start of a line: exactly `width` characters that cannot end a code block."""
    shown = _UNFIT.sub("·", one_line(text, width))
    return shown[:width].ljust(width)


def block(lines: list[str]) -> str:
    """Lines as a code block, without trailing blanks."""
    return "```text\n" + "\n".join(line.rstrip() for line in lines) + "\n```\n\n"
