"""Changes in the tool calls of an answer, which faults of several kinds make."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from kvv_action.schema import Answer, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_message, past_calls, text_of
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.instructions import call_of, calls_for
from kvv_action.simulator.schema_values import minimal
from kvv_action.simulator.tooling import ToolChoice


def in_calls(change: Callable[[ToolCall, Call], ToolCall]) -> Say:
    """The change in every call of an answer."""
    return lambda answer, call: replace(answer, tool_calls=tuple(change(made, call) for made in answer.tool_calls))


def with_calls(answer: Answer, call: Call, *made: ToolCall) -> Answer:
    """The answer with these calls instead of its own and of its text; ids are counted on from the calls so far."""
    calls = tuple(
        replace(one, id=call.id_format.format(name=one.name, index=index))
        for index, one in enumerate(made, past_calls(call.messages))
    )
    return replace(answer, content="", tool_calls=calls, finish_reason="tool_calls")


def without_calls(answer: Answer, content: str = "") -> Answer:
    """The answer with a text instead of its calls; an answer without calls is left alone."""
    return replace(answer, content=content, tool_calls=(), finish_reason="stop") if answer.tool_calls else answer


def first_tool_called(answer: Answer, call: Call) -> Answer:
    """A call of the first tool with the smallest arguments, where nothing is called and nothing forbids it."""
    if answer.tool_calls or not call.tools or call.tool_choice is ToolChoice.NONE:
        return answer
    tool = call.tools[0]
    return with_calls(answer, call, call_of(tool.name, minimal(tool.parameters) if tool.parameters else {}))


def called_as_asked(answer: Answer, call: Call) -> Answer:
    """The calls that the user asks for in words, whatever `tool_choice` says."""
    last = last_message(call.messages)
    made = calls_for(text_of(last), call.tools) if last.get("role") == "user" else ()
    return with_calls(answer, call, *made) if made else answer


def saying_stop(answer: Answer, _: Call) -> Answer:
    """Calls that end with finish_reason stop."""
    return replace(answer, finish_reason="stop") if answer.tool_calls else answer


def with_prefix(made: ToolCall, _: Call) -> ToolCall:
    """The prefix of K2's ids stays in the name."""
    return replace(made, name=f"functions.{made.name}")


def as_written(calls: Sequence[ToolCall]) -> str:
    """Calls as K2 writes them, with all markers."""
    written = "".join(
        f"<|tool_call_begin|>{made.id}<|tool_call_argument_begin|>{made.arguments}<|tool_call_end|>" for made in calls
    )
    return f"<|tool_calls_section_begin|>{written}<|tool_calls_section_end|>"
