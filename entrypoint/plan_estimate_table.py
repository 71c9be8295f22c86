"""An estimate for people: a row per benchmark, what it rests on, and what each tier can decide."""

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, TextIO

from entrypoint.console import harmless
from entrypoint.plan_estimate import BenchmarkEstimate, PlanEstimate, TierEstimate
from kvv_action.digits import figure
from kvv_action.plan.tokens import Span
from kvv_action.report.text import percent, seconds

if TYPE_CHECKING:
    from rich.table import Table

NO_REFERENCE, NO_MARGIN = "no reference", "no margin"
"""Why a score is judged by nothing."""
UNITS = ((1e9, " G"), (1e6, " M"), (1e4, " k"))
"""Figures from 10 000 on are shortened: they are estimates."""


def show(estimate: PlanEstimate, stream: TextIO) -> None:
    """Print it."""
    from rich.console import Console
    from rich.text import Text

    console = Console(file=stream, highlight=False, width=None if stream.isatty() else 140)
    console.print(_benchmarks(estimate))
    if estimate.tiers:
        console.print(_tiers(estimate))
    for line in lines(estimate):
        console.print(Text(harmless(line, 1000)), soft_wrap=True)


def _benchmarks(estimate: PlanEstimate) -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = f"{estimate.model} ({estimate.profile}), tier {estimate.tier}: expected, and the most that is possible"
    table = Table(title=Text(harmless(title, 200)), title_justify="left")
    heads = ["Benchmark", "Answers", "Requests", "Tokens in", "Tokens out", "Time", "Smallest difference"]
    if estimate.cost is not None:
        heads.insert(6, "Cost")
    for number, head in enumerate(heads):
        table.add_column(head, justify="right" if number else "left", overflow="fold")
    for row in estimate.benchmarks:
        cells = _cells(row, priced=estimate.cost is not None)
        table.add_row(*(Text(harmless(cell, 80)) for cell in cells))
    table.add_section()
    figures = map(both, (estimate.requests, estimate.tokens_in, estimate.tokens_out))
    whole = ["Together", "", *figures, duration(estimate.wall)]
    table.add_row(*whole, *([both(estimate.cost)] if estimate.cost is not None else []), "")
    return table


def _cells(row: BenchmarkEstimate, *, priced: bool) -> list[str]:
    if row.skip:
        return [row.title, *["–"] * (6 if priced else 5), _decides(row)]
    answers = f"{row.samples}" if row.epochs == 1 else f"{row.samples} × {row.epochs}"
    cost = [both(row.cost) if row.cost is not None else "–"] if priced else []
    figures = map(both, (row.requests, row.tokens_in, row.tokens_out))
    return [row.title, answers, *figures, duration(row.wall), *cost, _decides(row)]


def _decides(row: BenchmarkEstimate) -> str:
    if row.skip:
        return "left out"
    if row.beside:
        return "against published items"
    if row.exact:
        return "every answer counts"
    if row.together:
        return "all answers together"
    if row.reference is None or row.margin is None:
        return NO_REFERENCE if row.reference is None else NO_MARGIN
    if row.smallest_difference is None:
        return f"none, of {percent(row.reference)}"
    return f"{percent(row.smallest_difference)} of {percent(row.reference)}"


def both(span: Span) -> str:
    """`expected – ceiling`, once when they are the same."""
    most = "no limit" if span.ceiling is None else short(span.ceiling)
    expected = short(span.expected)
    return expected if expected == most else f"{expected} – {most}"


def duration(span: Span) -> str:
    """Like `both`, of seconds."""
    most = "no limit" if span.ceiling is None else seconds(span.ceiling)
    expected = seconds(span.expected)
    return expected if expected == most else f"{expected} – {most}"


def short(value: float) -> str:
    """12345678 -> `12.3 M`; small figures whole, smaller ones with two digits after the point."""
    for size, unit in UNITS:
        if value >= size:
            return f"{figure(value / (1e3 if unit == ' k' else size), 3)}{unit}"
    if value >= 100 or value == int(value):
        return f"{value:.0f}"
    return f"{value:.2f}" if value >= 0.01 else figure(value, 2)


def _tiers(estimate: PlanEstimate) -> "Table":
    from rich.table import Table
    from rich.text import Text

    title = (
        "What each tier can decide: a pass rules out losses above; so often an equal vendor passes; smallest loss that "
        "is shown (fail)"
    )
    table = Table(title=title, title_justify="left")
    tiers = list(dict.fromkeys(one.tier for one in estimate.tiers))
    for number, head in enumerate(["Benchmark", *tiers]):
        table.add_column(head, justify="right" if number else "left")
    titles = {row.id: row.title for row in estimate.benchmarks}
    found = {(one.benchmark, one.tier): one for one in estimate.tiers}
    for benchmark in dict.fromkeys(one.benchmark for one in estimate.tiers):
        cells = [found[benchmark, tier] for tier in tiers]
        table.add_row(Text(harmless(titles[benchmark], 80)), *map(_decided, cells))
    return table


def _decided(one: TierEstimate) -> str:
    if one.left_out:
        return "left out"
    shown = "none" if one.smallest_difference is None else percent(one.smallest_difference)
    return f"{percent(one.pass_margin)}; {percent(one.equal_passes, 0)}; {shown}"


def lines(estimate: PlanEstimate) -> Iterator[str]:
    """What the figures rest on."""
    yield from _assumed(estimate)
    yield from (f"{row.title}: {row.skip}." for row in estimate.benchmarks if row.skip)
    yield from (f"Length of answers, {row.title}: {row.basis}." for row in estimate.benchmarks if not row.skip)
    yield from (
        f"{row.title}: questions with the same long beginning follow one another. Where an endpoint takes less for "
        "cached tokens, most of the tokens in cost less than listed."
        for row in estimate.benchmarks
        if row.chained
    )
    if estimate.reference_requests.ceiling:
        yield (
            "Requests to other endpoints (a live reference, a judge), if all answers are right: "
            f"{both(estimate.reference_requests)}. Their tokens are not counted here. Wrong answers can take the judge "
            "more; it has a budget of its own (judge-max-requests, judge-max-tokens)."
        )
    yield f"A lost request is tried up to {estimate.retry_attempts} times (retry-attempts) and counts once here."
    if early := [row.title for row in estimate.benchmarks if row.looks > 1]:
        yield f"These end early when the verdict is clear, with fewer requests than listed here: {', '.join(early)}."
    yield from _about_tiers(estimate)
    yield from _not_judged(estimate)
    yield from (f"Budget: {line}." for line in estimate.budget)
    yield "Nothing was sent."


def _assumed(estimate: PlanEstimate) -> Iterator[str]:
    """How long it takes, and what that assumes."""
    most = "without limit" if estimate.wall.ceiling is None else seconds(estimate.wall.ceiling)
    yield (
        f"Time: {seconds(estimate.wall.expected)} expected, {most} if every answer is as long as its limit; "
        f"{estimate.connections} connections. The time of one benchmark is what it takes by itself."
    )
    if estimate.containers is not None:
        yield (
            f"Containers: {estimate.containers} at a time: an engine on a machine of this size has room for that many "
            "(containers). They limit the benchmarks that need them."
        )
    for row in estimate.benchmarks:
        if row.containers is not None:
            need = f"{figure(row.container_memory / 2**30, 3)} GiB of memory"
            yield f"Containers, {row.title}: {row.containers} at a time, because each of its tasks needs {need}."
    if estimate.cost is None:
        yield "Cost: set both price-input and price-output, the prices of a million tokens, to see it."
    yield (
        f"Assumed: {figure(estimate.assumed_speed)} tokens a second for each answer (assumed-speed), "
        f"{figure(estimate.assumed_first_token)} s to the first token, and no queue at the endpoint."
    )
    if absent := [row.title for row in estimate.benchmarks if row.counted]:
        yield (
            f"Datasets that are not here: {', '.join(absent)}. Numbers of samples come from the pin, lengths of "
            "prompts from the pin or bundled samples. `kvv datasets fetch` brings the datasets; then both are exact."
        )
        sizes = [f"{row.title} {_size(row.download)}" for row in estimate.benchmarks if row.download is not None]
        yield f"Downloads: {', '.join(sizes)}."


def _size(count: int) -> str:
    """Bytes as people write them; a size that nobody has told is called unknown."""
    if not count:
        return "unknown"
    shown = short(count)
    return f"about {shown}B" if shown[-1] in "kMG" else f"about {shown} bytes"


def _about_tiers(estimate: PlanEstimate) -> Iterator[str]:
    """What the smallest difference means, and which margin a tier would need."""
    if estimate.tiers:
        yield (
            f"Smallest difference: a vendor this far below the reference fails in {percent(estimate.power, 0)} of "
            "runs, by the test that decides the verdict."
        )
    titles = {row.id: row.title for row in estimate.benchmarks}
    for one in estimate.tiers:
        if one.margin_needed is not None:
            yield (
                f"{titles[one.benchmark]} at {one.tier}: {percent(one.equal_passes, 0)} of equal vendors pass; nine of "
                f"ten would with a margin of {percent(one.margin_needed)}."
            )


def _not_judged(estimate: PlanEstimate) -> Iterator[str]:
    """Which scores nothing can judge, and the command that makes a reference."""
    without = [row.title for row in estimate.benchmarks if _decides(row) in (NO_REFERENCE, NO_MARGIN)]
    if without:
        names = "" if estimate.profile == estimate.model else f" --profile {shlex.quote(estimate.profile)}"
        yield (
            f"Nothing judges the score of {', '.join(without)}. To judge it, verify an official endpoint: `kvv run "
            f"--base-url OFFICIAL --model {shlex.quote(estimate.model)}{names} --tier {estimate.tier} --out official`; "
            "then give each run `--reference official`."
        )
