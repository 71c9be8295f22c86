"""Turns stored rows into the rows of a benchmark: checks the columns, reads pictures as bytes."""

import base64
import binascii
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kvv_action import pictures
from kvv_action.benchmark import DatasetPin, Row
from kvv_action.errors import DatasetError, refusal

LARGEST = 256 * 2**20
"""Largest file of a picture, in bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRows:
    """Rows as they are stored, with their origin.

    Attributes:
        read: reads the rows from the beginning.
        base: folder of picture files; nothing outside it is read.
        kind, location, revision, licence: as in `DatasetInfo`.
    """

    read: Callable[[], Iterable[Row]]
    base: Path | None
    kind: str
    location: str
    revision: str = ""
    licence: str = ""


def rows(benchmark: str, pin: DatasetPin, source: StoredRows, *, check: bool) -> Iterator[Row]:
    """All rows, with their pictures as bytes.

    Args:
        benchmark: id, for messages.
        pin: names the required columns.
        source: the stored rows.
        check: check the pictures for damage, too.

    Raises:
        DatasetError: a column is missing, or a picture is missing or damaged; names the record.
    """
    folder = os.path.realpath(source.base) if source.base is not None and pin.pictures else ""
    for number, row in enumerate(source.read(), 1):
        where = f"{benchmark}: record {number} of {source.location}"
        missing = [name for name in pin.columns if name not in row]
        if missing:
            raise DatasetError(
                f"{where} has no column {missing[0]!r}; "
                f"needed are {', '.join(pin.columns)}, found {', '.join(map(str, row))[:200]}"
            )
        yield _with_pictures(row, pin.pictures, folder, where, check=check) if pin.pictures else row


def _with_pictures(row: Row, names: tuple[str, ...], folder: str, where: str, *, check: bool) -> Row:
    found = {}
    for name in names:
        if row.get(name) in (None, ""):
            continue
        place = f"{where}, column {name}"
        found[name] = _bytes(row[name], folder, place)
        if check:
            pictures.check(found[name], place)
    return {**row, **{name: None for name in names if name in row}, **found}


def _bytes(value: object, folder: str, where: str) -> bytes:
    """The bytes of a picture, from any form that datasets use."""
    match value:
        case bytes():
            return value
        case {"bytes": bytes() as content}:
            return content
        case {"path": str() as name} | {"bytes": None, "path": str() as name}:
            return _file(name, folder, where)
        case str() if value.startswith("data:"):
            return _decoded(value, where)
        case str():
            return _file(value, folder, where)
        case _:
            raise DatasetError(f"{where}: {value!r:.60} is not a picture, file name or data URL")


def _decoded(url: str, where: str) -> bytes:
    try:
        return base64.b64decode(url.partition(",")[2], validate=True)
    except binascii.Error as error:
        raise DatasetError(f"{where}: the data URL is not base64 ({error})") from error


def _file(name: str, folder: str, where: str) -> bytes:
    """A picture file below the dataset's folder; a dataset must not send other files of this machine to a vendor.

    Args:
        name: as the row has it.
        folder: real path of the dataset's folder; empty where it has none.
        where: the record and column, for messages.
    """
    if not folder:
        raise DatasetError(f"{where}: names the file {name[:100]!r}, but this dataset has no folder of files")
    try:
        path = Path(os.path.realpath(os.path.join(folder, name)))  # noqa: PTH118 - pathlib takes four times as long
        if not path.is_relative_to(folder):
            raise DatasetError(f"{where}: {name[:100]!r} is outside of the dataset's folder")
        if path.stat().st_size > LARGEST:
            raise DatasetError(f"{where}: {name[:100]!r} is larger than {LARGEST} bytes")
        return path.read_bytes()
    except (OSError, ValueError) as error:
        raise DatasetError(f"{where}: {name[:100]!r} cannot be read ({refusal(error)})") from error
