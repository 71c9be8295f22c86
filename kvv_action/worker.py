"""Runs untrusted work in a process of its own: nothing of our environment, bounded memory, a deadline for each answer.

The process answers one request after the other, each a line of JSON. It is started when first needed, and anew after it
died, took too long or was given up. What runs in it is `kvv_action/worker_host.py`.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from kvv_action.aside import LONG, in_turn
from kvv_action.digits import figure
from kvv_action.errors import ScoringError

START_DEADLINE = 180.0
"""Seconds to import what the work needs, on a busy machine."""
LONGEST_REPLY = 2**24
"""Bytes of an answer."""
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
HOST = str(Path(__file__).with_name("worker_host.py").resolve())


class WorkerLate(ScoringError):
    """There was no answer within the deadline."""


class WorkerBroke(ScoringError):
    """The process ended, or wrote something else than an answer."""


class Worker:
    """One process; requests wait for their turn.

    Args:
        program: path of the module that does the work; it is run alone, without anything of this project.
        name: what the process is called in messages.
    """

    def __init__(self, program: str, name: str) -> None:
        self._program = str(Path(program).resolve())
        self._name = name
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    async def ask(self, request: Mapping[str, Any], *, deadline: float) -> dict[str, Any]:
        """The answer to a request, within `deadline` seconds once it is this one's turn and the process is up.

        Raises:
            WorkerLate: there was none in time.
            WorkerBroke: there was none, or something else.
            ScoringError: the process cannot be started.
        """
        long = sum(len(value) for value in request.values() if isinstance(value, str)) > LONG
        line = await in_turn(long, _line, request)
        async with self._turn:
            try:
                return self._read(await self._exchange(await self._ready(), line, deadline))
            except BaseException:
                await self.aclose()
                raise

    async def _exchange(self, process: asyncio.subprocess.Process, line: bytes, deadline: float) -> bytes:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(deadline):
                with contextlib.suppress(ConnectionError):  # it has ended, and its status says more
                    process.stdin.write(line)
                    await process.stdin.drain()
                if answer := await process.stdout.readline():
                    return answer
                status = await process.wait()
        except TimeoutError:
            raise WorkerLate(f"{self._name} took more than {figure(deadline)} s") from None
        except (OSError, ValueError) as error:  # ValueError: longer than an answer may be
            raise WorkerBroke(f"{self._name} failed: {error}") from error
        raise WorkerBroke(f"{self._name} ended with status {status}")

    def _read(self, answer: bytes) -> dict[str, Any]:
        try:
            reply = orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise WorkerBroke(f"{self._name} wrote something else than an answer: {error}") from error
        if not isinstance(reply, dict):
            raise WorkerBroke(f"{self._name} wrote something else than an answer")
        return reply

    async def _ready(self) -> asyncio.subprocess.Process:
        """The process that runs, or a new one."""
        if self._process is not None and self._process.returncode is None:
            return self._process
        return await self._start()

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            process = self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-X", "utf8", HOST, self._program, env=ENVIRONMENT,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True, limit=LONGEST_REPLY,
            )  # fmt: skip
        except OSError as error:
            raise ScoringError(f"{self._name} cannot be started: {error}") from error
        assert process.stdout is not None
        ready = b""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_DEADLINE):
                ready = await process.stdout.readline()
        if ready != b"ready\n":
            raise ScoringError(
                f"{self._name} did not start within {figure(START_DEADLINE)} s, or is not installed whole"
            )
        return process

    async def aclose(self) -> None:
        """End the process; the next request starts another one."""
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _line(request: Mapping[str, Any]) -> bytes:
    return json.dumps(request).encode() + b"\n"
