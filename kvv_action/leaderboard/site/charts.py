"""Charts of the site: a score in a table's cell, and scores over time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup

from kvv_action.leaderboard.site.rows import Cell, Row
from kvv_action.report.pages.canvas import Canvas, Scale
from kvv_action.report.text import percent

HISTORY = 120
"""Pixels of the height of a history."""


def column(cells: Iterable[Cell]) -> Scale:
    """The common scale of a column, so that the eye can compare rows."""
    values = [
        value
        for cell in cells
        for value in (cell.score, cell.reference, *(cell.interval or ()))
        if value is not None
    ]  # fmt: skip
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    room = max(0.005, 0.04 * (high - low))
    return Scale(low=max(0.0, low - room), high=min(1.0, high + room))


def cell(found: Cell, scale: Scale) -> Markup:
    """Interval, score and reference; an interval that was computed here and is not in the record is dashed."""
    if found.score is None or found.interval is None:
        return Markup("")
    canvas = Canvas(14, "", "", "")
    style = f"v-{found.verdict}" if found.verdict else "v-none"
    if found.reference is not None:
        place = scale.at(found.reference)
        canvas.stroke((place, 1), (place, 13), "reference")
    kind = "computed" if found.computed else "thick"
    canvas.stroke((scale.at(found.interval[0]), 7), (scale.at(found.interval[1]), 7), f"{kind} {style}")
    canvas.add('<circle cx="{:g}%" cy="7" r="4" class="dot {}"/>', scale.at(found.score), style)
    return canvas.decoration("cell")


@dataclass(frozen=True, slots=True)
class Point:
    """A score on a day."""

    row: Row
    cell: Cell


def points(rows: Sequence[Row], benchmark: str) -> list[Point]:
    """Every score of one benchmark, the oldest first."""
    ordered = sorted(rows, key=lambda row: (row.finished, row.path))
    found = [Point(row, one) for row in ordered for one in row.cells if one.id == benchmark]
    return [point for point in found if point.cell.score is not None]


def history(ident: str, title: str, found: Sequence[Point]) -> Markup:
    """Scores with their intervals over time; the reference is the newest one."""
    days = [date.fromisoformat(point.row.date).toordinal() for point in found]
    span = max(days) - min(days)
    across = Scale(low=min(days) - 0.16 * span, high=max(days) + 0.06 * span)  # the left is for the labels
    up = column(point.cell for point in found)
    first, last = found[0], found[-1]
    words = (
        f"{len(found)} results from {first.row.date} to {last.row.date}: first {percent(first.cell.score)}, "
        f"last {percent(last.cell.score)}"
    )
    canvas = Canvas(HISTORY + 24, title, words, ident)
    for value in (up.low, up.high):
        canvas.stroke((0, _height(up, value)), (100, _height(up, value)), "axis")
        canvas.text(0, _height(up, value) + (12 if value == up.high else -4), percent(value), "soft", hang="start")
    if last.cell.reference is not None:
        level = _height(up, last.cell.reference)
        canvas.stroke((0, level), (100, level), "reference")
    for day, point in zip(days, found, strict=True):
        _point(canvas, across.at(day), up, point.cell)
    canvas.text(across.at(days[0]), HISTORY + 18, first.row.date, "soft")
    if days[-1] != days[0]:
        canvas.text(across.at(days[-1]), HISTORY + 18, last.row.date, "soft")
    return canvas.svg()


def _height(up: Scale, value: float) -> float:
    return round(HISTORY * (1 - up.at(value) / 100), 1)


def _point(canvas: Canvas, place: float, up: Scale, found: Cell) -> None:
    style = f"v-{found.verdict}" if found.verdict else "v-none"
    if found.interval is not None:
        low, high = (_height(up, value) for value in found.interval)
        canvas.stroke((place, low), (place, high), f"{'computed' if found.computed else 'thick'} {style}")
    if found.score is not None:
        dot = '<circle cx="{:g}%" cy="{:g}" r="4.5" class="dot {}"/>'
        canvas.add(dot, place, _height(up, found.score), style)
