"""Draws inline SVG with positions in per cent and sizes in pixels, so that texts keep their size at any width.

Colours come from classes of the stylesheet. Each picture has a title and a description.
"""

from dataclasses import dataclass, field
from itertools import count

from markupsafe import Markup, escape

from kvv_action.report.pages.environment import harmless

Pair = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Maps values to per cent of the width; values outside go to the edge."""

    low: float
    high: float

    def at(self, value: float) -> float:
        """The position of a value, 0..100."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return round(100 * min(1.0, max(0.0, share)), 2)

    def holds(self, value: float) -> bool:
        """Whether the value lies on the scale."""
        return self.low <= value <= self.high


@dataclass(slots=True)
class Canvas:
    """Collects the elements of one SVG."""

    height: int
    title: str
    description: str
    ident: str
    parts: list[Markup] = field(default_factory=list)

    def add(self, form: str, *values: object) -> None:
        """Add an element; values are escaped."""
        texts = (escape(harmless(value)) if isinstance(value, str) else value for value in values)
        self.parts.append(Markup(form.format(*texts)))  # noqa: S704 - forms are constants; Markup's own format is slow

    def rect(self, left: float, width: float, top: float, height: float, style: str) -> None:
        """Add a rectangle; `left` and `width` in per cent."""
        box = '<rect x="{:g}%" width="{:g}%" y="{:g}" height="{:g}" class="{}"/>'
        self.add(box, left, max(0.0, round(width, 2)), top, height, style)

    def stroke(self, start: Pair, end: Pair, style: str) -> None:
        """Add a line between two points (per cent, pixels)."""
        self.add('<line x1="{:g}%" y1="{:g}" x2="{:g}%" y2="{:g}" class="{}"/>', *start, *end, style)

    def text(self, left: float, top: float, words: str, style: str = "", *, hang: str = "") -> None:
        """Add a label that stays within the picture: left-aligned at the left edge, right-aligned at the right edge."""
        hang = hang or ("start" if left < 12 else "end" if left > 88 else "middle")
        self.add('<text x="{:g}%" y="{:g}" class="t-{} {}">{}</text>', left, top, hang, style, words)

    def decoration(self, style: str = "") -> Markup:
        """The picture for a place where text says the same; screen readers skip it."""
        form = '<svg class="chart {}" width="100%" height="{}" aria-hidden="true" focusable="false">{}</svg>'
        return Markup(form).format(style, self.height, Markup("").join(self.parts))  # noqa: S704 - a constant

    def svg(self, style: str = "") -> Markup:
        """The picture."""
        return Markup(
            '<svg class="chart {}" width="100%" height="{}" role="img" aria-labelledby="{}-t {}-d">'
            '<title id="{}-t">{}</title><desc id="{}-d">{}</desc>{}</svg>'
        ).format(
            style, self.height, self.ident, self.ident, self.ident, harmless(self.title), self.ident,
            harmless(self.description), Markup("").join(self.parts),
        )  # fmt: skip


class Names:
    """Generates ids that are unique on a page."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def __call__(self) -> str:
        """The next id."""
        return f"c{next(self._numbers)}"
