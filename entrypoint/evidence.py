"""What a run left, as a submission needs it: the report that follows from its journal, and the archive of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from entrypoint.bundling import bundle, opened
from kvv_action.bundle.form import NAME, REDACTED_NAME
from kvv_action.bundle.form import Member as Archive
from kvv_action.errors import KvvError
from kvv_action.journal.file import Reader
from kvv_action.leaderboard.record import Bundle
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.schema import RunReport
from kvv_action.verdict.report import build


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run's report, recomputed, and its archive; None when there is none yet."""

    report: RunReport
    bundle: Bundle | None = None


def read(path: Path, url: str = "") -> Evidence:
    """Evidence from a bundle, or from a run's folder and the bundle in it.

    Args:
        path: the archive, or the folder that kvv wrote.
        url: where the archive can be fetched.

    Raises:
        KvvError: it is no evidence, or does not hold together.
    """
    archive = _packed_in(path)
    if archive is not None:
        found = read(archive, url)
        if path_matches(found.report, path):
            return found
        raise KvvError(f"{archive}: is not the bundle of this run; make it again with kvv bundle")
    with opened(path) as evidence:
        if not (evidence.folder / JOURNAL).is_file():
            raise KvvError(f"{path}: no {JOURNAL} there; name the folder that kvv wrote")
        report = build(evidence.folder / JOURNAL)
        return Evidence(report=report, bundle=_bundle(evidence.archive, report, url))


def packed(path: Path, url: str, secrets: Redactor) -> Evidence:
    """As `read`; a run's folder without a bundle of its journal gets one first.

    Raises:
        KvvError: see `read`; or the evidence holds what looks like a key.
    """
    if path.is_dir() and (path / JOURNAL).is_file():
        archive = _packed_in(path)
        if archive is None or not path_matches(read(archive).report, path):
            bundle(path, redact=archive is not None and archive.name == REDACTED_NAME, secrets=secrets)
    return read(path, url)


def workflows(path: Path) -> list[Mapping[str, str]]:
    """What each session of a run's journal says of the workflow that it ran in; empty outside GitHub.

    Raises:
        KvvError: see `read`.
    """
    with opened(path) as evidence:
        sessions = (record for record in Reader(evidence.folder / JOURNAL) if record["kind"] == "session")
        return [dict(session["provenance"]["github"]) for session in sessions]


def _packed_in(path: Path) -> Path | None:
    """The bundle in a run's folder; the one with texts where there are both."""
    return next((path / name for name in (NAME, REDACTED_NAME) if (path / name).is_file()), None)


def path_matches(report: RunReport, folder: Path) -> bool:
    """Whether a bundle's report is that of a folder's journal."""
    journal = report.journal
    return build(folder / JOURNAL).journal.head == (journal.redacted_from or journal.head)


def _bundle(archive: Archive | None, report: RunReport, url: str) -> Bundle | None:
    if archive is None:
        return None
    redacted = bool(report.journal.redacted_from)
    return Bundle(sha256=archive.sha256, size=archive.size, url=url or None, redacted=redacted)
