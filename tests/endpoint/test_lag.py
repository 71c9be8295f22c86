"""A process that is late at its own work says so, and blames no endpoint for it."""

import asyncio
import time

import uvloop

from kvv_action.endpoint.lag import STEP, LagMeter


async def test_what_holds_the_loop_is_counted() -> None:
    """Once, and as long as it took; waiting is not being late."""
    meter = LagMeter()
    meter.start()
    await asyncio.sleep(3 * STEP)
    idle = meter.late
    time.sleep(6 * STEP)  # noqa: ASYNC251 - what a busy processor does to the loop
    await asyncio.sleep(2 * STEP)
    meter.stop()
    meter.stop()
    assert 5 * STEP <= meter.late - idle < 12 * STEP
    late = meter.late
    time.sleep(3 * STEP)  # noqa: ASYNC251
    await asyncio.sleep(2 * STEP)
    assert meter.late == late, "it has ended"


def test_a_loop_that_comes_after_the_next_look_is_due_goes_on() -> None:
    """uvloop gives a handle without a time for what is already due."""

    class Late(LagMeter):
        def start(self) -> None:
            """Due before it is asked for."""
            loop = asyncio.get_running_loop()
            self._due = loop.time() - 2 * STEP
            self._timer = loop.call_at(self._due, self._look)

    async def measured() -> float:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        meter = Late()
        meter.start()
        await asyncio.sleep(STEP)
        meter.stop()
        return meter.late

    failures = list[object]()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(measured()) >= STEP
    assert failures == []
