"""Draws scores with their intervals, the reference and the pass line."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from kvv_action.report.pages.canvas import Canvas, Pair, Scale
from kvv_action.report.text import percent, points
from kvv_action.schema import Gap, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A score with the numbers behind its verdict, in 0..1; `line` is the border between fail and pass.

    With `relative` all are distances from the reference, which is 0, and `interval` holds the verdict's limits.
    """

    verdict: Verdict
    score: float | None
    interval: Pair | None = None
    bounds: Pair | None = None
    reference: float | None = None
    margin: float | None = None
    relative: bool = False

    def shown(self, value: float | None) -> str:
        """A value as text: a percentage, or signed points."""
        return f"{points(value, sign=True)} points" if self.relative and value is not None else percent(value)

    @property
    def line(self) -> float | None:
        """Reference minus margin."""
        return None if self.reference is None or self.margin is None else self.reference - self.margin

    def values(self) -> list[float]:
        """All known values."""
        found = [self.score, self.reference, self.line, *(self.interval or ()), *(self.bounds or ())]
        return [value for value in found if value is not None]

    def words(self) -> str:
        """The chart in words, for screen readers."""
        shown = self.shown
        parts = [f"{'difference from the reference' if self.relative else 'score'} {shown(self.score)}"]
        if self.interval:
            name = "limits" if self.relative else "95 % interval"
            parts.append(f"{name} {shown(self.interval[0])} to {shown(self.interval[1])}")
        if self.reference is not None and not self.relative:
            parts.append(f"reference {shown(self.reference)}")
        if self.line is not None:
            parts.append(f"pass line {shown(self.line)}")
        if self.bounds and self.bounds[0] != self.bounds[1]:
            parts.append(f"with what is missing {shown(self.bounds[0])} to {shown(self.bounds[1])}")
        return ", ".join(parts)


def interval(ident: str, title: str, measured: Measured) -> Markup:
    """A score with its interval; a pass line is in the middle, with fail on its left and pass on its right."""
    canvas, scale = Canvas(92, title, measured.words(), ident), _around(measured)
    if measured.line is not None:
        _sides(canvas, scale, measured, measured.line)
    if measured.reference is not None:
        place = scale.at(measured.reference)
        words = "reference" if measured.relative else f"reference {percent(measured.reference)}"
        canvas.stroke((place, 18), (place, 62), "reference")
        canvas.text(place, 14, words, hang="end" if place > 75 else "start")
    _axis(canvas, scale, 62, measured)
    _mark(canvas, scale, measured, 42, 6)
    return canvas.svg()


def _sides(canvas: Canvas, scale: Scale, measured: Measured, line: float) -> None:
    """The failing and the passing side, and the line between them."""
    middle = scale.at(line)
    start, end = (0.0, 100.0) if measured.relative else (scale.at(0.0), scale.at(1.0))
    canvas.rect(start, middle - start, 22, 40, "side-fail")
    canvas.rect(middle, end - middle, 22, 40, "side-pass")
    words = points(line, sign=True) if measured.relative else percent(line)
    canvas.text(middle, 14, f"pass line {words}", "strong", hang="end" if measured.reference is not None else "middle")
    canvas.stroke((middle, 18), (middle, 66), "line")


def _around(measured: Measured) -> Scale:
    values, line = measured.values() or [0.0, 1.0], measured.line
    if line is not None:
        reach = max(0.01, *(abs(value - line) for value in values)) * 1.12
        return Scale(low=line - reach, high=line + reach)
    low, high = min(values), max(values)
    room = max(0.02, (high - low) * 0.15)
    return Scale(low=max(0.0, low - room), high=min(1.0, high + room))


def _mark(canvas: Canvas, scale: Scale, measured: Measured, middle: float, size: float) -> None:
    """Draw bounds as a thin line, the interval as a thick one, the score as a dot, or as an arrow when outside."""
    style = f"v-{measured.verdict}"
    for pair, width in ((measured.bounds, "thin"), (measured.interval, "thick")):
        if pair is not None and pair[0] != pair[1]:
            canvas.stroke((scale.at(pair[0]), middle), (scale.at(pair[1]), middle), f"{width} {style}")
    if measured.score is None:
        return
    if scale.holds(measured.score):
        canvas.add(
            '<circle cx="{:g}%" cy="{:g}" r="{:g}" class="dot {}"/>', scale.at(measured.score), middle, size, style
        )
        return
    below = measured.score < scale.low
    canvas.text(0 if below else 100, middle + 5, "◀" if below else "▶", f"arrow {style}")


def _axis(canvas: Canvas, scale: Scale, top: float, measured: Measured) -> None:
    canvas.stroke((0, top), (100, top), "axis")
    step = _step(scale.high - scale.low)
    for place in range(math.ceil(scale.low / step), math.floor(scale.high / step) + 1):
        value = place * step
        if measured.relative or -1e-9 <= value <= 1 + 1e-9:
            words = points(value, sign=True) if measured.relative else percent(value, 0 if step >= 0.01 else 1)
            canvas.stroke((scale.at(value), top), (scale.at(value), top + 5), "axis")
            canvas.text(scale.at(value), top + 20, "0" if measured.relative and place == 0 else words, "soft")


def _step(span: float) -> float:
    """A round step that divides the span into three to six parts."""
    raw = (span or 1.0) / 5
    power: float = 10.0 ** math.floor(math.log10(raw))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= raw)


def row(ident: str, title: str, measured: Measured, reach: float) -> Markup:
    """A row of the overview: the distance from the pass line, on a scale of `reach` to both sides."""
    canvas, line = Canvas(30, title, measured.words(), ident), measured.line
    if line is None:
        return Markup("")
    scale = Scale(low=line - reach, high=line + reach)
    canvas.rect(0, 50, 3, 24, "side-fail")
    canvas.rect(50, 50, 3, 24, "side-pass")
    canvas.stroke((50, 0), (50, 30), "line")
    if measured.reference is not None and scale.holds(measured.reference):
        canvas.stroke((scale.at(measured.reference), 3), (scale.at(measured.reference), 27), "reference")
    _mark(canvas, scale, measured, 15, 4.5)
    return canvas.svg()


def reach(found: Iterable[Measured]) -> float:
    """Half the width of the overview: all intervals around their pass lines, at most 20 points."""
    distances: list[float] = [
        abs(value - measured.line)
        for measured in found if measured.line is not None
        for value in (*(measured.interval or ()), measured.line if measured.reference is None else measured.reference)
    ]  # fmt: skip
    return min(0.2, max(0.02, *distances, 0.0) * 1.1)


def gap_row(ident: str, title: str, gap: Gap, reach: float) -> Markup:
    """The gap between published and varied items, on a scale of `reach` to both sides of 0."""
    found = Measured(
        verdict=Verdict.INCONCLUSIVE if gap.clear else Verdict.PASS, score=gap.gap, interval=gap.interval, relative=True
    )
    low, high = (found.shown(end) for end in gap.interval)
    words = f"published minus varied {found.shown(gap.gap)}, 95 % interval {low} to {high}"
    canvas, scale = Canvas(30, title, words, ident), Scale(low=-reach, high=reach)
    canvas.stroke((0, 15), (100, 15), "axis")
    canvas.stroke((50, 0), (50, 30), "reference")
    _mark(canvas, scale, found, 15, 4.5)
    return canvas.svg()


def gap_reach(gaps: Iterable[Gap]) -> float:
    """Half the width of the scale of gaps: all intervals, at least two points."""
    return max(0.02, *(abs(end) for gap in gaps for end in gap.interval), 0.0) * 1.1
