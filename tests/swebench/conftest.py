"""A real engine for the tests that are marked `docker`, and a run in its containers."""

import os
import secrets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from docker.errors import ImageNotFound

from benchmarks.swebench import bundled
from benchmarks.swebench.benchmark import SweBench
from benchmarks.swebench.dataset import PINS
from kvv_action.benchmark import Container, ContainerSpec, Options
from kvv_action.dataset.load import load
from kvv_action.profiles import loader
from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.nested import NestedContainers, open_sandbox
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.schema import Sample
from tests.sharing import made_once
from tests.swebench.demo import demo
from tests.tools import ENGINE, missing

Start = Callable[..., Any]


@pytest.fixture(scope="session")
def engine() -> None:
    """Skips, with the reason, where there is none."""
    if "KVV_BASE_IMAGE" not in os.environ:
        missing(ENGINE, "KVV_BASE_IMAGE is not set: there is no image to run")
    try:
        connect().close()
    except NoEngine as error:
        missing(ENGINE, str(error))


@pytest.fixture(scope="module")
def solved(tmp_path_factory: pytest.TempPathFactory, engine: None) -> Path:
    """One run of the embedded vendor."""

    def make(out: Path) -> None:
        ran, _ = demo(out)
        assert ran.status == 0, ran.err

    return made_once(tmp_path_factory, "solved-run", make)


@pytest.fixture
async def sandbox(engine: None) -> AsyncIterator[NestedContainers]:
    found = await open_sandbox(SandboxOptions(run=f"test-{secrets.token_hex(6)}"))
    yield found
    await found.aclose()


@pytest.fixture
def samples() -> list[Sample]:
    """The bundled instances."""
    rows = load("swebench", "benchmarks.swebench", PINS["verified"], "bundled")
    return list(SweBench(Options()).samples(rows, loader.load("kimi-k2.6")))


@pytest.fixture
async def ledger(sandbox: NestedContainers, samples: list[Sample]) -> AsyncIterator[Container]:
    """A container of the first instance, as an agent gets it."""
    instance = samples[0].input
    image = await bundled.image(instance, sandbox, os.environ["KVV_BASE_IMAGE"])
    spec = ContainerSpec(image=image.id, instance=instance.id, role="agent", workdir="/testbed", lease=300)
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(sandbox.container(spec))


@pytest.fixture
def run_image(engine: None) -> Iterator[str]:
    """A name for an image of one test, which is gone in the end."""
    name = f"kvv-test-{secrets.token_hex(6)}:1"
    yield name
    client: Any = connect()
    with suppress(ImageNotFound):
        client.remove_image(name, force=True)
    client.close()
