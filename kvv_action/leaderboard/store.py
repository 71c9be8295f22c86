"""The leaderboard's repository as a folder: `results/` holds records, `trust/` holds what maintainers confirmed.

Submissions add files below `results/`. Only maintainers write below `trust/`, so no submitter confirms a record.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import orjson
from pydantic import Field, TypeAdapter, ValidationError

from kvv_action.folders import files_below
from kvv_action.leaderboard.fields import Day, Digest, Name, Strict, Text
from kvv_action.leaderboard.record import LARGEST, RESULTS, Record, RecordError, Trust, load, path_of
from kvv_action.leaderboard.strict import mistake, refuse_ambiguous
from kvv_action.report.files import canonical, sha256
from kvv_action.report.text import visible

TRUST = "trust"
CONFIRMATION_VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation(Strict):
    """What a maintainer confirmed about one record, in `trust/<vendor>/<model>/<file of the record>`.

    Attributes:
        sha256: digest of the record's file.
        trust: the tier that was verified.
        by, date: who, and when.
        note: what was done, for readers.
    """

    schema_version: Annotated[int, Field(ge=CONFIRMATION_VERSION, le=CONFIRMATION_VERSION)]
    sha256: Digest
    trust: Trust
    by: Name
    date: Day
    note: Text = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A record of the repository; `verified` is the tier that `confirmation` gives it, else `self-reported`."""

    path: str
    sha256: str
    record: Record
    verified: Trust
    confirmation: Confirmation | None = None


_ADAPTER: TypeAdapter[Confirmation] = TypeAdapter(Confirmation)


def entries(root: Path) -> Iterator[Entry]:
    """Every record of a checkout, by path.

    Raises:
        RecordError: a file is no record, stands in another place than its content says, or its confirmation is wrong.
    """
    for path in record_files(root):
        yield read_entry(root, path)


def record_files(root: Path) -> list[Path]:
    """Every file below `results/`, sorted by path; links are listed and never followed."""
    return files_below(root / RESULTS)


def read_entry(root: Path, path: Path) -> Entry:
    """One record with its confirmation.

    Raises:
        RecordError: see `entries`.
    """
    where, data, record = read_record(root, path)
    digest = sha256(data)
    found = _confirmation(root, where, digest)
    verified = found.trust if found else Trust.SELF_REPORTED
    return Entry(path=where, sha256=digest, record=record, verified=verified, confirmation=found)


def read_record(root: Path, path: Path) -> tuple[str, bytes, Record]:
    """A record's path below the root, its bytes, and the record itself.

    Raises:
        RecordError: it is no record, or stands in another place than its content says.
    """
    where = path.relative_to(root).as_posix()
    data = read_regular(path, where)
    record = load(data, visible(where))
    if path_of(record) != where:
        raise RecordError(visible(where), (f"its content belongs to {path_of(record)}",))
    return where, data, record


def read_regular(path: Path, where: str) -> bytes:
    """A regular file's bytes, at most one more than a record may have.

    Raises:
        RecordError: it is a symbolic link, a folder or something else, or cannot be read.
    """
    if path.is_symlink() or not path.is_file():
        raise RecordError(visible(where), ("is not a regular file",))
    try:
        with path.open("rb") as stream:
            return stream.read(LARGEST + 1)
    except OSError as error:
        raise RecordError(visible(where), (f"cannot be read: {error.strerror}",)) from None


def dump_confirmation(confirmation: Confirmation) -> bytes:
    """The bytes of the file."""
    return canonical(orjson.loads(orjson.dumps(confirmation)))


def confirmation_path(record_path: str) -> str:
    """`results/a/b/c.json` -> `trust/a/b/c.json`."""
    return TRUST + record_path.removeprefix(RESULTS)


def load_confirmation(data: bytes, where: str) -> Confirmation:
    """A confirmation from a file's bytes.

    Raises:
        RecordError: not JSON, ambiguous, or of another form.
    """
    if problem := refuse_ambiguous(data):
        raise RecordError(visible(where), (visible(problem),))
    try:
        return _ADAPTER.validate_json(data)
    except ValidationError as error:
        raise RecordError(visible(where), (mistake(error),)) from None


def _confirmation(root: Path, where: str, digest: str) -> Confirmation | None:
    beside = confirmation_path(where)
    if not (root / beside).is_symlink() and not (root / beside).exists():
        return None
    found = load_confirmation(read_regular(root / beside, beside), beside)
    if found.sha256 != digest:
        raise RecordError(visible(beside), (f"confirms another content than {visible(where)} has",))
    return found
