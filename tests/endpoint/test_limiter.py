"""The adaptive limit, without a network."""

import asyncio
import itertools
from contextlib import AsyncExitStack

import pytest

from kvv_action.endpoint.limiter import Limiter, Slot


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def slots(limiter: Limiter, count: int) -> list[Slot]:
    taken = []
    for _ in range(count):
        async with limiter as slot:
            taken.append(slot)
    return taken


async def test_no_more_than_the_maximum_is_in_flight() -> None:
    """The maximum holds under a crowd."""
    limiter, seen = Limiter(3), []

    async def one() -> None:
        async with limiter:
            seen.append(limiter.state.in_flight)
            await asyncio.sleep(0)

    await asyncio.gather(*[one() for _ in range(20)])
    assert max(seen) == 3
    assert limiter.state.in_flight == 0


async def test_429_halves_once_a_round() -> None:
    """Requests sent before the decrease do not decrease again; those sent after do."""
    limiter = Limiter(16)
    for slot in await slots(limiter, 10):
        limiter.throttled(slot)
    assert limiter.state.limit == 8
    limiter.throttled((await slots(limiter, 1))[0])
    assert limiter.state.limit == 4


async def test_the_limit_never_falls_below_one() -> None:
    """One request at a time is always allowed."""
    limiter = Limiter(2)
    for _ in range(5):
        limiter.throttled((await slots(limiter, 1))[0])
    assert limiter.state.limit == 1


async def test_success_recovers_by_one_a_round() -> None:
    """Recovery is additive and ends at the maximum."""
    limiter = Limiter(8)
    limiter.throttled((await slots(limiter, 1))[0])
    limits = []
    for _ in range(40):
        limiter.succeeded((await slots(limiter, 1))[0])
        limits.append(limiter.state.limit)
    assert limits[3:5] == [4, 5]
    assert limits[-1] == 8
    assert all(after - before <= 1 for before, after in itertools.pairwise(limits))


async def test_old_successes_do_not_undo_a_decrease() -> None:
    """A success says nothing about a limit under which it was not sent."""
    limiter = Limiter(8)
    old, refused = await slots(limiter, 2)
    limiter.throttled(refused)
    for _ in range(100):
        limiter.succeeded(old)
    assert limiter.state.limit == 4


async def test_first_come_first_served() -> None:
    """Waiters get their slots in the order in which they came."""
    limiter, order = Limiter(1), []

    async def one(name: int) -> None:
        async with limiter:
            order.append(name)
            await asyncio.sleep(0)

    await asyncio.gather(*[one(n) for n in range(8)])
    assert order == list(range(8))


@pytest.mark.parametrize("granted", [False, True])
async def test_a_cancelled_waiter_loses_no_slot(granted: bool) -> None:
    """Cancelled while waiting, or in the very turn in which its slot was granted."""
    limiter = Limiter(1)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(limiter)
        waiter = asyncio.create_task(slots(limiter, 1))
        other = asyncio.create_task(slots(limiter, 1))
        await settle()
        assert limiter.state.waiting == 2
        if not granted:
            waiter.cancel()
    waiter.cancel()
    await asyncio.wait_for(other, 60)
    assert waiter.cancelled()
    assert limiter.state.in_flight == 0


async def test_a_failing_holder_gives_its_slot_back() -> None:
    """Slots do not leak through exceptions."""
    limiter = Limiter(1)
    with pytest.raises(KeyError):
        async with limiter:
            raise KeyError
    await asyncio.wait_for(slots(limiter, 1), 60)
