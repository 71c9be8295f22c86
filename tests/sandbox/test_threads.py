"""Blocking calls that nobody has to wait for."""

import asyncio
import subprocess
import sys
import threading
import time

import pytest

from kvv_action.sandbox.threads import off_loop, shielded


async def test_result_and_error() -> None:
    """Both come back; the loop goes on meanwhile."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.01)
            ticks += 1

    ticking = asyncio.create_task(tick())
    assert await off_loop(lambda: (time.sleep(0.2), 5)[1]) == 5
    ticking.cancel()
    assert ticks > 3
    with pytest.raises(KeyError):
        await off_loop(lambda: {}["x"])
    with pytest.raises(RuntimeError):
        await off_loop(lambda: next(iter(())))


async def test_cancelled() -> None:
    """Who gave up does not wait, and a late result disturbs nobody."""
    begun, may_end, ended = threading.Event(), threading.Event(), threading.Event()
    task = asyncio.create_task(off_loop(lambda: (begun.set(), may_end.wait(), ended.set())))
    assert await asyncio.to_thread(begun.wait, 60)
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not ended.is_set()
    may_end.set()
    assert ended.wait(60)
    await asyncio.sleep(0.05)


def test_the_process_ends() -> None:
    """A call that never comes back does not keep the interpreter."""
    program = (
        "import asyncio, time\n"
        "from kvv_action.sandbox.threads import off_loop\n"
        "async def main():\n"
        "    asyncio.create_task(off_loop(lambda: time.sleep(1000)))\n"
        "    await asyncio.sleep(0.1)\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], timeout=60, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


async def test_seen_through() -> None:
    """What must not be left half done is waited for, and the cancellation comes after it."""
    done = False

    async def work() -> None:
        nonlocal done
        await asyncio.sleep(0.2)
        done = True

    task = asyncio.create_task(shielded(work(), 5))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done


async def test_not_seen_through_for_ever() -> None:
    """There is an end to it."""
    task = asyncio.create_task(shielded(asyncio.sleep(1000), 0.1))
    await asyncio.sleep(0.05)
    task.cancel()
    async with asyncio.timeout(60):
        with pytest.raises(asyncio.CancelledError):
            await task
