"""Faults in thinking: whether the model thinks, how hard, and in which field the thinking is sent and read."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.thinking import effort_of, switch_of

LEAST, MOST = "low", "max"
Refuse = Callable[[Mapping[str, Json], Profile], None]


def _still_on(call: Call) -> Call:
    return replace(call, thinking=call.thinking or switch_of(call.body) is False)


def _still_off(call: Call) -> Call:
    return replace(call, thinking=call.thinking and switch_of(call.body) is not True)


def _on_by_itself(call: Call) -> Call:
    return replace(call, thinking=call.thinking and switch_of(call.body) is not None)


def _silent_when(stream: bool) -> Callable[[Answer, Call], Answer]:
    def say(answer: Answer, call: Call) -> Answer:
        return replace(answer, reasoning="") if call.stream is stream else answer

    return say


def _tagged(answer: Answer, _: Call) -> Answer:
    if not answer.reasoning:
        return answer
    return replace(answer, content=f"<think>{answer.reasoning}</think>{answer.content}", reasoning="")


def _half_tagged(answer: Answer, _: Call) -> Answer:
    """The template opens the thinking, so that only its end is written."""
    if not answer.reasoning:
        return answer
    return replace(answer, content=f"{answer.reasoning}</think>{answer.content}", reasoning="")


def _misfiled(answer: Answer, call: Call) -> Answer:
    return answer if call.thinking else replace(answer, content="", reasoning=answer.content)


def _without_history(call: Call) -> Call:
    """The conversation as a template renders it that knows no reasoning_content."""
    return replace(call, messages=[_bare(message) for message in call.messages])


def _without_earlier_turns(call: Call) -> Call:
    """As a template renders it that keeps the thinking of the last turn only."""
    users = [number for number, message in enumerate(call.messages) if message.get("role") == "user"]
    last = users[-1] if users else 0
    messages = [_bare(message) if number < last else message for number, message in enumerate(call.messages)]
    return replace(call, messages=messages)


def _bare(message: Mapping[str, Json]) -> Mapping[str, Json]:
    return {name: value for name, value in message.items() if name != "reasoning_content"}


def _one_effort(call: Call) -> Call:
    return replace(call, effort=MOST) if call.effort else call


def _least_effort(call: Call) -> Call:
    return replace(call, effort=LEAST) if call.effort and effort_of(call.body) is None else call


def _refuse_thinking(body: Mapping[str, Json], _: Profile) -> None:
    for name in ("thinking", "chat_template_kwargs"):
        if body.get(name) is not None:
            raise Refusal(f"invalid {name}: unknown field")


def _refuse_history(body: Mapping[str, Json], _: Profile) -> None:
    messages = body.get("messages")
    for number, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, Mapping) and message.get("reasoning_content") is not None:
            raise Refusal(f"invalid messages[{number}]: unknown field reasoning_content")


def _refuse_effort(body: Mapping[str, Json], _: Profile) -> None:
    if effort_of(body) is not None:
        raise Refusal("invalid thinking effort: unknown field")


def _refuse_field(name: str) -> Refuse:
    def check(body: Mapping[str, Json], _: Profile) -> None:
        if body.get(name) is not None:
            raise Refusal(f"invalid {name}: unknown field")

    return check


FAULTS = (
    Fault("ignores-thinking-off", "thinks although the request turns thinking off",
          f"{FAILS}thinking cannot be turned off", hear=_still_on),
    Fault("ignores-thinking-on", "does not think when the request turns thinking on",
          f"{FAILS}thinking content is lost", hear=_still_off),
    Fault("thinks-only-when-asked", "does not think by default although the model does",
          f"{FAILS}thinking content is lost when nothing is said about it", hear=_on_by_itself),
    Fault("thinks-only-streamed", "hands reasoning over in streams only",
          f"{FAILS}thinking content is lost in answers that are not streamed", say=_silent_when(stream=False)),
    Fault("loses-reasoning-streamed", "hands reasoning over in plain answers only",
          f"{FAILS}thinking content is lost in streams", say=_silent_when(stream=True)),
    Fault("think-tags-in-content", "runs without a reasoning parser: thinking and its markers stand in the content",
          f"{FAILS}thinking markers leak into content", say=_tagged),
    Fault("think-end-tag-in-content", "runs without a reasoning parser, and the chat template opens the thinking",
          f"{FAILS}thinking markers leak into content", say=_half_tagged),
    Fault("answer-as-reasoning", "hands the answer over as reasoning when thinking is off",
          f"{FAILS}the answer comes back as thinking", say=_misfiled),
    Fault("refuses-thinking", "refuses requests that say anything about thinking",
          f"{FAILS}thinking cannot be asked for", check=_refuse_thinking),
    Fault("refuses-reasoning-history", "refuses reasoning_content in the history",
          f"{FAILS}thinking cannot be sent back in the history", check=_refuse_history),
    Fault("drops-reasoning-history", "drops reasoning_content from the history",
          f"{FAILS}thinking in the history does not reach the model", hear=_without_history),
    Fault("drops-reasoning-of-earlier-turns",
          "keeps the thinking of the last turn only, whatever keep or preserve_thinking say",
          f"{FAILS}thinking of earlier turns does not reach the model", hear=_without_earlier_turns),
    Fault("same-effort-everywhere", "takes every level of effort and thinks the same",
          f"{FAILS}thinking effort has no effect", hear=_one_effort),
    Fault("least-effort-by-default", "thinks as little as it can when no effort is asked for",
          f"{FAILS}the default thinking effort is not the model's", hear=_least_effort),
    Fault("refuses-effort", "refuses levels of effort in every form", f"{FAILS}a level of thinking effort is refused",
          check=_refuse_effort),
    Fault("refuses-reasoning-effort", "refuses reasoning_effort", f"{FAILS}a level of thinking effort is refused",
          check=_refuse_field("reasoning_effort")),
)  # fmt: skip
