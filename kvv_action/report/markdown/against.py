"""How each benchmark stands against its reference, and what ending early saved."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import number, points
from kvv_action.schema import BenchmarkResult, Comparison, RunReport


def against(report: RunReport) -> str:
    """A line for each benchmark with a comparison; nothing where there is none."""
    lines = [_line(result, result.comparison) for result in report.benchmarks if result.comparison is not None]
    return "\n".join(lines) + "\n\n" if lines else ""


def _line(result: BenchmarkResult, found: Comparison) -> str:
    seen, low, high = (points(value, sign=True) for value in (found.difference, found.low, found.high))
    parts = [
        f"{seen} points against the reference{' on the same samples' if found.paired else ''}",
        f"limits {low} and {high}, margin −{points(result.margin or 0.0)}",
    ]
    if found.detectable is not None:
        parts.append(f"a deficit of {points(found.detectable)} would have been seen")
    if found.needed is not None:
        parts.append(f"about {number(found.needed)} more answers would settle it")
    if result.saved is not None:
        tokens = "" if result.saved.tokens is None else f" and about {number(result.saved.tokens)} tokens"
        parts.append(
            f"decided after {number(found.answers)} of {number(result.counts.planned)} answers, "
            f"which saved {number(result.saved.requests)} requests{tokens}"
        )
    return f"- **{text(result.title)}**: {'; '.join(parts)}"
