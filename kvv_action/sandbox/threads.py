"""Blocking calls off the event loop, in threads that nobody has to wait for.

The threads are daemons: whatever the engine does, neither a cancelled task nor the end of the process waits for it.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def off_loop(function: Callable[[], T]) -> T:
    """The function's result; when this is cancelled, the function goes on and its result is dropped."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, error = None, None
        try:
            result = function()
        except BaseException as raised:  # noqa: BLE001 - it is raised again where the result is awaited
            error = RuntimeError("iteration ended") if isinstance(raised, StopIteration) else raised
        with contextlib.suppress(RuntimeError):  # the loop is gone, and so is whoever asked
            loop.call_soon_threadsafe(tell, result, error)

    threading.Thread(target=work, name="kvv-sandbox", daemon=True).start()
    return await future


async def see_through(work: Awaitable[T], seconds: float) -> T:
    """Wait for what must not be left half done; a cancellation is kept back for at most `seconds`.

    Raises:
        CancelledError: it was cancelled meanwhile; the work is done, unless it took longer.
    """
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if not task.done():
            await asyncio.wait([task], timeout=seconds)
        if task.done() and not task.cancelled():
            task.exception()  # it was looked at
        raise
