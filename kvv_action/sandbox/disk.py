"""Keeps a container within its disk limit when the storage driver cannot enforce it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from kvv_action.errors import LimitReached
from kvv_action.sandbox.disk_reserve import DiskReserve
from kvv_action.sandbox.engine import Engine, EngineError

FIRST, EVERY = 0.4, 1.0
"""Seconds before the first measurement of a container, and between later ones."""
CLOSELY = 0.1
"""Seconds between measurements of a container over its limit, and between two checks of the engine's disk."""
TRIES = 3
"""Measurements in a row that must fail before the engine counts as failed."""
PATIENCE = 20
"""After a slow measurement follows a pause this many times as long, because measuring many files loads the engine."""
HOPELESS = 4 * 2**30
"""A container this many bytes over its limit is given up; a fast disk writes as much between two measurements."""
MARGIN = 16 * 2**20
"""Bytes that a container over its limit may write before it is stopped again, so that it can clean up."""


async def written(engine: Engine, container: str) -> int:
    """Bytes in a container's own layer, without files that are deleted but still open.

    Raises:
        EngineError: the engine cannot tell.
    """

    def ask() -> int:
        client = engine.client
        url = client._url("/containers/{0}/json", container)  # noqa: SLF001 - its own method cannot ask for it
        state: Any = client._result(client._get(url, params={"size": 1}), json=True)  # noqa: SLF001
        return int(state.get("SizeRw") or 0)

    return await engine.call("measuring a container's layer", ask)


class DiskWatch:
    """Measures one container for its whole life, because background processes write between commands too.

    Args:
        size: measures the bytes that the container has written.
        limit: bytes that it may write; 0 when the engine itself enforces the limit.
        reserve: free space to keep on the engine's disk; None when that disk cannot be seen.
    """

    def __init__(self, size: Callable[[], Awaitable[int]], limit: int, reserve: DiskReserve | None) -> None:
        self._size = size
        self._limit = limit
        self._reserve = reserve
        self._before = 0

    async def overflow(self) -> str:
        """Wait until the container is over its limit or the disk is short; call it again after stopping the commands.

        Returns:
            A message when the engine's disk is short; empty when the container is over its own limit.

        Raises:
            EngineError: the engine cannot tell the size.
            LimitReached: the container has written far too much.
        """
        loop = asyncio.get_running_loop()
        if self._before:  # its commands were stopped
            self._before = await self._measured()
            if self._before > self._limit + HOPELESS:
                raise LimitReached(f"it has written {self._before} bytes, {self._limit} are allowed; it is given up")
        bound, pause = max(self._limit, self._before + MARGIN), CLOSELY if self._before else FIRST
        while True:
            if short := await self._pause(pause):
                return short
            began = loop.time()
            size = await self._measured()
            if size > bound:
                self._before = size
                return ""
            if size <= self._limit:
                bound, self._before = self._limit, 0
            pause = max(CLOSELY if size > self._limit else EVERY, PATIENCE * (loop.time() - began))

    async def _measured(self) -> int:
        """Bytes that the container has written; asks a busy engine again."""
        for _ in range(TRIES - 1):
            with suppress(EngineError):
                return await self._size()
            await asyncio.sleep(EVERY)
        return await self._size()

    async def _pause(self, seconds: float) -> str:
        """Wait, and return a message as soon as the engine's disk is short."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self._limit or loop.time() < until:
            if self._reserve is not None and (short := self._reserve.shortage()):
                return short
            await asyncio.sleep(min(CLOSELY, max(0.0, until - loop.time())) if self._limit else CLOSELY)
        return ""
