"""`kvv render`: the reports again, or Kimi-Vendor-Verifier's table, from report.json."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.options import Parser
from entrypoint.usecases.render import kvv_tables, render

EPILOG = """examples:
  kvv render kvv-out
  kvv render --format kvv kvv-out

--format kvv writes no file. It prints the table that engine teams put into their pull requests. A row bears the name of
a suite of Kimi-Vendor-Verifier only where its own cases were sent: prompt tokens at --tier full, tool schemas with
--mfjs-cases. Other rows are probes of kvv about the same contract."""


def main(argv: Sequence[str]) -> int:
    """Write the reports and say from which file, or print the table."""
    parser = Parser(
        prog="kvv render", description="Write a run's reports again from its report.json, or print a table of it.",
        epilog=EPILOG,
    )  # fmt: skip
    parser.add_argument("dir", metavar="DIR", help="The folder that kvv wrote.")
    parser.add_argument(
        "--format", default="reports", choices=("reports", "kvv"), metavar="reports|kvv",
        help="reports (default): all files again. kvv: print the table of Kimi-Vendor-Verifier.",
    )  # fmt: skip
    values = parser.read(argv)
    folder = Path(values.dir)
    if values.format == "kvv":
        sys.stdout.write(kvv_tables(folder))
    else:
        sys.stdout.write(f"written again from {render(folder)}\n")
    return 0
