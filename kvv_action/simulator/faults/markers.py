"""Faults that leave control tokens of a chat template in answers."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import Fault


def _ends(mark: str) -> Say:
    """Content that ends with a marker; answers without content stay as they are."""
    return lambda answer, _: replace(answer, content=answer.content + mark) if answer.content else answer


def _begins(mark: str) -> Say:
    return lambda answer, _: replace(answer, content=mark + answer.content) if answer.content else answer


def _thinks(mark: str) -> Say:
    return lambda answer, _: replace(answer, reasoning=answer.reasoning + mark) if answer.reasoning else answer


def _in_calls(change: Callable[[str, str], tuple[str, str]]) -> Say:
    """A fault in name and arguments of every call."""

    def say(answer: Answer, _: Call) -> Answer:
        calls = []
        for made in answer.tool_calls:
            name, arguments = change(made.name, made.arguments)
            calls.append(replace(made, name=name, arguments=arguments))
        return replace(answer, tool_calls=tuple(calls))

    return say


def _channel(name: str, text: str) -> str:
    return f"<|open|>{name}<|sep|>{text}<|close|>{name}<|sep|>"


def _raw_k3(answer: Answer, _: Call) -> Answer:
    """Everything as K3 writes it, no parser having looked at it."""
    text = _channel("think", answer.reasoning) if answer.reasoning else ""
    if answer.content:
        text += _channel("response", answer.content)
    if answer.tool_calls:
        made = "".join(
            f'<|open|>call tool="{call.name}" index="{number}"<|sep|>{call.arguments}<|close|>call<|sep|>'
            for number, call in enumerate(answer.tool_calls, 1)
        )
        text += _channel("tools", made)
    return Answer(content=f"{text}<|close|>message<|sep|>", finish_reason="stop")


def _raw_k2(answer: Answer, _: Call) -> Answer:
    """The section of tool calls as K2 writes it, after the content."""
    if not answer.tool_calls:
        return answer
    made = "".join(
        f"<|tool_call_begin|>{call.id}<|tool_call_argument_begin|>{call.arguments}<|tool_call_end|>"
        for call in answer.tool_calls
    )
    section = f"<|tool_calls_section_begin|>{made}<|tool_calls_section_end|>"
    return replace(answer, content=answer.content + section, tool_calls=(), finish_reason="stop")


LEAK = "a finding: control tokens of the model's template leak into answers"
FAULTS = (
    Fault(
        name="leaves-end-of-turn",
        summary="ends content with <|im_end|>",
        conclusion=LEAK,
        say=_ends("<|im_end|>"),
    ),
    Fault(
        name="leaves-end-of-message",
        summary="ends content with <|close|>message<|sep|>",
        conclusion=LEAK,
        say=_ends("<|close|>message<|sep|>"),
    ),
    Fault(
        name="leaves-end-of-text",
        summary="ends content with [EOS]",
        conclusion=LEAK,
        say=_ends("[EOS]"),
    ),
    Fault(
        name="leaves-start-of-response",
        summary="begins content with <|open|>response<|sep|>",
        conclusion=LEAK,
        say=_begins("<|open|>response<|sep|>"),
    ),
    Fault(
        name="leaves-end-of-thinking",
        summary="ends reasoning with <|close|>think<|sep|>",
        conclusion=LEAK,
        say=_thinks("<|close|>think<|sep|>"),
    ),
    Fault(
        name="leaves-markers-in-arguments",
        summary="ends the arguments of calls with <|close|>call<|sep|>",
        conclusion="Pre-Verification fails: arguments are not JSON, because of control tokens that leak",
        say=_in_calls(lambda name, arguments: (name, f"{arguments}<|close|>call<|sep|>")),
    ),
    Fault(
        name="leaves-markers-in-names",
        summary="ends the names of called tools with <|sep|>",
        conclusion="Pre-Verification fails: names are wrong, because of control tokens that leak",
        say=_in_calls(lambda name, arguments: (f"{name}<|sep|>", arguments)),
    ),
    Fault(
        name="serves-raw-channels",
        summary="runs K3 without any parser: all channels come as one text",
        conclusion="a finding: there is no parser for this model",
        say=_raw_k3,
    ),
    Fault(
        name="serves-raw-calls",
        summary="leaves K2's section of tool calls in the content",
        conclusion="a finding: control tokens leak, which explains that calls are missing",
        say=_raw_k2,
    ),
    Fault(
        name="leaves-foreign-marker",
        summary="ends content with the end of turn of another maker's template",
        conclusion="a warning: what looks like a control token stands in answers",
        say=_ends("<|eot_id|>"),
    ),
    Fault(
        name="leaves-role",
        summary="begins content with the role of the message, on a line of its own",
        conclusion="a warning: what looks like a control token stands in answers",
        say=_begins("assistant\n"),
    ),
    Fault(
        name="leaves-reserved-token",
        summary="ends content with a reserved token of another maker's vocabulary",
        conclusion="a warning: what looks like a control token stands in answers",
        say=_ends("<reserved_12>"),
    ),
    Fault(
        name="leaves-end-of-picture",
        summary="ends content with <|media_end|>",
        conclusion=LEAK,
        say=_ends("<|media_end|>"),
    ),
)
