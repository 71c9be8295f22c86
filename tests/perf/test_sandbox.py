"""What a container costs, beside the bare SDK. `pytest -m perf -s tests/perf/test_sandbox.py` (needs an engine)."""

import asyncio
import os
import secrets
import statistics
import time
from typing import Any

import pytest

from kvv_action.benchmark import Container, ContainerSpec
from kvv_action.sandbox.archive import packed
from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.labels import labels
from kvv_action.sandbox.limits import Limits
from kvv_action.sandbox.nested import NestedContainers, open_sandbox
from kvv_action.sandbox.options import SandboxOptions

pytestmark = [pytest.mark.perf, pytest.mark.docker, pytest.mark.timeout(1200)]

MIB = 2**20
LIMITS = Limits(cpus=1.0, memory=512 * MIB, pids=128, disk=1024 * MIB)
INSTANCES, COMMANDS = 20, 60
HISTORY = (
    "git init -q . && git -c user.name=a -c user.email=a@b commit -q --allow-empty -m base"
    " && for i in $(seq 50); do echo $i > file$i; done"
)

PREPARE = ("git rev-parse HEAD", "git reflog expire --expire=now --all; git gc -q --prune=now", "git status")
EXTRACT = "git add -A && git diff --cached --binary HEAD > /tmp/patch"


@pytest.fixture
def client() -> Any:
    if "KVV_BASE_IMAGE" not in os.environ:
        pytest.skip("KVV_BASE_IMAGE is not set: there is no image to run")
    try:
        return connect()
    except NoEngine as error:
        pytest.skip(str(error))


def told(name: str, seconds: list[float]) -> float:
    ordered = [round(1000 * one) for one in sorted(seconds)]
    median, most, load = statistics.median(ordered), ordered[int(0.9 * len(ordered))], os.getloadavg()[0]
    print(f"\n{name:<36} ms: median {median:.0f}, best {ordered[0]}, 90 % under {most}; load {load:.1f}")
    return median


def spec(role: str) -> ContainerSpec:
    return ContainerSpec(image=os.environ["KVV_BASE_IMAGE"], instance="perf", role=role, workdir="/srv", lease=600)


async def prepare(container: Container) -> None:
    """What an instance needs before its agent: the head read, other refs and the reflog removed."""
    for command in PREPARE:
        await container.run(command, deadline=60)


async def extract(container: Container) -> bytes:
    """The patch, taken by us."""
    done = await container.run(EXTRACT, deadline=60)
    assert done.exit_code == 0, done
    return await container.get("/tmp/patch", limit=MIB)


async def instance(sandbox: NestedContainers) -> float:
    """Seconds of everything around model and tests: two containers, preparation, patch, set-up of grading."""
    spent = 0.0
    began = time.perf_counter()
    async with sandbox.container(spec("agent")) as container:
        spent += time.perf_counter() - began
        await container.run(HISTORY, deadline=60)  # stands for what the image brings and the model does
        began = time.perf_counter()
        await prepare(container)
        patch = await extract(container)
    async with sandbox.container(spec("grade")) as container:
        await container.put("/tmp/patch.diff", patch)
        await container.put("/tmp/eval.sh", b"exit 0\n")
        await container.run("bash /tmp/eval.sh", deadline=60)
    return spent + time.perf_counter() - began


def bare(client: Any) -> float:
    """Seconds of the same by the SDK alone: two containers, the same commands and files, no limit and no deadline."""

    def run(container: str, command: str) -> None:
        made = client.exec_create(container, ["bash", "-c", command], workdir="/srv")["Id"]
        client.exec_start(made)
        client.exec_inspect(made)

    def started() -> str:
        config = {
            "Image": os.environ["KVV_BASE_IMAGE"],
            "Entrypoint": ["sleep", "600"],
            "HostConfig": {"NetworkMode": "none"},
            "Labels": labels("perf-bare", "perf", "bare", time.time() + 600),
        }
        made: str = client.create_container_from_config(config)["Id"]
        client.start(made)
        return made

    began = time.perf_counter()
    agent = started()
    spent = time.perf_counter() - began
    run(agent, HISTORY)
    began = time.perf_counter()
    for command in (*PREPARE, EXTRACT):
        run(agent, command)
    b"".join(client.get_archive(agent, "/tmp/patch")[0])
    client.remove_container(agent, force=True)
    grade = started()
    for name in ("patch.diff", "eval.sh"):
        client.put_archive(grade, "/", packed(f"/tmp/{name}", b"exit 0", 0o644))
    run(grade, "bash /tmp/eval.sh")
    client.remove_container(grade, force=True)
    return spent + time.perf_counter() - began


async def test_overhead_of_an_instance(client: Any) -> None:
    """Create, prepare, extract, set up grading, remove; by us and by the SDK, in turns."""
    sandbox = await open_sandbox(SandboxOptions(run=f"perf-{secrets.token_hex(6)}", limits=LIMITS))
    try:
        await instance(sandbox)
        pairs = [(await instance(sandbox), bare(client)) for _ in range(INSTANCES)]
        ratio = told("an instance: ours", [ours for ours, _ in pairs]) / told("the SDK", [sdk for _, sdk in pairs])
        print(f"{'':<36} {ratio:.2f} times the SDK's")
    finally:
        await sandbox.aclose()


async def test_commands_beside_the_bare_sdk(client: Any) -> None:
    """The same command by us and by the SDK's `exec_create`, `exec_start`, `exec_inspect`, in turns."""
    sandbox = await open_sandbox(SandboxOptions(run=f"perf-{secrets.token_hex(6)}", limits=LIMITS))
    ours, bare = list[float](), list[float]()

    def sdk(container: str, command: str) -> None:
        made = client.exec_create(container, ["bash", "-c", command])["Id"]
        client.exec_start(made)
        assert client.exec_inspect(made)["ExitCode"] == 0

    try:
        async with sandbox.container(spec("agent")) as container:
            for command in ("echo hello", "head -c 1000000 /dev/zero | tr '\\0' x"):
                for _ in range(COMMANDS):
                    began = time.perf_counter()
                    await container.run(command, deadline=60)
                    ours.append(time.perf_counter() - began)
                    began = time.perf_counter()
                    sdk(container.id, command)
                    bare.append(time.perf_counter() - began)
                ratio = told(f"{command[:30]}: ours", ours) / told(f"{command[:30]}: SDK", bare)
                print(f"{'':<36} {ratio:.2f} times the SDK's")
                ours.clear()
                bare.clear()
    finally:
        await sandbox.aclose()


async def test_eight_at_once(client: Any) -> None:
    """Commands a second in eight containers, each with a deadline, an output and a watch over its disk."""
    sandbox = await open_sandbox(SandboxOptions(run=f"perf-{secrets.token_hex(6)}", limits=LIMITS, workers=8))

    async def one() -> None:
        async with sandbox.container(spec("agent")) as container:
            for number in range(20):
                assert (await container.run(f"echo {number}", deadline=60)).output == f"{number}\n".encode()

    began = time.perf_counter()
    try:
        await asyncio.gather(*(one() for _ in range(8)))
    finally:
        await sandbox.aclose()
    rate = 160 / (time.perf_counter() - began)
    print(f"\n8 containers, 160 commands: {rate:.0f} commands/s with start and removal, load {os.getloadavg()[0]:.1f}")
