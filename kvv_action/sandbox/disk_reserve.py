"""Free space on the engine's disk, where that disk can be seen from here."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from kvv_action.sandbox.engine import Engine, EngineError
from kvv_action.sandbox.own_image import IN_CONTAINER

BYTES, FILES = 2**30, 20_000
"""Free bytes and inodes below which a container is ended; or half of the initial free space, if that is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FreeSpace:
    """Free bytes and inodes; `files` is None on file systems that create inodes as they need them."""

    bytes: int
    files: int | None


def free(path: str) -> FreeSpace:
    """Free space on the file system of a path. Raises OSError."""
    found = os.statvfs(path)
    return FreeSpace(bytes=found.f_bavail * found.f_frsize, files=found.f_favail if found.f_files else None)


class DiskReserve:
    """The free space that must stay on the engine's disk.

    Args:
        measure: returns the free space.

    Attributes:
        lock: held while one container is measured, so that the measurements do not mix.
    """

    def __init__(self, measure: Callable[[], FreeSpace]) -> None:
        self._measure = measure
        first = measure()
        self._bytes = min(BYTES, first.bytes // 2)
        self._files = min(FILES, (first.files or 0) // 2)
        self.lock = asyncio.Lock()

    def free(self) -> int:
        """Free bytes."""
        return self._measure().bytes

    def shortage(self) -> str:
        """A message when the disk is short of bytes or inodes, else empty."""
        now = self._measure()
        if now.bytes < self._bytes:
            return f"the engine's disk has only {now.bytes / 2**20:.0f} MiB left"
        if now.files is not None and now.files < self._files:
            return f"the engine's disk has room for only {now.files} more files"
        return ""


async def reserve_of(engine: Engine) -> DiskReserve | None:
    """The reserve of an engine's disk; None when that disk cannot be seen from here (the engine is remote)."""
    path = await _visible_path(engine)
    with suppress(OSError):
        return DiskReserve(lambda: free(path)) if path else None
    return None


async def _visible_path(engine: Engine) -> str:
    """A path on the engine's disk; empty when no path here lies on it.

    Inside a container of this engine that is the root folder. Outside it is the engine's own folder, if the engine runs
    on this machine and not in a virtual one.
    """
    info, client, name = engine.info, engine.client, socket.gethostname()
    if not info.host.startswith("unix://"):
        return ""
    if not IN_CONTAINER.exists():
        return info.root if info.name == name else ""
    try:
        await engine.call("looking for our own container", lambda: client.inspect_container(name))
    except EngineError:
        return ""
    return "/"
