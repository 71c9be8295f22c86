"""Shares the engine's memory among containers: each waits until it fits, first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Bytes of memory, and how many containers may share them. The kernel shares out processors, but not memory."""

    memory: int
    containers: int


class Slots:
    """Hands out memory to containers and takes it back.

    Args:
        capacity: everything that can be handed out.
    """

    def __init__(self, capacity: Capacity) -> None:
        self.capacity = capacity
        self._memory = capacity.memory
        self._containers = capacity.containers
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, memory: int) -> AsyncIterator[None]:
        """Hold this much memory for one container; a container that wants more than there is gets all of it."""
        memory = min(memory, self.capacity.memory)
        await self._wait(memory)
        try:
            yield
        finally:
            self._give_back(memory)

    def _fits(self, memory: int) -> bool:
        return self._containers > 0 and memory <= self._memory

    def _take(self, memory: int) -> None:
        self._memory -= memory
        self._containers -= 1

    async def _wait(self, memory: int) -> None:
        if not self._waiting and self._fits(memory):
            self._take(memory)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((memory, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(memory)
            else:
                self._waiting = deque(entry for entry in self._waiting if entry[1] is not turn)
                self._wake()
            raise

    def _give_back(self, memory: int) -> None:
        self._memory += memory
        self._containers += 1
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            memory, turn = self._waiting.popleft()
            if not turn.done():
                self._take(memory)
                turn.set_result(None)
