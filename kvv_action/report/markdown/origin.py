"""Where the answers and the samples come from: traffic and datasets."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.text import number, seconds
from kvv_action.schema import DatasetInfo, RunReport


def traffic(report: RunReport, rows: int) -> str:
    """Requests, tokens and times of the run."""
    del rows
    usage, timing = report.usage, report.timing
    lines = [
        f"- {number(usage.requests)} requests in {number(usage.attempts)} tries",
        f"- {number(usage.prompt_tokens)} prompt and {number(usage.completion_tokens)} completion tokens"
        + (f"; {number(usage.answers_without_usage)} answers without usage" if usage.answers_without_usage else ""),
        (
            f"- first token {seconds(timing.first_token.p50)} (median), {seconds(timing.first_token.p95)} (95 %); "
            f"whole answer {seconds(timing.total.p50)}, {seconds(timing.total.p95)}"
        ),
        (
            f"- {seconds(timing.wall)} in {timing.sessions} session{'s' if timing.sessions > 1 else ''}, "
            f"from {timing.started}"
        ),
    ]
    if report.journal.retried_failures:
        lines.append(f"- {report.journal.retried_failures} failed earlier and were asked again on resuming")
    if report.journal.mended_bytes:
        lines.append(
            f"- a torn journal line of {report.journal.mended_bytes} bytes was removed (the process was killed)"
        )
    anomalies = [f"{text(name)} × {count}" for result in report.benchmarks for name, count in result.anomalies.items()]
    if anomalies:
        lines.append(f"- tolerated in responses: {', '.join(anomalies)}")
    return "### Traffic\n\n" + "\n".join(lines) + "\n\n"


def datasets(report: RunReport, rows: int) -> str:
    """Which data was asked, and how far it is known to be the published one."""
    del rows
    lines = []
    notes = {planned.id: planned.notes for planned in report.plan.benchmarks}
    for result in report.benchmarks:
        data = result.dataset
        if data.source == "code":
            continue
        content = pinned(data)
        revision = f" at {data.revision[:12]}" if data.revision else ""
        lines.append(
            f"- {text(result.title)}: {data.source} {text(data.location)}{revision}, {data.count} rows, "
            f"{content}, SHA-256 {data.digest[:16]}"
        )
        lines += [f"  - {text(note, 2000)}" for note in notes.get(result.id, ())]
    return "### Data\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def pinned(data: DatasetInfo) -> str:
    """How far the content is known to be the published one."""
    if data.source == "bundled":
        return "our own samples"
    if data.source == "archive" and not data.pinned and data.pinned_by:
        return "pinned by count only, for no digest is published"
    if not data.pinned and data.pinned_by:
        return "a local copy, **not compared**: no digest of the published content is known"
    if not data.pinned:
        return "**not the pinned content**"
    if data.pinned_by in ("", "digest"):
        return "the pinned content"
    return f"pinned by {text(data.pinned_by)}, **not by a digest of the content**"
