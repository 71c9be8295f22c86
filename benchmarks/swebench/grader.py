"""The official verdict on a test log, from the pinned library in a process of its own."""

from collections.abc import Mapping
from functools import cache
from importlib import metadata
from typing import Any

from benchmarks.coding.verdict import GraderVerdict
from benchmarks.swebench import grade_worker
from kvv_action.digits import figure
from kvv_action.errors import DatasetError, ScoringError
from kvv_action.schema import Json
from kvv_action.worker import Worker, WorkerBroke, WorkerLate

DEADLINE = 120.0
"""Seconds for one log: the library needs milliseconds."""
PROGRAM = grade_worker.__file__


class Grader:
    """One worker, started when first needed."""

    def __init__(self, *, deadline: float = DEADLINE) -> None:
        self._deadline = deadline
        self._worker = Worker(PROGRAM, "the process of the official library")

    @staticmethod
    @cache
    def version() -> str:
        """The library's version, which is part of the evidence: what resolves differs from one to the next."""
        return "swebench " + metadata.version("swebench")

    async def script(self, spec: Mapping[str, Json]) -> str:
        """The script that runs an instance's tests.

        Raises:
            DatasetError: the library cannot read the row.
            ScoringError: the worker broke.
        """
        reply = await self._worker.ask({"row": spec}, deadline=self._deadline)
        if "error" in reply:
            raise DatasetError(f"swebench: {spec['instance_id']}: the official library cannot use it: {reply['error']}")
        return str(reply["script"])

    async def verdict(self, spec: Mapping[str, Json], patch: str, log: str) -> GraderVerdict:
        """What the official rules say of the log of a patch that is not empty.

        A patch can print text that the library's parsers read for ever, or fail on. If the library grades an empty log
        of the same instance, the patch is the cause, and the log resolves nothing.

        Raises:
            ScoringError: the library or its process broke, or takes too long for an empty log, too.
        """
        reply = await self._graded(spec, patch, log)
        if "error" not in reply:
            return GraderVerdict(**{**reply, "names": tuple(reply["names"])})
        reason = f"the official library cannot grade the log: {reply['error']}"
        if "error" in await self._graded(spec, patch, ""):
            raise ScoringError(reason)
        return GraderVerdict(resolved=False, ran=False, passed={}, failed={}, unreadable=str(reply["error"]))

    async def _graded(self, spec: Mapping[str, Json], patch: str, log: str) -> dict[str, Any]:
        """The library's reply; `error` says why it has none."""
        try:
            return await self._worker.ask({"row": spec, "patch": patch, "log": log}, deadline=self._deadline)
        except WorkerLate:
            return {"error": f"the official library took more than {figure(self._deadline)} s for a log"}
        except WorkerBroke:
            return {"error": "the process of the official library ended without an answer"}

    async def aclose(self) -> None:
        """End the worker."""
        await self._worker.aclose()
