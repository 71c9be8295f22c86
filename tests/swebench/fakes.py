"""A model and a container that do as a test says, and rows as the datasets have them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from benchmarks.swebench.instance import Instance, read
from kvv_action.benchmark import Executed, Image
from kvv_action.schema import Completion, Exchange, Json, Observation, Request, ToolCall

PATCH = """diff --git a/pkg/mod.py b/pkg/mod.py
--- a/pkg/mod.py
+++ b/pkg/mod.py
@@ -1 +1 @@
-one
+two
"""
TEST_PATCH = PATCH.replace("pkg/mod.py", "tests/test_mod.py")
START, END = "+ : '>>>>> Start Test Output'", "+ : '>>>>> End Test Output'"
SCRIPT = "#!/bin/bash\nset -uxo pipefail\n: '>>>>> Start Test Output'\ntrue\n: '>>>>> End Test Output'\n"


def row(**fields: Json) -> dict[str, Json]:
    """A row in the newer form."""
    return {
        "instance_id": "owner__pkg-1",
        "repo": "owner/pkg",
        "version": "1.0",
        "base_commit": "c" * 40,
        "patch": PATCH,
        "test_patch": TEST_PATCH,
        "problem_statement": "It says one.",
        "FAIL_TO_PASS": '["tests/test_mod.py::test_two"]',
        "PASS_TO_PASS": '["tests/test_mod.py::test_old"]',
        "image": "registry.example/owner/pkg:1",
        "log_parser": "parse_log_pytest",
        "eval_type": "pass_and_fail",
        "eval_script": SCRIPT,
        **fields,
    }


def instance(**fields: Json) -> Instance:
    """An instance of such a row."""
    return read(row(**fields), 1)


def log(*results: str, exit_code: int = 0) -> str:
    """What a test script prints."""
    return "\n".join(
        ("+ cd /testbed", START, *results, f"+ SWEBENCH_TEST_EXIT_CODE={exit_code}", END,
         f">>>>> Test Exit Code: {exit_code}", "")
    )  # fmt: skip


PASSING = log("PASSED tests/test_mod.py::test_two", "PASSED tests/test_mod.py::test_old")
FAILING = log("FAILED tests/test_mod.py::test_two - no", "PASSED tests/test_mod.py::test_old", exit_code=1)


def calling(command: Any = None, *, arguments: str = "", name: str = "bash", call_id: str = "c0") -> Completion:
    """An answer that calls the tool."""
    text = arguments or orjson.dumps({"command": command}).decode()
    return answering(calls=(ToolCall(id=call_id, name=name, arguments=text),))


def answering(content: str = "", *, calls: tuple[ToolCall, ...] = (), reasoning: str = "", **fields: Any) -> Completion:
    """Any other answer."""
    usage = fields.pop("usage", {"prompt_tokens": 100, "completion_tokens": 10})
    finish = "tool_calls" if calls else "stop"
    return Completion(content=content, tool_calls=calls, reasoning=reasoning, finish_reason=finish, usage=usage)


@dataclass
class Model:
    """`Generate` that gives one answer after the other, the last one for ever; keeps what it was asked and told."""

    answers: Sequence[Completion]
    asked: list[Request] = field(default_factory=list)
    exchanges: list[Exchange] = field(default_factory=list)

    async def __call__(self, request: Request, *, may_reject: bool = False) -> Exchange:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(Request(messages=list(request.messages), body=request.body))
        self.exchanges.append(Exchange(call=len(self.exchanges), completion=answer))
        return self.exchanges[-1]

    def observe(self, name: str, data: Mapping[str, Json] | None = None, text: str = "") -> Observation:
        seen = Observation(name=name, data=dict(data or {}), text=text)
        self.exchanges.append(Exchange(call=len(self.exchanges), observation=seen))
        return seen

    async def keep(self, name: str, data: Mapping[str, Json] | None, text: str) -> Observation:
        return self.observe(name, data, text)

    def told(self) -> list[str]:
        """What the last request says of tools."""
        return [str(message["content"]) for message in self.asked[-1].messages if message["role"] == "tool"]


@dataclass
class Ran:
    """A command as a container was given it."""

    command: str
    deadline: float
    workdir: str
    env: Mapping[str, str]


@dataclass
class Shell:
    """A `Container` that answers commands by a function."""

    reply: Callable[[str], Executed] = lambda command: Executed(exit_code=0, output=b"fine\n")
    id: str = "container"
    image: Image = field(default_factory=lambda: Image(name="image", id="sha256:0"))
    ran: list[Ran] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)

    async def run(
        self, command: str, *, deadline: float, limit: int = 65536, workdir: str = "",
        env: Mapping[str, str] | None = None,
    ) -> Executed:  # fmt: skip
        self.ran.append(Ran(command, deadline, workdir, env or {}))
        return self.reply(command)

    async def put(self, path: str, data: bytes, *, mode: int = 0o644) -> None:
        self.files[path] = data

    async def get(self, path: str, *, limit: int) -> bytes:
        return self.files[path]
