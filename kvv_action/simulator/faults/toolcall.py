"""Faults that show in scored tool calls: when tools are called, and with which arguments."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from zlib import crc32

import orjson

from kvv_action.schema import Answer, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.calling import (
    as_written,
    first_tool_called,
    in_calls,
    saying_stop,
    with_prefix,
    without_calls,
)
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.wire import Reply

REFUSAL = "I answer this without calling a tool."
EXTRA = "kvv_note"


def _never(answer: Answer, _: Call) -> Answer:
    return without_calls(answer, answer.content or REFUSAL)


def _otherwise(answer: Answer, call: Call) -> Answer:
    return _never(answer, call) if answer.tool_calls else first_tool_called(answer, call)


def _malformed(made: ToolCall, _: Call) -> ToolCall:
    """Arguments in Python's spelling, which is no JSON."""
    return replace(made, arguments="{'" + made.arguments[1:].replace('"', "'", 1))


def _cut(made: ToolCall, _: Call) -> ToolCall:
    return replace(made, arguments=made.arguments[:-1])


def _object(made: ToolCall, change: Callable[[dict[str, Any]], dict[str, Any]]) -> ToolCall:
    arguments = orjson.loads(made.arguments)
    return replace(made, arguments=orjson.dumps(change(arguments)).decode()) if isinstance(arguments, dict) else made


def _extended(made: ToolCall, _: Call) -> ToolCall:
    return _object(made, lambda arguments: {**arguments, EXTRA: "unasked"})


def _reduced(made: ToolCall, call: Call) -> ToolCall:
    """Without the first required argument."""
    parameters: Any = next((tool.parameters for tool in call.tools if tool.name == made.name), None) or {}
    required = parameters.get("required") or []
    return _object(made, lambda arguments: {name: v for name, v in arguments.items() if name not in required[:1]})


def _sorted(made: ToolCall, _: Call) -> ToolCall:
    return _object(made, lambda arguments: dict(sorted(arguments.items())))


def _renamed(made: ToolCall, _: Call) -> ToolCall:
    return replace(made, id=f"call_{made.name[:8]}_{crc32(made.arguments.encode()):08x}")


def _leaking(answer: Answer, _: Call) -> Answer:
    """The calls as the model writes them, as if there were no parser."""
    return without_calls(answer, answer.content + as_written(answer.tool_calls))


def _splitting(answer: Answer, call: Call) -> Answer:
    """Streams a piece of the arguments twice."""
    if not call.stream:
        return answer
    return in_calls(lambda made, _: replace(made, arguments=made.arguments[:4] + made.arguments[1:]))(answer, call)


def _losing(answer: Answer, call: Call) -> Answer:
    if not call.stream or not answer.tool_calls:
        return answer
    return replace(answer, tool_calls=(), content="", finish_reason="stop")


def _disordered(reply: Reply, turn: Turn) -> Reply:
    """The last call of a stream before the others."""
    if not reply.streamed or turn.answer is None or len(turn.answer.tool_calls) < 2:
        return reply
    mark = f'"index":{len(turn.answer.tool_calls) - 1},'.encode()
    late = [part for part in reply.parts if b'"tool_calls":[{' + mark in part]
    rest = [part for part in reply.parts if part not in late]
    first = next(number for number, part in enumerate(rest) if b'"tool_calls":[{' in part)
    return replace(reply, parts=(*rest[:first], *late, *rest[first:]))


def _toolless(call: Call) -> Call:
    return replace(call, tools=(), body={name: value for name, value in call.body.items() if name != "tools"})


def _as_text(answer: Answer, call: Call) -> Answer:
    return answer if call.tools else _never(answer, call)


FAULTS = (
    Fault("never-calls", "never calls a tool",
          "recall falls to 0, and F1 with it; no tool is called where the reference calls one", say=_never),
    Fault("always-calls", "calls the first tool whenever one is offered",
          "precision falls to the share of requests that need a tool; F1 equals the always-call baseline",
          say=first_tool_called),
    Fault("triggers-differently", "calls a tool where none is needed, and none where one is",
          "F1 falls by as much as the rate says; calls stay valid", say=_otherwise),
    Fault("malformed-arguments", "sends arguments that are not JSON",
          "schema accuracy falls: not JSON; F1 is untouched", say=in_calls(_malformed)),
    Fault("cuts-arguments", "leaves the end of arguments out",
          "schema accuracy falls: arguments are cut off; F1 is untouched", say=in_calls(_cut)),
    Fault("extra-properties", "adds a property to arguments",
          "schema accuracy falls where schemas are closed: extra property", say=in_calls(_extended)),
    Fault("drops-required", "leaves the first required argument out", "schema accuracy falls: missing required",
          say=in_calls(_reduced)),
    Fault("sorts-keys", "sends arguments with sorted keys", "no score moves; the signature says that keys are sorted",
          say=in_calls(_sorted)),
    Fault("wrong-tool", "calls tools by names that were not offered", "schema accuracy falls: unknown tool",
          say=in_calls(with_prefix)),
    Fault("renames-ids", "gives calls ids of its own",
          "no score moves; the signature says that ids are renamed, which breaks later turns", say=in_calls(_renamed)),
    Fault("leaks-markers", "leaves tool calls unparsed in the content",
          "recall falls; markers are leaked into the content", say=_leaking),
    Fault("stop-instead-of-tool-calls", "ends answers that hold calls with finish reason stop",
          "recall falls although calls are there; the signature says so", say=saying_stop),
    Fault("splits-arguments-badly", "repeats a piece of arguments where a stream is cut",
          "schema accuracy falls, in streams only", say=_splitting),
    Fault("tool-calls-out-of-order", "streams the last of several calls first",
          "no score moves: calls are put in order by index; the signature and an anomaly tell", send=_disordered),
    Fault("stream-only-tool-loss", "swallows calls in streams", "recall falls, in streams only; answers are empty",
          say=_losing),
    Fault("hides-tools", "renders the prompt without the tools",
          "recall falls; the prompt is too short to hold the tools", hear=_toolless, say=_as_text),
)  # fmt: skip
