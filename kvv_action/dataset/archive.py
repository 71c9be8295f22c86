"""Downloads a dataset in a `.tar.gz` once, and unpacks it without trusting names or sizes inside."""

import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

from kvv_action.dataset.files import BRING, LOCAL_COPY
from kvv_action.errors import DatasetError, DatasetNotHere, in_words, refusal

LARGEST_ARCHIVE = 2**30
LARGEST_MEMBER = 2**31
MOST_MEMBERS = 10_000
PIECE = 2**20
COMPLETE = "complete"
"""File that marks a folder as completely unpacked; it contains the archive's name and digest."""


def unpacked(url: str, cache: str = "", *, offline: bool = False) -> Path:
    """The folder with the `.jsonl` files of an archive; downloads it unless it is in the cache.

    Args:
        url: of the archive.
        cache: folder for downloads; empty for the user's cache folder.
        offline: use the cache only.

    Raises:
        DatasetError: not reachable, too large, or not safe to unpack.
    """
    folder = cache_folder(cache) / ("archive-" + hashlib.sha256(url.encode()).hexdigest()[:16])
    if offline and not (folder / COMPLETE).is_file():
        raise DatasetNotHere(f"{url}: is not in the cache. {BRING}")
    return _filled(folder, url, lambda target: _download(url, target))


def unpacked_copy(path: Path, cache: str = "") -> Path:
    """The folder with the `.jsonl` files of the user's copy of an archive.

    Args:
        path: the `.tar.gz`.
        cache: as in `unpacked`.

    Raises:
        DatasetError: not readable, or not safe to unpack.
    """
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise DatasetError(f"{path}: {refusal(error)}") from error

    def copy(target: Path) -> str:
        shutil.copyfile(path, target)
        return digest

    return _filled(cache_folder(cache) / f"archive-{digest[:16]}", path.name, copy)


def is_archive(path: Path) -> bool:
    """Whether a file is a packed archive, by its name."""
    return path.name.lower().endswith((".tar.gz", ".tgz"))


def cache_folder(cache: str) -> Path:
    """The folder for downloads: the one that is named, or the user's."""
    return Path(cache) if cache else Path(os.path.expanduser("~/.cache")) / "kvv"  # noqa: PTH111 - HOME may be unset


def _filled(folder: Path, name: str, bring: Callable[[Path], str]) -> Path:
    """The folder, filled unless it is complete; `bring` writes the archive and returns its digest."""
    if (folder / COMPLETE).is_file():
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".download.") as stream:
            digest = bring(Path(stream.name))
            unpack(Path(stream.name), folder, name)
        (folder / COMPLETE).write_text(f"{name}\nsha256:{digest}\n")
    except OSError as error:
        raise DatasetError(f"{folder}: {refusal(error)}") from error
    return folder


def _download(url: str, target: Path) -> str:
    """Download `url` to `target`; returns the SHA-256 of the content."""
    import httpx

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
        kind = DatasetNotHere if isinstance(error, httpx.TransportError) else DatasetError
        advice = BRING if kind is DatasetNotHere else LOCAL_COPY
        raise kind(f"{url}: cannot be downloaded ({in_words(error)}). {advice}") from error
    return digest.hexdigest()


def unpack(archive: Path, folder: Path, name: str = "") -> tuple[Path, ...]:
    """Copy the `.jsonl` files of an archive into `folder`, and nothing else.

    Directories of the archive become part of the name (`k2/samples.jsonl` -> `k2--samples.jsonl`). Links, devices and
    names that lead elsewhere are refused.

    Args:
        archive: the `.tar.gz`.
        folder: the target.
        name: name of the archive in messages; by default its file name.

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
        raise DatasetError(f"{name}: cannot be unpacked ({refusal(error)})") from error
    return tuple(written)


def _members(tar: tarfile.TarFile, where: str) -> Iterator[tarfile.TarInfo]:
    """The files to unpack; checks every entry, also those that are not unpacked."""
    total = 0
    for number, member in enumerate(tar):
        parts = PurePosixPath(member.name).parts
        if number >= MOST_MEMBERS:
            raise DatasetError(f"{where}: more than {MOST_MEMBERS} entries")
        if PurePosixPath(member.name).is_absolute() or ".." in parts:
            raise DatasetError(f"{where}: the entry {member.name[:80]!r} leads outside the folder")
        if not (member.isfile() or member.isdir()):
            raise DatasetError(f"{where}: the entry {member.name[:80]!r} is a link or a device")
        total += member.size
        if total > LARGEST_MEMBER:
            raise DatasetError(f"{where}: more than {LARGEST_MEMBER} bytes unpacked")
        hidden = any(part.startswith(".") and part != "." for part in parts)
        if member.isfile() and member.name.endswith(".jsonl") and not hidden:
            yield member


def find(folder: Path, word: str, hint: str = "") -> Path:
    """The one file with `word` in its name; of several, the one that also contains `hint`.

    Raises:
        DatasetError: no file, or several.
    """
    found = sorted(path for path in folder.glob("*.jsonl") if word in path.name)
    best = [path for path in found if hint and hint in path.name.replace("_", "-")] or found
    if len(best) != 1:
        names = ", ".join(path.name for path in found) or "none"
        raise DatasetError(f"the archive has no single file named {word!r} (found: {names}). {LOCAL_COPY}")
    return best[0]
