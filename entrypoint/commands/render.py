"""`kvv render`: the reports again, from report.json."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.options import Parser
from entrypoint.outputs import write_reports
from kvv_action.compare.files import COMPARE_JSON, of_run
from kvv_action.compare.records import Comparison
from kvv_action.errors import KvvError
from kvv_action.redact import Redactor
from kvv_action.report.files import REPORT, parse
from kvv_action.schema import RunReport


def main(argv: Sequence[str]) -> int:
    """The same report.json gives the same bytes."""
    parser = Parser(prog="kvv render", description="Write a run's reports again from its report.json.")
    parser.add_argument("dir", metavar="DIR", help="The folder that kvv wrote.")
    out = Path(parser.read(argv).dir)
    source = out / REPORT
    if not source.is_file():
        raise KvvError(f"{source}: no such file; name the folder that kvv wrote")
    report = parse(source.read_bytes(), str(source))
    write_reports(out, report, Redactor(), _comparison(out / COMPARE_JSON, report))
    sys.stdout.write(f"written again from {source}\n")
    return 0


def _comparison(path: Path, report: RunReport) -> Comparison | None:
    """The comparison with a baseline that belongs to this run, when there is one."""
    return of_run(path.read_bytes(), report) if path.is_file() else None
