"""Reads rows of local files, one at a time."""

import csv
from collections.abc import Iterator
from pathlib import Path

import orjson

from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError, in_words, refusal

LONGEST_LINE = 256 * 2**20
LOCAL_COPY = "Give a local copy with dataset (BENCHMARK=PATH), or use BENCHMARK=bundled to try things out."
"""Advice when a dataset cannot be loaded."""
BRING = (
    f"{LOCAL_COPY} Where the hub can be reached, `kvv datasets fetch --dataset-cache DIR` gets it: copy DIR here and "
    "give it as dataset-cache."
)
"""Advice when its source cannot be reached from here."""
SUFFIXES = (".jsonl", ".json", ".csv", ".parquet")


def read(path: Path) -> Iterator[Row]:
    """Rows of a `.jsonl`, `.json` (list of objects) or `.csv` file.

    Raises:
        DatasetError: unreadable, malformed (with line number) or of an unknown kind.
    """
    try:
        match path.suffix.lower():
            case ".jsonl":
                yield from _json_lines(path)
            case ".json":
                yield from _json(path)
            case ".csv":
                csv.field_size_limit(LONGEST_LINE)
                with path.open(newline="", encoding="utf-8-sig") as stream:
                    yield from csv.DictReader(stream)
            case suffix:
                raise DatasetError(f"{path.name}: {suffix or 'no'} suffix; use {', '.join(SUFFIXES)} or a folder")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path.name}: {refusal(error)}") from error


def _json_lines(path: Path) -> Iterator[Row]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, 1):
            if len(line) > LONGEST_LINE:
                raise DatasetError(f"{path.name}, line {number}: longer than {LONGEST_LINE} bytes")
            if line.strip():
                where = f"{path.name}, line {number}"
                yield _object(_parse(line, where), where)


def _json(path: Path) -> Iterator[Row]:
    rows = _parse(path.read_bytes(), path.name)
    if not isinstance(rows, list):
        raise DatasetError(f"{path.name}: the top level is not a list of objects")
    for number, row in enumerate(rows, 1):
        yield _object(row, f"{path.name}, item {number}")


def _parse(text: bytes, where: str) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise DatasetError(f"{where}: not JSON ({_saved_as(text) or in_words(error)})") from error


_BEGINNINGS = {
    b"\x1f\x8b": "it is compressed by gzip: unpack it first",
    b"PK\x03\x04": "it is a ZIP archive: unpack it first",
    b"\xef\xbb\xbf": "it begins with a byte order mark: save it as UTF-8 without one",
    b"\xff\xfe": "it is UTF-16: save it as UTF-8",
    b"\xfe\xff": "it is UTF-16: save it as UTF-8",
}


def _saved_as(text: bytes) -> str:
    """What a file is instead of JSON, where its first bytes say it; empty otherwise."""
    return next((told for begins, told in _BEGINNINGS.items() if text.startswith(begins)), "")


def _object(row: object, where: str) -> Row:
    if not isinstance(row, dict):
        raise DatasetError(f"{where}: not an object")
    return row
