"""The problems of a summary: likely causes, failed and wrong answers, what was not asked, gaps to varied items."""

from collections.abc import Iterator, Sequence

from kvv_action.digits import noun
from kvv_action.report.markdown.escape import code, option, text
from kvv_action.report.text import percent
from kvv_action.report.wording import GAP_NOTE, changed, gap_words, unanswered, unasked
from kvv_action.schema import (
    BenchmarkKind,
    BenchmarkResult,
    Case,
    Diagnosis,
    Finding,
    Gap,
    Outcome,
    RunCause,
    RunReport,
    Severity,
    Verdict,
)
from kvv_action.verdict.lead import example_of, page_of, seen_in, share_of, symptoms_of, to_do

SIGNS = {Severity.FAILURE: "❌ failure", Severity.WARNING: "⚠️ warning", Severity.INFORMATION: "ℹ️ information"}


def wrong(report: RunReport, rows: int) -> str:
    """Every cause, the one that explains most first, with what to do, where it was seen, and what it explains."""
    told = [one for one in report.causes if one.severity is not Severity.INFORMATION]
    folded = [one for one in report.causes if one.severity is Severity.INFORMATION]
    lines = [line for number, one in enumerate(told[: rows or 5], 1) for line in _cause_lines(report, number, one)]
    if len(told) > (rows or 5):
        lines.append(f"\n{len(told) - (rows or 5)} more in report.json.")
    if folded and rows:
        summary = f"{len(folded)} more that {noun(len(folded), 'says', 'say')} nothing against the endpoint"
        shown = [f"- {text(one.cause, 300)} ({seen_in(one)})" for one in folded[:rows]]
        lines += [f"\n<details><summary>{summary}</summary>\n", *shown, "\n</details>"]
    return "### What is wrong\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _cause_lines(report: RunReport, number: int, one: RunCause) -> Iterator[str]:
    yield f"{number}. {SIGNS[one.severity]}: **{text(one.cause, 300)}**"
    yield f"   - What to do: {text(one.remedy, 500)} ([about this cause]({page_of(report, one.cause_id)}))"
    yield from (f"   - {text(engine, 40)}: {option(switch, 200)}" for engine, switch in one.switches.items())
    where = f"{seen_in(one)} ({', '.join(map(text, one.benchmarks))})"
    yield f"   - Seen in {'; '.join(filter(None, (where, share_of(one))))}"
    if example := example_of(report, one):
        yield f"   - For example {code(example, 240)}"
    if symptoms := [*symptoms_of(report, one)]:
        yield f"   - It explains: {text('; '.join(symptoms), 800)}"


def findings(report: RunReport, rows: int) -> str:
    """A row per finding over all answers, in a report without ordered causes; what is only information is folded."""
    if report.causes:
        return ""
    told = [one for one in report.findings if one.severity is not Severity.INFORMATION]
    folded = [one for one in report.findings if one.severity is Severity.INFORMATION]
    parts = _finding_rows(told, rows or 5)
    if folded and rows:
        count = f"{len(folded)} more that {noun(len(folded), 'says', 'say')} nothing against the endpoint"
        parts += [f"\n<details><summary>{count}</summary>\n", *_finding_rows(folded, rows), "\n</details>"]
    return "### Seen over all answers\n\n" + "\n".join(parts) + "\n\n" if parts else ""


def _finding_rows(found: Sequence[Finding], rows: int) -> list[str]:
    if not found:
        return []
    more = [f"\n{len(found) - rows} more in report.json."] if len(found) > rows else []
    return [
        "| | What is wrong | Answers | Benchmarks | Example | What to do |",
        "|---|---|---|---|---|---|",
        *map(_finding_row, found[:rows]),
        *more,
    ]


def _finding_row(one: Finding) -> str:
    example = next((f"{seen.sample}: {seen.shown}" for seen in one.evidence), "")
    cells = (
        SIGNS[one.severity], text(one.cause, 300), seen_in(one), text(", ".join(one.benchmarks)), text(example, 240),
        text(to_do(one), 500),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def causes(report: RunReport) -> str:
    """Every recognised cause with its remedy, once, in a report without ordered causes."""
    if report.causes:
        return ""
    found: dict[tuple[str, str], list[tuple[BenchmarkResult, Diagnosis]]] = {}
    for result in report.benchmarks:
        for one in result.diagnosis:
            found.setdefault((one.cause, one.remedy), []).append((result, one))
    lines = [
        f"- **{text(cause, 300)}** ({_where(seen)})" + (f": {text(remedy, 500)}" if remedy else "")
        for (cause, remedy), seen in found.items()
    ]
    return "### Likely causes\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _where(seen: list[tuple[BenchmarkResult, Diagnosis]]) -> str:
    return "; ".join(f"{text(result.title)}, {found.count} ×{_share(found)}" for result, found in seen)


def _share(found: Diagnosis) -> str:
    return "" if found.share is None else f", {percent(found.share)} of answers"


def holdout(report: RunReport, rows: int) -> str:
    """A row per benchmark with published and varied items, and how the items were varied; empty without a gap."""
    if not report.gaps:
        return ""
    titles = {result.id: result.title for result in report.benchmarks}
    lines = [
        "### Published and varied items\n",
        "| benchmark | pairs | published | varied | gap | 95 % interval | |",
        "|---|--:|--:|--:|--:|---|---|",
        *(_row(titles.get(gap.benchmark, gap.benchmark), gap) for gap in report.gaps),
        "",
        GAP_NOTE,
    ]
    if rows and (found := changed(report)):
        lines += ["", f"Changed by seed {report.plan.seed}: {text(found, 1000)}."]
    return "\n".join(lines) + "\n\n"


def _row(title: str, gap: Gap) -> str:
    low, high = (f"{100 * end:+.1f}" for end in gap.interval)
    figures = f"{gap.pairs} | {percent(gap.public)} | {percent(gap.varied)} | {100 * gap.gap:+.1f}"
    return f"| {text(title)} | {figures} | {low} to {high} | {gap_words(gap)} |"


def failures(report: RunReport, rows: int) -> str:
    """A section per benchmark with a failed, skipped or wrong answer, then the benchmarks that were not asked."""
    parts = []
    for result in report.benchmarks:
        if result.verdict is Verdict.SKIPPED:
            continue
        bad = [case for case in result.cases if case.outcome is not Outcome.RIGHT]
        if not (bad or result.failures or result.skips):
            continue
        lines = [f"### {text(result.title)}: {text(_heading(report, result), 600)}\n"]
        lines += [f"- {failure.count} × {failure.kind}: {text(failure.example, 300)}" for failure in result.failures]
        lines += [f"- {count} skipped: {text(reason, 300)}" for reason, count in result.skips.items()]
        wrong_ones = [case for case in bad if case.outcome is not Outcome.FAILED]
        lines += _bad_cases(result, wrong_ones, rows, plain=report.plan.plain_reports)
        parts.append("\n".join(lines) + "\n\n")
    return "".join(parts) + _unanswered(report) + _unasked(report)


def _heading(report: RunReport, result: BenchmarkResult) -> str:
    """The reason; without the ids of samples where the table below has them, except in reports of older runs."""
    listed = report.plan.plain_reports and report.must_be_right(result) and result.verdict is Verdict.FAIL
    return result.reason.partition(" (")[0] if listed else result.reason


def _unanswered(report: RunReport) -> str:
    """Which probes got no answer, and why."""
    lines = [f"- {text(reason, 300)}: {', '.join(map(text, ids))}" for reason, ids in unanswered(report).items()]
    return "### Probes without an answer\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _unasked(report: RunReport) -> str:
    lines = [f"- {', '.join(map(text, titles))}: {text(reason, 600)}" for reason, titles in unasked(report).items()]
    return "### Not asked\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def _bad_cases(result: BenchmarkResult, bad: list[Case], rows: int, *, plain: bool) -> list[str]:
    """What was not right, folded; only `plain` reports have the singular, older ones keep their bytes."""
    if not bad or not rows:
        return []
    contract = result.kind is BenchmarkKind.CONTRACT
    single, several = ("probe that does", "probes that do") if contract else ("answer that is", "answers that are")
    said = single if plain and len(bad) == 1 else several
    total = f"{'at least ' if result.cases_omitted else ''}{len(bad)} {said} not {'hold' if contract else 'right'}"
    lines = [
        f"\n<details{'' if result.diagnosis else ' open'}><summary>{total}</summary>\n",
        *(_probe_rows(bad[:rows]) if contract else _answer_rows(bad[:rows])),
    ]
    if len(bad) > rows:
        lines.append(f"\n{len(bad) - rows} more in report.json.")
    return [*lines, "\n</details>"]


def _probe_rows(bad: list[Case]) -> list[str]:
    """A row per probe: the observation and its likely cause."""
    return [
        "| Probe | What was seen | Likely cause |",
        "|---|---|---|",
        *(f"| {text(case.id, 80)} | {text(case.explanation, 240)} | {text(case.cause, 120)} |" for case in bad),
    ]


def _answer_rows(bad: list[Case]) -> list[str]:
    return [
        "| Sample | Epoch | Outcome | Answer | Why | Finish |",
        "|---|---|---|---|---|---|",
        *(
            f"| {text(case.id, 80)} | {case.epoch} | {case.outcome} | {code(case.answer, 80)} | "
            f"{text(case.explanation, 240)} | {text(case.finish_reason, 30)} |"
            for case in bad
        ),
    ]
