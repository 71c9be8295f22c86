"""What is likely to be the cause, and what to do."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import percent
from kvv_action.schema import BenchmarkResult, Diagnosis, RunReport

Seen = list[tuple[BenchmarkResult, Diagnosis]]


def diagnosis(report: RunReport, rows: int) -> str:
    """Every recognised cause with its remedy, once, with the benchmarks that show it."""
    del rows
    found: dict[tuple[str, str], Seen] = {}
    for result in report.benchmarks:
        for one in result.diagnosis:
            found.setdefault((one.cause, one.remedy), []).append((result, one))
    lines = [
        f"- **{text(cause, 300)}** ({_where(seen)})" + (f": {text(remedy, 500)}" if remedy else "")
        for (cause, remedy), seen in found.items()
    ]
    return "### Likely causes\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _where(seen: Seen) -> str:
    return "; ".join(f"{text(result.title)}, {found.count} ×{_share(found)}" for result, found in seen)


def _share(found: Diagnosis) -> str:
    return "" if found.share is None else f", {percent(found.share)} of answers"
