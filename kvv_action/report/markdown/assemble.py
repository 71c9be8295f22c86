"""`summary.md`: what a person reads in ten seconds, and below it what explains it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from kvv_action.report.markdown.advice import advice
from kvv_action.report.markdown.again import reproduce
from kvv_action.report.markdown.against import against
from kvv_action.report.markdown.cases import failures
from kvv_action.report.markdown.causes import diagnosis
from kvv_action.report.markdown.chart import chart
from kvv_action.report.markdown.escape import text
from kvv_action.report.markdown.holdout import holdout
from kvv_action.report.markdown.numbers import breakdown, metrics
from kvv_action.report.markdown.origin import datasets, traffic
from kvv_action.report.markdown.table import MARKS, table
from kvv_action.schema import RunReport, RunState

Section = Callable[[int], str]
BUDGET = 900 * 1024
"""Bytes; GitHub drops a step summary of more than 1 MiB as a whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inserted:
    """What another part of the product says first, and in a section of its own that takes how many rows it may have."""

    head: str = ""
    section: Section | None = None


def summary(report: RunReport, budget: int = BUDGET, inserted: Inserted | None = None) -> str:
    """The summary within `budget` bytes; lists get shorter first, then sections go from the end, the verdict stays."""
    head = (inserted.head if inserted else "") + _head(report)
    sections, drawn = _sections(report, inserted), chart(report) + against(report)
    whole = len(sections)
    for rows, count in ((50, whole), (20, whole), (5, whole), *((0, kept) for kept in range(whole, -1, -1))):
        result = head + table(report) + drawn + "".join(section(rows) for section in sections[:count])
        if len(result.encode()) <= budget:
            return result
    return head.encode()[: max(0, budget)].decode(errors="ignore")


def _sections(report: RunReport, inserted: Inserted | None) -> list[Section]:
    """In the order in which a reader needs them; the last ones go first when there is no room."""
    more = (inserted.section,) if inserted and inserted.section else ()
    mine = (diagnosis, holdout, failures, metrics, breakdown, traffic, datasets, reproduce)
    found: list[Section] = [partial(section, report) for section in mine]
    return [found[0], *more, *found[1:]]


def _head(report: RunReport) -> str:
    endpoint = report.endpoint
    title = f"## {MARKS[report.verdict]}: {text(endpoint.model)} at {text(endpoint.vendor)}\n\n"
    notes = [text(report.reason, 1500)]
    if first := advice(report):
        notes.append(f"**Do first**: {text(first, 800)}")
    if report.demonstration:
        notes.append("**A demonstration**: the embedded vendor answered; this says nothing about a real endpoint.")
    elif any(result.dataset.source == "bundled" for result in report.benchmarks):
        notes.append("Bundled samples are a self-check, not the published benchmark: every answer must be right.")
    if report.state is not RunState.COMPLETE:
        notes.append(f"**{report.state.capitalize()}**: {text(report.state_reason, 500)}")
    if report.plan.imported:
        notes.append(f"**Imported** from {text(report.plan.imported)}: somebody else asked; kvv judged the answers.")
    if report.journal.redacted_from:
        notes.append(
            "**Redacted**: digests stand for the texts, so nobody can recompute the scores from this evidence."
        )
    if report.plan.faults:
        notes.append(f"Faults of the embedded vendor: {text(', '.join(report.plan.faults))}")
    return title + "\n\n".join(notes) + "\n\n"
