"""Limits the requests in flight, and adapts the limit to the endpoint."""

import asyncio
from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LimiterState:
    """The current limit, requests in flight, and requests that wait for a slot."""

    limit: int
    in_flight: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Slot:
    """Permission to send one request; slots are numbered in order."""

    number: int


class Limiter:
    """Gives slots as a context manager, first come, first served.

    The limit halves on 429 and grows by one per round of successes, as in TCP. Only one 429 per round counts: a request
    that was sent before the last decrease says nothing about the new limit.
    """

    def __init__(self, maximum: int) -> None:
        self._maximum = max(1, maximum)
        self._limit = float(self._maximum)
        self._in_flight = 0
        self._given = 0
        self._decreased_at = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    @property
    def state(self) -> LimiterState:
        """The current state."""
        waiting = sum(not waiter.done() for waiter in self._waiters)
        return LimiterState(limit=int(self._limit), in_flight=self._in_flight, waiting=waiting)

    async def __aenter__(self) -> Slot:
        """Wait for a slot and hold it."""
        await self._acquire()
        self._given += 1
        return Slot(self._given)

    async def __aexit__(self, *exc: object) -> None:
        self._in_flight -= 1
        self._wake()

    def throttled(self, slot: Slot) -> None:
        """The endpoint answered 429."""
        if slot.number > self._decreased_at:
            self._limit = max(1.0, self._limit // 2)
            self._decreased_at = self._given

    def succeeded(self, slot: Slot) -> None:
        """The endpoint served a request."""
        if slot.number > self._decreased_at and self._limit < self._maximum:
            self._limit = min(float(self._maximum), self._limit + 1 / self._limit)
            self._wake()

    async def _acquire(self) -> None:
        """When a slot is free, `_wake` has already emptied the queue, cancelled waiters included."""
        if not self._waiters and self._in_flight < int(self._limit):
            self._in_flight += 1
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except asyncio.CancelledError:
            if not waiter.cancelled():  # granted in the same turn
                self._in_flight -= 1
                self._wake()
            raise

    def _wake(self) -> None:
        while self._waiters and self._in_flight < int(self._limit):
            waiter = self._waiters.popleft()
            if not waiter.done():
                self._in_flight += 1
                waiter.set_result(None)
