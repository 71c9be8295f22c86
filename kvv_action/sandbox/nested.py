"""The sandbox: nested containers on the engine that is there."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress

from kvv_action.benchmark import ContainerSpec, Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox.container import EngineContainer
from kvv_action.sandbox.engine import Engine, open_engine
from kvv_action.sandbox.floor import Floor, floor_of
from kvv_action.sandbox.images import Images
from kvv_action.sandbox.launch import DISK, HELD, Launch, Launcher
from kvv_action.sandbox.limits import cut, room
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.sandbox.reaper import Which, reap
from kvv_action.sandbox.slots import Room, Slots
from kvv_action.sandbox.threads import off_loop, see_through

FREE = "stat -f -c '%a %S' /"
"""Prints the free blocks of the engine's disk and their size."""


Tell = Callable[[str], None]


def _quietly(message: str) -> None:
    """Tells nobody."""


class NestedContainers:
    """The `Sandbox` of `kvv_action.benchmark`; made by `open_sandbox`.

    Args:
        engine: where containers run.
        options: what the user chose.
        tell: is told in words what is not as wished and does not stop the work.
        floor: of the engine's disk; None when that cannot be seen from here.
    """

    def __init__(
        self, engine: Engine, options: SandboxOptions, tell: Tell = _quietly, floor: Floor | None = None
    ) -> None:
        self._engine = engine
        self._options = options
        self._tell = tell
        self._told_of_network = False
        self._slots = Slots(room(options.limits, options.workers, engine.info))
        self._launcher = Launcher(engine, floor)
        self._images = Images(engine, options, self._free)
        self.places = self._slots.room.places

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
        async with self._slots.taken(Room(memory=limits.memory)), self._started(spec, image) as container:
            yield container

    async def aclose(self) -> None:
        """Remove whatever is left of this run, and let go of the engine."""
        await self._images.aclose()
        with suppress(SandboxError):
            await see_through(off_loop(lambda: reap(Which(run=self._options.run))), HELD)
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
        """Remove a container whose work is done; one that stays is no reason to lose the work: it ends by itself."""
        try:
            await self._launcher.remove(container.id)
        except SandboxError as error:
            self._tell(f"{container.name} is left to the next sweep: {error}")

    def _network(self, *, wanted: bool) -> str:
        """The name of a container's network: none where it could reach the engine, and through it the host."""
        if not (wanted and self._engine.info.exposed):
            return self._options.network if wanted else "none"
        if not self._told_of_network:
            self._told_of_network = True
            self._tell(
                f"tests run without a network: the engine at {self._engine.info.host} asks nobody who he is, "
                "and a container with a network could reach it; use its socket, or TLS"
            )
        return "none"

    async def _free(self, image: Image) -> int:
        """Bytes free on the engine's disk, which is not ours: measured in a container that no model has touched."""
        spec = ContainerSpec(image=image.id, instance="engine", role=DISK, lease=60)
        async with self._started(spec, image) as container:
            told = await container.run(FREE, deadline=20)
        try:
            blocks, size = map(int, told.output.split())
        except ValueError:
            raise SandboxError(f"the engine's free disk cannot be measured in {image.name}") from None
        return blocks * size


async def open_sandbox(options: SandboxOptions, tell: Tell = _quietly) -> NestedContainers:
    """A sandbox on the engine that is there, after sweeping what this run, or anybody whose time is over, left.

    Raises:
        NoEngine: there is none that will do; the message is the reason for people.
    """
    engine = await open_engine()
    try:
        reaped = await off_loop(lambda: reap(Which(run=options.run, expired=True)))
        problems = reaped.failed
    except SandboxError as error:
        problems = (str(error),)
    for problem in problems:
        tell(f"containers of earlier runs are not all removed: {problem}")
    if message := cut(options.limits, options.workers, engine.info):
        tell(message)
    return NestedContainers(engine, options, tell, await floor_of(engine))
