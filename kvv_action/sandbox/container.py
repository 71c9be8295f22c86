"""A running container of ours."""

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from kvv_action.benchmark import Executed, Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox import archive, disk
from kvv_action.sandbox.command import Order, Running
from kvv_action.sandbox.engine import TIMEOUT, Engine, EngineError

T = TypeVar("T")
Stopped = Literal["", "deadline", "disk"]

GRACE = 3.0
"""Seconds after its deadline in which a command's own thread must be done with it; then it is left to itself."""
DYING = 10
"""Times that a container in which no process can be started is asked after."""
LONGEST = 100_000
"""Characters of a command that fit into an argument (Linux: 128 KiB); longer ones go through a file."""
MAIN = (
    "end=$(($(date +%s) + $1)); "
    'while now=$(date +%s); [ "$((end - ${now:-0}))" -gt 0 ]; do [ "$now" ] && sleep "$((end - now))" & wait "$!"; done'
)
"""The main process, with the lease in seconds. As process 1 it collects orphans, and no signal from inside ends it.

Signals do end what it starts: without the time, because `date` was killed, it asks again.
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

    One command at a time: the deadline of one would end the others.
    """

    def __init__(self, engine: Engine, started: Started) -> None:
        self.id = started.id
        self.image = started.image
        self.name = started.name
        self._engine = engine
        self._started = started
        self._one_at_a_time = asyncio.Lock()

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
            executed = await self._run(order, limit)
            if executed is None:  # what earlier commands left running leaves no room for another process
                await self._kill_everything()
                executed = await self._run(order, limit)
            if executed is None:
                raise SandboxError(f"{self.name}: no process can be started in it")
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
        await self._call("starting a command", running.start)
        command = asyncio.ensure_future(self._waited(running, deadline))
        watch = asyncio.ensure_future(self._overflow())
        try:
            done, _ = await asyncio.wait((command, watch), return_when=asyncio.FIRST_COMPLETED)
            if command not in done:
                watch.result()
                return "disk", None
            code = command.result()
            return ("deadline" if code is None else ""), code
        finally:
            running.let_go()
            for task in (command, watch):
                task.cancel()

    async def _waited(self, running: Running, deadline: float) -> int | None:
        """The exit code, None at the deadline, also when the engine holds up its thread."""
        with suppress(TimeoutError):
            async with asyncio.timeout(deadline + GRACE):
                return await self._call("running a command", running.wait, seconds=None)
        return None

    async def _overflow(self) -> int:
        if not self._started.disk:
            await asyncio.Event().wait()
        return await disk.overflow(self._engine, self.id, self._started.disk)

    async def _kill_everything(self) -> None:
        """Kill whatever runs in the container; files stay.

        Started anew from outside, because a container without room for a process has none for `kill` either.
        """
        client = self._engine.client
        await self._call("stopping its commands", lambda: client.restart(self.id, timeout=0))

    async def _must_live(self) -> None:
        """A command may have been killed because the whole container was, which the engine says a little later.

        Raises:
            SandboxError: it is gone.
        """
        client = self._engine.client
        for _ in range(DYING):
            if await self._alive():
                return
            told = await self._call("looking at it", lambda: client.inspect_container(self.id))
            state = told["State"]
            if not state["Running"]:
                why = " because memory ran out" if state.get("OOMKilled") else ""
                raise SandboxError(f"{self.name}: it ended during a command{why}{self._lease()}")
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
        if "executable file not found" in text or "no such file or directory" in text:
            raise SandboxError(f"{self.name}: the image {self.image.name} has no bash ({text[:200]})")

    async def _call(self, what: str, function: Callable[[], T], *, seconds: float | None = TIMEOUT) -> T:
        try:
            return await self._engine.call(f"{self.name}: {what}", function, seconds=seconds)
        except EngineError as error:
            raise EngineError(f"{error}{self._lease()}", error.status) from error

    def _lease(self) -> str:
        return "; its lease has ended" if time.monotonic() > self._started.until else ""
