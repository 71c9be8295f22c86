"""Shares the engine's free disk among containers that need all that they name: each waits until its part is free."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from kvv_action.benchmark import ContainerSpec, Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox.limits import short_of_disk

BELIEVED = 60.0
"""Seconds for which a figure of the engine's free disk is used again: each measurement costs a container."""
SLACK = 300.0
"""Seconds that a container may take to begin and to be removed, beside twice its lease: one waits for memory first."""


class DiskClaims:
    """The disk that running containers may still fill; first come, first served.

    What a container has written counts twice, as used and as claimed, so that all of them can fill their parts.

    Args:
        measure: returns the free bytes on the engine's disk, measured in a container of an image.
    """

    def __init__(self, measure: Callable[[Image], Awaitable[int]]) -> None:
        self._measure = measure
        self._measured: tuple[float, int] | None = None
        self._claimed = 0
        self._longest = 0
        self._line = asyncio.Lock()
        self._given_back = asyncio.Event()

    @asynccontextmanager
    async def taken(self, spec: ContainerSpec, image: Image) -> AsyncIterator[None]:
        """Hold the disk that a container names. Raises SandboxError: the engine has less, even for it alone."""
        await self._claim(spec, image)
        try:
            yield
        finally:
            self._claimed -= spec.disk
            self._given_back.set()

    async def _claim(self, spec: ContainerSpec, image: Image) -> None:
        async with self._line:
            known = self._known()
            while lacks := short_of_disk(spec, (known or await self._free(image)) - self._claimed):
                if known is None and not self._claimed:
                    raise SandboxError(f"{spec.instance} needs {lacks}; it is never run with less")
                if known is None:
                    await self._freed(spec)
                known = None
            self._claimed += spec.disk
            self._longest = max(self._longest, spec.lease)

    async def _freed(self, spec: ContainerSpec) -> None:
        """Wait until a container gives its disk back. Raises SandboxError: none did while any of them may live."""
        longest = 2 * self._longest + SLACK
        try:
            async with asyncio.timeout(longest):
                await self._given_back.wait()
        except TimeoutError:
            told = f"{spec.instance} got no disk in {longest:.0f} s, in which each container that holds some should end"
            raise SandboxError(f"{told}; `kvv sandbox list` shows what was left, `reap` removes it") from None

    def _known(self) -> int | None:
        """Free bytes by the last figure; None when that is old."""
        if self._measured is None or time.monotonic() - self._measured[0] > BELIEVED:
            return None
        return self._measured[1]

    async def _free(self, image: Image) -> int:
        """Free bytes, measured."""
        self._given_back.clear()
        now = time.monotonic()
        self._measured = now, await self._measure(image)
        return self._measured[1]
