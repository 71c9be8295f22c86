"""Keeps a container from filling the engine's disk, where the storage driver cannot."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from kvv_action.errors import LimitReached
from kvv_action.sandbox.engine import Engine, EngineError
from kvv_action.sandbox.floor import Floor

FIRST, EVERY = 0.4, 1.0
"""Seconds after which a container is first looked at, and from then on."""
CLOSELY = 0.1
"""The same for a container that is over its limit already, and between two looks at the engine's disk."""
TRIES = 3
"""Looks that must fail in a row before that is a failure of the engine."""
PATIENCE = 20
"""A look that takes long is followed by a pause this many times as long: walking many files costs the engine."""
HOPELESS = 4 * 2**30
"""A container that is by so many bytes over its limit is given up; a fast disk takes as much between two looks."""
MARGIN = 16 * 2**20
"""Bytes that a container over its limit may still grow before it is stopped again, so that it can tidy up."""


async def written(engine: Engine, container: str) -> int:
    """Bytes in a container's own layer; files that are deleted but open are not among them.

    Raises:
        EngineError: the engine does not say.
    """

    def ask() -> int:
        client = engine.client
        url = client._url("/containers/{0}/json", container)  # noqa: SLF001 - its own method cannot ask for it
        told: Any = client._result(client._get(url, params={"size": 1}), json=True)  # noqa: SLF001
        return int(told.get("SizeRw") or 0)

    return await engine.call("measuring a container's layer", ask)


class Watch:
    """Looks at one container for as long as it lives, for what it started in the background writes between commands.

    Args:
        size: bytes that it has written.
        limit: bytes that it may have written; 0 when the engine itself sees to that.
        floor: of the engine's disk; None when that cannot be seen.
    """

    def __init__(self, size: Callable[[], Awaitable[int]], limit: int, floor: Floor | None) -> None:
        self._size = size
        self._limit = limit
        self._floor = floor
        self._before = 0

    async def overflow(self) -> str:
        """Wait until it has written more than it may; to be called again when it was stopped.

        Returns:
            What is short when it is the engine's disk; empty when the container is over its own limit.

        Raises:
            EngineError: the engine does not say how much it is.
            LimitReached: it has written far too much.
        """
        loop = asyncio.get_running_loop()
        if self._before:  # it was stopped
            self._before = await self._looked()
            if self._before > self._limit + HOPELESS:
                raise LimitReached(f"it has written {self._before} bytes, {self._limit} are allowed: it is given up")
        bound, pause = max(self._limit, self._before + MARGIN), CLOSELY if self._before else FIRST
        while True:
            if short := await self._pause(pause):
                return short
            began = loop.time()
            size = await self._looked()
            if size > bound:
                self._before = size
                return ""
            if size <= self._limit:
                bound, self._before = self._limit, 0
            pause = max(CLOSELY if size > self._limit else EVERY, PATIENCE * (loop.time() - began))

    async def _looked(self) -> int:
        """Bytes that it has written; an engine that is busy for a while is asked again."""
        for _ in range(TRIES - 1):
            with suppress(EngineError):
                return await self._size()
            await asyncio.sleep(EVERY)
        return await self._size()

    async def _pause(self, seconds: float) -> str:
        """Wait, with an eye on the engine's disk; what is short there."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        while not self._limit or loop.time() < until:
            if self._floor is not None and (short := self._floor.reached()):
                return short
            await asyncio.sleep(min(CLOSELY, max(0.0, until - loop.time())) if self._limit else CLOSELY)
        return ""
