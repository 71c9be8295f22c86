"""Metrics of benchmarks whose score is more than a mean, and scores of categories."""

from collections.abc import Mapping

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent
from kvv_action.schema import BenchmarkKind, RunReport

BROKEN_DOWN = ("group_", "part_", "points_")
"""Beginnings of the names of metrics that belong beside the scores of categories."""


def metrics(report: RunReport, rows: int) -> str:
    """Every number of benchmarks whose score is more than a mean, and where what counts was found."""
    parts = []
    for result in report.benchmarks:
        if result.aggregate == "mean" or not result.counts.scored:
            continue
        lines = [f"### {text(result.title)}: numbers\n", "| Metric | Value |", "|---|---|"]
        lines += [
            f"| {text(name)} | {_number(result.metrics, name)} |" for name in result.metrics if base(name) == name
        ]
        for group, names in result.breakdowns.items():
            largest = sorted(names.items(), key=lambda item: (-item[1], item[0]))
            shown = [f"{text(name, 60)} × {count}" for name, count in largest[: rows or 5]]
            lines.append(f"\n{text(group.replace('_', ' '))}: {', '.join(shown)}")
        parts.append("\n".join(lines) + "\n\n")
    return "".join(parts)


def base(name: str) -> str:
    """The metric whose interval `name` is an end of, else `name`."""
    return name.removesuffix("_low").removesuffix("_high")


def _number(metrics: Mapping[str, float], name: str) -> str:
    value, low, high = metrics[name], metrics.get(f"{name}_low"), metrics.get(f"{name}_high")
    shown = f"{value:g}" if float(value).is_integer() and value > 1 else f"{value:.4f}"
    return shown if low is None or high is None else f"{shown} ({low:.4f} to {high:.4f})"


def breakdown(report: RunReport, rows: int) -> str:
    """Scores of categories, groups and parts, one line a benchmark."""
    if not rows:
        return ""
    lines = []
    for result in report.benchmarks:
        if result.kind is not BenchmarkKind.SCORED:
            continue
        found = [f"{text(entry.name, 60)} {percent(entry.score)} of {entry.scored}" for entry in result.categories]
        found += [
            _metric(name, value) for name, value in sorted(result.metrics.items()) if name.startswith(BROKEN_DOWN)
        ]
        if found:
            lines.append(f"- **{text(result.title)}**: {', '.join(found)}")
    return "### Scores in detail\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _metric(name: str, value: float) -> str:
    shown = f"{value:g}" if name.startswith("points_") else percent(value)
    return f"{text(name.replace('_', ' '))} {shown}"
