"""What Moonshot's own API refuses and others serve: no fault at all, and nothing may be held against it."""

from collections.abc import Mapping

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.thinking import asked, switch_of
from kvv_action.simulator.tooling import ToolChoice, chosen


def _refuse(body: Mapping[str, Json], profile: Profile) -> None:
    """Refuse what the official API refuses: an open value, a stop to thinking, and two things while thinking."""
    if profile.thinking.switch_open and switch_of(body) is False:
        raise Refusal("invalid thinking: this model cannot turn thinking off")
    thinking = asked(body, profile.thinking).on
    for parameter in profile.parameters:
        value, only = body.get(parameter.name), parameter.only(thinking=thinking)
        if value is not None and value != only:
            raise Refusal(f"invalid {parameter.name}: only {only:g} is allowed for this model")
    if thinking and profile.thinking.strict:
        _refuse_while_thinking(body)


def _refuse_while_thinking(body: Mapping[str, Json]) -> None:
    if chosen(body).choice is ToolChoice.REQUIRED:
        raise Refusal("tool_choice 'required' is incompatible with thinking enabled")
    for number, message in enumerate(messages_of(body)):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            raise Refusal(
                f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {number}"
            )


FAULTS = (
    Fault(
        name="refuses-as-official",
        summary="refuses what Moonshot's own API refuses and others serve: open parameter values, tool turns without "
        "reasoning and forced calls while thinking",
        conclusion="nothing fails: such requests of K2VV are counted as refused, and left out on both sides",
        check=_refuse,
    ),
)
