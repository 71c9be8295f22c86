"""Faults that leave control tokens of a chat template in answers."""

from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.calling import as_written, in_calls, without_calls
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import FAILS, Fault


def _ends(mark: str) -> Say:
    """Content that ends with a marker; answers without content stay as they are."""
    return lambda answer, _: replace(answer, content=answer.content + mark) if answer.content else answer


def _begins(mark: str) -> Say:
    return lambda answer, _: replace(answer, content=mark + answer.content) if answer.content else answer


def _thinks(mark: str) -> Say:
    return lambda answer, _: replace(answer, reasoning=answer.reasoning + mark) if answer.reasoning else answer


def _channel(name: str, text: str) -> str:
    return f"<|open|>{name}<|sep|>{text}<|close|>{name}<|sep|>"


def _raw_k3(answer: Answer, _: Call) -> Answer:
    """The answer as K3 writes it, as if there were no parser."""
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
    return without_calls(answer, answer.content + as_written(answer.tool_calls))


LEAK = "a finding: control tokens of the model's template leak into answers"
FAULTS = (
    Fault("leaves-end-of-turn", "ends content with <|im_end|>", LEAK, say=_ends("<|im_end|>")),
    Fault("leaves-end-of-message", "ends content with <|close|>message<|sep|>", LEAK,
          say=_ends("<|close|>message<|sep|>")),
    Fault("leaves-end-of-text", "ends content with [EOS]", LEAK, say=_ends("[EOS]")),
    Fault("leaves-start-of-response", "begins content with <|open|>response<|sep|>", LEAK,
          say=_begins("<|open|>response<|sep|>")),
    Fault("leaves-end-of-thinking", "ends reasoning with <|close|>think<|sep|>", LEAK,
          say=_thinks("<|close|>think<|sep|>")),
    Fault("leaves-markers-in-arguments", "ends the arguments of calls with <|close|>call<|sep|>",
          f"{FAILS}arguments are not JSON, because of control tokens that leak",
          say=in_calls(lambda made, _: replace(made, arguments=f"{made.arguments}<|close|>call<|sep|>"))),
    Fault("leaves-markers-in-names", "ends the names of called tools with <|sep|>",
          f"{FAILS}names are wrong, because of control tokens that leak",
          say=in_calls(lambda made, _: replace(made, name=f"{made.name}<|sep|>"))),
    Fault("serves-raw-channels", "runs K3 without any parser: all channels come as one text",
          "a finding: there is no parser for this model", say=_raw_k3),
    Fault("serves-raw-calls", "leaves K2's section of tool calls in the content",
          "a finding: control tokens leak, which explains that calls are missing", say=_raw_k2),
    Fault("leaves-foreign-marker", "ends content with the end of turn of another maker's template",
          "a warning: what looks like a control token stands in answers", say=_ends("<|eot_id|>")),
    Fault("leaves-role", "begins content with the role of the message, on a line of its own",
          "a warning: what looks like a control token stands in answers", say=_begins("assistant\n")),
    Fault("leaves-reserved-token", "ends content with a reserved token of another maker's vocabulary",
          "a warning: what looks like a control token stands in answers", say=_ends("<reserved_12>")),
    Fault("leaves-end-of-picture", "ends content with <|media_end|>", LEAK, say=_ends("<|media_end|>")),
)  # fmt: skip
