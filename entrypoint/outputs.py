"""Writes the files of a run: each is written completely or not at all."""

import fcntl
import hashlib
from collections.abc import Mapping
from errno import EBUSY, EDQUOT, ENOSPC, EROFS
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from benchmarks import registry
from kvv_action.errors import JournalError, KvvError, Problem, UsageError, refusal
from kvv_action.redact import Redactor
from kvv_action.report import files
from kvv_action.schema import RunReport
from kvv_action.whole_files import write

if TYPE_CHECKING:
    from kvv_action.compare.records import RunComparison


def write_reports(out: Path, report: RunReport, redactor: Redactor, comparison: "RunComparison | None" = None) -> None:
    """All reports beside the journal, and last the manifest with their digests.

    With a comparison, the summary begins with its answer. Without one, the files of an earlier comparison are removed.

    Raises:
        KvvError: a file cannot be written.
    """
    try:
        _write_all(out, report, redactor, comparison)
    except OSError as error:
        raise unwritten(out, error) from error


def unwritten(out: Path, error: OSError) -> KvvError:
    """That files of a run cannot be written, and what to do."""
    return KvvError(
        f"{out}: the reports cannot be written: {error.strerror}. The journal has what was answered; "
        "make room, or choose another folder, and run again"
    )


def write_files(out: Path, contents: Mapping[str, bytes], redactor: Redactor) -> None:
    """Files by name, without secrets.

    Raises:
        KvvError: one cannot be written.
    """
    try:
        for name, data in contents.items():
            write(out / name, _clean(name, data, redactor))
    except OSError as error:
        raise KvvError(f"{error.filename or out}: cannot be written: {refusal(error)}") from error


def _write_all(out: Path, report: RunReport, redactor: Redactor, comparison: "RunComparison | None") -> None:
    from kvv_action.compare import files as compared

    contents = files.render(report) | (compared.with_run(report, comparison) if comparison else {})
    rendered = {name: _clean(name, data, redactor) for name, data in contents.items()}
    for name in {compared.COMPARE_JSON, compared.COMPARE_MD} - rendered.keys():
        (out / name).unlink(missing_ok=True)
    digests = {name: files.sha256(data) for name, data in rendered.items()}
    extras = sorted(path for pattern in registry.extras() for path in out.glob(pattern))
    for path in (out / files.JOURNAL, *extras):
        if path.is_file():
            with path.open("rb") as stream:
                digests[path.relative_to(out).as_posix()] = hashlib.file_digest(stream, "sha256").hexdigest()
    for name, data in rendered.items():
        write(out / name, data)
    write(out / files.MANIFEST, _clean(files.MANIFEST, files.manifest(report, digests), redactor))


def _clean(name: str, data: bytes, redactor: Redactor) -> bytes:
    """A file without secrets; in JSON only texts are changed, so no number or name breaks."""
    cleaned = redactor.bytes(data)
    if cleaned == data or not name.endswith(".json"):
        return cleaned
    return files.canonical(redactor.json(orjson.loads(data)))


def usable_folder(out: Path) -> None:
    """The folder that `--out` names.

    Raises:
        UsageError: it cannot be made.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError([Problem(name="--out", value=str(out), allowed=why_unusable(error))]) from None


def why_unusable(error: OSError) -> str:
    """Why a folder for results cannot be used, and what to name instead."""
    match error:
        case FileExistsError() | NotADirectoryError():
            return "Cannot be used: a file is in the place of the folder; name a folder, which may be new."
        case PermissionError():
            return f"Cannot be used: {error.strerror}; name a folder that you may write to."
    advice = "; name a folder on another disk" if error.errno in (ENOSPC, EDQUOT, EROFS) else ""
    return f"Cannot be used: {error.strerror}{advice}."


def refuse_in_use(journal: Path) -> None:
    """Refuse a journal that another process is writing.

    Raises:
        JournalError: one does.
    """
    with journal.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise JournalError(f"{journal}: another kvv process is writing to it; use another out folder") from None


def move_aside(out: Path) -> Path:
    """Rename the folder of an earlier run to the next free `out.N`.

    Raises:
        UsageError: it is the working folder of this process, or a folder that cannot be renamed.
    """
    out, number = out.resolve(), 1
    if Path.cwd().is_relative_to(out):
        allowed = "Holds an earlier run and cannot be moved aside while it is the working folder; name another one."
        raise UsageError([Problem(name="out", value=str(out), allowed=allowed)])
    while (target := out.with_name(f"{out.name}.{number}")).exists():
        number += 1
    try:
        out.rename(target)
    except OSError as error:
        busy = error.errno == EBUSY
        mounted = " A mount stays where it is: mount the folder above it, and name this one." if busy else ""
        allowed = f"Holds an earlier run and cannot be moved aside ({refusal(error)}).{mounted} Or name another folder."
        raise UsageError([Problem(name="out", value=str(out), allowed=allowed)]) from error
    return target
