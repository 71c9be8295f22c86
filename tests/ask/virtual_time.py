"""An event loop in which waiting takes no time: when nothing can run, the clock jumps to the next timer."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop with a clock of its own, in seconds from 0."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:
            self._now = max(self._now, self._scheduled[0]._when)
        super()._run_once()


def duration(main: Coroutine[Any, Any, None]) -> float:
    """Seconds that `main` takes on the simulated clock."""

    async def timed() -> float:
        await main
        return asyncio.get_running_loop().time()

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(timed())
