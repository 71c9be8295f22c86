"""Containers that need all the disk that they name share it, and wait for one another."""

import asyncio
from dataclasses import replace
from random import Random

import pytest

from kvv_action.benchmark import ContainerSpec, Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox import disk_claims
from kvv_action.sandbox.disk_claims import DiskClaims

IMAGE = Image(name="i", id="sha256:1", digest="")


def task(disk: int) -> ContainerSpec:
    return ContainerSpec(image="i", instance="task", role="agent", disk=disk, exact=True)


class Disk:
    """A disk that containers fill; measuring it takes a while."""

    def __init__(self, size: int, turns: int = 2) -> None:
        self.turns = turns
        self.free, self.measured, self.at_once, self.most = size, 0, 0, 0
        self.claims = DiskClaims(self._measure)

    async def _measure(self, _: Image) -> int:
        self.measured += 1
        await asyncio.sleep(0)
        return self.free

    async def work(self, need: int, writes: int) -> None:
        """A container that writes, and is removed."""
        async with self.claims.taken(task(need), IMAGE):
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            self.free -= writes
            assert self.free >= 0, "a container ran with less than it needs"
            for _ in range(self.turns):
                await asyncio.sleep(0)
            self.free += writes
            self.at_once -= 1


async def test_one_measurement_serves_those_that_come_together() -> None:
    """Four fit, and begin at once."""
    disk = Disk(80, turns=20)
    await asyncio.gather(*(disk.work(20, 0) for _ in range(4)))
    await disk.work(20, 20)
    assert (disk.measured, disk.most) == (1, 4)


@pytest.mark.parametrize("seed", range(5))
async def test_no_container_has_less_than_it_needs(seed: int) -> None:
    """However many come, and whatever they write: each can fill its part, and all are served."""
    chance, disk = Random(seed), Disk(30)
    needs = [chance.randint(1, 30) for _ in range(40)]
    await asyncio.gather(*(disk.work(need, chance.randint(0, need)) for need in needs))
    assert disk.free == 30


async def test_what_does_not_fit_alone_is_refused() -> None:
    """At once when nothing runs; when something does, after that has ended."""
    disk = Disk(30)
    with pytest.raises(SandboxError, match=r"^task needs .* it is never run with less$"):
        await disk.work(31, 0)
    found = await asyncio.gather(disk.work(20, 20), disk.work(31, 0), disk.work(20, 20), return_exceptions=True)
    assert [type(one) for one in found] == [type(None), SandboxError, type(None)]
    assert disk.measured <= 5


async def test_who_is_cancelled_holds_nothing() -> None:
    """Neither while waiting nor while working."""
    disk = Disk(30)
    tasks = [asyncio.create_task(disk.work(20, 5)) for _ in range(3)]
    await asyncio.sleep(0)
    for one in tasks:
        one.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    disk.free = 30
    await disk.work(30, 30)
    assert disk.free == 30


async def test_nobody_waits_longer_than_others_may_live(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container that never ends costs the next one its sample, and not the run its end."""
    monkeypatch.setattr(disk_claims, "SLACK", 0.01)
    disk = Disk(30)
    async with disk.claims.taken(replace(task(20), lease=0), IMAGE):
        with pytest.raises(SandboxError, match="task got no disk in 0 s"):
            await disk.work(20, 0)
    await disk.work(20, 20)
