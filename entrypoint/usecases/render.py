"""Writes the reports of a run again, from its report.json."""

from functools import partial
from pathlib import Path

from entrypoint.outputs import write_files, write_reports
from kvv_action.compare.files import COMPARE_JSON, of_run
from kvv_action.errors import KvvError
from kvv_action.redact import Redactor
from kvv_action.report import levels
from kvv_action.report.files import REPORT, SUMMARY, parse
from kvv_action.report.levels import TABLE
from kvv_action.report.markdown import summary


def render(folder: Path) -> Path:
    """The same report.json gives the same bytes; a comparison that belongs to the run stays part of its summary.

    Returns:
        The file from which everything was written.

    Raises:
        KvvError: the folder holds no report, or a file cannot be written.
    """
    if (folder / TABLE).is_file():
        return _levels(folder)
    source, compared = folder / REPORT, folder / COMPARE_JSON
    if not source.is_file():
        raise KvvError(f"{source}: no such file; name the folder that kvv wrote")
    report = parse(source.read_bytes(), str(source))
    comparison = of_run(compared.read_bytes(), report) if compared.is_file() else None
    write_reports(folder, report, Redactor(), comparison)
    return source


def _levels(folder: Path) -> Path:
    """The reports of every level of effort again, and the summary of all."""
    table = levels.parse((folder / TABLE).read_bytes(), str(folder / TABLE))
    asked = {row.level: folder / row.level for row in table.rows if row.scores}
    found = {level: render(place) for level, place in asked.items()}
    reports = {level: parse(source.read_bytes(), str(source)) for level, source in found.items()}
    summaries = {level: partial(summary, report) for level, report in reports.items()}
    write_files(folder, {SUMMARY: levels.whole_summary(table, summaries).encode()}, Redactor())
    return folder / TABLE
