"""Writes a bundle: the same run is the same bytes (sorted names, no times, no owners), where the same zlib compresses.

Another build of zlib (zlib-ng, say) may compress to other bytes; what they unpack to is the same everywhere, and the
manifest names its digests. Nothing relies on more: a record names the bundle that was really made.
"""

import gzip
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO

from kvv_action.bundle.form import BundleError, Member, check_names, extras, manifest_of, measured, of_bytes
from kvv_action.bundle.redaction import redacted
from kvv_action.bundle.scan import Suspect, scan
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL, MANIFEST, render
from kvv_action.schema import RunReport
from kvv_action.verdict.report import build

LEVEL = 9
"""Of compression; another one would be other bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """What goes into a bundle: files on disk, and files in memory; the manifest among the latter."""

    report: RunReport
    paths: Mapping[str, Path]
    contents: Mapping[str, bytes]


def gather(folder: Path, scratch: Path, *, redact: bool) -> Packing:
    """The files of a bundle. Reports are made again, so that they are those of the journal.

    Args:
        folder: what kvv wrote.
        scratch: an empty folder for the journal as it goes out.
        redact: leave the texts out.

    Raises:
        JournalError: the journal does not hold together.
    """
    journal = scratch / JOURNAL
    with journal.open("wb") as out:
        out.writelines(redacted(folder / JOURNAL) if redact else _whole_lines(folder / JOURNAL))
    report = build(journal)
    further = {path.relative_to(folder).as_posix(): path for path in extras(folder)}
    paths = {JOURNAL: journal, **({} if redact else further)}
    contents = render(report)
    members = {name: measured(path) for name, path in paths.items()}
    members |= {name: of_bytes(data) for name, data in contents.items()}
    check_names(members)
    left_out = {name: measured(path) for name, path in further.items()} if redact else dict[str, Member]()
    return Packing(report=report, paths=paths, contents={**contents, MANIFEST: manifest_of(report, members, left_out)})


def _whole_lines(journal: Path) -> Iterator[bytes]:
    """All lines but a torn last one."""
    with journal.open("rb") as stream:
        for line in stream:
            if line.endswith(b"\n"):
                yield line


def suspects(packing: Packing, secrets: Redactor, most: int) -> list[Suspect]:
    """At most so many places that may hold a secret; those that certainly do come first."""
    found: list[Suspect] = []
    for name, data in packing.contents.items():
        found += islice(scan(name, io.BytesIO(data), secrets), most)
    for name, path in packing.paths.items():
        with path.open("rb") as stream:
            found += islice(scan(name, stream, secrets), most)
    return sorted(found, key=lambda one: not one.known)[:most]


def write(packing: Packing, out: IO[bytes]) -> None:
    """The archive.

    Raises:
        BundleError: a file cannot stand in it, or changed meanwhile.
    """
    names = [MANIFEST, *sorted((packing.paths.keys() | packing.contents.keys()) - {MANIFEST})]
    try:
        with (
            gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=out, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar,
        ):
            for name in names:
                _add(tar, name, packing)
    except ValueError as error:  # a name or a size that the format cannot say
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
    """Mode 0644, owner 0, time 0: what is the same for everybody."""
    header = tarfile.TarInfo(name)
    header.size = size
    return header
