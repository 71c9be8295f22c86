"""The rules that a request must keep, in the order in which they are checked."""

from collections.abc import Callable, Collection, Mapping
from enum import StrEnum

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.conversation import check_messages, check_tool_messages
from kvv_action.simulator.formats import check_response_format
from kvv_action.simulator.parameters import check_immutable, check_ranges
from kvv_action.simulator.sight import check_pictures as check_media_types
from kvv_action.simulator.thinking import check_thinking
from kvv_action.simulator.tooling import check_dynamic_tools, check_tool_choice, check_tools
from kvv_action.simulator.vision import check_pictures
from kvv_action.simulator.window import check_window

Body = Mapping[str, Json]


class ContractRule(StrEnum):
    """A part of the contract that a fault may waive."""

    MESSAGES = "messages"
    MEDIA_TYPES = "media-types"
    RANGES = "ranges"
    THINKING = "thinking"
    IMMUTABLE = "immutable"
    TOOLS = "tools"
    DYNAMIC_TOOLS = "dynamic-tools"
    TOOL_CHOICE = "tool-choice"
    TOOL_MESSAGES = "tool-messages"
    RESPONSE_FORMAT = "response-format"
    PICTURES = "pictures"
    WINDOW = "window"


_RULES: Mapping[ContractRule, Callable[[Body, Profile], None]] = {
    ContractRule.MESSAGES: check_messages,
    ContractRule.MEDIA_TYPES: check_media_types,
    ContractRule.RANGES: check_ranges,
    ContractRule.THINKING: check_thinking,
    ContractRule.IMMUTABLE: check_immutable,
    ContractRule.TOOLS: check_tools,
    ContractRule.DYNAMIC_TOOLS: check_dynamic_tools,
    ContractRule.TOOL_CHOICE: check_tool_choice,
    ContractRule.TOOL_MESSAGES: check_tool_messages,
    ContractRule.RESPONSE_FORMAT: check_response_format,
    ContractRule.PICTURES: check_pictures,
    ContractRule.WINDOW: check_window,
}


def check(body: Body, profile: Profile, waived: Collection[ContractRule] = ()) -> None:
    """Check `body` against every rule that is not waived.

    Raises:
        Refusal: the first rule that is broken.
    """
    for rule, holds in _RULES.items():
        if rule not in waived:
            holds(body, profile)
