"""Puts the sections of `summary.md` together within a limit of bytes."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass

from kvv_action.report import kvv_table
from kvv_action.report.advice import advice
from kvv_action.report.markdown.escape import text, words_as_code
from kvv_action.report.markdown.measured import measured, under_load
from kvv_action.report.markdown.origin import datasets, reproduce, speed, traffic
from kvv_action.report.markdown.problems import causes, failures, findings, holdout, wrong
from kvv_action.report.markdown.scores import MARKS, against, breakdown, chart, metrics, table
from kvv_action.schema import RunReport, RunState
from kvv_action.verdict.lead import arrival, first_cause, headline, page_of, rest_of

BUDGET = 900 * 1024
"""Bytes; GitHub drops a step summary of more than 1 MiB as a whole."""
ROWS = (50, 20, 5, 0)
"""Rows of a list, from a summary with room to one without."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryInsert:
    """Text of another part of the product: `head` comes first; `section` takes the number of rows it may have."""

    head: str = ""
    section: Callable[[int], str] | None = None


def summary(report: RunReport, budget: int = BUDGET, inserted: SummaryInsert | None = None) -> str:
    """The summary within `budget` bytes: lists get shorter first, then the last sections go; the verdict stays."""
    with words_as_code() if report.plan.plain_reports else nullcontext():
        return _within(report, budget, inserted)


def _within(report: RunReport, budget: int, inserted: SummaryInsert | None) -> str:
    head = (inserted.head if inserted else "") + _head(report)
    opening = head + table(report) + chart(report) + against(report)
    sections: list[str] = []
    for rows in ROWS:
        sections = _sections(report, inserted, rows)
        if _fits(whole := opening + "".join(sections), budget):
            return whole
    for kept in range(len(sections) - 1, -1, -1):
        if _fits(part := opening + "".join(sections[:kept]), budget):
            return part
    return head.encode()[: max(0, budget)].decode(errors="ignore")


def _fits(summary: str, budget: int) -> bool:
    return len(summary.encode()) <= budget


def _sections(report: RunReport, inserted: SummaryInsert | None, rows: int) -> list[str]:
    """The sections in the order in which a reader needs them."""
    return [
        wrong(report, rows),
        findings(report, rows),
        causes(report),
        inserted.section(rows) if inserted and inserted.section else "",
        holdout(report, rows),
        failures(report, rows),
        measured(report),
        under_load(report),
        metrics(report, rows),
        breakdown(report, rows),
        speed(report),
        traffic(report),
        datasets(report),
        kvv_table.collapsed(report),
        reproduce(report),
    ]


def _link(report: RunReport) -> str:
    found = report.causes and first_cause(report)
    return f" ([about this cause]({page_of(report, found.cause_id)}))" if found else ""


def _head(report: RunReport) -> str:
    endpoint = report.endpoint
    title = f"## {MARKS[report.verdict]}: {text(endpoint.model)} at {text(endpoint.vendor)}\n\n"
    found = headline(report)
    told = found or report.reason
    early = f"**{report.state.capitalize()}**: " if report.state is not RunState.COMPLETE else ""
    once = bool(early) and report.plan.plain_reports and told == report.state_reason
    notes = [f"**{text(told, 500)}**" if found and not once else f"{early if once else ''}{text(told, 1500)}"]
    if first := advice(report):
        notes.append(f"**Do first**: {text(first, 800)}{_link(report)}")
    if report.delivery is not None:
        notes.append(f"Delivery: {text(arrival(report.delivery), 600)}")
    if found and (rest := rest_of(report)):
        notes.append(text(rest, 1500))
    if report.demonstration:
        notes.append("**A demonstration**: the embedded vendor answered; this says nothing about a real endpoint.")
    elif any(result.dataset.source == "bundled" for result in report.benchmarks):
        notes.append("Bundled samples are a self-check, not the published benchmark: every answer must be right.")
    if early and not once:
        notes.append(f"{early}{text(report.state_reason, 500)}")
    if report.plan.imported:
        notes.append(f"**Imported** from {text(report.plan.imported)}: somebody else asked; kvv judged the answers.")
    if report.journal.redacted_from:
        notes.append(
            "**Redacted**: digests stand for the texts, so nobody can recompute the scores from this evidence."
        )
    if report.plan.faults:
        notes.append(f"Faults of the embedded vendor: {text(', '.join(report.plan.faults))}")
    return title + "\n\n".join(notes) + "\n\n"
