"""Faults in thinking: when it happens, where it goes, how it comes back and how hard it is."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import Fault
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
    Fault(
        name="ignores-thinking-off",
        summary="thinks although the request turns thinking off",
        conclusion="Pre-Verification fails: thinking cannot be turned off",
        hear=_still_on,
    ),
    Fault(
        name="ignores-thinking-on",
        summary="does not think when the request turns thinking on",
        conclusion="Pre-Verification fails: thinking content is lost",
        hear=_still_off,
    ),
    Fault(
        name="thinks-only-when-asked",
        summary="does not think by default although the model does",
        conclusion="Pre-Verification fails: thinking content is lost when nothing is said about it",
        hear=_on_by_itself,
    ),
    Fault(
        name="thinks-only-streamed",
        summary="hands reasoning over in streams only",
        conclusion="Pre-Verification fails: thinking content is lost in answers that are not streamed",
        say=_silent_when(stream=False),
    ),
    Fault(
        name="loses-reasoning-streamed",
        summary="hands reasoning over in plain answers only",
        conclusion="Pre-Verification fails: thinking content is lost in streams",
        say=_silent_when(stream=True),
    ),
    Fault(
        name="think-tags-in-content",
        summary="runs without a reasoning parser: thinking and its markers stand in the content",
        conclusion="Pre-Verification fails: thinking markers leak into content",
        say=_tagged,
    ),
    Fault(
        name="think-end-tag-in-content",
        summary="runs without a reasoning parser, and the chat template opens the thinking",
        conclusion="Pre-Verification fails: thinking markers leak into content",
        say=_half_tagged,
    ),
    Fault(
        name="answer-as-reasoning",
        summary="hands the answer over as reasoning when thinking is off",
        conclusion="Pre-Verification fails: the answer comes back as thinking",
        say=_misfiled,
    ),
    Fault(
        name="refuses-thinking",
        summary="refuses requests that say anything about thinking",
        conclusion="Pre-Verification fails: thinking cannot be asked for",
        check=_refuse_thinking,
    ),
    Fault(
        name="refuses-reasoning-history",
        summary="refuses reasoning_content in the history",
        conclusion="Pre-Verification fails: thinking cannot be sent back in the history",
        check=_refuse_history,
    ),
    Fault(
        name="drops-reasoning-history",
        summary="drops reasoning_content from the history",
        conclusion="Pre-Verification fails: thinking in the history does not reach the model",
        hear=_without_history,
    ),
    Fault(
        name="drops-reasoning-of-earlier-turns",
        summary="keeps the thinking of the last turn only, whatever keep or preserve_thinking say",
        conclusion="Pre-Verification fails: thinking of earlier turns does not reach the model",
        hear=_without_earlier_turns,
    ),
    Fault(
        name="same-effort-everywhere",
        summary="takes every level of effort and thinks the same",
        conclusion="Pre-Verification fails: thinking effort has no effect",
        hear=_one_effort,
    ),
    Fault(
        name="least-effort-by-default",
        summary="thinks as little as it can when no effort is asked for",
        conclusion="Pre-Verification fails: the default thinking effort is not the model's",
        hear=_least_effort,
    ),
    Fault(
        name="refuses-effort",
        summary="refuses levels of effort in every form",
        conclusion="Pre-Verification fails: a level of thinking effort is refused",
        check=_refuse_effort,
    ),
    Fault(
        name="refuses-reasoning-effort",
        summary="refuses reasoning_effort",
        conclusion="Pre-Verification fails: a level of thinking effort is refused",
        check=_refuse_field("reasoning_effort"),
    ),
)
