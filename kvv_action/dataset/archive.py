"""Datasets published as `.tar.gz`: downloaded once, and unpacked without trusting a name or a size inside."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import httpx

from kvv_action.errors import DatasetError

LARGEST_ARCHIVE = 2**30
LARGEST_MEMBER = 2**31
MOST_MEMBERS = 10_000
PIECE = 2**20
COMPLETE = "complete"
"""File that marks a folder as whole; it names the archive and its digest."""
ADVICE = "Give a local copy with dataset (BENCHMARK=PATH), or use BENCHMARK=bundled to try things out."


def unpacked(url: str, cache: str = "", *, offline: bool = False) -> Path:
    """The folder with the `.jsonl` files of an archive; downloaded when it is not in the cache.

    Args:
        url: of the archive.
        cache: folder for downloads; empty for the user's cache folder.
        offline: take it from the cache only.

    Raises:
        DatasetError: not reachable, too large, or not an archive that is safe to unpack.
    """
    folder = _root(cache) / ("archive-" + hashlib.sha256(url.encode()).hexdigest()[:16])
    if offline and not (folder / COMPLETE).is_file():
        raise DatasetError(f"{url}: is not in the cache. {ADVICE}")
    return _filled(folder, url, lambda target: _download(url, target))


def unpacked_copy(path: Path, cache: str = "") -> Path:
    """The folder with the `.jsonl` files of an archive that the user has.

    Args:
        path: the `.tar.gz`.
        cache: as above.

    Raises:
        DatasetError: not readable, or not an archive that is safe to unpack.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error

    def copy(target: Path) -> str:
        shutil.copyfile(path, target)
        return digest

    return _filled(_root(cache) / f"archive-{digest[:16]}", path.name, copy)


def is_archive(path: Path) -> bool:
    """Whether a file's name says that it is a packed archive."""
    return path.name.lower().endswith((".tar.gz", ".tgz"))


def _root(cache: str) -> Path:
    return Path(cache) if cache else Path(os.path.expanduser("~/.cache")) / "kvv"  # noqa: PTH111 - HOME may be unset


def _filled(folder: Path, name: str, bring: Callable[[Path], str]) -> Path:
    """The folder with an archive's files; `bring` writes the archive and returns its digest."""
    if (folder / COMPLETE).is_file():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".download.") as stream:
            digest = bring(Path(stream.name))
            unpack(Path(stream.name), folder, name)
        (folder / COMPLETE).write_text(f"{name}\nsha256:{digest}\n")
    except OSError as error:
        raise DatasetError(f"{folder}: {error.strerror or error}") from error
    return folder


def _download(url: str, target: Path) -> str:
    """Fetch `url` into `target`; returns the SHA-256 of what came."""
    digest, size = hashlib.sha256(), 0
    try:
        with httpx.stream("GET", url, follow_redirects=True, timeout=60) as response, target.open("wb") as out:
            response.raise_for_status()
            for piece in response.iter_bytes(PIECE):
                size += len(piece)
                if size > LARGEST_ARCHIVE:
                    raise DatasetError(f"{url}: larger than {LARGEST_ARCHIVE} bytes")
                digest.update(piece)
                out.write(piece)
    except httpx.HTTPError as error:
        raise DatasetError(f"{url}: cannot be downloaded ({type(error).__name__}: {error}). {ADVICE}") from error
    return digest.hexdigest()


def unpack(archive: Path, folder: Path, name: str = "") -> tuple[Path, ...]:
    """Copy the `.jsonl` files of an archive into `folder`, under names of ours.

    Directories of the archive become part of the name (`k2/samples.jsonl` -> `k2--samples.jsonl`). Links and devices
    are refused, as are names that lead elsewhere; nothing else is written.

    Args:
        archive: the `.tar.gz`.
        folder: where to.
        name: what messages call the archive; by default its file's name.

    Raises:
        DatasetError: not an archive, or not a safe one.
    """
    written, name = [], name or archive.name
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for member in _members(tar, name):
                source = tar.extractfile(member)
                assert source is not None
                path = folder / "--".join(part for part in PurePosixPath(member.name).parts if part != ".")
                with source, path.open("wb") as out:
                    while piece := source.read(PIECE):
                        out.write(piece)
                written.append(path)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise DatasetError(f"{name}: cannot be unpacked ({type(error).__name__}: {error})") from error
    return tuple(written)


def _members(tar: tarfile.TarFile, where: str) -> Iterator[tarfile.TarInfo]:
    """The files to unpack; everything in the archive is looked at before it is passed over."""
    total = 0
    for number, member in enumerate(tar):
        parts = PurePosixPath(member.name).parts
        if number >= MOST_MEMBERS:
            raise DatasetError(f"{where}: more than {MOST_MEMBERS} entries")
        if PurePosixPath(member.name).is_absolute() or ".." in parts:
            raise DatasetError(f"{where}: the entry {member.name[:80]!r} leads outside")
        if not (member.isfile() or member.isdir()):
            raise DatasetError(f"{where}: the entry {member.name[:80]!r} is a link or a device")
        total += member.size
        if total > LARGEST_MEMBER:
            raise DatasetError(f"{where}: more than {LARGEST_MEMBER} bytes unpacked")
        hidden = any(part.startswith(".") and part != "." for part in parts)
        if member.isfile() and member.name.endswith(".jsonl") and not hidden:
            yield member


def find(folder: Path, word: str, hint: str = "") -> Path:
    """The one file whose name holds `word`; of several, the one that also holds `hint`.

    Raises:
        DatasetError: none, or several.
    """
    found = sorted(path for path in folder.glob("*.jsonl") if word in path.name)
    best = [path for path in found if hint and hint in path.name.replace("_", "-")] or found
    if len(best) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise DatasetError(f"the archive has no single file named {word!r} (found: {names}). {ADVICE}")
    return best[0]
