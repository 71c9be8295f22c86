"""A row per benchmark."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent
from kvv_action.schema import BenchmarkResult, RunReport, Verdict

MARKS = {
    Verdict.PASS: "✅ pass",
    Verdict.FAIL: "❌ fail",
    Verdict.INCONCLUSIVE: "⚠️ inconclusive",
    Verdict.SKIPPED: "⏭️ skipped",
}


def table(report: RunReport) -> str:
    """All benchmarks, one a line."""
    lines = [
        "| Benchmark | Verdict | Score | 95 % interval | Reference | Right of scored | Failed | Skipped |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines.extend(_row(result) for result in report.benchmarks)
    return "\n".join(lines) + "\n\n"


def _row(result: BenchmarkResult) -> str:
    counts = result.counts
    interval = "–" if result.interval is None else " to ".join(percent(bound) for bound in result.interval)
    reference = percent(result.reference)
    if result.reference is not None and result.margin is not None:
        reference += f" − {percent(result.margin)}"
    right = _right(result)
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


def _right(result: BenchmarkResult) -> str:
    if not result.counts.scored:
        return "–"
    if result.aggregate not in ("mean", "resolved"):
        shown = ("tp", "fp", "fn", "tn")
        found = [f"{result.metrics[name]:g} {name.upper()}" for name in shown if name in result.metrics]
        return ", ".join(found) or f"{result.counts.scored} scored"
    return "–" if result.score is None else f"{result.score * result.counts.scored:g} of {result.counts.scored}"
