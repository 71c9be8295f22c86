"""Faults that put text in the wrong place, or in a wrong wrapping."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_message
from kvv_action.simulator.faults.hooks import Say, when_streamed
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.tokens import limited


def _after_tools(answer: Answer, call: Call) -> Answer:
    """What follows a tool's result is taken for thinking."""
    if last_message(call.messages).get("role") != "tool" or answer.tool_calls:
        return answer
    return replace(answer, reasoning=f"{answer.reasoning}{answer.content}", content="")


def _all_thinking(answer: Answer, _: Call) -> Answer:
    """The parser never sees the end of the thinking."""
    if not answer.reasoning or answer.tool_calls:
        return answer
    return replace(answer, reasoning=f"{answer.reasoning}\n{answer.content}", content="")


def _tagged(opening: str, closing: str) -> Say:
    def say(answer: Answer, _: Call) -> Answer:
        if not answer.reasoning:
            return answer
        return replace(answer, content=f"{opening}{answer.reasoning}{closing}{answer.content}", reasoning="")

    return say


def cut_thinking(answer: Answer, call: Call) -> Answer:
    """Thinking that max_tokens cuts before its end is taken for content."""
    if not answer.reasoning or call.max_tokens is None:
        return answer
    cut = limited(answer, call.max_tokens)
    if cut.finish_reason != "length" or cut.content:
        return answer
    return replace(cut, content=cut.reasoning, reasoning="", tool_calls=())


def _wrapped(wrap: Callable[[str], str]) -> Say:
    return lambda answer, call: answer if call.schema is None else replace(answer, content=wrap(answer.content))


def _cut_calls(reason: str) -> Say:
    """Calls that max_tokens cuts say another finish_reason than length."""

    def say(answer: Answer, call: Call) -> Answer:
        if not answer.tool_calls or call.max_tokens is None:
            return answer
        cut = limited(answer, call.max_tokens)
        return answer if cut.finish_reason != "length" else replace(cut, finish_reason=reason)

    return say


FAULTS = (
    Fault(
        name="answers-in-reasoning-after-tools",
        summary="hands the answer over as reasoning when it follows the result of a tool",
        conclusion="a finding: answers stand in the reasoning",
        say=_after_tools,
    ),
    Fault(
        name="answers-in-reasoning",
        summary="hands all answers over as reasoning while the model thinks",
        conclusion="a finding: answers stand in the reasoning",
        say=_all_thinking,
    ),
    Fault(
        name="kimi-think-tags-in-content",
        summary="leaves thinking in the content, between ◁think▷ and ◁/think▷",
        conclusion="a finding: thinking stands in the content",
        say=_tagged("◁think▷", "◁/think▷"),
    ),
    Fault(
        name="thinking-tags-in-content",
        summary="leaves thinking in the content, between <thinking> and </thinking>",
        conclusion="a finding: thinking stands in the content",
        say=_tagged("<thinking>\n", "\n</thinking>\n"),
    ),
    Fault(
        name="files-cut-thinking-as-content",
        summary="streams thinking that max_tokens cut as content",
        conclusion="a finding: cut thinking becomes content",
        say=when_streamed(cut_thinking),
    ),
    Fault(
        name="wraps-json-in-words",
        summary="says that JSON follows, and then gives it in a fence",
        conclusion="a finding: JSON comes inside a fence",
        say=_wrapped(lambda text: f"Here is the JSON:\n\n```\n{text}\n```\nLet me know."),
    ),
    Fault(
        name="fences-json-with-tildes",
        summary="wraps JSON in a fence of tildes",
        conclusion="a finding: JSON comes inside a fence",
        say=_wrapped(lambda text: f"~~~json\n{text}\n~~~"),
    ),
    Fault(
        name="cut-calls-say-tool-calls",
        summary="says tool_calls where max_tokens cut a call",
        conclusion="a finding: finish_reason contradicts usage",
        say=_cut_calls("tool_calls"),
    ),
    Fault(
        name="cut-calls-say-stop",
        summary="says stop where max_tokens cut a call",
        conclusion="a finding: finish_reason contradicts usage",
        say=_cut_calls("stop"),
    ),
)
