"""Faults that show when many requests come at once."""

import time
from collections import deque
from dataclasses import replace

from kvv_action.simulator.faults.model import Coin, Fault, Turn, Visit
from kvv_action.simulator.refusal import error_document
from kvv_action.simulator.wire import Reply

BUSY_SECONDS = 0.3
"""Seconds that an answer takes, so that requests overlap."""
ROOM = 8
"""Requests at once that go well."""


class _Crowd:
    """Requests that are under way: those that came within the time that an answer takes."""

    def __init__(self) -> None:
        self._came: deque[float] = deque()

    def too_many(self) -> bool:
        """Note a request; whether more than `ROOM` are under way."""
        now = time.monotonic()
        while self._came and self._came[0] < now - BUSY_SECONDS:
            self._came.popleft()
        if len(self._came) >= ROOM:
            return True
        self._came.append(now)
        return False


def _slowly(reply: Reply, turn: Turn) -> Reply:
    return replace(reply, delay=reply.delay + BUSY_SECONDS) if turn.call is not None else reply


_CROWD, _QUEUE = _Crowd(), _Crowd()


def _overrun(_: Visit) -> Reply | None:
    body = error_document("CUDA error: an illegal memory access was encountered", "server_error")
    return Reply(status=500, parts=(body,)) if _CROWD.too_many() else None


def _shed(_: Visit) -> Reply | None:
    body = error_document("max concurrency reached, please try again", "rate_limit_reached_error")
    return Reply(status=429, parts=(body,)) if _QUEUE.too_many() else None


FAULTS = (
    Fault(
        name="breaks-under-load",
        summary=f"answers 500 while {ROOM} other requests are under way",
        conclusion="Pre-Verification at full fails: many requests at once break answers",
        coin=Coin.OCCURRENCE,
        admit=_overrun,
        send=_slowly,
    ),
    Fault(
        name="sheds-load-under-burst",
        summary=f"answers 429 while {ROOM} other requests are under way",
        conclusion="no finding: lack of capacity, which clients wait for",
        coin=Coin.OCCURRENCE,
        admit=_shed,
        send=_slowly,
    ),
)
