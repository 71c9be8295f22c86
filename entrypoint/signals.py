"""The signals that end a command, and the event loop that they end in order."""

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any

ENDING = (signal.SIGINT, signal.SIGTERM)
AGAIN = 30.0
"""Seconds after which a task that has not ended is cancelled again: something has swallowed it, or waits too long."""


class Interruption:
    """The first SIGINT or SIGTERM that comes while an event loop lives; it cancels the loop's main task.

    It raises nothing where it hits: in the loop's start, in its end or in a callback that would be lost, or leave the
    loop half open.

    Attributes:
        name: of the signal; empty while none came.
        taken: whether it cancelled the task.
    """

    def __init__(self, tell: Callable[[str], None]) -> None:
        self.name = ""
        self.taken = False
        self._tell = tell
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None

    def __call__(self, number: int, _frame: FrameType | None) -> None:
        """Take a signal; all but the first change nothing."""
        if not self.name:
            self.name = signal.Signals(number).name
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # it is closed
                    self._loop.call_soon_threadsafe(self._cancel)

    def ends(self, task: "asyncio.Task[None]") -> None:
        """Cancel this task, which the loop runs now, when a signal comes; at once if one came."""
        self._task, self._loop = task, task.get_loop()
        if self.name:
            self._cancel()

    def _cancel(self) -> None:
        if self._task is not None and not self.taken and self._task.cancel():
            self.taken = True
            self._tell(f"{self.name}: stopping; what came is kept")
            self._task.get_loop().call_later(AGAIN, self._cancel_again)

    def _cancel_again(self) -> None:
        if self._task is not None and self._task.cancel():
            self._task.get_loop().call_later(AGAIN, self._cancel_again)


def run_until_signalled(
    main: Callable[[Interruption], Coroutine[Any, Any, None]],
    tell: Callable[[str], None],
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
) -> None:
    """Run to the end, or until a signal cancels `main`, which ends in order then. After one, later ones are ignored.

    Args:
        main: is given what tells whether a signal came.
        tell: takes a line about the signal.
        factory: makes the event loop; None for asyncio's own.

    Raises:
        KeyboardInterrupt: a signal came, and `main` did not make an end of it.
    """
    interruption = Interruption(tell)
    before = {number: signal.signal(number, interruption) for number in ENDING}

    async def listening() -> bool:
        task = asyncio.current_task()
        assert task is not None
        interruption.ends(task)
        try:
            await main(interruption)
        except asyncio.CancelledError:
            if not interruption.taken:
                raise
            return False
        return True

    try:
        with asyncio.Runner(loop_factory=factory) as runner:
            ended = runner.run(listening())
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if interruption.taken else handler)
    if interruption.name and not (interruption.taken and ended):
        raise KeyboardInterrupt
