"""What failed, what was skipped, and the answers that are not right."""

from kvv_action.report.markdown.escape import text
from kvv_action.schema import BenchmarkKind, BenchmarkResult, Case, Outcome, RunReport, Verdict


def failures(report: RunReport, rows: int) -> str:
    """A part per benchmark that was not all right."""
    parts = []
    for result in report.benchmarks:
        if result.verdict is Verdict.SKIPPED:
            continue
        bad = [case for case in result.cases if case.outcome is not Outcome.RIGHT]
        if not (bad or result.failures or result.skips):
            continue
        lines = [f"### {text(result.title)}: {text(result.reason, 600)}\n"]
        lines += [f"- {failure.count} × {failure.kind}: {text(failure.example, 300)}" for failure in result.failures]
        lines += [f"- {count} skipped: {text(reason, 300)}" for reason, count in result.skips.items()]
        lines += _bad_cases(result, [case for case in bad if case.outcome is not Outcome.FAILED], rows)
        parts.append("\n".join(lines) + "\n\n")
    return "".join(parts) + _unasked(report)


def _unasked(report: RunReport) -> str:
    """Benchmarks of which nothing was asked, by the reason that they share."""
    lines = [f"- {', '.join(map(text, titles))}: {text(reason, 600)}" for reason, titles in unasked(report).items()]
    return "### Not asked\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def unasked(report: RunReport) -> dict[str, list[str]]:
    """Titles of the benchmarks of which nothing was asked, by reason."""
    found: dict[str, list[str]] = {}
    for result in report.benchmarks:
        if result.verdict is Verdict.SKIPPED:
            found.setdefault(result.reason, []).append(result.title)
    return found


def _bad_cases(result: BenchmarkResult, bad: list[Case], rows: int) -> list[str]:
    if not bad or not rows:
        return []
    noun = "probes that do not hold" if result.kind is BenchmarkKind.CONTRACT else "answers that are not right"
    total = len(bad) if not result.cases_omitted else f"at least {len(bad)}"
    lines = [
        f"\n<details{'' if result.diagnosis else ' open'}><summary>{total} {noun}</summary>\n",
        *(_probe_rows(bad[:rows]) if result.kind is BenchmarkKind.CONTRACT else _answer_rows(bad[:rows])),
    ]
    if len(bad) > rows:
        lines.append(f"\n{len(bad) - rows} more in report.json.")
    return [*lines, "\n</details>"]


def _probe_rows(bad: list[Case]) -> list[str]:
    """A row per probe: what was seen, and the cause that it is a sign of."""
    return [
        "| Probe | What was seen | Likely cause |",
        "|---|---|---|",
        *(f"| {text(case.id, 80)} | {text(case.explanation, 240)} | {text(case.cause, 120)} |" for case in bad),
    ]


def _answer_rows(bad: list[Case]) -> list[str]:
    """A row per answer."""
    return [
        "| Sample | Epoch | Outcome | Answer | Why | Finish |",
        "|---|---|---|---|---|---|",
        *(
            f"| {text(case.id, 80)} | {case.epoch} | {case.outcome} | {text(case.answer, 80)} | "
            f"{text(case.explanation, 240)} | {text(case.finish_reason, 30)} |"
            for case in bad
        ),
    ]
