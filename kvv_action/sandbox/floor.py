"""What is free on the engine's disk, where that disk can be seen from here: a look costs nothing there."""

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from kvv_action.sandbox.engine import Engine, EngineError
from kvv_action.sandbox.own import IN_CONTAINER

BYTES, FILES = 2**30, 20_000
"""Free bytes and inodes below which a container is ended; half of what was free at first where that is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Free:
    """Bytes and inodes that can still be had; `files` is None on file systems that make inodes as they need them."""

    bytes: int
    files: int | None


def free(path: str) -> Free:
    """What is free on the file system of a path. Raises OSError."""
    found = os.statvfs(path)
    return Free(bytes=found.f_bavail * found.f_frsize, files=found.f_favail if found.f_files else None)


class Floor:
    """A level under which the engine's disk must not sink.

    Args:
        measure: what is free now.

    Attributes:
        turn: held by the one container that is looked into, so that each is judged by its own part.
    """

    def __init__(self, measure: Callable[[], Free]) -> None:
        self._measure = measure
        first = measure()
        self._bytes = min(BYTES, first.bytes // 2)
        self._files = min(FILES, (first.files or 0) // 2)
        self.turn = asyncio.Lock()

    def free(self) -> int:
        """Bytes that are free."""
        return self._measure().bytes

    def reached(self) -> str:
        """What is short, in words; empty while nothing is."""
        now = self._measure()
        if now.bytes < self._bytes:
            return f"the engine's disk has only {now.bytes / 2**20:.0f} MiB left"
        if now.files is not None and now.files < self._files:
            return f"the engine's disk has room for only {now.files} more files"
        return ""


async def floor_of(engine: Engine) -> Floor | None:
    """The floor of an engine's disk; None where that disk cannot be seen from here, as with an engine elsewhere."""
    path = await _place(engine)
    with suppress(OSError):  # it is somewhere else
        return Floor(lambda: free(path)) if path else None
    return None


async def _place(engine: Engine) -> str:
    """A path on the engine's disk; empty when there is none.

    The root of a container lies there, when it is one of this engine's. Otherwise the engine tells its folder, which
    means something here when it runs on this very machine and not in a virtual one.
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
