"""Many containers at once, and what is left of them: nothing."""

import asyncio
import random
import time
from dataclasses import replace
from typing import Any

import pytest

from kvv_action.benchmark import ContainerSpec
from kvv_action.errors import SandboxError
from kvv_action.sandbox import launch, nested
from kvv_action.sandbox.engine import EngineError, NoEngine
from kvv_action.sandbox.labels import labels
from kvv_action.sandbox.launch import Launcher
from kvv_action.sandbox.limits import ContainerLimits
from kvv_action.sandbox.nested import NestedContainers, open_sandbox
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.sandbox.reaper import Reaped
from tests.pipeline.command import wait_until
from tests.sandbox.conftest import MIB, SMALL, labelled

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def spec(base: str, instance: str = "test", **wishes: Any) -> ContainerSpec:
    return ContainerSpec(**{"image": base, "instance": instance, "role": "agent", "lease": 300, **wishes})


async def test_nothing_is_left(sandbox: NestedContainers, base: str, client: Any, run: str) -> None:
    """A container is gone when its context ends, also by an error."""

    async def broken() -> None:
        async with sandbox.container(spec(base)):
            assert len(labelled(client, run)) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await broken()
    assert labelled(client, run) == []


@pytest.mark.parametrize("seed", range(6))
async def test_cancelled_at_any_moment(base: str, client: Any, run: str, seed: int) -> None:
    """Before, while and after containers are started, while commands run: nothing is left, and soon."""
    sandbox = await open_sandbox(SandboxOptions(run=run, limits=SMALL, workers=4))

    async def work(number: int) -> None:
        for turn in range(100):
            async with sandbox.container(spec(base, f"{number}-{turn}")) as container:
                await container.run("sleep 0.2; echo; sleep 1000", deadline=random.Random(number).choice([0.3, 100]))

    async def everything() -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(6):
                group.create_task(work(number))

    task = asyncio.create_task(everything())
    await asyncio.sleep(random.Random(seed).uniform(0, 3))
    began = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await sandbox.aclose()
    assert labelled(client, run) == []
    assert time.monotonic() - began < 100, "the commands take 1000 s"


async def test_eight_at_once(sandbox: NestedContainers, base: str) -> None:
    """Eight containers on two processors keep their files, outputs and exit codes apart."""

    async def one(number: int) -> list[tuple[int | None, bytes]]:
        async with sandbox.container(spec(base, f"{number}", cpus=0.5)) as container:
            await container.put("/tmp/mine", f"{number}\n".encode() * 1000)
            commands = [f"sort -u /tmp/mine; hostname > /dev/null; echo {step}; exit {number}" for step in range(5)]
            done = [await container.run(command, deadline=120) for command in commands]
            assert await container.get("/tmp/mine", limit=MIB) == f"{number}\n".encode() * 1000
            return [(each.exit_code, each.output) for each in done]

    assert sandbox.places == 8
    found = await asyncio.gather(*(one(number) for number in range(8)))
    assert found == [[(number, f"{number}\n{step}\n".encode()) for step in range(5)] for number in range(8)]


async def test_places_are_held_to(base: str, client: Any, run: str) -> None:
    """No more containers are there than places, however many are wanted."""
    sandbox = await open_sandbox(SandboxOptions(run=run, limits=SMALL, workers=2))
    most = 0

    async def one() -> None:
        nonlocal most
        async with sandbox.container(spec(base)):
            most = max(most, len(labelled(client, run)))

    await asyncio.gather(*(one() for _ in range(6)))
    await sandbox.aclose()
    assert most == 2


async def test_the_next_start_sweeps(base: str, client: Any, run: str) -> None:
    """What a killed process of the same run left is gone at its next start; what another run is doing is not."""
    other = f"{run}-other"
    mine, theirs = (_left_over(client, base, name, 300) for name in (run, other))
    try:
        sandbox = await open_sandbox(SandboxOptions(run=run))
        left = {one["Id"] for one in client.containers(all=True, filters={"label": ["kvv.run"]})}
        assert mine not in left
        assert theirs in left
        await sandbox.aclose()
    finally:
        client.remove_container(theirs, force=True)


async def test_the_next_start_sweeps_what_is_over(base: str, client: Any, run: str) -> None:
    """Of whatever run; where another process is just removing it, that ends soon."""
    expired = _left_over(client, base, f"{run}-other", -1)
    await (await open_sandbox(SandboxOptions(run=run))).aclose()
    wait_until(lambda: not client.containers(all=True, filters={"id": expired}), 60)


async def test_closing_removes_what_is_there(sandbox: NestedContainers, base: str, client: Any, run: str) -> None:
    """Also what no context knows of."""
    _left_over(client, base, run, 300)
    await sandbox.aclose()
    assert labelled(client, run) == []


async def test_a_quota_that_the_engine_does_not_have(base: str, client: Any, run: str) -> None:
    """Where the storage driver refuses a quota after all, the container starts without, and is watched."""
    sandbox = await open_sandbox(SandboxOptions(run=run, limits=SMALL))
    sandbox._launcher._quota = True
    async with sandbox.container(spec(base)) as container:
        assert not sandbox._launcher._quota
        assert container._started.disk == SMALL.disk
    assert isinstance(sandbox._launcher, Launcher)
    await sandbox.aclose()


async def test_the_disk_of_the_engine(sandbox: NestedContainers, base: str) -> None:
    """Free bytes are measured where the images lie."""
    free = await sandbox._free(await sandbox.image(base))
    assert 10 * MIB < free < 2**60


async def test_an_image_that_cannot_run(sandbox: NestedContainers, base: str, client: Any, run: str) -> None:
    """Without a shell no container starts: an error, and nothing is left."""
    name = f"kvv-test-{run}"
    image = await sandbox.build(name, {"Dockerfile": b"FROM scratch\nCOPY file /file\n", "file": b""}, {})
    try:
        with pytest.raises(SandboxError, match="/bin/sh"):
            async with sandbox.container(spec(image.id)):
                pass
        assert labelled(client, run) == []
    finally:
        client.remove_image(name, force=True)


def _left_over(client: Any, base: str, run: str, seconds: int) -> str:
    """A running container as a killed process leaves it."""
    config = {
        "Image": base, "Entrypoint": ["sleep", "300"], "HostConfig": {"NetworkMode": "none"},
        "Labels": labels(run, "test", "agent", time.time() + seconds),
    }  # fmt: skip
    found: str = client.create_container_from_config(config)["Id"]
    client.start(found)
    return found


async def test_a_container_that_cannot_be_removed(
    sandbox: NestedContainers, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The work in it is done and stays; that it is left to the next sweep is told."""
    told = list[str]()
    sandbox._tell = told.append

    async def busy(container: str) -> None:
        raise EngineError("removing a container: device or resource busy", 500)

    monkeypatch.setattr(sandbox._launcher, "remove", busy)
    async with sandbox.container(spec(base)) as container:
        done = await container.run("echo done", deadline=30)
    assert done.output == b"done\n"
    assert [
        message for message in told if "could not be removed; the next run removes it" in message and "busy" in message
    ]


async def test_an_earlier_container_that_cannot_be_removed(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told, and does not keep this run from its own."""
    told = list[str]()

    def stuck(which: object) -> Reaped:
        return Reaped(removed=(), failed=("kvv-old: busy",))

    def slow(which: object) -> Reaped:
        raise NoEngine("the container engine does not answer (timed out)")

    for reap in (stuck, slow):
        monkeypatch.setattr(nested, "reap", reap)
        await (await open_sandbox(SandboxOptions(run=run), told.append)).aclose()
    assert [message.partition(": ")[2] for message in told] == [
        "kvv-old: busy", "the container engine does not answer (timed out)",
    ]  # fmt: skip


async def test_no_network_beside_an_open_engine(sandbox: NestedContainers, base: str) -> None:
    """Where the engine's port asks nobody who he is, a container gets no network, and that is told once."""
    told = list[str]()
    sandbox._tell = told.append
    sandbox._engine.info = replace(sandbox._engine.info, exposed=True)
    for _ in range(2):
        async with sandbox.container(spec(base, network=True)) as container:
            assert (await container.run("ls /sys/class/net", deadline=30)).output == b"lo\n"
    assert len(told) == 1
    assert told[0].startswith("tests run without a network: the engine at ")


async def test_the_disk_is_measured_without_a_quota(base: str, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota would be all that the measuring container sees."""
    asked = dict[str, bool]()
    real = launch.host_config

    def noted(limits: ContainerLimits, network: str, *, quota: bool, **more: Any) -> dict[str, Any]:
        asked[network] = quota
        return real(limits, network, quota=False, **more)

    monkeypatch.setattr(launch, "host_config", noted)
    sandbox = await open_sandbox(SandboxOptions(run=run, limits=SMALL))
    sandbox._launcher._quota = True
    await sandbox._free(await sandbox.image(base))
    assert asked == {"none": False}
    async with sandbox.container(spec(base)):
        assert asked == {"none": True}
    await sandbox.aclose()
