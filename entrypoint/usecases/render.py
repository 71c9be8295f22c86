"""Writes the reports of a run again, from its report.json."""

from functools import partial
from pathlib import Path

from entrypoint.outputs import write_files, write_reports
from kvv_action.compare.files import COMPARE_JSON, of_run
from kvv_action.errors import KvvError
from kvv_action.redact import Redactor
from kvv_action.report import levels
from kvv_action.report.files import REPORT, SUMMARY, parse
from kvv_action.report.kvv_table import kvv_table
from kvv_action.report.levels import TABLE, EffortTable
from kvv_action.report.markdown import summary
from kvv_action.report.place import no_run
from kvv_action.schema import RunReport


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
    report = _report(folder)
    comparison = of_run(compared.read_bytes(), report) if compared.is_file() else None
    write_reports(folder, report, Redactor(), comparison)
    return source


def kvv_tables(folder: Path) -> str:
    """Kimi-Vendor-Verifier's table of a run, or of the run of each level of effort.

    Raises:
        KvvError: the folder holds no report, or the run has nothing that the table shows.
    """
    folders = _asked(_table(folder), folder).values() if (folder / TABLE).is_file() else [folder]
    found = [shown for place in folders if (shown := kvv_table(_report(place)))]
    if not found:
        raise KvvError(f"{folder}: neither a probe nor a scored benchmark was answered")
    return "\n".join(found)


def _report(folder: Path) -> RunReport:
    source = folder / REPORT
    if not source.is_file():
        where = folder if folder.is_file() else source
        told = "not a folder" if folder.is_file() else "no such file"
        raise KvvError(no_run(folder, REPORT, f"{where}: {told}; name the folder that kvv wrote"))
    return parse(source.read_bytes(), str(source))


def _table(folder: Path) -> EffortTable:
    return levels.parse((folder / TABLE).read_bytes(), str(folder / TABLE))


def _asked(table: EffortTable, folder: Path) -> dict[str, Path]:
    """The folders of the levels that were asked."""
    return {row.level: folder / row.level for row in table.rows if row.scores}


def _levels(folder: Path) -> Path:
    """The reports of every level of effort again, and the summary of all."""
    table = _table(folder)
    asked = _asked(table, folder)
    for place in asked.values():
        render(place)
    summaries = {level: partial(summary, _report(place)) for level, place in asked.items()}
    write_files(folder, {SUMMARY: levels.whole_summary(table, summaries).encode()}, Redactor())
    return folder / TABLE
