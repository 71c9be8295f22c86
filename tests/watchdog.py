"""Names every call on an event loop that keeps all others waiting.

What is measured is the processor time of the loop's own thread: a busy machine stretches the time on the wall. It
stretches that of a processor less, and not each time; so a test says `each_time`.
"""

import asyncio
import functools
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

LONGEST = 0.020
"""Seconds of processor time that one call may take."""
TRIES = 4
_EVERY = 0.003
_SHOWN = 6


class TookLong(AssertionError):
    """A call kept the loop."""


@dataclass
class Watchdog:
    """What was seen.

    Attributes:
        slow: a line for each call that took too long: its time, and where the loop's thread was meanwhile.
        worst: the longest time of a call, in seconds.
    """

    slow: list[str] = field(default_factory=list)
    worst: float = 0.0
    _thread: int = field(default_factory=threading.get_ident)
    _stacks: Counter[str] = field(default_factory=Counter)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, inner: object, handle: asyncio.Handle) -> None:
        """One call of the loop."""
        if threading.get_ident() != self._thread:
            inner(handle)  # type: ignore[operator]
            return
        self._stacks.clear()
        began = time.thread_time()
        inner(handle)  # type: ignore[operator]
        took = time.thread_time() - began
        self.worst = max(self.worst, took)
        if took > LONGEST:
            seen = "; ".join(where for where, _ in self._stacks.most_common(2)) or "a single call in C"
            self.slow.append(f"{took * 1000:.0f} ms in {handle!r:.200}: {seen}")

    def check(self) -> None:
        """Raise `TookLong` if a call took too long."""
        if self.slow:
            raise TookLong(self.slow)

    def look(self) -> None:
        """Note now and then where the loop's thread is."""
        while not self._over.wait(_EVERY):
            frame = sys._current_frames().get(self._thread)
            if frame is not None:
                self._stacks[" < ".join(_places(frame))] += 1

    def end(self) -> None:
        """Look no more."""
        self._over.set()


def _places(frame: FrameType | None) -> Iterator[str]:
    """The innermost functions."""
    for _ in range(_SHOWN):
        if frame is None or frame.f_code.co_name == "_run":
            return
        yield f"{frame.f_code.co_filename.rpartition('/')[2]}:{frame.f_lineno} {frame.f_code.co_name}"
        frame = frame.f_back


@contextmanager
def watched(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    """Watch the event loop of this thread."""
    dog, inner = Watchdog(), asyncio.events.Handle._run
    looking = threading.Thread(target=dog.look, daemon=True)
    with monkeypatch.context() as patch:
        patch.setattr(asyncio.events.Handle, "_run", lambda handle: dog.run(inner, handle))
        looking.start()
        try:
            yield dog
        finally:
            dog.end()
            looking.join()


def each_time(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., Coroutine[Any, Any, None]]:
    """Try a test again when a call took long: one that really does takes long each time."""

    @functools.wraps(test)
    async def tried(**given: Any) -> None:
        for number in range(1, TRIES):
            with suppress(TookLong):
                await test(**{**given, **_place(given, number)})
                return
        await test(**given)

    return tried


def _place(given: dict[str, Any], number: int) -> dict[str, Path]:
    """A folder of a try's own, where the test has one."""
    if "tmp_path" not in given:
        return {}
    place: Path = given["tmp_path"] / str(number)
    place.mkdir()
    return {"tmp_path": place}
