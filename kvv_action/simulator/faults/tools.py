"""Faults in tool calls: whether they are made, how they are written, what becomes of results and tool_choice."""

from collections.abc import Callable
from dataclasses import replace

import orjson

from kvv_action.schema import Answer, Json, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.contract import ContractRule
from kvv_action.simulator.conversation import last_message
from kvv_action.simulator.faults.calling import (
    as_written,
    called_as_asked,
    first_tool_called,
    in_calls,
    saying_stop,
    with_calls,
    with_prefix,
    without_calls,
)
from kvv_action.simulator.faults.hooks import Say, of_body, refuses, when_streamed
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.instructions import call_of, wanted
from kvv_action.simulator.tooling import ToolChoice, check_choice_known, check_choice_possible
from kvv_action.simulator.wire import Reply, rewritten

REFUSES = "I cannot look that up."
STRAY = "<|tool_calls_section_end|>"


def _never(answer: Answer, _: Call) -> Answer:
    return without_calls(answer, REFUSES)


def _always(answer: Answer, call: Call) -> Answer:
    """A call of the first tool whenever the user speaks and did not forbid it."""
    return first_tool_called(answer, call) if last_message(call.messages).get("role") == "user" else answer


def _lost(answer: Answer, _: Call) -> Answer:
    return replace(answer, tool_calls=()) if answer.tool_calls else answer


def _first_only(answer: Answer, _: Call) -> Answer:
    return replace(answer, tool_calls=answer.tool_calls[:1])


def _each(change: Callable[[ToolCall, int], ToolCall]) -> Say:
    """A fault in every call; `change` gets the call and its position."""

    def say(answer: Answer, _: Call) -> Answer:
        return replace(answer, tool_calls=tuple(change(made, at) for at, made in enumerate(answer.tool_calls)))

    return say


def _argued(change: Callable[[str], str]) -> Say:
    """A fault in the arguments of every call."""
    return in_calls(lambda made, _: replace(made, arguments=change(made.arguments)))


def _renamed(made: ToolCall, at: int) -> ToolCall:
    return replace(made, id=f"call_{at}f3a9c2e7b1d4")


def _same_id(made: ToolCall, _: int) -> ToolCall:
    return replace(made, id=f"functions.{made.name}:0")


def _numbered_anew(made: ToolCall, at: int) -> ToolCall:
    return replace(made, id=f"functions.{made.name}:{at}")


def _cut(arguments: str) -> str:
    return arguments[:-1]


def _encoded(arguments: str) -> str:
    return orjson.dumps(arguments).decode()


def _emptied(arguments: str) -> str:
    return "" if arguments == "{}" else arguments


def _unescaped(arguments: str) -> str:
    return arguments.replace("\\n", "\n").replace("\\t", "\t")


def _ascii(arguments: str) -> str:
    """Letters beyond ASCII become question marks, as after a wrong encoding."""
    return arguments.encode("ascii", "replace").decode()


def _spelled(arguments: str) -> str:
    return orjson.dumps(_as_text(orjson.loads(arguments))).decode()


def _as_text(value: Json) -> Json:
    """Numbers and booleans as texts, as a parser of XML-like calls returns them."""
    if isinstance(value, dict):
        return {name: _as_text(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_as_text(item) for item in value]
    return orjson.dumps(value).decode() if isinstance(value, bool | int | float) else value


def _with_objects(reply: Reply, turn: Turn) -> Reply:
    """Arguments as a JSON object instead of its text."""
    if turn.answer is None or not turn.answer.tool_calls:
        return reply
    return rewritten(reply, lambda documents: [_opened(document) for document in documents])


def _opened(document: Json) -> Json:
    for choice in document["choices"]:
        for made in (choice.get("message") or choice.get("delta") or {}).get("tool_calls", ()):
            made["function"]["arguments"] = {"city": "Oslo"}
    return document


def _raw(answer: Answer, _: Call) -> Answer:
    """The calls as the model writes them, as if there were no parser."""
    return without_calls(answer, as_written(answer.tool_calls))


def _stray_marker(answer: Answer, _: Call) -> Answer:
    return replace(answer, content=answer.content + STRAY) if answer.tool_calls else answer


def _marker_in_reasoning(answer: Answer, _: Call) -> Answer:
    return replace(answer, reasoning=answer.reasoning + STRAY) if answer.tool_calls and answer.reasoning else answer


def _as_json(answer: Answer, _: Call) -> Answer:
    """The first call as JSON text, as another model's template makes a model write it."""
    if not answer.tool_calls:
        return answer
    made = answer.tool_calls[0]
    return without_calls(answer, f'{{"name": "{made.name}", "arguments": {made.arguments}}}')


def _said_too(answer: Answer, _: Call) -> Answer:
    return replace(answer, content=f"Calling with {answer.tool_calls[0].arguments}") if answer.tool_calls else answer


def _deaf(answer: Answer, call: Call) -> Answer:
    """The model goes on waiting, as if no result had come."""
    last = last_message(call.messages)
    return replace(answer, content="I am still waiting for the tool.") if last.get("role") == "tool" else answer


def _as_spoken(answer: Answer, call: Call) -> Answer:
    """A call of the tool that the user names, whether it is offered or not."""
    last = last_message(call.messages)
    name = wanted(str(last.get("content"))) if last.get("role") == "user" else ""
    if not name or not call.tools or answer.tool_calls or call.tool_choice is not ToolChoice.AUTO:
        return answer
    return with_calls(answer, call, call_of(name, {}))


def _calls_anyway(answer: Answer, call: Call) -> Answer:
    return called_as_asked(answer, call) if call.tool_choice is ToolChoice.NONE else answer


def _left_open(call: Call) -> Call:
    return replace(call, tool_choice=ToolChoice.AUTO) if call.tool_choice is ToolChoice.REQUIRED else call


def _with_unknown(answer: Answer, _: Call) -> Answer:
    """A call of a tool that was not offered beside the others."""
    calls = answer.tool_calls
    extra = tuple(replace(made, id=f"{made.id}-search", name="web_search", arguments='{"query":"x"}') for made in calls)
    return replace(answer, tool_calls=(*calls, *extra[:1]))


def _with_first_arguments(answer: Answer, _: Call) -> Answer:
    calls = tuple(replace(made, arguments=answer.tool_calls[0].arguments) for made in answer.tool_calls)
    return replace(answer, tool_calls=calls)


FAULTS = (
    Fault("adds-unknown-call", "calls a tool that was not offered beside those that were",
          f"{FAILS}tools are called that were not offered", say=_with_unknown),
    Fault("copies-first-arguments", "returns the arguments of the first call with all calls",
          f"{FAILS}only one of several calls comes back", say=_with_first_arguments),
    Fault("closes-arguments-twice", "writes a brace too many behind arguments", f"{FAILS}arguments are not JSON",
          say=in_calls(lambda made, _: replace(made, arguments=f"{made.arguments}}}"))),
    Fault("opens-arguments-twice", "writes a brace too many before arguments", f"{FAILS}arguments are not JSON",
          say=in_calls(lambda made, _: replace(made, arguments=f"{{{made.arguments}"))),
    Fault("never-calls-tools", "answers in text where a call is needed", f"{FAILS}tools are not called", say=_never),
    Fault("always-calls-tools", "calls a tool whenever one is offered", f"{FAILS}tools are called when none is needed",
          say=_always),
    Fault("loses-tool-calls", "says finish_reason tool_calls and returns none",
          f"{FAILS}tool calls are lost on the way out", say=_lost),
    Fault("one-call-only", "returns the first of several calls", f"{FAILS}only one of several calls comes back",
          say=_first_only),
    Fault("renames-tool-ids", "gives calls ids of its own (call_...)",
          f"{FAILS}ids of tool calls are not the model's own", say=_each(_renamed)),
    Fault("same-tool-ids", "gives all calls the same id", f"{FAILS}ids of tool calls are repeated",
          say=_each(_same_id)),
    Fault("restarts-tool-ids", "numbers the calls of every turn from 0",
          f"{FAILS}a later call has the id of an earlier one", say=_each(_numbered_anew)),
    Fault("prefixes-tool-names", "leaves the prefix functions. in the names of tools",
          f"{FAILS}tools are called that were not offered", say=in_calls(with_prefix)),
    Fault("calls-unknown-tool", "calls a tool that the user speaks of, though it is not offered",
          f"{FAILS}tools are called that were not offered", say=_as_spoken),
    Fault("malformed-tool-arguments", "loses the last character of tool arguments",
          f"{FAILS}tool arguments are not JSON", say=_argued(_cut)),
    Fault("malformed-streamed-arguments", "loses the last character of tool arguments in streams",
          f"{FAILS}streamed tool arguments are not JSON, others are fine", say=when_streamed(_argued(_cut))),
    Fault("double-encodes-arguments", "encodes the JSON text of tool arguments again",
          f"{FAILS}tool arguments are JSON text within JSON text", say=_argued(_encoded)),
    Fault("arguments-as-object", "returns tool arguments as a JSON object instead of its text",
          "a response that cannot be read: inconclusive, never a wrong answer", send=_with_objects),
    Fault("empty-arguments", "returns an empty text for a call without arguments",
          f"{FAILS}a call without arguments has an empty text", say=_argued(_emptied)),
    Fault("unescapes-arguments", "writes line breaks and tabs in tool arguments as they are",
          f"{FAILS}tool arguments with line breaks are not JSON", say=_argued(_unescaped)),
    Fault("garbles-unicode-arguments", "loses letters beyond ASCII in tool arguments",
          f"{FAILS}tool arguments do not say what was asked", say=_argued(_ascii)),
    Fault("numbers-as-text-arguments", "returns numbers and booleans in tool arguments as texts",
          f"{FAILS}tool arguments break the tool's schema", say=_argued(_spelled)),
    Fault("tool-parser-off", "returns calls as the model writes them, markers and all, in the content",
          f"{FAILS}tool call markers leak into the text", say=_raw),
    Fault("leaks-tool-markers", "leaves a marker of tool calls in the content beside the calls",
          f"{FAILS}tool call markers leak into the text", say=_stray_marker),
    Fault("leaks-tool-markers-into-reasoning", "leaves a marker of tool calls in the reasoning",
          f"{FAILS}tool call markers leak into the text", say=_marker_in_reasoning),
    Fault("calls-as-text", "returns calls as JSON in the content", f"{FAILS}tool calls come as text", say=_as_json),
    Fault("repeats-calls-in-content", "returns calls, and their arguments in the content as well",
          f"{FAILS}tool calls come as text", say=_said_too),
    Fault("finish-reason-stop-with-calls", "ends an answer that calls tools with finish_reason stop",
          f"{FAILS}finish_reason is not tool_calls although tools are called", say=saying_stop),
    Fault("ignores-tool-results", "does not show results of tools to the model",
          f"{FAILS}results of tools do not reach the model", say=_deaf),
    Fault("ignores-tool-choice-none", "calls tools although tool_choice is none",
          f"{FAILS}tool_choice none does not keep the model from calling", say=_calls_anyway),
    Fault("ignores-tool-choice-required", "takes tool_choice required as auto",
          f"{FAILS}tool_choice required does not force a call", hear=_left_open),
    Fault("accepts-required-without-tools", "takes tool_choice required although there is nothing to call",
          f"{FAILS}wrong values of tool_choice are accepted", waives=frozenset({ContractRule.TOOL_CHOICE}),
          check=of_body(check_choice_known)),
    Fault("accepts-unknown-tool-choice", "takes any tool_choice", f"{FAILS}wrong values of tool_choice are accepted",
          waives=frozenset({ContractRule.TOOL_CHOICE}), check=of_body(check_choice_possible)),
    Fault("refuses-tools", "refuses requests with tools", f"{FAILS}requests with tools are refused",
          check=refuses(lambda body: body.get("tools"), "invalid tools: this endpoint does not call tools")),
    Fault("refuses-tool-choice", "refuses every tool_choice",
          f"{FAILS}a valid tool_choice is refused; that wrong ones are, too, proves nothing",
          check=refuses(lambda body: body.get("tool_choice") is not None, "invalid tool_choice: unknown field")),
)  # fmt: skip
