"""A comparison on the terminal, and its exit status."""

from collections.abc import Iterator
from itertools import groupby
from typing import TYPE_CHECKING, TextIO

from entrypoint.console import WIDE_ENOUGH, harmless, printed
from kvv_action.compare.markdown import CHANGES, EFFECTS, MEASURES, MODEL, effect_of, ratio
from kvv_action.compare.records import BenchmarkChange, Effect, Regression, RunComparison
from kvv_action.compare.review import answer, columns, flip_columns, seen_once
from kvv_action.compare.several import RunsTable, table_rows, told_of
from kvv_action.digits import counted
from kvv_action.report.text import percent, points

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

EXIT = {Regression.NONE: 0, Regression.REGRESSION: 1, Regression.UNKNOWN: 3}
STYLES = {Regression.NONE: "green", Regression.REGRESSION: "red", Regression.UNKNOWN: "yellow"}
_EFFECT_STYLES = {Effect.WORSE: "red", Effect.BETTER: "green", Effect.UNCLEAR: "yellow", Effect.LEFT_OUT: "dim"}
WIDE = ("Benchmark", "Finding", "Before", "Now", "Difference", "95 % interval", "Fell", "Rose")
NARROW = ("Benchmark", "Finding", "Before", "Now", "Difference", "Fell")


def print_comparison(comparison: RunComparison, stream: TextIO | None = None) -> None:
    """The answer first, then a row per benchmark and what moved beside it."""
    printed(stream, lambda console: _print(comparison, console))


def _print(comparison: RunComparison, console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    headline = harmless(answer(comparison), 1000)
    console.print(Text(headline, style=f"bold {STYLES[comparison.regression]}"), soft_wrap=True)
    if (change := comparison.model_change) is not None:
        for told in (f"{MODEL} {change.headline}", *change.notes):
            console.print(Text(harmless(told, 500)), soft_wrap=True)
    table, chosen = Table(), WIDE if console.width >= WIDE_ENOUGH else NARROW
    named = _named(comparison)
    for column in chosen:
        head = harmless(named.get(column, column), 48)
        table.add_column(head, justify="right" if column in ("Fell", "Rose") else "left")
    for part in comparison.parts:
        cells = _cells(part)
        style = _EFFECT_STYLES.get(part.finding, "")
        table.add_row(*(Text(cells[column], style=style if column == "Finding" else "") for column in chosen))
    console.print(table)
    for line in _lines(comparison):
        console.print(line, soft_wrap=True)


def _named(comparison: RunComparison) -> dict[str, str]:
    """What the heads of the columns about one run are called."""
    return dict(zip(("Before", "Now", "Fell", "Rose"), (*columns(comparison), *flip_columns(comparison)), strict=True))


def print_table(table: RunsTable, stream: TextIO | None = None) -> None:
    """The answer, a row per benchmark with a column per run, and the answer for each run."""
    printed(stream, lambda console: _print_table(table, console))


def _print_table(table: RunsTable, console: "Console") -> None:
    from rich.table import Table
    from rich.text import Text

    console.print(Text(harmless(table.headline, 1000), style=f"bold {STYLES[table.regression]}"), soft_wrap=True)
    heads, *rows = table_rows(table)
    drawn = Table()
    for head in heads:
        drawn.add_column(Text(harmless(head, 48)))
    for row in rows:
        drawn.add_row(*(Text(harmless(cell, 80)) for cell in row))
    console.print(drawn)
    for name, one in zip(table.names[1:], table.comparisons, strict=True):
        console.print(Text(harmless(told_of(name, one), 600)), soft_wrap=True)


def _cells(part: BenchmarkChange) -> dict[str, str]:
    return {
        "Benchmark": harmless(part.title, 40),
        "Finding": effect_of(part).split(" ", 1)[1],
        "Before": percent(part.before),
        "Now": percent(part.after),
        "Difference": "–" if part.difference is None else points(part.difference, sign=True),
        "95 % interval": " to ".join(points(end, sign=True) for end in part.interval) if part.interval else "–",
        "Fell": f"{part.fell}/{part.matched}",
        "Rose": str(part.rose),
    }


def _lines(comparison: RunComparison) -> "Iterator[Text]":
    """What stands below the table."""
    from rich.text import Text

    for change in comparison.findings[:CHANGES]:
        words = EFFECTS[change.finding].split(" ", 1)[1]
        style = _EFFECT_STYLES.get(change.finding, "")
        yield Text(harmless(f"{words}: {change.cause} ({change.reason})", 500), style=style)
        if change.finding is Effect.WORSE:
            yield Text(harmless(f"  • {change.remedy}", 500))
    together = comparison.form > 1  # comparisons by the first rules keep a line each
    for _, same in groupby(comparison.parts, key=lambda part: part.reason if together else part.id):
        parts = list(same)
        yield Text(harmless(f"{', '.join(part.title for part in parts)}: {parts[0].reason}", 500))
        for cause in dict.fromkeys(cause for part in parts for cause in part.causes_new):
            yield Text(harmless(f"  • {seen_once(comparison)[1]}: {cause}", 300))
    for shift in comparison.shifts:
        if shift.finding in (Effect.WORSE, Effect.BETTER):
            yield Text(
                f"{MEASURES[shift.name]} {ratio(shift)}, on {counted(shift.samples, 'sample')}; no regression by itself"
            )
    for place in comparison.asked_differently:
        yield Text(harmless(f"asked differently: {place}", 300))
    for note in comparison.notes:
        yield Text(harmless(note, 500))
