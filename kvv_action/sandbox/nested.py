"""The sandbox of a run: containers on the available engine."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress

from kvv_action.benchmark import ContainerSpec, Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox.capacity import Slots
from kvv_action.sandbox.container import EngineContainer
from kvv_action.sandbox.disk_claims import DiskClaims
from kvv_action.sandbox.disk_reserve import DiskReserve, reserve_of
from kvv_action.sandbox.engine import Engine, open_engine
from kvv_action.sandbox.images import Images
from kvv_action.sandbox.launch import DISK, HELD, Launch, Launcher
from kvv_action.sandbox.limits import capacity_of, fewer_containers, lacking
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.sandbox.reaper import ContainerSelection, reap
from kvv_action.sandbox.threads import off_loop, shielded

FREE = "stat -f -c '%a %S' /"
"""Prints the free blocks of the engine's disk and their size."""
Tell = Callable[[str], None]


def _quietly(message: str) -> None:
    """Drop the message."""


class NestedContainers:
    """The `Sandbox` of `kvv_action.benchmark`; made by `open_sandbox`.

    Args:
        engine: where containers run.
        options: what the user chose.
        tell: gets messages about problems that do not stop the work.
        reserve: free space to keep on the engine's disk; None when that disk cannot be seen from here.
    """

    def __init__(
        self, engine: Engine, options: SandboxOptions, tell: Tell = _quietly, reserve: DiskReserve | None = None
    ) -> None:
        self._engine = engine
        self._options = options
        self._tell = tell
        self._told_of_network = False
        self._disk = DiskClaims(self._free)
        self._slots = Slots(capacity_of(options.limits, options.workers, engine.info))
        self._launcher = Launcher(engine, reserve)
        self._images = Images(engine, options, self._free)
        self.places = self._slots.capacity.containers

    async def image(self, name: str) -> Image:
        """See `Sandbox.image`."""
        return await self._images.get(name)

    async def build(self, name: str, files: Mapping[str, bytes], arguments: Mapping[str, str]) -> Image:
        """See `Sandbox.build`."""
        return await self._images.build(name, files, arguments)

    async def release(self, name: str) -> None:
        """See `Sandbox.release`."""
        await self._images.release(name)

    @asynccontextmanager
    async def container(self, spec: ContainerSpec) -> AsyncIterator[EngineContainer]:
        """See `Sandbox.container`."""
        image = await self._images.get(spec.image)
        limits = self._options.limits.of(spec, self._engine.info)
        async with self._needs(spec, image), self._slots.taken(limits.memory), self._started(spec, image) as container:
            yield container

    def _needs(self, spec: ContainerSpec, image: Image) -> AbstractAsyncContextManager[None]:
        """Hold what an exact container names. Raises SandboxError: the engine has less."""
        if not spec.exact:
            return nullcontext()
        if lacks := lacking(spec, self._engine.info):
            raise SandboxError(f"{spec.instance} needs {lacks}; it is never run with less")
        return self._disk.taken(spec, image) if spec.disk else nullcontext()

    async def aclose(self) -> None:
        """Remove the remaining containers of this run, and close the connection to the engine."""
        await self._images.aclose()
        with suppress(SandboxError):
            await shielded(off_loop(lambda: reap(ContainerSelection(run=self._options.run))), HELD)
        self._engine.close()

    @asynccontextmanager
    async def _started(self, spec: ContainerSpec, image: Image) -> AsyncIterator[EngineContainer]:
        launch = Launch(
            spec=spec,
            image=image,
            limits=self._options.limits.of(spec, self._engine.info),
            network=self._network(wanted=spec.network),
            run=self._options.run,
        )
        container = await self._launcher.start(launch)
        try:
            async with container.guarded():
                yield container
        finally:
            await self._remove(container)

    async def _remove(self, container: EngineContainer) -> None:
        """Remove a container whose work is done. A failure does not lose the work: the container ends by itself."""
        try:
            await self._launcher.remove(container.id)
        except SandboxError as error:
            self._tell(f"{container.name} could not be removed; the next run removes it: {error}")

    def _network(self, *, wanted: bool) -> str:
        """The name of a container's network; `none` when the container could reach the engine, and so the host."""
        if not (wanted and self._engine.info.exposed):
            return self._options.network if wanted else "none"
        if not self._told_of_network:
            self._told_of_network = True
            self._tell(
                f"tests run without a network: the engine at {self._engine.info.host} has no authentication, "
                "and a container with a network could reach it; connect through its socket, or with TLS"
            )
        return "none"

    async def _free(self, image: Image) -> int:
        """Free bytes on the engine's disk, measured inside a fresh container, because the disk may not be ours."""
        spec = ContainerSpec(image=image.id, instance="engine", role=DISK, lease=60)
        async with self._started(spec, image) as container:
            told = await container.run(FREE, deadline=20)
        try:
            blocks, size = map(int, told.output.split())
        except ValueError:
            raise SandboxError(f"the engine's free disk cannot be measured in {image.name}") from None
        return blocks * size


async def open_sandbox(options: SandboxOptions, tell: Tell = _quietly) -> NestedContainers:
    """A sandbox on the available engine; first removes containers that are expired or left over from this run.

    Raises:
        NoEngine: there is no suitable engine; the message explains it to the user.
    """
    engine = await open_engine()
    try:
        reaped = await off_loop(lambda: reap(ContainerSelection(run=options.run, expired=True)))
        problems = reaped.failed
    except SandboxError as error:
        problems = (str(error),)
    for problem in problems:
        tell(f"a container of an earlier run could not be removed: {problem}")
    if message := fewer_containers(options.limits, options.workers, engine.info):
        tell(message)
    return NestedContainers(engine, options, tell, await reserve_of(engine))
