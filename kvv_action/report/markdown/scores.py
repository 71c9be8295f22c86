"""The scores of a summary: a table, a chart, the comparison with the reference, metrics and categories."""

from collections.abc import Mapping, Sequence

from kvv_action.digits import counted, figure, noun
from kvv_action.report.bars import WIDTH, Interval, axis_for, block, interval_bar, name, share_bar
from kvv_action.report.markdown.escape import markup, text
from kvv_action.report.text import number, percent, points
from kvv_action.report.wording import beside_comparison, compared_with, metric_of
from kvv_action.schema import BenchmarkKind, BenchmarkResult, CategoryScore, Comparison, RunReport, Verdict

MARKS = {
    Verdict.PASS: "✅ pass",
    Verdict.FAIL: "❌ fail",
    Verdict.INCONCLUSIVE: "⚠️ inconclusive",
    Verdict.SKIPPED: "⏭️ skipped",
}
REFERENCE, FLOOR = "┃", "┊"
LEGEND = f"├──●──┤ score and its limits   {REFERENCE} reference   {FLOOR} reference − margin"
BROKEN_DOWN = ("group_", "part_", "points_")
"""Beginnings of the names of metrics that belong beside the scores of categories."""


def table(report: RunReport) -> str:
    """One row per benchmark."""
    lines = [
        "| Benchmark | Verdict | Score | 95 % interval | Reference | Right of scored | Failed | Skipped |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines.extend(_row(result, exact=_exactly(report, result)) for result in report.benchmarks)
    return "\n".join(lines) + "\n\n"


def _exactly(report: RunReport, result: BenchmarkResult) -> bool:
    """Whether the score is the share of right answers, whatever else the benchmark measures."""
    return report.plan.plain_reports and report.must_be_right(result) and result.measurement is None


def _row(result: BenchmarkResult, *, exact: bool) -> str:
    counts = result.counts
    interval = "–" if result.interval is None else " to ".join(percent(bound) for bound in result.interval)
    reference = percent(result.reference)
    if result.reference is not None and result.margin is not None:
        reference += f" − {percent(result.margin)}"
    right = _right(result, exact=exact)
    if counts.unparsed:
        right += f" ({counts.unparsed} unparsed)"
    if result.epochs > 1:
        right += f", {result.samples} × {result.epochs}"
    cells = (
        f"**{text(result.title)}**", _mark(result), percent(result.score), interval, reference, right,
        str(counts.failed), str(counts.skipped),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def _mark(result: BenchmarkResult) -> str:
    return "ℹ️ not judged" if result.orientation else MARKS[result.verdict]


def _right(result: BenchmarkResult, *, exact: bool) -> str:
    if not result.counts.scored:
        return "–"
    if result.aggregate == "f1" and not exact:
        shown = ("tp", "fp", "fn", "tn")
        found = [f"{figure(result.metrics[name])} {name.upper()}" for name in shown if name in result.metrics]
        return ", ".join(found) or f"{result.counts.scored} scored"
    return "–" if result.score is None else f"{figure(result.score * result.counts.scored)} of {result.counts.scored}"


def chart(report: RunReport) -> str:
    """One line per benchmark with a score, as a code block; the ends of each axis are printed beside it."""
    drawn = [(result, report.must_be_right(result)) for result in report.benchmarks]
    lines = [
        line
        for result, exact in drawn
        if (line := _chart_line(result, exact=exact, mean=_exactly(report, result) or result.aggregate == "mean"))
    ]
    if not lines:
        return ""
    legend = ["", LEGEND] if any("●" in line for line in lines) else []
    return block([*lines, *legend])


def _chart_line(result: BenchmarkResult, *, exact: bool, mean: bool) -> str:
    if result.score is None:
        return ""
    if exact and mean:
        right = round(result.score * result.counts.scored)
        return f"{name(result.title)}      {share_bar(result.score)} {right} of {result.counts.planned}"
    if result.interval is None:
        return f"{name(result.title)}      {share_bar(result.score)} {percent(result.score)}"
    return _interval_line(result, result.score, result.interval)


def _decisive(result: BenchmarkResult, score: float, interval: tuple[float, float]) -> tuple[float, float, float]:
    """The score with the limits that decided: those of the comparison on the scale of scores, else its interval."""
    found = result.comparison
    if found is not None and result.reference is not None:
        at = [result.reference + difference for difference in (found.difference, found.low, found.high)]
        score, interval = _share(at[0]), (_share(at[1]), _share(at[2]))
    return score, min(interval[0], score), max(interval[1], score)


def _share(value: float) -> float:
    return min(1.0, max(0.0, value))


def _interval_line(result: BenchmarkResult, score: float, interval: tuple[float, float]) -> str:
    marks = {}
    if result.reference is not None:
        if result.margin is not None:
            marks[FLOOR] = max(0.0, result.reference - result.margin)
        marks[REFERENCE] = result.reference
    score, low, high = _decisive(result, score, interval)
    axis = axis_for([low, high, *marks.values()])
    bar = interval_bar(Interval(value=score, low=low, high=high, marks=marks), axis)
    assert len(bar) == WIDTH
    return f"{name(result.title)} {percent(axis.low, 0):>5}│{bar}│{percent(axis.high, 0)}"


def against(report: RunReport) -> str:
    """One line per benchmark that was compared with a reference."""
    lines = [
        _comparison_line(result, result.comparison) for result in report.benchmarks if result.comparison is not None
    ]
    return "\n".join(lines) + "\n\n" if lines else ""


def _comparison_line(result: BenchmarkResult, found: Comparison) -> str:
    seen, low, high = (points(value, sign=True) for value in (found.difference, found.low, found.high))
    parts = [
        f"{seen} points against {compared_with(found)}",
        f"limits {low} and {high}, margin −{points(result.margin or 0.0)}",
    ]
    if found.detectable is not None:
        parts.append(f"a deficit of {points(found.detectable)} would have been seen")
    if found.needed is not None:
        parts.append(f"about {number(found.needed)} more {noun(found.needed, 'answer')} would settle it")
    if result.saved is not None:
        planned = result.counts.planned
        tokens = "" if result.saved.tokens is None else f" and about {number(result.saved.tokens)} tokens"
        parts.append(
            f"decided after {number(found.answers)} of {number(planned)} {noun(planned, 'answer')}, "
            f"which saved {number(result.saved.requests)} {noun(result.saved.requests, 'request')}{tokens}"
        )
    parts += beside_comparison(found)
    return f"- **{text(result.title)}**: {'; '.join(parts)}"


def metrics(report: RunReport, rows: int) -> str:
    """All metrics of each benchmark whose score is more than a mean, and its largest breakdowns."""
    parts = []
    for result in report.benchmarks:
        if result.aggregate == "mean" or not result.counts.scored:
            continue
        lines = ["| Metric | Value |", "|---|---|"]
        lines += [
            f"| {text(name)} | {_metric_value(result.metrics, name)} |"
            for name in result.metrics
            if metric_of(name) == name
        ]
        for group, names in result.breakdowns.items():
            largest = sorted(names.items(), key=lambda item: (-item[1], item[0]))
            shown = [f"{text(name, 60)} × {count}" for name, count in largest[: rows or 5]]
            lines.append(f"\n{text(group.replace('_', ' '))}: {', '.join(shown)}")
        parts.append(_section(report, f"{result.title}: numbers", lines, explains=_unexplained(result)))
    return "".join(parts)


def _unexplained(result: BenchmarkResult) -> bool:
    """Whether its numbers are all that explains a failure."""
    return result.verdict is Verdict.FAIL and not result.diagnosis


def _section(report: RunReport, title: str, lines: Sequence[str], *, explains: bool) -> str:
    """Numbers under their title; folded, unless they explain a verdict."""
    body = "\n".join(lines)
    if not report.plan.plain_reports or explains:
        return f"### {text(title)}\n\n{body}\n\n"
    return f"<details><summary>{markup(title)}</summary>\n\n{body}\n\n</details>\n\n"


def _metric_value(metrics: Mapping[str, float], name: str) -> str:
    value, low, high = metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    shown = figure(value) if float(value).is_integer() and value > 1 else f"{value:.4f}"
    return shown if low is None or high is None else f"{shown} ({low:.4f} to {high:.4f})"


def breakdown(report: RunReport, rows: int) -> str:
    """Scores of categories, groups and parts, one line per benchmark."""
    if not rows:
        return ""
    lines = []
    for result in report.benchmarks:
        if result.kind is not BenchmarkKind.SCORED or result.measurement is not None:
            continue
        found = [_category(entry, plain=report.plan.plain_reports) for entry in result.categories]
        found += [
            _category_metric(name, value, plain=report.plan.plain_reports)
            for name, value in sorted(result.metrics.items())
            if name.startswith(BROKEN_DOWN)
        ]
        if found:
            lines.append(f"- **{text(result.title)}**: {', '.join(found)}")
    explains = any(map(_unexplained, report.benchmarks))
    return _section(report, "Scores in detail", lines, explains=explains) if lines else ""


def _category(entry: CategoryScore, *, plain: bool) -> str:
    """A category's score and its answers; reports of older runs keep their words."""
    of = f"({counted(entry.scored, 'answer')})" if plain else f"of {entry.scored}"
    return f"{text(entry.name, 60)} {percent(entry.score)} {of}"


def _category_metric(name: str, value: float, *, plain: bool) -> str:
    if plain and name.startswith("points_"):
        return f"{figure(value, 4)} {text(name.replace('_', ' '))}"
    shown = figure(value) if name.startswith("points_") else percent(value)
    return f"{text(name.replace('_', ' '))} {shown}"
