"""Several runs compared with the first one, in one table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kvv_action.compare.files import section
from kvv_action.compare.judge import compare
from kvv_action.compare.markdown import MARKS, effect_of, within
from kvv_action.compare.records import BenchmarkChange, Effect, Regression, RunComparison
from kvv_action.compare.review import newly_wrong
from kvv_action.compare.side import Side
from kvv_action.compare.words import NAME
from kvv_action.report.files import canonical
from kvv_action.report.markdown import BUDGET
from kvv_action.report.markdown.escape import markup, text, words_as_code
from kvv_action.report.text import one_line, percent, points

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsTable:
    """Several runs and what became of each benchmark in them.

    Attributes:
        regression: the worst answer of all comparisons.
        names: of the runs, the one that the others are compared with first.
        comparisons: of each further run with the first one.
    """

    schema_version: int
    regression: Regression
    headline: str
    names: tuple[str, ...]
    comparisons: tuple[RunComparison, ...]


def compare_several(
    sides: Sequence[Side], names: Sequence[str], *, tolerance: float | None = None, force: bool = False
) -> RunsTable:
    """Compare every further run with the first one; chance has as many tries as there are comparisons.

    Args:
        sides: at least two runs.
        names: what a user calls them; runs of different vendors are called by these.
        tolerance: as `judge.compare` takes it.
        force: compare different models or profiles too.

    Raises:
        UsageError: runs are about different models or profiles, and it is not forced.
    """
    first, *rest = sides
    found = tuple(compare(first, one, tolerance=tolerance, force=force, vendors=True, others=len(rest)) for one in rest)
    called = _called(sides, names)
    return RunsTable(
        schema_version=VERSION, regression=_worst(found), headline=_headline(called, found), names=called,
        comparisons=found,
    )  # fmt: skip


def _called(sides: Sequence[Side], names: Sequence[str]) -> tuple[str, ...]:
    """The vendors, where no two runs are of one; else what the user calls the runs."""
    vendors = [side.report.endpoint.vendor for side in sides]
    return tuple(one_line(one, NAME) for one in (vendors if len(set(vendors)) == len(vendors) else names))


def _worst(found: Sequence[RunComparison]) -> Regression:
    order = (Regression.REGRESSION, Regression.UNKNOWN, Regression.NONE)
    return min((one.regression for one in found), key=order.index)


def _headline(names: Sequence[str], found: Sequence[RunComparison]) -> str:
    """Which runs are worse than the first one, which are better, and which cannot be told."""
    groups: dict[str, list[str]] = {"worse": [], "better": [], "not shown to differ": [], "impossible to judge": []}
    for name, one in zip(names[1:], found, strict=True):
        groups[_group(one)].append(name)
    told = "; ".join(
        f"{', '.join(group)} {'is' if len(group) == 1 else 'are'} {words}" for words, group in groups.items() if group
    )
    return f"Compared with {names[0]}: {told}"


def _group(one: RunComparison) -> str:
    if one.regression is not Regression.NONE:
        return "worse" if one.regression is Regression.REGRESSION else "impossible to judge"
    gains = Effect.BETTER in {*(part.finding for part in one.parts), *(change.finding for change in one.findings)}
    return "better" if gains else "not shown to differ"


def table_rows(table: RunsTable) -> Iterator[list[str]]:
    """The heads, then a row per benchmark: the first run's value, and each other one with what became of it."""
    yield ["Benchmark", *table.names]
    of = [{part.id: part for part in one.parts if part.finding is not Effect.LEFT_OUT} for one in table.comparisons]
    for name, title in {part.id: part.title for parts in of for part in parts.values()}.items():
        first = next((parts[name].before for parts in of if name in parts and parts[name].matched), None)
        yield [title, percent(first), *(_cell(parts.get(name)) for parts in of)]


def _cell(part: BenchmarkChange | None) -> str:
    """What became of a benchmark in a run, and by how much it differs on the samples of both."""
    if part is None:
        return "–"
    difference = "" if part.difference is None else f" ({points(part.difference, sign=True)})"
    return f"{percent(part.after)}{difference} {effect_of(part)}"


def told_of(name: str, one: RunComparison) -> str:
    """What became of one run, in a sentence."""
    if one.vendors:
        return one.headline
    words = {Regression.REGRESSION: ("Yes: ", "worse"), Regression.NONE: ("No: ", "not worse")}
    prefix, word = words.get(one.regression, ("Cannot tell: ", "cannot tell"))
    return f"{name}: {word}: {one.headline.removeprefix(prefix)}"


def document(table: RunsTable, budget: int = BUDGET) -> str:
    """`compare.md`: one line, one table, what is wrong at single runs, and the differences folded."""
    with words_as_code():
        return within(_head(table), lambda rows: "".join(_details(table, rows)), budget)


def _head(table: RunsTable) -> str:
    heads, *rows = ([text(cell, 80) for cell in row] for row in table_rows(table))
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads), *(f"| {' | '.join(row)} |" for row in rows)]
    note = (
        "In brackets: points of difference from the first run, on the samples that both answered. Worse and better are "
        f"what chance does not explain at {percent(table.comparisons[0].alpha, 0)} in all {len(table.comparisons)} "
        "comparisons together."
    )
    wrong = "".join(newly_wrong(one, name) for name, one in zip(table.names[1:], table.comparisons, strict=True))
    return "\n\n".join([f"## {MARKS[table.regression]} {text(table.headline, 600)}", "\n".join(lines), note, wrong])


def _details(table: RunsTable, rows: int) -> Iterator[str]:
    for name, one in zip(table.names[1:], table.comparisons, strict=True):
        title = markup(told_of(name, one), 400)
        yield f"<details><summary>{title}</summary>\n\n{section(one, rows)}</details>\n\n"


def render_several(table: RunsTable) -> dict[str, bytes]:
    """`compare.json` and `compare.md` of several runs."""
    return {"compare.json": canonical(table), "compare.md": document(table).encode()}
