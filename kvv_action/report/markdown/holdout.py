"""Published items against the same ones put another way."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent
from kvv_action.schema import Gap, RunReport

NOTE = (
    "The same tasks in other words or another order. A gap is behaviour that was observed, not why: recognised items, "
    "memorised answers and wordings that happen to be harder look alike."
)


def holdout(report: RunReport, rows: int) -> str:
    """A row per benchmark that was asked in both ways, and what was changed; empty when nothing was."""
    if not report.gaps:
        return ""
    titles = {result.id: result.title for result in report.benchmarks}
    lines = [
        "### Published and varied items\n",
        "| benchmark | pairs | published | varied | gap | 95 % interval | |",
        "|---|--:|--:|--:|--:|---|---|",
        *(_row(titles.get(gap.benchmark, gap.benchmark), gap) for gap in report.gaps),
        "",
        NOTE,
    ]
    if rows and (found := changed(report)):
        lines += ["", f"Changed by seed {report.plan.seed}: {text(found, 1000)}."]
    return "\n".join(lines) + "\n\n"


def _row(title: str, gap: Gap) -> str:
    low, high = (f"{100 * end:+.1f}" for end in gap.interval)
    figures = f"{gap.pairs} | {percent(gap.public)} | {percent(gap.varied)} | {100 * gap.gap:+.1f}"
    return f"| {text(title)} | {figures} | {low} to {high} | {told(gap)} |"


def told(gap: Gap) -> str:
    """What can be said of it."""
    return "published items are answered better" if gap.clear else "no clear difference"


def changed(report: RunReport) -> str:
    """What was done to how many samples."""
    varied = [planned for planned in report.plan.benchmarks if planned.is_variant]
    parts = ", ".join
    return "; ".join(
        f"{planned.title}: {parts(f'{way} {count}' for way, count in planned.variations.items())}" for planned in varied
    )
