"""Faults that put text into the wrong field, or into a wrapping such as a fence."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_message
from kvv_action.simulator.faults.hooks import Say, when_streamed
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.tokens import limited


def _after_tools(answer: Answer, call: Call) -> Answer:
    """The answer that follows a tool's result is taken for thinking."""
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
    Fault("answers-in-reasoning-after-tools", "hands the answer over as reasoning when it follows the result of a tool",
          "a finding: answers stand in the reasoning", say=_after_tools),
    Fault("answers-in-reasoning", "hands all answers over as reasoning while the model thinks",
          "a finding: answers stand in the reasoning", say=_all_thinking),
    Fault("kimi-think-tags-in-content", "leaves thinking in the content, between ◁think▷ and ◁/think▷",
          "a finding: thinking stands in the content", say=_tagged("◁think▷", "◁/think▷")),
    Fault("thinking-tags-in-content", "leaves thinking in the content, between <thinking> and </thinking>",
          "a finding: thinking stands in the content", say=_tagged("<thinking>\n", "\n</thinking>\n")),
    Fault("files-cut-thinking-as-content", "streams thinking that max_tokens cut as content",
          "a finding: cut thinking becomes content", say=when_streamed(cut_thinking)),
    Fault("wraps-json-in-words", "says that JSON follows, and then gives it in a fence",
          "a finding: JSON comes inside a fence",
          say=_wrapped(lambda text: f"Here is the JSON:\n\n```\n{text}\n```\nLet me know.")),
    Fault("fences-json-with-tildes", "wraps JSON in a fence of tildes", "a finding: JSON comes inside a fence",
          say=_wrapped(lambda text: f"~~~json\n{text}\n~~~")),
    Fault("cut-calls-say-tool-calls", "says tool_calls where max_tokens cut a call",
          "a finding: finish_reason contradicts usage", say=_cut_calls("tool_calls")),
    Fault("cut-calls-say-stop", "says stop where max_tokens cut a call", "a finding: finish_reason contradicts usage",
          say=_cut_calls("stop")),
)  # fmt: skip
