"""Rules for messages, and functions that read their text, tool calls and results."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Json, Message
from kvv_action.simulator.refusal import Refusal

ROLES = ("system", "developer", "user", "assistant", "tool")


def check_messages(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001 - all rules are called alike
    """Refuse messages without a known role or with content that is neither text nor parts."""
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise Refusal("invalid messages: must be a list with at least one message")
    for number, message in enumerate(messages):
        if not isinstance(message, Mapping) or message.get("role") not in ROLES:
            raise Refusal(f"invalid messages[{number}]: role must be one of {', '.join(ROLES)}")
        _check_content(number, message)


def _check_content(number: int, message: Message) -> None:
    content = message.get("content")
    if content is None and (message["role"] in ("assistant", "tool") or "tools" in message):
        return
    parts = content if isinstance(content, list) else []
    if not isinstance(content, str | list) or not all(_is_part(part) for part in parts):
        raise Refusal(f"invalid messages[{number}]: content must be text or a list of parts with a type")


def _is_part(part: Json) -> bool:
    return isinstance(part, Mapping) and isinstance(part.get("type"), str)


def check_tool_messages(body: Mapping[str, Json], profile: Profile) -> None:  # noqa: ARG001
    """Refuse a tool's result that does not say which call it answers."""
    for number, message in enumerate(messages_of(body)):
        if message.get("role") == "tool" and not message.get("tool_call_id"):
            raise Refusal(f"invalid messages[{number}]: role tool needs a tool_call_id")


def messages_of(body: Mapping[str, Json]) -> Sequence[Message]:
    """The messages of a request that can be read as such."""
    messages = body.get("messages")
    return [message for message in messages if isinstance(message, Mapping)] if isinstance(messages, list) else []


def last_message(messages: Sequence[Message]) -> Message:
    """What was said last; empty when nothing was."""
    return messages[-1] if messages else {}


def text_of(message: Message) -> str:
    """The text of a message, its attachments left out."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, Mapping) and "text" in part)


def last_user_text(messages: Sequence[Message]) -> str:
    """What the user said last; empty when the user said nothing."""
    return next((text_of(message) for message in reversed(messages) if message.get("role") == "user"), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What a tool answered: the text, and the first argument of the call that it answers."""

    about: str
    text: str


def results_of(messages: Sequence[Message]) -> Sequence[ToolResult]:
    """The results that end a conversation, found by the ids of their calls, in the order of the calls."""
    made = {str(call.get("id")): call for call in _calls(messages) if isinstance(call, Mapping)}
    last = takewhile(lambda message: message.get("role") == "tool", reversed(messages))
    results = {str(message.get("tool_call_id")): text_of(message) for message in reversed(list(last))}
    known = [ToolResult(about=_about(call), text=results[one]) for one, call in made.items() if one in results]
    return known + [ToolResult(about=one, text=text) for one, text in results.items() if one not in made]


def _about(call: Mapping[str, Json]) -> str:
    """The first argument of a call of the history; its name where there is none."""
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    try:
        arguments = orjson.loads(str(function.get("arguments")))
    except orjson.JSONDecodeError:
        arguments = None
    return (
        str(next(iter(arguments.values()))) if isinstance(arguments, dict) and arguments else str(function.get("name"))
    )


def past_calls(messages: Sequence[Message]) -> int:
    """How many tools were called in the conversation so far."""
    return sum(1 for _ in _calls(messages))


def _calls(messages: Sequence[Message]) -> Iterator[Json]:
    for message in messages:
        calls = message.get("tool_calls")
        if message.get("role") == "assistant" and isinstance(calls, list):
            yield from calls
