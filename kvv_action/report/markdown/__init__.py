"""The summary as markdown: a module a section."""

from kvv_action.report.markdown.assemble import BUDGET, summary
from kvv_action.report.markdown.escape import text

__all__ = ["BUDGET", "summary", "text"]
