"""The end of a summary: traffic, datasets, and how to ask the same again."""

import shlex

from kvv_action.anomalies import Anomaly
from kvv_action.digits import counted, noun
from kvv_action.report.command import command
from kvv_action.report.markdown.escape import place, text
from kvv_action.report.text import number, one_line, seconds
from kvv_action.report.wording import cost_of, pinned, speed_rows
from kvv_action.schema import RunReport


def traffic(report: RunReport) -> str:
    """Requests, tokens and times of the run."""
    usage, timing = report.usage, report.timing
    without, tries = usage.answers_without_usage, noun(usage.attempts, "try", "tries")
    lines = [
        f"- {number(usage.requests)} {noun(usage.requests, 'request')} in {number(usage.attempts)} {tries}",
        f"- {number(usage.prompt_tokens)} prompt and {number(usage.completion_tokens)} completion tokens"
        + (f"; {number(without)} {noun(without, 'answer')} without usage" if without else ""),
        (
            f"- first token {seconds(timing.first_token.p50)} (median), {seconds(timing.first_token.p95)} (95 %); "
            f"whole answer {seconds(timing.total.p50)}, {seconds(timing.total.p95)}"
        ),
        (f"- {seconds(timing.wall)} in {counted(timing.sessions, 'session')}, from {timing.started}"),
    ]
    if again := report.journal.retried_failures:
        lines.append(f"- {again} failed earlier and {noun(again, 'was', 'were')} asked again on resuming")
    if torn := report.journal.mended_bytes:
        lines.append(f"- a torn journal line of {counted(torn, 'byte')} was removed (the process was killed)")
    if late := sum(result.anomalies.get(Anomaly.CLIENT_LATE, 0) for result in report.benchmarks):
        each = "its times say little" if late == 1 else "their times say little"
        lines.append(f"- {number(late)} {noun(late, 'answer')} came while this machine was busy: {each}")
    anomalies = [
        f"{text(name)} × {count}"
        for result in report.benchmarks
        for name, count in result.anomalies.items()
        if name != Anomaly.CLIENT_LATE
    ]
    if anomalies:
        lines.append(f"- tolerated in responses: {', '.join(anomalies)}")
    return "### Traffic\n\n" + "\n".join(lines) + "\n\n"


def speed(report: RunReport) -> str:
    """How fast answers came, and at which load; empty for runs of versions that did not tell."""
    if report.speed is None:
        return ""
    rows = [f"| {name} | {value} |" for name, value in speed_rows(report.speed)]
    if cost := cost_of(report):
        rows.append(f"| Cost | {cost} |")
    return "\n".join(["### Speed\n", "| Measured | |", "|---|---|", *rows]) + "\n\n"


def datasets(report: RunReport) -> str:
    """The dataset of each benchmark, and how far its content is known to be the published one."""
    lines = []
    notes = {planned.id: planned.notes for planned in report.plan.benchmarks}
    for result in report.benchmarks:
        data = result.dataset
        if data.source == "code":
            continue
        content = pinned(data, bold="**", escape=text)
        revision = f" at {data.revision[:12]}" if data.revision else ""
        lines.append(
            f"- {text(result.title)}: {data.source} {place(data.location)}{revision}, {counted(data.count, 'row')}, "
            f"{content}, SHA-256 {data.digest[:16]}"
        )
        lines += [f"  - {text(note, 2000)}" for note in notes.get(result.id, ())]
    return "### Data\n\n" + "\n".join(lines) + "\n\n" if lines else ""


def reproduce(report: RunReport) -> str:
    """The command that asks the same again, and the digests of plan and journal."""
    journal = report.journal
    fenced = shlex.join(one_line(word, 4000).replace("`", "'") for word in command(report))
    return (
        f"### Again\n\n```sh\n{_headers_first(report)}{fenced}\n```\n\n"
        f"kvv {report.provenance.version}{_built(report)}, "
        f"profile {text(report.profile.name)} {report.profile.digest[:12]}, "
        f"plan {report.plan_digest[:12]}, journal of {counted(journal.lines, 'line')} ending in {journal.head[:16]}. "
        "`kvv audit` recomputes every number from it.\n"
        + (f"\nNested containers: {text(report.provenance.engine)}.\n" if report.provenance.engine else "")
    )


def _headers_first(report: RunReport) -> str:
    """That the values of headers, which no report has, are to be set again; empty without any."""
    if not (report.provenance.again and report.endpoint.extra_headers):
        return ""
    names = ", ".join(one_line(name, 100).replace("`", "'") for name in report.endpoint.extra_headers)
    return f"# first set KVV_EXTRA_HEADERS to lines of `Name: value`: {names}\n".replace("`", "")


def _built(report: RunReport) -> str:
    """The commit and the image of the container, where they are known."""
    made = report.provenance
    commit = f" of commit {made.commit[:12]}" if made.commit else ""
    return f"{commit} in {text(made.image)}" if made.image else commit
