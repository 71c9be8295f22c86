"""The official verdict on a test log, from the pinned library in a process of its own."""

import asyncio
import contextlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import orjson

from benchmarks.swebench import grade_worker
from kvv_action.errors import DatasetError, ScoringError
from kvv_action.schema import Json

START_DEADLINE = 180.0
"""Seconds for a worker to import the library, on a busy machine."""
DEADLINE = 120.0
"""Seconds for one log: the library needs milliseconds."""
LONGEST_REPLY = 2**24
PROGRAM = str(Path(grade_worker.__file__).resolve())


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the official rules say of a log.

    Attributes:
        resolved: every FAIL_TO_PASS and every PASS_TO_PASS test passes.
        ran: the log holds results of tests.
        infra: reason for which the library takes the environment to be broken; it does not change `resolved`.
        passed, failed: numbers of tests, by kind.
        names: some of the tests that failed.
        unreadable: why the library cannot grade this log, although it grades others; empty when it can.
    """

    resolved: bool
    ran: bool
    infra: str = ""
    passed: Mapping[str, int]
    failed: Mapping[str, int]
    names: tuple[str, ...] = ()
    unreadable: str = ""


class NoAnswer(ScoringError):
    """The library was started and did not answer."""


class Grader:
    """One worker, started when first needed."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @staticmethod
    def version() -> str:
        """The library's version, which is part of the evidence: what resolves differs from one to the next."""
        return "swebench " + metadata.version("swebench")

    async def script(self, spec: Mapping[str, Json]) -> str:
        """The script that runs an instance's tests.

        Raises:
            DatasetError: the library cannot read the row.
            ScoringError: the worker broke.
        """
        reply = await self._ask({"row": spec})
        if "error" in reply:
            raise DatasetError(f"swebench: {spec['instance_id']}: the official library cannot use it: {reply['error']}")
        return str(reply["script"])

    async def verdict(self, spec: Mapping[str, Json], patch: str, log: str) -> Verdict:
        """What the official rules say of the log of a patch that is not empty.

        A patch can print what the library's parsers take for ever to read, or fail on. Where the same library grades an
        empty log of the instance, such a log resolves nothing: it is the patch's doing.

        Raises:
            ScoringError: the library or its process broke, or takes too long for an empty log, too.
        """
        reply = await self._graded(spec, patch, log)
        if "error" not in reply:
            return Verdict(**{**reply, "names": tuple(reply["names"])})
        reason = f"the official library cannot grade the log: {reply['error']}"
        if "error" in await self._graded(spec, patch, ""):
            raise ScoringError(reason)
        return Verdict(resolved=False, ran=False, passed={}, failed={}, unreadable=str(reply["error"]))

    async def _graded(self, spec: Mapping[str, Json], patch: str, log: str) -> dict[str, Any]:
        """The library's reply; `error` says why it has none."""
        try:
            return await self._ask({"row": spec, "patch": patch, "log": log})
        except NoAnswer as error:
            return {"error": str(error)}

    async def _ask(self, request: Mapping[str, Json]) -> dict[str, Any]:
        line = orjson.dumps(request) + b"\n"
        async with self._turn:
            worker = self._worker = self._worker or await self._start()
            try:
                async with asyncio.timeout(self._deadline):
                    answer = await _exchange(worker, line)
                reply: dict[str, Any] = orjson.loads(answer)
            except TimeoutError:
                await self.aclose()
                raise NoAnswer(f"the official library took more than {self._deadline:g} s for a log") from None
            except orjson.JSONDecodeError:
                await self.aclose()
                raise NoAnswer("the process of the official library ended without an answer") from None
            except BaseException:
                await self.aclose()
                raise
        return reply

    async def _start(self) -> asyncio.subprocess.Process:
        try:
            worker = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-X", "utf8", PROGRAM, env={"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"},
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True, limit=LONGEST_REPLY,
            )  # fmt: skip
        except OSError as error:
            raise ScoringError(f"the process of the official library cannot be started: {error}") from error
        try:
            async with asyncio.timeout(START_DEADLINE):
                assert worker.stdout is not None
                ready = await worker.stdout.readline()
        except TimeoutError:
            ready = b""
        except BaseException:
            await _end(worker)
            raise
        if ready != b"ready\n":
            await _end(worker)
            raise ScoringError(f"swebench did not start within {START_DEADLINE:g} s, or is not installed whole")
        return worker

    async def aclose(self) -> None:
        """End the worker."""
        worker, self._worker = self._worker, None
        if worker is not None:
            await _end(worker)


async def _exchange(worker: asyncio.subprocess.Process, line: bytes) -> bytes:
    """The worker's answer; empty when it died."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    with contextlib.suppress(ConnectionError):
        worker.stdin.write(line)
        await worker.stdin.drain()
        return await worker.stdout.readline()
    return b""


async def _end(worker: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        worker.kill()
    await worker.wait()
