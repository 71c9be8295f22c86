"""Checks tool calls against the tools that were offered: K2VV's rule, and what exactly is wrong with each call."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import metadata

import orjson

from kvv_action.digits import figure
from kvv_action.profiles.prompt import function_of
from kvv_action.schema import Json, ToolCall
from kvv_action.scoring import schema_worker
from kvv_action.scoring.schema_worker import UNUSABLE, Report, check
from kvv_action.worker import Worker, WorkerBroke, WorkerLate

UNKNOWN_TOOL = "unknown-tool"
UNDECLARED = "undeclared-schema"
PROGRAM = str(schema_worker.__file__)
LONGEST = 256 * 1024
"""Characters of arguments that are checked in this process."""
AT_ONCE = 16
"""Calls that are checked before others get their turn."""
_RISKY = re.compile(rb'"(pattern|patternProperties|\$ref|\$dynamicRef|\$recursiveRef|uniqueItems)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCall:
    """One call with what is wrong with it.

    Attributes:
        valid: by K2VV's rule.
        kinds: what is wrong, in fixed words; a valid call may have duplicate keys.
        message: the first one in words.
    """

    name: str
    valid: bool
    kinds: tuple[str, ...] = ()
    message: str = ""


class ToolCallChecker:
    """Checks calls against schemas; a schema whose check may never end is tried in a worker process with a deadline.

    Nearly all schemas are checked in this process: without regular expressions and references the work is bounded by
    the sizes of schema and arguments.

    Args:
        deadline: seconds for one call in the worker, after which its schema counts as unusable.
    """

    def __init__(self, *, deadline: float = 2.0) -> None:
        self._deadline = deadline
        self._worker = Worker(PROGRAM, "the process that checks schemas")

    @staticmethod
    @cache
    def version() -> str:
        """The library's version, which is part of the evidence."""
        return "jsonschema " + metadata.version("jsonschema")

    async def check(self, calls: Sequence[ToolCall], tools: Json) -> list[CheckedCall]:
        """Each of `calls` against `tools`, the list of the request as it was sent.

        Raises:
            ScoringError: the worker cannot be started.
        """
        checked = []
        for call in calls:
            checked.append(await self._one(call, tools))
            if len(checked) % AT_ONCE == 0:
                await asyncio.sleep(0)  # thousands of calls are checked while others wait
        return checked

    async def _one(self, call: ToolCall, tools: Json) -> CheckedCall:
        known, schema = _schema(call.name, tools)
        if not known:
            return CheckedCall(name=call.name, valid=False, kinds=(UNKNOWN_TOOL,), message="no such tool was offered")
        if not schema:
            return CheckedCall(name=call.name, valid=False, kinds=(UNDECLARED,), message="the tool has no parameters")
        try:
            text = orjson.dumps(schema)
        except (TypeError, ValueError) as error:
            return CheckedCall(name=call.name, valid=False, kinds=(UNUSABLE,), message=str(error))
        risky = len(call.arguments) > LONGEST or _risky(text)
        report = await self._apart(text, call.arguments) if risky else check(text, call.arguments)
        return CheckedCall(
            name=call.name, valid=report["valid"], kinds=tuple(report["kinds"]), message=report["message"]
        )

    async def _apart(self, schema: bytes, arguments: str) -> Report:
        request = {"schema": schema.decode(), "arguments": arguments}
        try:
            return await self._worker.ask(request, deadline=self._deadline)
        except WorkerLate:
            message = f"no result within {figure(self._deadline)} s"
        except WorkerBroke:
            message = "the check ended its process"
        return {"valid": False, "kinds": [UNUSABLE], "message": message}

    async def aclose(self) -> None:
        """End the worker."""
        await self._worker.aclose()


@lru_cache(maxsize=schema_worker.COMPILED)
def _risky(schema: bytes) -> bool:
    """Whether checking may take far longer than the size of its input suggests."""
    return _RISKY.search(schema) is not None


def _schema(name: str, tools: Json) -> tuple[bool, Json]:
    """Whether a tool was offered, and the parameters of the first one of that name."""
    for function in map(function_of, tools if isinstance(tools, list | tuple) else ()):
        if function.get("name") == name:
            return True, function.get("parameters")
    return False, None
