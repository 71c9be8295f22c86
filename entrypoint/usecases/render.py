"""Writes the reports of a run again, from its report.json."""

from pathlib import Path

from entrypoint.outputs import write_reports
from kvv_action.compare.files import COMPARE_JSON, of_run
from kvv_action.errors import KvvError
from kvv_action.redact import Redactor
from kvv_action.report.files import REPORT, parse


def render(folder: Path) -> Path:
    """The same report.json gives the same bytes; a comparison that belongs to the run stays part of its summary.

    Returns:
        The file from which everything was written.

    Raises:
        KvvError: the folder holds no report, or a file cannot be written.
    """
    source, compared = folder / REPORT, folder / COMPARE_JSON
    if not source.is_file():
        raise KvvError(f"{source}: no such file; name the folder that kvv wrote")
    report = parse(source.read_bytes(), str(source))
    comparison = of_run(compared.read_bytes(), report) if compared.is_file() else None
    write_reports(folder, report, Redactor(), comparison)
    return source
