"""Reads a bundle without trusting it.

Only what `kvv bundle` writes is accepted: one gzip member, plain tar headers of regular files, the manifest first, then
exactly the files that it announces, in order, of the sizes and digests that it announces, and nothing behind. So there
are no links, devices, paths that lead elsewhere, duplicates or surprises in size.
"""

import hashlib
import shutil
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO

from kvv_action.bundle.form import MOST_BYTES, MOST_MANIFEST, PIECE, BundleError, Member, members_of
from kvv_action.report.files import MANIFEST

BLOCK = 512
MOST_RATIO = 300
"""Bytes that one byte may unpack to, beyond the first `FREE`; journals come to between 3 and 30."""
FREE = 64 * 2**20
_SPARE = 2**20
"""Headers and padding, beside the files themselves."""


class Inflated:
    """The unpacked bytes of one gzip member, never more at a time than asked for, and never too many.

    Args:
        stream: the archive.
        most: bytes that may come out of it in all.
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
            BundleError: damaged, or more than allowed.
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
            raise BundleError(f"unpacks to more than {MOST_RATIO} times its size, as only bombs do")

    def finish(self) -> None:
        """Nothing may follow.

        Raises:
            BundleError: something does.
        """
        while piece := self._piece(PIECE):
            if piece.strip(b"\0"):
                raise BundleError("has something behind its files")
        if self._inflater.unused_data or self._stream.read(1):
            raise BundleError("has something behind its end")


def unpack(archive: Path, folder: Path) -> dict[str, Member]:
    """Write the files of a bundle into an empty folder.

    Returns:
        The files, without the manifest.

    Raises:
        BundleError: it is not as `kvv bundle` writes it.
    """
    try:
        with archive.open("rb") as stream:
            return _unpack(Inflated(stream), folder)
    except BundleError as error:
        raise BundleError(f"{archive}: {error}") from error
    except OSError as error:
        raise BundleError(f"{archive}: {error.strerror or error}") from error


def _unpack(source: Inflated, folder: Path) -> dict[str, Member]:
    text = _manifest(source)
    members = members_of(text)
    needed, free = sum(one.size for one in members.values()), shutil.disk_usage(folder).free
    if needed > free:
        raise BundleError(f"unpacks to {needed} bytes, and {folder} has room for {free}")
    (folder / MANIFEST).write_bytes(text)
    for name in sorted(members):
        _file(source, name, members[name], folder / name)
    _end(source)
    return members


def read_manifest(archive: Path) -> bytes:
    """The manifest alone; the rest is not looked at.

    Raises:
        BundleError: as above.
    """
    try:
        with archive.open("rb") as stream:
            return _manifest(Inflated(stream))
    except BundleError as error:
        raise BundleError(f"{archive}: {error}") from error
    except OSError as error:
        raise BundleError(f"{archive}: {error.strerror or error}") from error


def _manifest(source: Inflated) -> bytes:
    size = _header(source, MANIFEST)
    if size > MOST_MANIFEST:
        raise BundleError(f"{MANIFEST} of {size} bytes is too large")
    pieces: list[bytes] = []
    _content(source, size, pieces.append)
    return b"".join(pieces)


def _header(source: Inflated, name: str) -> int:
    """The size of the next file, which must have this name."""
    block = source.read(BLOCK)
    try:
        header = tarfile.TarInfo.frombuf(block, "utf-8", "strict")
    except (tarfile.HeaderError, UnicodeDecodeError, ValueError) as error:
        raise BundleError(f"{name} should follow, and there is no file ({error})") from error
    plain = (header.type, header.mode, header.uid, header.gid, header.mtime) == (tarfile.REGTYPE, 0o644, 0, 0, 0)
    if header.name != name:
        raise BundleError(f"{header.name[:80]!r} stands where {name} should")
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
        raise BundleError("has something between its files")


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
        raise BundleError(f"{name} has another digest than the manifest says")


def _end(source: Inflated) -> None:
    """Two empty blocks end an archive; only emptiness may follow them."""
    if source.read(2 * BLOCK) != bytes(2 * BLOCK):
        raise BundleError("has more files than its manifest announces")
    source.finish()
