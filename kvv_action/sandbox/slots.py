"""Places on the engine: containers wait for a free one, first come, first served."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Bytes of memory for a number of containers. Processors are shared out by the kernel, memory is not."""

    memory: int
    places: int = 1

    def holds(self, other: "Room") -> bool:
        """Whether `other` fits into this."""
        return other.memory <= self.memory and other.places <= self.places

    def without(self, other: "Room") -> "Room":
        """What is left when `other` is taken out."""
        return Room(memory=self.memory - other.memory, places=self.places - other.places)

    def within(self, other: "Room") -> "Room":
        """This, cut to what `other` has at all."""
        return Room(memory=min(self.memory, other.memory), places=min(self.places, other.places))


class Slots:
    """Hands out room and takes it back; what wants more than there is waits until it has all of it.

    Args:
        room: all that there is.
    """

    def __init__(self, room: Room) -> None:
        self.room = room
        self._free = room
        self._waiting: deque[tuple[Room, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def taken(self, want: Room) -> AsyncIterator[None]:
        """Room for as long as the context lasts."""
        want = want.within(self.room)
        await self._take(want)
        try:
            yield
        finally:
            self._give_back(want)

    async def _take(self, want: Room) -> None:
        if not self._waiting and self._free.holds(want):
            self._free = self._free.without(want)
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((want, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(want)
            else:
                self._waiting = deque(entry for entry in self._waiting if entry[1] is not turn)
                self._wake()
            raise

    def _give_back(self, had: Room) -> None:
        self._free = Room(memory=self._free.memory + had.memory, places=self._free.places + had.places)
        self._wake()

    def _wake(self) -> None:
        while self._waiting and self._free.holds(self._waiting[0][0]):
            want, turn = self._waiting.popleft()
            if not turn.done():
                self._free = self._free.without(want)
                turn.set_result(None)
