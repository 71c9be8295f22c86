"""How late this process gets to its work: a busy machine must not look like a slow endpoint."""

import asyncio

STEP = 0.05
"""Seconds between two looks at the clock."""


class LagMeter:
    """Adds up how late the event loop comes to callbacks that are due.

    Attributes:
        late: seconds since the start, without delays below `STEP`.
    """

    def __init__(self) -> None:
        self.late = 0.0
        self._due = 0.0
        self._timer: asyncio.Handle | None = None

    def start(self) -> None:
        """Begin; an event loop must run."""
        loop = asyncio.get_running_loop()
        self._due = loop.time() + STEP
        self._timer = loop.call_at(self._due, self._look)

    def stop(self) -> None:
        """End; may be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        # the handle is not asked when it was due: for a time that has passed, uvloop gives one that does not know
        lag = asyncio.get_running_loop().time() - self._due
        self.late += lag if lag > STEP else 0.0
        self.start()
