"""The rule on the length of a prompt."""

from collections.abc import Mapping

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.conversation import messages_of, text_of
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.tokens import conversation_tokens


def check_window(body: Mapping[str, Json], profile: Profile) -> None:
    """Refuse a prompt that is longer than the model's window."""
    if profile.context_window is not None:
        refuse_above(profile.context_window, body)


def refuse_above(window: int, body: Mapping[str, Json]) -> None:
    """Refuse a prompt of more tokens than `window`; texts of fewer characters are not counted."""
    messages = messages_of(body)
    if sum(len(text_of(message)) for message in messages) <= window:
        return
    tokens = conversation_tokens(messages, body.get("tools"))
    if tokens > window:
        raise Refusal(f"this model's maximum context length is {window} tokens, your messages have {tokens}")
