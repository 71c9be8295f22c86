"""Copies single files into and out of a container as tar archives in memory."""

import base64
import io
import json
import posixpath
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kvv_action.errors import SandboxError

GO_MODE_TYPE = 0x8F280000
"""Go's `os.ModeType`: set bits mean a folder, link, device, pipe or socket."""


def checked(path: str) -> str:
    """The normalized absolute path of a file inside a container.

    Raises:
        SandboxError: the path is not absolute.
    """
    clean = posixpath.normpath(path)
    if not path.startswith("/") or clean in ("/", "//") or "\0" in path:
        raise SandboxError(f"{path[:200]!r} is not an absolute path of a file in a container")
    return clean


def packed(path: str, data: bytes, mode: int) -> bytes:
    """An archive with one file, to be unpacked at `/`; the engine creates missing folders."""
    return context({checked(path).lstrip("/"): data}, mode)


def context(files: Mapping[str, bytes], mode: int = 0o644) -> bytes:
    """An archive of these files; the same files give the same bytes."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, data in sorted(files.items()):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), mode
            archive.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def is_regular(stat: Mapping[str, object]) -> bool:
    """Whether a path is a regular file by the engine's description of it."""
    mode = stat.get("mode")
    return isinstance(mode, int) and not mode & GO_MODE_TYPE


def fetched(client: Any, container: str, path: str, limit: int) -> bytes:
    """Read one regular file out of a container; anything else closes the connection at once.

    Raises:
        SandboxError: see `unpacked`.
        Exception: of the SDK or its transport.
    """
    url = client._url("/containers/{0}/archive", container)  # noqa: SLF001 - `get_archive` cannot be ended early
    response = client._get(url, params={"path": path}, stream=True)  # noqa: SLF001
    try:
        client._raise_for_status(response)  # noqa: SLF001
        stat = json.loads(base64.b64decode(response.headers["x-docker-container-path-stat"]))
        if not is_regular(stat):
            raise SandboxError(f"{path}: is not a regular file")
        return unpacked(response.iter_content(65536), limit, path)
    finally:
        response.close()


def unpacked(blocks: Iterable[bytes], limit: int, path: str) -> bytes:
    """The one regular file in an archive from a container; reads no further than its end.

    Args:
        blocks: the archive in pieces.
        limit: largest size of the file, in bytes.
        path: of the file, for messages.

    Raises:
        SandboxError: not a regular file, too large, or not an archive.
    """
    reader = io.BufferedReader(_Blocks(iter(blocks)), 65536)
    try:
        with tarfile.open(fileobj=reader, mode="r|") as archive:
            entry = archive.next()
            if entry is None or not entry.isreg() or entry.issparse():
                raise SandboxError(f"{path}: is not a regular file")
            if entry.size > limit:
                raise SandboxError(f"{path}: has {entry.size} bytes; at most {limit} are read")
            stream = archive.extractfile(entry)
            data = stream.read(limit + 1) if stream is not None else b""
    except tarfile.TarError as error:
        raise SandboxError(f"{path}: the container engine sent a damaged archive ({error})") from error
    if len(data) != entry.size:
        raise SandboxError(f"{path}: only {len(data)} of {entry.size} bytes came")
    return data


class _Blocks(io.RawIOBase):
    """Blocks of bytes as a stream."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
