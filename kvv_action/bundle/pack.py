"""Writes a bundle: the same run gives the same bytes (sorted names, no times, no owners) with the same zlib.

Another build of zlib (such as zlib-ng) may compress to other bytes. The unpacked files are the same everywhere, and the
manifest has their digests. Nothing else relies on equal bytes: a record has the digest of the actual bundle.
"""

import gzip
import io
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from kvv_action.bundle.form import PIECE, BundleError, Member, check_names, extras, manifest_of, measured, of_bytes
from kvv_action.bundle.redaction import redacted
from kvv_action.bundle.scan import Suspect, scan
from kvv_action.redact import Redactor
from kvv_action.report.files import CAPTURES, JOURNAL, MANIFEST, render
from kvv_action.schema import RunReport
from kvv_action.verdict.report import build

LEVEL = 9
"""Compression level; another level would change the bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """The files of a bundle: `paths` on disk, `contents` in memory, with the manifest among the latter."""

    report: RunReport
    paths: Mapping[str, Path]
    contents: Mapping[str, bytes]


def gather(folder: Path, scratch: Path, *, redact: bool, patterns: Iterable[str] = ()) -> Packing:
    """Collect the files of a bundle; reports are computed again from the journal.

    Args:
        folder: the folder of the run.
        scratch: an empty folder for the journal of the bundle.
        redact: leave the texts out.
        patterns: of the names of the files that benchmarks leave beside the reports.

    Raises:
        JournalError: the journal is damaged.
    """
    journal = scratch / JOURNAL
    with journal.open("wb") as out:
        out.writelines(redacted(folder / JOURNAL) if redact else _whole_lines(folder / JOURNAL))
    report = build(journal)
    further = {path.relative_to(folder).as_posix(): path for path in extras(folder, (*patterns, CAPTURES))}
    paths = {JOURNAL: journal, **({} if redact else further)}
    contents = render(report)
    members = {name: measured(path) for name, path in paths.items()}
    members |= {name: of_bytes(data) for name, data in contents.items()}
    check_names(members)
    left_out = {name: measured(path) for name, path in further.items()} if redact else dict[str, Member]()
    return Packing(report=report, paths=paths, contents={**contents, MANIFEST: manifest_of(report, members, left_out)})


def _whole_lines(journal: Path) -> Iterator[bytes]:
    """All lines except an incomplete last one."""
    with journal.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield line


def suspects(packing: Packing, secrets: Redactor, most: int) -> list[Suspect]:
    """At most `most` places that may contain a secret; known secrets come first."""
    found: list[Suspect] = []
    for name, data in packing.contents.items():
        found += islice(scan(name, io.BytesIO(data), secrets), most)
    for name, path in packing.paths.items():
        with path.open("rb") as stream:
            found += islice(scan(name, stream, secrets), most)
    return sorted(found, key=lambda one: not one.known)[:most]


def write(packing: Packing, out: IO[bytes]) -> None:
    """Write the archive.

    Raises:
        BundleError: the format cannot hold a file, or a file changed while it was packed.
    """
    names = [MANIFEST, *sorted((packing.paths.keys() | packing.contents.keys()) - {MANIFEST})]
    try:
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=out, mtime=0) as packed,
            tarfile.TarFile(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT, copybufsize=PIECE) as tar,
        ):
            for name in names:
                _add(tar, name, packing)
    except ValueError as error:  # a name or size that the format cannot hold
        raise BundleError(f"cannot be packed: {error}") from error


def _add(tar: tarfile.TarFile, name: str, packing: Packing) -> None:
    data = packing.contents.get(name)
    if data is not None:
        tar.addfile(_header(name, len(data)), io.BytesIO(data))
        return
    path = packing.paths[name]
    with path.open("rb") as stream:
        tar.addfile(_header(name, path.stat().st_size), stream)
        if stream.read(1):
            raise BundleError(f"{name} grew while it was packed; is a run still going?")


def _header(name: str, size: int) -> tarfile.TarInfo:
    """A header with the same mode, owner and time for every file: 0644, 0 and 0."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header
