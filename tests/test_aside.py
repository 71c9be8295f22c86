"""Long work in threads."""

import asyncio
import threading
import time

import pytest

from kvv_action.aside import in_turn


@pytest.mark.parametrize("times", [1, 2])
async def test_who_is_cancelled_waits_for_the_thread(times: int) -> None:
    """What it works on is nobody else's before it has ended, whether it fails or not, and however often it is tried."""
    begun, done = threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        time.sleep(0.1)
        done.append("work")
        raise ValueError

    task = asyncio.create_task(in_turn(True, work))
    await asyncio.to_thread(begun.wait)
    for _ in range(times):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["work"]


async def test_an_error_in_a_thread_is_the_error_of_the_work() -> None:
    """As if it had been done at once."""
    with pytest.raises(ZeroDivisionError):
        await in_turn(True, lambda: 1 / 0)
