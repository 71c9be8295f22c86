"""Nested containers started from inside the action's image, by the runner's `docker run`; cancelled at any moment."""

import os
import random
import signal
import subprocess
import time

import pytest

from tests.e2e.conftest import KEY, Serve
from tests.e2e.runner import Runner
from tests.e2e.test_action import containers, report, wait_for

pytestmark = [pytest.mark.docker, pytest.mark.timeout(1200)]

TRIES = int(os.environ.get("KVV_CANCEL_TRIES", "4"))
WORK = """
import asyncio, signal, sys
from kvv_action.benchmark import ContainerSpec
from kvv_action.github import context
from kvv_action.sandbox.limits import ContainerLimits
from kvv_action.sandbox.nested import open_sandbox
from kvv_action.sandbox.options import SandboxOptions

MIB = 2**20
BASE = sys.argv[1]

async def work(sandbox, number):
    for turn in range(100):
        spec = ContainerSpec(image=BASE, instance=f"{number}-{turn}", role="agent", lease=600)
        async with sandbox.container(spec) as container:
            for _ in range(3):
                await container.run("head -c 1M /dev/zero > /tmp/x; sleep 0.2; sleep 1000 &", deadline=60)
            await container.run("sleep 1000", deadline=1.0)

async def everything(sandbox):
    async with asyncio.TaskGroup() as group:
        for number in range(4):
            group.create_task(work(sandbox, number))

async def main():
    limits = ContainerLimits(cpus=0.5, memory=128 * MIB, pids=64, disk=64 * MIB)
    sandbox = await open_sandbox(SandboxOptions(run=context.read().run_label, limits=limits, workers=3))
    task = asyncio.create_task(everything(sandbox))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    print("started", flush=True)
    try:
        await task
    except asyncio.CancelledError:
        print("cancelled", flush=True)
    finally:
        await sandbox.aclose()

asyncio.run(main())
"""


def left(docker: str, label: str) -> str:
    """Ids of what carries the job's label."""
    argv = [docker, "ps", "-aq", "--filter", f"label=kvv.run={label}"]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def begun(runner: Runner) -> "subprocess.Popen[bytes]":
    """Four instances at work in nested containers of the base image."""
    args = ("-IB", "-c", WORK, os.environ["KVV_BASE_IMAGE"])
    return runner.start({}, entrypoint="/opt/kvv/bin/python", args=args)


@pytest.mark.parametrize("seed", range(TRIES))
def test_cancelled_at_a_random_moment(runner: Runner, docker: str, seed: int) -> None:
    """SIGINT to the docker CLI, as the runner cancels: neither the step nor a container of it is left."""
    cancel(runner, docker, seed)


def cancel(runner: Runner, docker: str, seed: int) -> float:
    """Cancel a step at work; seconds until it was gone. How many they may be is asserted in `tests/perf`."""
    process = begun(runner)
    before = wait_for(process, b"started", 120)
    time.sleep(random.Random(seed).uniform(0, 4))
    there = len(left(docker, runner.label).split())
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    step = runner.ended(process, timeout=60, before=before)
    took = time.monotonic() - began
    print(f"try {seed}: {there} containers, gone after {took:.1f} s, load {os.getloadavg()[0]:.1f}")
    assert left(docker, runner.label) == "", step
    assert containers(docker, runner.name) == ""
    assert b"cancelled" in step.stdout, step
    return took


def test_killed(runner: Runner, docker: str) -> None:
    """After a SIGKILL, which nobody can hear, the post step removes what is left, and nothing else."""
    process = begun(runner)
    before = wait_for(process, b"started", 120)
    for _ in range(200):
        if left(docker, runner.label):
            break
        time.sleep(0.1)
    stranger = subprocess.run(
        [docker, "run", "-d", "--label", f"kvv.run={runner.label}-other", "--entrypoint", "sleep",
         os.environ["KVV_BASE_IMAGE"], "300"], check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    try:
        subprocess.run([docker, "kill", "-s", "KILL", runner.name], check=True, capture_output=True)
        runner.ended(process, timeout=60, before=before)
        assert left(docker, runner.label) != ""
        post = runner.post()
        assert post.status == 0
        assert left(docker, runner.label) == ""
        assert left(docker, f"{runner.label}-other") != ""
    finally:
        subprocess.run([docker, "rm", "-f", stranger], capture_output=True)


def test_swebench_in_a_step(runner: Runner, docker: str, serve: Serve) -> None:
    """The action resolves the bundled instances through tool calls of the embedded vendor, beside its own container."""
    inputs = {
        "base-url": "http://127.0.0.1:8080/v1", "api-key": KEY, "model": "kimi-k2.6", "benchmarks": "swebench",
        "dataset": "swebench=bundled", "precheck": "off", "base-image": os.environ["KVV_BASE_IMAGE"],
        "container-memory": "0.25",
    }  # fmt: skip
    step = runner.run(inputs, network=serve(), timeout=300)
    assert step.status == 0, step.stdout
    assert (step.outputs["verdict"], step.outputs["score-swebench"]) == ("pass", "1.0000")
    (found,) = report(runner)["benchmarks"]  # type: ignore[misc]
    assert found["breakdowns"]["outcome"] == {"resolved": 3}
    assert left(docker, runner.label) == ""
