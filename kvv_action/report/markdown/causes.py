"""What is likely to be the cause, and what to do."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent
from kvv_action.schema import Diagnosis, RunReport


def diagnosis(report: RunReport, rows: int) -> str:
    """Every recognised cause with its remedy, in the order of the benchmarks."""
    del rows
    lines = [
        f"- **{text(found.cause, 300)}** ({text(result.title)}, {found.count} ×{_share(found)})"
        + (f": {text(found.remedy, 500)}" if found.remedy else "")
        for result in report.benchmarks
        for found in result.diagnosis
    ]
    return "### Likely causes\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _share(found: Diagnosis) -> str:
    return "" if found.share is None else f", {percent(found.share)} of answers"
