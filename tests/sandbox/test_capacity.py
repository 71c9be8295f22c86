"""How many containers share the engine, and who waits for whom."""

import asyncio

import pytest

from kvv_action.sandbox.capacity import Capacity, Slots
from kvv_action.sandbox.engine import EngineInfo
from kvv_action.sandbox.limits import ContainerLimits, capacity_of, fewer_containers

GIB = 2**30
ONE = ContainerLimits(cpus=1.0, memory=4 * GIB, pids=100, disk=GIB)


def engine(cpus: int, memory: int) -> EngineInfo:
    return EngineInfo(
        host="", version="", os="linux", architecture="x86_64", cpus=cpus, memory=memory, driver="overlay2",
        rootless=False, unlimited=(),
    )  # fmt: skip


class Watch:
    """Containers that come and go, in the order of a script."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.inside: list[str] = []
        self.order: list[str] = []
        self.gates: dict[str, asyncio.Event] = {}

    async def one(self, name: str, memory: int = 1) -> None:
        self.gates[name] = asyncio.Event()
        async with self.slots.taken(memory):
            self.inside.append(name)
            self.order.append(name)
            await self.gates[name].wait()
            self.inside.remove(name)


async def turn() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_first_come_first_served() -> None:
    """A large one is not overtaken for ever by small ones."""
    watch = Watch(Slots(Capacity(memory=4, containers=4)))
    tasks = [asyncio.create_task(watch.one(*wish)) for wish in (("a", 2), ("b", 2), ("large", 4), ("small", 1))]
    await turn()
    assert watch.inside == ["a", "b"]
    watch.gates["a"].set()
    await turn()
    assert watch.inside == ["b"]
    watch.gates["b"].set()
    await turn()
    assert watch.inside == ["large"]
    watch.gates["large"].set()
    await turn()
    assert watch.inside == ["small"]
    watch.gates["small"].set()
    await asyncio.gather(*tasks)


async def test_who_gives_up_waiting_holds_nothing() -> None:
    """Cancelled before or after its turn came, its room goes to the next."""
    slots = Slots(Capacity(memory=1, containers=1))
    watch = Watch(slots)
    first, second, third = (asyncio.create_task(watch.one(name)) for name in "abc")
    await turn()
    watch.gates["a"].set()
    second.cancel()
    await turn()
    assert watch.inside == ["c"]
    watch.gates["c"].set()
    await asyncio.gather(first, third)
    async with slots.taken(1):
        pass


async def test_cancelled_in_the_moment_of_its_turn() -> None:
    """The room that was just given is given back."""
    slots = Slots(Capacity(memory=1, containers=1))
    entered = asyncio.Event()

    async def waiter() -> None:
        async with slots.taken(1):
            entered.set()

    async with slots.taken(1):
        task = asyncio.create_task(waiter())
        await turn()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(60), slots.taken(1):
        assert not entered.is_set()


async def test_more_than_there_is() -> None:
    """Who wants more than the engine has gets all of it, alone."""
    slots = Slots(Capacity(memory=2, containers=2))
    async with asyncio.timeout(60), slots.taken(100):
        assert not slots._fits(1)


@pytest.mark.parametrize(
    ("workers", "cpus", "memory", "containers"),
    [
        (0, 2, 7, 1),
        (0, 4, 16, 3),
        (0, 32, 128, 25),
        (0, 2, 256, 4),
        (8, 2, 64, 8),
        (8, 2, 16, 3),
        (1, 8, 64, 1),
        (0, 1, 2, 1),
    ],
)
def test_how_many_there_are(workers: int, cpus: int, memory: int, containers: int) -> None:
    """Two per processor or as many as wanted, but never more than memory holds, and always one."""
    assert capacity_of(ONE, workers, engine(cpus, memory * GIB)).containers == containers


def test_fewer_containers_than_wanted() -> None:
    """Who wants more containers than fit hears how many there are, and why."""
    assert fewer_containers(ONE, 0, engine(cpus=2, memory=8 * GIB)) == ""
    assert fewer_containers(ONE, 2, engine(cpus=2, memory=16 * GIB)) == ""
    told = fewer_containers(ONE, 8, engine(cpus=2, memory=10 * GIB))
    assert "only 2 of 8 containers run at a time: each may take 4 GiB of the 8 GiB" in told
