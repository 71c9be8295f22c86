"""The sandbox of a run: opened when a chosen benchmark runs code, closed at the end."""

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from entrypoint.settings import value_of
from kvv_action.benchmark import Observer, Sandbox
from kvv_action.github import context
from kvv_action.plan.plan import Loaded
from kvv_action.sandbox import labels
from kvv_action.sandbox.capacity import Capacity
from kvv_action.sandbox.limits import ContainerLimits
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.settings import Settings, option_name

LIMITS = ("container_cpus", "container_memory", "container_pids", "container_disk")
"""Settings that can change the result of work in a container; plans with such benchmarks hold them."""
GIB = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """The containers of a run.

    Attributes:
        sandbox: None when no benchmark needs one, or when there is no usable engine.
        absent: ids of the benchmarks that cannot be asked without a sandbox, and the reason.
    """

    sandbox: Sandbox | None = None
    absent: Mapping[str, str] = field(default_factory=dict)


def limits_of_containers(settings: Settings) -> dict[str, object]:
    """The settings of `LIMITS`, by the names of their inputs, as the plan keeps them."""
    return {option_name(name): value_of(settings, name) for name in LIMITS}


def options_of_sandbox(settings: Settings, run: str) -> SandboxOptions:
    """The settings as the sandbox knows them."""
    return SandboxOptions(
        run=run,
        workers=settings.containers or 0,
        limits=ContainerLimits(
            cpus=settings.container_cpus,
            memory=int(settings.container_memory * GIB),
            pids=settings.container_pids,
            disk=int(settings.container_disk * GIB),
        ),
        pull=settings.container_pull,
        mirrors=settings.container_mirror,
        images=settings.container_images,
    )


def capacity_expected(settings: Settings) -> Capacity:
    """Containers at a time, and memory for them, as planning sees it: what an engine of this machine's size would have.

    No engine is asked: a plan is often made where there is none.
    """
    from kvv_action.sandbox.engine import EngineInfo
    from kvv_action.sandbox.limits import capacity_of

    here = EngineInfo(
        host="", version="", os="linux", architecture="", driver="", rootless=False, unlimited=(),
        cpus=os.cpu_count() or 1, memory=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
    )  # fmt: skip
    options = options_of_sandbox(settings, "")
    return capacity_of(options.limits, options.workers, here)


def engine_in_words(loaded: tuple[Loaded, ...]) -> str:
    """The container engine that a benchmark of the run needs; empty where none does, or where none can be used."""
    if not any(item.benchmark.sandboxed for item in loaded if item.count and not item.planned.skip):
        return ""
    from kvv_action.sandbox.engine import NoEngine, open_engine

    try:
        engine = asyncio.run(open_engine())
    except NoEngine:
        return ""
    engine.close()
    return engine.info.described


@asynccontextmanager
async def nested(
    settings: Settings, loaded: tuple[Loaded, ...], journal: Path, observer: Observer, *, in_job: bool
) -> AsyncIterator[Nested]:
    """Containers for as long as the run lasts.

    Args:
        settings: limits, images.
        loaded: the run's benchmarks.
        journal: by which the run is known outside a job.
        observer: is told what is missing.
        in_job: whether this is a step of GitHub's, whose own clean-up knows the job's label.
    """
    asked = [item for item in loaded if item.count and not item.planned.skip]
    needing = [item.planned.id for item in asked if item.benchmark.sandboxed]
    if not needing:
        yield Nested()
        return
    from kvv_action.sandbox.engine import NoEngine
    from kvv_action.sandbox.nested import open_sandbox

    run = (context.read().run_label if in_job else "") or labels.of_journal(journal)
    try:
        sandbox = await open_sandbox(options_of_sandbox(settings, run), observer.state)
    except NoEngine as error:
        observer.state(f"{', '.join(needing)}: {error}")
        yield Nested(absent=dict.fromkeys(needing, str(error)))
        return
    try:
        yield Nested(sandbox=sandbox)
    finally:
        await sandbox.aclose()
