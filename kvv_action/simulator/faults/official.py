"""What a model's official API refuses and others serve. It is no fault, and no verifier may blame it."""

from collections.abc import Mapping

from kvv_action.profiles.model import Profile, RightRefusal
from kvv_action.schema import Json
from kvv_action.simulator.conversation import last_message, messages_of
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.thinking import asked, switch_of
from kvv_action.simulator.tooling import ToolChoice, chosen


def _refuse(body: Mapping[str, Json], profile: Profile) -> None:
    """Refuse what the official API refuses, as far as the profile says."""
    if profile.thinking.switch_open and switch_of(body) is False:
        raise Refusal("invalid thinking: this model cannot turn thinking off")
    thinking = asked(body, profile.thinking).on
    for parameter in profile.parameters:
        value, only = body.get(parameter.name), parameter.only(thinking=thinking)
        if value is not None and value != only:
            raise Refusal(f"invalid {parameter.name}: only {only:g} is allowed for this model")
    if chosen(body).choice is ToolChoice.REQUIRED and profile.may_refuse_forced_calls(thinking=thinking):
        when = " is incompatible with thinking enabled" if thinking else " is not served"
        raise Refusal(f"tool_choice 'required'{when}")
    if thinking and profile.may_refuse(RightRefusal.BARE_TOOL_TURNS):
        _refuse_bare_turns(body)
    last = last_message(messages_of(body))
    if last.get("partial") is True and profile.may_refuse(RightRefusal.BEGUN_ANSWERS):
        raise Refusal("invalid messages: the last message must not be from the assistant")


def _refuse_bare_turns(body: Mapping[str, Json]) -> None:
    for number, message in enumerate(messages_of(body)):
        if message.get("tool_calls") and not message.get("reasoning_content"):
            raise Refusal(
                f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {number}"
            )


FAULTS = (
    Fault("refuses-as-official",
          "refuses what the model's official API refuses and others serve: open parameter values, tool turns "
          "without reasoning and forced calls while thinking, and what else the profile says",
          "nothing fails: such requests of K2VV are counted as refused, and left out on both sides", check=_refuse),
)  # fmt: skip
