"""A run's evidence as a submission needs it: the report that follows from its journal, and the archive of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from entrypoint.bundling import Bundled, Opened, bundle, opened, origin_of
from kvv_action.bundle.form import NAME, REDACTED_NAME
from kvv_action.bundle.form import Member as Archive
from kvv_action.errors import JournalError, KvvError, refusal
from kvv_action.journal.file import Reader
from kvv_action.journal.reading import JournalReading
from kvv_action.leaderboard.record import Bundle
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.report.place import no_run
from kvv_action.schema import RunReport
from kvv_action.verdict.report import build


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvidence:
    """A run's report, recomputed, and its archive.

    Attributes:
        bundle: None when there is none yet.
        workflows: what each session of the journal says of the workflow that it ran in; empty outside GitHub.
    """

    report: RunReport
    bundle: Bundle | None = None
    workflows: Sequence[Mapping[str, str]] = ()


def read(path: Path, url: str = "") -> RunEvidence:
    """Evidence from a bundle, or from a run's folder and the bundle in it.

    Args:
        path: the archive, or the folder that kvv wrote.
        url: where the archive can be fetched.

    Raises:
        KvvError: it is no evidence, or does not hold together.
    """
    archive = _packed_in(path)
    if archive is not None:
        return _of_run(archive, _head_of(path / JOURNAL), url)
    with opened(path) as evidence:
        return of_opened(path, evidence, url)


def packed(path: Path, url: str, secrets: Redactor) -> RunEvidence:
    """As `read`; a run's folder without a bundle of its journal gets one first.

    Raises:
        KvvError: see `read`; or the evidence holds what looks like a key.
    """
    if not (path / JOURNAL).is_file():
        return read(path, url)
    archive = _packed_in(path)
    if archive is not None:
        head = _head_of(path / JOURNAL)
        if origin_of(archive) == head:
            return _of_run(archive, head, url)
    redact = archive is not None and archive.name == REDACTED_NAME
    return of_bundle(bundle(path, redact=redact, secrets=secrets), url)


def of_bundle(done: Bundled, url: str) -> RunEvidence:
    """The evidence in a bundle that was just written; nothing is read again."""
    return RunEvidence(report=done.report, bundle=_bundle(done.archive, done.report, url))


def _packed_in(path: Path) -> Path | None:
    """The bundle in a run's folder; the one with texts where there are both."""
    return next((path / name for name in (NAME, REDACTED_NAME) if (path / name).is_file()), None)


def _of_run(archive: Path, head: str, url: str) -> RunEvidence:
    """A bundle that must be that of the journal whose last digest is `head`."""
    with opened(archive) as evidence:
        found = of_opened(archive, evidence, url)
    if (found.report.journal.redacted_from or found.report.journal.head) != head:
        raise KvvError(f"{archive}: is not the bundle of this run; make it again with kvv bundle")
    return found


def of_opened(path: Path, evidence: Opened, url: str = "") -> RunEvidence:
    """The evidence in files that are at hand; `path` is its name in messages.

    Raises:
        KvvError: see `read`.
    """
    if not (evidence.folder / JOURNAL).is_file():
        raise KvvError(no_run(path, JOURNAL))
    reading = JournalReading(evidence.folder / JOURNAL)
    report = build(reading)
    workflows = [session["provenance"]["github"] for session in reading.state.sessions]
    return RunEvidence(report=report, bundle=_bundle(evidence.archive, report, url), workflows=workflows)


def _head_of(journal: Path) -> str:
    """The digest of a journal's last line; its chain is checked on the way."""
    reader = Reader(journal)
    try:
        for _ in reader:
            pass
    except OSError as error:
        raise JournalError(f"{journal}: {refusal(error)}") from error
    return reader.head


def _bundle(archive: Archive | None, report: RunReport, url: str) -> Bundle | None:
    if archive is None:
        return None
    redacted = bool(report.journal.redacted_from)
    return Bundle(sha256=archive.sha256, size=archive.size, url=url or None, redacted=redacted)
