"""A running container of ours."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeVar

from kvv_action.benchmark import Executed, Image
from kvv_action.errors import LimitReached, SandboxError
from kvv_action.sandbox import archive, disk
from kvv_action.sandbox.command import Order, Running
from kvv_action.sandbox.engine import TIMEOUT, Engine, EngineError
from kvv_action.sandbox.floor import Floor

T = TypeVar("T")
Stopped = Literal["", "deadline", "disk"]

GRACE = 3.0
"""Seconds after its deadline in which a command's own thread must be done with it; then it is left to itself."""
DYING = 10
"""Times that a container in which no process can be started is asked after."""
FROM_OUTSIDE = (137, 143)
"""Exit statuses of a main process that was killed or told to end, which nothing inside a container can do to it."""
BROKEN = re.compile(
    r"executable file not found|no such file or directory|permission denied|exec format error", re.IGNORECASE
)
"""What an engine says when a program cannot be started."""
PART, SOME = 4, 4 * 2**30
"""A container has filled the engine's disk when it holds one part in so many of what it may, or of so many bytes."""
LONGEST = 100_000
"""Characters of a command that fit into an argument (Linux: 128 KiB); longer ones go through a file."""
MAIN = (
    "end=$(($(date +%s) + $1)); "
    'while now=$(date +%s); [ "$((end - ${now:-0}))" -gt 0 ]; do [ "$now" ] && sleep "$((end - now))" & wait "$!"; done'
    "; exit 0"
)
"""The main process, with the lease in seconds. As process 1 it collects orphans, and no signal from inside ends it.

Signals do end what it starts: without the time, because `date` was killed, it asks again. Its status
tells that it ended by itself, whatever became of the last `sleep`.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """What is known about a container that was started.

    Attributes:
        name: for messages.
        disk: bytes that its layer may have; 0 when the engine itself holds the limit.
        until: when its lease ends, by `time.monotonic`.
    """

    id: str
    name: str
    image: Image
    workdir: str
    disk: int
    until: float


class EngineContainer:
    """The `Container` of `kvv_action.benchmark`, on an engine.

    One command at a time: the deadline of one would end the others. Once a command ran well, the container was as it
    should be: what breaks it later from inside is `LimitReached`, and only what others do is another `SandboxError`.
    """

    def __init__(self, engine: Engine, started: Started, floor: Floor | None = None) -> None:
        self.id = started.id
        self.image = started.image
        self.name = started.name
        self._engine = engine
        self._started = started
        self._floor = floor
        self._one_at_a_time = asyncio.Lock()
        self._guard: asyncio.Task[NoReturn] | None = None
        self._full = asyncio.Event()
        self._ran_well = False

    @asynccontextmanager
    async def guarded(self) -> AsyncIterator[None]:
        """Stop whatever in it writes more than it may, also between commands."""
        self._guard = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            self._guard.cancel()
            await asyncio.gather(self._guard, return_exceptions=True)

    async def run(
        self,
        command: str,
        *,
        deadline: float,
        limit: int = 65536,
        workdir: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Executed:
        """See `Container.run`."""
        async with self._one_at_a_time:
            arguments = await self._arguments(command)
            order = Order(
                container=self.id,
                arguments=arguments,
                workdir=workdir or self._started.workdir,
                environment=env or {},
                deadline=max(0.0, deadline),
            )
            async with self._blamed():
                executed = await self._run(order, limit)
                if executed is None:  # what earlier commands left running leaves no room for another process
                    await self._kill_everything()
                    executed = await self._run(order, limit)
            if executed is None:
                raise self._useless("no process can be started in it")
            self._ran_well = True
            return executed

    async def put(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        """See `Container.put`."""
        packed = archive.packed(path, data, mode)
        client = self._engine.client
        await self._call(f"writing {path}", lambda: client.put_archive(self.id, "/", packed))

    async def get(self, path: str, *, limit: int) -> bytes:
        """See `Container.get`."""
        client, place = self._engine.client, archive.checked(path)
        return await self._call(f"reading {path}", lambda: archive.fetched(client, self.id, place, limit))

    async def _arguments(self, command: str) -> Sequence[str]:
        """Bash's; a command that fits into no argument is put into a file."""
        if len(command) <= LONGEST and "\0" not in command:
            return "-c", command
        place = f"/tmp/kvv-{secrets.token_hex(8)}"  # noqa: S108 - in the container
        await self.put(place, command.encode(errors="replace"))
        return (place,)

    async def _run(self, order: Order, limit: int) -> Executed | None:
        """None when not even a process came about."""
        running = Running(self._engine.client, order, limit)
        began = time.monotonic()
        stopped, code = await self._watched(running, order.deadline)
        if stopped:
            await self._kill_everything()
        elif not running.began:
            self._refuse_hopeless(running.output.kept())
            return None
        elif code is not None and code > 128:
            await self._must_live()
        return Executed(
            exit_code=None if stopped else code,
            output=running.output.kept(),
            omitted=running.output.omitted,
            seconds=time.monotonic() - began,
            stopped=stopped,
        )

    async def _watched(self, running: Running, deadline: float) -> tuple[Stopped, int | None]:
        """Wait for the command, for its deadline, or for the disk; why it is to be stopped, or else its exit code."""
        if self._guard is not None and self._guard.done():
            self._guard.result()
        await self._call("starting a command", running.start)
        command = asyncio.ensure_future(self._waited(running, deadline))
        full = asyncio.ensure_future(self._full.wait())
        guard = [] if self._guard is None else [self._guard]
        try:
            done, _ = await asyncio.wait((command, full, *guard), return_when=asyncio.FIRST_COMPLETED)
            if command in done:
                code = command.result()
                return ("deadline" if code is None else ""), code
            if full not in done:
                guard[0].result()
            return "disk", None
        finally:
            running.let_go()
            for task in (command, full):
                task.cancel()

    async def _waited(self, running: Running, deadline: float) -> int | None:
        """The exit code, None at the deadline, also when the engine holds up its thread."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline + GRACE):
                return await self._call("running a command", running.wait, seconds=None)
        return None

    async def _watch(self) -> NoReturn:
        """Stop what runs in it whenever it has written too much.

        Raises:
            LimitReached: it is given up.
            SandboxError: the engine does not say, or others have filled its disk.
        """
        watch = disk.Watch(lambda: disk.written(self._engine, self.id), self._started.disk, self._floor)
        while True:
            if short := await watch.overflow():
                await self._judge(short)
            else:
                self._full.set()  # which ends the command that is running
                async with self._one_at_a_time, self._blamed():
                    if self._full.is_set():
                        await self._kill_everything()

    async def _judge(self, short: str) -> None:
        """Stop everything, for the engine's disk is short; whose doing that is shows in what this container held.

        Raises:
            LimitReached: this one's.
            SandboxError: somebody else's.
        """
        floor = self._floor
        assert floor is not None
        async with floor.turn:
            if not floor.reached():
                return
            before = floor.free()
            size = await disk.written(self._engine, self.id)
            with suppress(EngineError):  # it may need disk for that
                await self._kill_everything()
            part = (self._started.disk or SOME) // PART
            if max(size, floor.free() - before) >= part:
                raise LimitReached(f"{self.name}: {short}, and this container has filled it")
        raise SandboxError(f"{self.name}: {short}, and this container has not filled it")

    async def _kill_everything(self) -> None:
        """Kill whatever runs in the container; files stay.

        Started anew from outside, because a container without room for a process has none for `kill` either.
        """
        client = self._engine.client
        try:
            await self._call("stopping its commands", lambda: client.restart(self.id, timeout=0))
        finally:
            self._full.clear()

    async def _must_live(self) -> None:
        """A command may have been killed because the whole container was, which the engine says a little later.

        Raises:
            SandboxError: it is gone.
        """
        for _ in range(DYING):
            if await self._alive():
                return
            if (ended := await self._why_ended()) is not None:
                raise ended
            await asyncio.sleep(0.1)

    async def _alive(self) -> bool:
        """Whether a process can be started, which is never so in a container that is dying."""
        probe = Running(
            self._engine.client,
            Order(container=self.id, arguments=("-c", ":"), workdir="/", environment={}, deadline=GRACE),
            limit=0,
        )
        await self._call("looking at it", probe.start)
        return await self._waited(probe, GRACE) == 0 and probe.began

    def _refuse_hopeless(self, reason: bytes) -> None:
        text = reason.decode(errors="replace").strip()
        if BROKEN.search(text):
            raise self._useless(f"the image {self.image.name} has no bash ({text[:200]})")

    def _useless(self, reason: str) -> SandboxError:
        """Why no command runs: the image's fault as long as none ever did."""
        if self._ran_well:
            return LimitReached(f"{self.name}: commands of its own have left it unusable ({reason})")
        return SandboxError(f"{self.name}: {reason}")

    def _ended(self, state: Mapping[str, Any]) -> SandboxError:
        """Why the main process is gone: killed from outside, or else by what ran inside."""
        memory = bool(state.get("OOMKilled"))
        why = " because memory ran out" if memory else ""
        text = f"{self.name}: it ended during a command{why}{self._lease()}"
        inside = memory or state.get("ExitCode") not in FROM_OUTSIDE
        return LimitReached(text) if self._ran_well and inside and not self._lease() else SandboxError(text)

    @asynccontextmanager
    async def _blamed(self) -> AsyncIterator[None]:
        """Look for the reason when the engine cannot do something in it.

        Raises:
            LimitReached: it is what earlier commands did.
        """
        try:
            yield
        except EngineError as error:
            if error.status is not None and self._ran_well:
                if BROKEN.search(str(error)):
                    raise self._useless(str(error)) from error
                ended = await self._why_ended()
                if isinstance(ended, LimitReached):
                    raise ended from error
            raise

    async def _why_ended(self) -> SandboxError | None:
        """None while it lives, or when the engine does not say."""
        client = self._engine.client
        with suppress(EngineError):
            told = await self._call("looking at it", lambda: client.inspect_container(self.id))
            return None if told["State"]["Running"] else self._ended(told["State"])
        return None

    async def _call(self, what: str, function: Callable[[], T], *, seconds: float | None = TIMEOUT) -> T:
        try:
            return await self._engine.call(f"{self.name}: {what}", function, seconds=seconds)
        except EngineError as error:
            raise EngineError(f"{error}{self._lease()}", error.status) from error

    def _lease(self) -> str:
        return "; its lease has ended" if time.monotonic() > self._started.until else ""
