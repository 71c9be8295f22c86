"""Reads and writes files of dataset pins: commit and digest of datasets for which this version knows none.

`kvv datasets pin` writes one on a machine with network; the setting `dataset-pins` takes it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from kvv_action.benchmark import DatasetPin
from kvv_action.errors import DatasetError, in_words, refusal

SCHEMA = 1
_LARGEST = 2**20
_TEXTS = {"dataset": r"[\w.-]+/[\w.-]+", "split": r"\w*", "revision": r"[0-9a-f]{40}", "digest": r"[0-9a-f]{64}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownDataset:
    """The content of a dataset at one commit.

    Attributes:
        dataset: its id on the hub.
        parts: names of the configurations that were read; empty for one alone.
        revision: the commit.
        digest: SHA-256 of the canonical content.
        download: bytes of its files; 0 in files of earlier versions.
    """

    dataset: str
    split: str
    parts: tuple[str, ...]
    revision: str
    rows: int
    digest: str
    download: int = 0

    def fits(self, pin: DatasetPin) -> bool:
        """Whether it is the dataset of a benchmark."""
        return (self.dataset, self.split, self.parts) == (pin.hub_id, pin.split, parts_of(pin))


def parts_of(pin: DatasetPin) -> tuple[str, ...]:
    """The names of a dataset's parts."""
    return tuple(part.name for part in pin.parts)


def read(path: Path) -> tuple[KnownDataset, ...]:
    """The datasets of a file.

    Raises:
        DatasetError: it is no file of dataset pins.
    """
    try:
        if path.stat().st_size > _LARGEST:
            raise DatasetError(f"{path}: is too large for a file of dataset pins")
        document = orjson.loads(path.read_bytes())
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read ({refusal(error)})") from error
    except orjson.JSONDecodeError as error:
        why = in_words(error)
        raise DatasetError(f"{path}: is no file of dataset pins ({why}); `kvv datasets pin` writes one") from error
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA or set(document) != {"schema", "datasets"}:
        raise DatasetError(f"{path}: is no file of dataset pins of schema {SCHEMA}; `kvv datasets pin` writes one")
    entries = document["datasets"]
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise DatasetError(f"{path}: datasets must be a list")
    return tuple(_known(entry, f"{path}: entry {number}") for number, entry in enumerate(entries, 1))


def _known(entry: Any, where: str) -> KnownDataset:
    wanted = {"dataset", "split", "parts", "revision", "rows", "digest"}
    if not isinstance(entry, Mapping) or set(entry) - {"download"} != wanted:
        raise DatasetError(f"{where}: must have dataset, split, parts, revision, rows and digest")
    for name, form in _TEXTS.items():
        if not isinstance(entry[name], str) or not re.fullmatch(form, entry[name], re.ASCII):
            raise DatasetError(f"{where}: {name} is not of the right form")
    rows, parts = entry["rows"], entry["parts"]
    if not isinstance(rows, int) or isinstance(rows, bool) or rows < 1:
        raise DatasetError(f"{where}: rows must be a whole number from 1")
    download = entry.get("download", 0)
    if not isinstance(download, int) or isinstance(download, bool) or download < 0:
        raise DatasetError(f"{where}: download must be a number of bytes")
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise DatasetError(f"{where}: parts must be a list of names")
    return KnownDataset(**{**entry, "parts": tuple(parts)})


def with_added(path: Path, found: Iterable[KnownDataset]) -> bytes:
    """The content of a file with further datasets; one that the file has already is replaced.

    Raises:
        DatasetError: the file exists and is no file of dataset pins.
    """
    kept = read(path) if path.exists() else ()
    every = {(one.dataset, one.split, one.parts): one for one in (*kept, *found)}
    document = {"schema": SCHEMA, "datasets": [every[key] for key in sorted(every)]}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def pinned_by(pin: DatasetPin, known: Iterable[KnownDataset]) -> DatasetPin:
    """A pin, completed with commit and digest from a file.

    Raises:
        DatasetError: the file contradicts what this version knows.
    """
    for one in known:
        if not one.fits(pin):
            continue
        for name, ours, theirs in (
            ("commit", pin.revision, one.revision), ("digest", pin.digest, one.digest), ("rows", pin.count, one.rows),
        ):  # fmt: skip
            if ours and ours != theirs:
                raise DatasetError(f"{pin.hub_id}: the file of dataset pins has another {name} than kvv itself")
        return replace(pin, revision=one.revision, digest=one.digest, download=one.download or pin.download)
    return pin
