"""Faults that show when many requests come at once."""

import time
from collections import deque
from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import Coin, Fault, Turn, Visit
from kvv_action.simulator.refusal import error_document
from kvv_action.simulator.wire import Reply

BUSY_SECONDS = 0.3
"""Seconds that an answer takes, so that requests overlap."""
ROOM = 8
"""Requests at once that go well."""
PARSERS, PARSING_SECONDS = 12, 0.1
"""Answers with tool calls at once that go well, and how long each takes."""


class _Crowd:
    """Requests that are under way: those that came within the time that an answer takes.

    Args:
        room: so many at once go well.
        seconds: that an answer takes.
    """

    def __init__(self, room: int = ROOM, seconds: float = BUSY_SECONDS) -> None:
        self._room, self._seconds = room, seconds
        self._came: deque[float] = deque()

    def too_many(self) -> bool:
        """Note a request; whether there is no room for it."""
        now = time.monotonic()
        while self._came and self._came[0] < now - self._seconds:
            self._came.popleft()
        if len(self._came) >= self._room:
            return True
        self._came.append(now)
        return False


def _slowly(reply: Reply, turn: Turn) -> Reply:
    return replace(reply, delay=reply.delay + BUSY_SECONDS) if turn.call is not None else reply


_CROWD, _QUEUE, _PARSER = _Crowd(), _Crowd(), _Crowd(PARSERS, PARSING_SECONDS)


def _overrun(_: Visit) -> Reply | None:
    body = error_document("CUDA error: an illegal memory access was encountered", "server_error")
    return Reply(status=500, parts=(body,)) if _CROWD.too_many() else None


def _shed(_: Visit) -> Reply | None:
    body = error_document("max concurrency reached, please try again", "rate_limit_reached_error")
    return Reply(status=429, parts=(body,)) if _QUEUE.too_many() else None


def _parsed_slowly(reply: Reply, turn: Turn) -> Reply:
    calls = turn.answer is not None and turn.answer.tool_calls
    return replace(reply, delay=reply.delay + PARSING_SECONDS) if calls else reply


def _confused(answer: Answer, _: Call) -> Answer:
    """Arguments without their first character, while the parser has too many answers with calls at once."""
    if not answer.tool_calls or not _PARSER.too_many():
        return answer
    return replace(answer, tool_calls=tuple(replace(made, arguments=made.arguments[1:]) for made in answer.tool_calls))


FAULTS = (
    Fault("breaks-under-load", f"answers 500 while {ROOM} other requests are under way",
          "Pre-Verification at full fails: many requests at once break answers", coin=Coin.OCCURRENCE, admit=_overrun,
          send=_slowly),
    Fault("confuses-tool-calls-under-load",
          f"breaks the arguments of tool calls while {PARSERS} other answers with calls are under way",
          "Tool calls under load fails: tool calls that are valid alone break when many requests come at once",
          coin=Coin.OCCURRENCE, say=_confused, send=_parsed_slowly),
    Fault("sheds-load-under-burst", f"answers 429 while {ROOM} other requests are under way",
          "no finding: lack of capacity, which clients wait for", coin=Coin.OCCURRENCE, admit=_shed, send=_slowly),
)  # fmt: skip
