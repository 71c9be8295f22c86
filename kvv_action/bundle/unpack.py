"""Reads a bundle without trusting it.

Only the format of `kvv bundle` is accepted: one gzip member; plain tar headers of regular files; the manifest first,
then exactly its files in order, with its sizes and digests; nothing after them. So there are no links, devices, paths
that lead elsewhere, duplicates or surprising sizes.
"""

import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from kvv_action.bundle.form import MOST_BYTES, MOST_MANIFEST, PIECE, BundleError, Member, members_of
from kvv_action.errors import DISK_FULL, refusal
from kvv_action.report.files import MANIFEST

BLOCK = 512
FETCH_AGAIN = "It was damaged on its way, or changed: fetch it again, or ask whoever made it for another."
MOST_RATIO = 300
"""Largest compression ratio after the first `FREE` bytes; journals reach 3 to 30."""
FREE = 64 * 2**20
_SPARE = 2**20
"""Bytes for headers and padding."""


class Inflated:
    """The unpacked bytes of one gzip member, within limits.

    Args:
        stream: the archive.
        most: limit of the unpacked bytes.
    """

    def __init__(self, stream: IO[bytes], most: int = MOST_BYTES + _SPARE) -> None:
        self._stream = stream
        self._inflater = zlib.decompressobj(wbits=31)
        self._most = most
        self._taken = 0
        self._given = 0

    def read(self, size: int) -> bytes:
        """Exactly `size` bytes, or fewer at the end.

        Raises:
            BundleError: damaged, or too many bytes.
        """
        pieces, left = [], size
        while left:
            piece = self._piece(left)
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)

    def _piece(self, most: int) -> bytes:
        while not self._inflater.eof:
            data = self._inflater.unconsumed_tail or self._stream.read(PIECE)
            self._taken += 0 if self._inflater.unconsumed_tail else len(data)
            try:
                piece = self._inflater.decompress(data, most)
            except zlib.error as error:
                raise BundleError(f"damaged, or not a .tar.gz ({error})") from error
            if piece:
                self._count(len(piece))
                return piece
            if not data:
                raise BundleError("ends in the middle; it was cut off")
        return b""

    def _count(self, size: int) -> None:
        self._given += size
        if self._given > self._most:
            raise BundleError(f"unpacks to more than {self._most} bytes")
        if self._given > FREE + MOST_RATIO * self._taken:
            raise BundleError(f"unpacks to more than {MOST_RATIO} times its size, like a decompression bomb")

    def finish(self) -> None:
        """Check that nothing follows.

        Raises:
            BundleError: there is more data.
        """
        while piece := self._piece(PIECE):
            if piece.strip(b"\0"):
                raise BundleError("has data after its files")
        if self._inflater.unused_data or self._stream.read(1):
            raise BundleError("has data after its end")


def unpack(archive: Path, folder: Path) -> dict[str, Member]:
    """Write the files of a bundle into an empty folder.

    Returns:
        The files, without the manifest.

    Raises:
        BundleError: the archive is not as `kvv bundle` writes it.
    """
    with _opened(archive) as source:
        try:
            return _unpack(source, folder)
        except OSError as error:
            if error.errno not in DISK_FULL:
                raise
            told = f"cannot be unpacked into {folder}, where TMPDIR or the system puts it: {refusal(error)}"
            raise NoRoom(told) from error


class NoRoom(BundleError):
    """The bundle may be right, but this machine has no room for its files."""


@contextmanager
def _opened(archive: Path) -> Iterator[Inflated]:
    """The content of an archive; errors get its name."""
    try:
        with archive.open("rb") as stream:
            yield Inflated(stream)
    except NoRoom as error:
        raise BundleError(f"{archive}: {error}") from error
    except BundleError as error:
        raise BundleError(f"{archive}: {error}. {FETCH_AGAIN}") from error
    except OSError as error:
        raise BundleError(f"{archive}: {refusal(error)}") from error


def _unpack(source: Inflated, folder: Path) -> dict[str, Member]:
    text = _manifest(source)
    members = members_of(text)
    needed, free = sum(one.size for one in members.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise NoRoom(
            f"unpacks to {needed} bytes, and {folder} has room for {free}; name a folder on a larger disk as TMPDIR"
        )
    (folder / MANIFEST).write_bytes(text)
    for name in sorted(members):
        _file(source, name, members[name], folder / name)
    _end(source)
    return members


def _named(block: bytes) -> str:
    """The name of a further file, where its header can be read."""
    try:
        return f": {tarfile.TarInfo.frombuf(block, 'utf-8', 'strict').name[:80]!r}"
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError):
        return ""


def read_manifest(archive: Path) -> bytes:
    """The manifest alone, without reading further.

    Raises:
        BundleError: as in `unpack`.
    """
    with _opened(archive) as source:
        return _manifest(source)


def _manifest(source: Inflated) -> bytes:
    size = _header(source, MANIFEST)
    if size > MOST_MANIFEST:
        raise BundleError(f"{MANIFEST} of {size} bytes is too large")
    pieces: list[bytes] = []
    _content(source, size, pieces.append)
    return b"".join(pieces)


def _header(source: Inflated, name: str) -> int:
    """The size of the next file, which must have the name `name`."""
    block = source.read(BLOCK)
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
        raise BundleError(f"has no file where {name} is expected ({error})") from error
    plain = (header.type, header.mode, header.uid, header.gid, header.mtime) == (tarfile.REGTYPE, 0o644, 0, 0, 0)
    if header.name != name:
        raise BundleError(f"has {header.name[:80]!r} where {name} is expected")
    if not plain or header.linkname or header.uname or header.gname or header.size < 0:
        raise BundleError(f"{name} is not a plain file as kvv writes it")
    return int(header.size)


def _content(source: Inflated, size: int, take: Callable[[bytes], object]) -> None:
    left = size
    while left:
        piece = source.read(min(left, PIECE))
        if not piece:
            raise BundleError("ends in the middle; it was cut off")
        take(piece)
        left -= len(piece)
    if source.read(-size % BLOCK).strip(b"\0"):
        raise BundleError("has data between its files")


def _file(source: Inflated, name: str, member: Member, target: Path) -> None:
    size = _header(source, name)
    if size != member.size:
        raise BundleError(f"{name} has {size} bytes, the manifest says {member.size}")
    target.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as out:

        def take(piece: bytes) -> None:
            digest.update(piece)
            out.write(piece)

        _content(source, size, take)
    if digest.hexdigest() != member.sha256:
        raise BundleError(f"{name} has another digest than in the manifest")


def _end(source: Inflated) -> None:
    """Check that the archive ends: two empty blocks, and nothing but empty blocks after them."""
    block = source.read(BLOCK)
    if block != bytes(BLOCK) or source.read(BLOCK) != bytes(BLOCK):
        raise BundleError(f"has more files than its manifest lists{_named(block)}")
    source.finish()
