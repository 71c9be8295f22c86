"""All levels of effort for people: what came of them, or what they would cost."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from entrypoint.console import STYLES, harmless, printed
from entrypoint.plan_estimate import EffortEstimate, PlanEstimate
from entrypoint.plan_estimate_table import both, duration
from kvv_action.report.levels import TABLE, EffortTable, LevelRow
from kvv_action.report.text import number, percent, seconds, visible
from kvv_action.schema import Verdict

if TYPE_CHECKING:
    from rich.console import Console


def show_levels(found: EffortTable, out: str, stream: TextIO | None = None) -> None:
    """The table, the verdict of all levels, and where everything is."""
    printed(stream, lambda console: _show_levels(found, out, console))


def _show_levels(found: EffortTable, out: str, console: "Console") -> None:
    from rich.text import Text

    titles = {score.id: score.title for row in found.rows for score in row.scores}
    heads = ["Effort", "Verdict", *titles.values(), "Tokens out", "First token", "Thinking"]
    title = f"{found.model} at {found.vendor}, every level of effort"
    _print_table(console, title, heads, [_cells(row, titles) for row in found.rows])
    for row in found.rows:
        console.print(Text(harmless(f"effort {row.level}: {row.told}: {row.reason}", 800)), soft_wrap=True)
    style = f"bold {STYLES[found.verdict]}"
    console.print(Text(f"Verdict of all levels: {found.verdict}", style=style))
    console.print(Text(harmless(found.reason, 800)), soft_wrap=True)
    folder = visible(out).rstrip("/")
    console.print(Text(f"Table: {folder}/ ({TABLE}, summary.md); each level: {folder}/LEVEL"), soft_wrap=True)


def _cells(row: LevelRow, names: Iterable[str]) -> list[str]:
    scores = {score.id: percent(score.score) for score in row.scores}
    figures = [number(row.tokens_out), seconds(row.first_token)] if row.scores else ["–", "–"]
    thinking = "–" if row.thinking is None else f"{number(round(row.thinking))} characters"
    verdict = "not asked" if row.verdict is Verdict.SKIPPED and not row.scores else row.told
    return [row.level, verdict, *(scores.get(name, "–") for name in names), *figures, thinking]


def show_estimates(found: EffortEstimate, stream: TextIO) -> None:
    """What each level costs, and all together."""
    printed(stream, lambda console: _show_estimates(found, console))


def _show_estimates(found: EffortEstimate, console: "Console") -> None:
    from rich.text import Text

    priced = found.cost is not None
    heads = ["Effort", "Requests", "Tokens in", "Tokens out", "Time", *(["Cost"] if priced else [])]
    rows = [_figures(level, one, priced=priced) for level, one in found.levels.items()]
    rows.append(_figures("Together", found, priced=priced))
    _print_table(console, "Every level of effort, one run after the other: expected, and the most", heads, rows)
    for line in (*found.budget, "A level is assumed to answer at the same length as any other."):
        console.print(Text(harmless(line, 1000)), soft_wrap=True)


def _figures(name: str, one: PlanEstimate | EffortEstimate, *, priced: bool) -> list[str]:
    cost = [both(one.cost) if one.cost is not None else "–"] if priced else []
    return [name, both(one.requests), both(one.tokens_in), both(one.tokens_out), duration(one.wall), *cost]


def _print_table(console: "Console", title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(title=Text(harmless(title, 200)), title_justify="left")
    for place, head in enumerate(heads):
        table.add_column(head, justify="right" if place > 1 else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(harmless(cell, 80)) for cell in row))
    console.print(table)
