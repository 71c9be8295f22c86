"""Digests the content of a dataset, independent of its file format."""

import hashlib
from collections.abc import Iterable

import orjson

from kvv_action.benchmark import Row
from kvv_action.errors import DatasetError


def canonical_line(row: Row, columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> bytes:
    """One row as canonical JSON: only the declared columns (all, if none is declared), keys sorted.

    A missing optional column equals an empty one.

    Raises:
        DatasetError: a value has no canonical form.
    """
    present = {name: row[name] for name in columns or tuple(row)}
    present.update({name: row[name] for name in optional if row.get(name) is not None})
    try:
        return orjson.dumps(present, option=orjson.OPT_SORT_KEYS, default=_encode)
    except TypeError as error:
        raise DatasetError(f"a row of the dataset cannot be digested: {error.__cause__ or error}") from error


def _encode(value: object) -> str:
    """Bytes (pictures) as their SHA-256."""
    if isinstance(value, bytes):
        return "sha256:" + hashlib.sha256(value).hexdigest()
    raise TypeError(f"{type(value).__name__} has no canonical form")


def canonical_digest(rows: Iterable[Row], columns: tuple[str, ...], optional: tuple[str, ...] = ()) -> tuple[int, str]:
    """Number of rows and SHA-256 (hex) of their canonical lines, in order."""
    digest, count = hashlib.sha256(), 0
    for row in rows:
        digest.update(canonical_line(row, columns, optional))
        digest.update(b"\n")
        count += 1
    return count, digest.hexdigest()
