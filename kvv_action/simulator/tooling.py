"""Rules on tools, tools inside system messages (dynamic tools) and the choice among them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.refusal import Refusal

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,255}")


class ToolChoice(StrEnum):
    """Whether the model must, may or must not call a tool."""

    AUTO = "auto"
    NONE = "none"
    REQUIRED = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A function that the model may call."""

    name: str
    parameters: Json = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The choice, and the named tool (empty for none)."""

    choice: ToolChoice
    name: str = ""


def _dynamic(body: Mapping[str, Json]) -> Iterator[tuple[int, Mapping[str, Json]]]:
    """Messages that bring tools along, with their positions."""
    for number, message in enumerate(messages_of(body)):
        if message.get("tools") is not None:
            yield number, message


def tools_of(body: Mapping[str, Json]) -> tuple[Tool, ...]:
    """Every tool that can be called: those of the request, then those of system messages."""
    lists = [body.get("tools"), *(message["tools"] for _, message in _dynamic(body))]
    entries = [entry for entries in lists if isinstance(entries, list) for entry in entries]
    functions = [entry.get("function") for entry in entries if isinstance(entry, Mapping)]
    return tuple(
        Tool(name=function["name"], parameters=function.get("parameters") or {})
        for function in functions
        if isinstance(function, Mapping) and isinstance(function.get("name"), str)
    )


def chosen(body: Mapping[str, Json]) -> Chosen:
    """Read `tool_choice`; anything malformed means auto."""
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        return (
            Chosen(choice=ToolChoice.REQUIRED, name=name) if isinstance(name, str) else Chosen(choice=ToolChoice.AUTO)
        )
    return Chosen(choice=ToolChoice(choice) if choice in list(ToolChoice) else ToolChoice.AUTO)


def _function_of(entry: Json, where: str) -> Mapping[str, Json]:
    """The function that a list of tools holds at `where`."""
    if not isinstance(entry, Mapping) or entry.get("type") != "function":
        raise Refusal(f"invalid {where}: type must be function")
    function = entry.get("function")
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str) or not function["name"]:
        raise Refusal(f"invalid {where}: function must have a name")
    if not isinstance(function.get("parameters", {}), Mapping | None):
        raise Refusal(f"invalid {where}: parameters must be a JSON schema")
    return function


def _names(entries: Json, where: str) -> Sequence[str]:
    if not isinstance(entries, list):
        raise Refusal(f"invalid {where}: must be a list")
    return [_function_of(entry, f"{where}[{number}]")["name"] for number, entry in enumerate(entries)]


def check_tools(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001 - all rules are called alike
    """Refuse tools that are not a list of functions with names."""
    if body.get("tools") is not None:
        _names(body["tools"], "tools")


def check_placement(body: Mapping[str, Json]) -> None:
    """Refuse tools in a message that is not from the system."""
    for number, message in _dynamic(body):
        if message.get("role") != "system":
            raise Refusal(f"invalid messages[{number}].tools: tools belong in a system message without content")


def check_bare(body: Mapping[str, Json]) -> None:
    """Refuse tools in a system message that also has content."""
    for number, message in _dynamic(body):
        if message.get("role") == "system" and message.get("content"):
            raise Refusal(f"invalid messages[{number}].tools: tools belong in a system message without content")


def check_entries(body: Mapping[str, Json]) -> None:
    """Refuse tools in messages that are not a list of functions with names."""
    for number, message in _dynamic(body):
        _names(message["tools"], f"messages[{number}].tools")


def check_names(body: Mapping[str, Json]) -> None:
    """Refuse names that are not identifiers of at most 256 characters; only where messages bring tools."""
    for tool in tools_of(body) if any(_dynamic(body)) else ():
        if not _NAME.fullmatch(tool.name):
            raise Refusal(f"invalid tool name {tool.name[:64]!r}")


def check_duplicates(body: Mapping[str, Json]) -> None:
    """Refuse a name that comes twice; only where messages bring tools."""
    names = [tool.name for tool in tools_of(body)] if any(_dynamic(body)) else []
    if len(names) != len(set(names)):
        raise Refusal("invalid tools: duplicate tool names")


DYNAMIC_CHECKS: Sequence[Callable[[Mapping[str, Json]], None]] = (
    check_placement,
    check_bare,
    check_entries,
    check_names,
    check_duplicates,
)


def check_dynamic_tools(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001
    """Refuse dynamic tools outside empty system messages, with malformed or with repeated names."""
    for holds in DYNAMIC_CHECKS:
        holds(body)


def check_choice_known(body: Mapping[str, Json]) -> None:
    """Refuse a choice that is neither one of the words nor the name of a function."""
    choice = body.get("tool_choice")
    if choice is not None and choice not in list(ToolChoice) and not chosen(body).name:
        raise Refusal(f"invalid tool_choice: must be one of {', '.join(ToolChoice)} or name a function")


def check_choice_possible(body: Mapping[str, Json]) -> None:
    """Refuse a choice that needs a tool which is not there."""
    understood = chosen(body)
    names = {tool.name for tool in tools_of(body)}
    if understood.choice is ToolChoice.REQUIRED and not names:
        raise Refusal("invalid tool_choice: required needs tools")
    if understood.name and understood.name not in names:
        raise Refusal(f"invalid tool_choice: no tool is named {understood.name!r}")


def check_tool_choice(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001
    """Refuse an unknown choice, and one that needs a tool which is not there."""
    check_choice_known(body)
    check_choice_possible(body)
