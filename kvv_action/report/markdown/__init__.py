"""`summary.md`: the run report as markdown for a step summary."""

from kvv_action.report.markdown.escape import text
from kvv_action.report.markdown.summary import BUDGET, SummaryInsert, summary

__all__ = ["BUDGET", "SummaryInsert", "summary", "text"]
