"""`summary.md`: what a person reads in ten seconds, and below it what explains it."""

from collections.abc import Callable

from kvv_action.report.markdown.again import reproduce
from kvv_action.report.markdown.cases import failures
from kvv_action.report.markdown.causes import diagnosis
from kvv_action.report.markdown.escape import text
from kvv_action.report.markdown.numbers import breakdown, metrics
from kvv_action.report.markdown.origin import datasets, traffic
from kvv_action.report.markdown.table import MARKS, table
from kvv_action.schema import RunReport, RunState

BUDGET = 900 * 1024
"""Bytes; GitHub drops a step summary of more than 1 MiB as a whole."""


def summary(report: RunReport, budget: int = BUDGET) -> str:
    """The summary within `budget` bytes; lists get shorter first, then sections go from the end, the verdict stays."""
    for rows, sections in ((50, 7), (20, 7), (5, 7), *((0, kept) for kept in range(7, -1, -1))):
        result = _render(report, rows, sections)
        if len(result.encode()) <= budget:
            return result
    return _head(report).encode()[: max(0, budget)].decode(errors="ignore")


def _render(report: RunReport, rows: int, count: int) -> str:
    sections: tuple[Callable[[RunReport, int], str], ...] = (
        diagnosis, failures, metrics, breakdown, traffic, datasets, reproduce,
    )  # fmt: skip
    kept = sections[:count]
    return _head(report) + table(report) + "".join(section(report, rows) for section in kept)


def _head(report: RunReport) -> str:
    endpoint = report.endpoint
    title = f"## {MARKS[report.verdict]}: {text(endpoint.model)} at {text(endpoint.vendor)}\n\n"
    notes = [text(report.reason, 1500)]
    if report.demonstration:
        notes.append("**A demonstration**: the embedded vendor answered; this says nothing about a real endpoint.")
    elif any(result.dataset.source == "bundled" for result in report.benchmarks):
        notes.append("Bundled samples are a self-check, not the published benchmark: every answer must be right.")
    if report.state is not RunState.COMPLETE:
        notes.append(f"**{report.state.capitalize()}**: {text(report.state_reason, 500)}")
    if report.plan.imported:
        notes.append(f"**Imported** from {text(report.plan.imported)}: somebody else asked; kvv judged the answers.")
    if report.plan.faults:
        notes.append(f"Faults of the embedded vendor: {text(', '.join(report.plan.faults))}")
    return title + "\n\n".join(notes) + "\n\n"
