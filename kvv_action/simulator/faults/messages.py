"""Faults in what conversations may hold: system messages, parts, quoted control tokens, pictures, ids of calls."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import orjson

from kvv_action.schema import Answer, Json, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import messages_of, text_of
from kvv_action.simulator.faults.hooks import Check, refuses
from kvv_action.simulator.faults.model import FAILS, Fault
from kvv_action.simulator.sight import is_picture

_MARKER = re.compile(r"<\|[a-z_]+\|>|\[EOS\]")
_FOREIGN = re.compile(r"call_\w{20,}|toolu_\w+|chatcmpl-tool-\w+|[0-9a-f]{8}-[0-9a-f-]{27}")
"""Ids as OpenAI, Anthropic, vLLM and others write them."""
Messages = Sequence[Message]
Hear = Callable[[Call], Call]


def _heard(change: Callable[[Messages], Messages]) -> Hear:
    return lambda call: replace(call, messages=change(call.messages))


def _each(change: Callable[[Message], Message]) -> Hear:
    return _heard(lambda messages: [change(message) for message in messages])


def _speaks(message: Message) -> bool:
    """Whether it is a system message with a text; others bring tools along."""
    return message.get("role") == "system" and bool(message.get("content"))


def _without_system(messages: Messages) -> Messages:
    return [message for message in messages if not _speaks(message)]


def _late(messages: Messages) -> list[Message]:
    """System messages that do not stand first."""
    first = next((at for at, message in enumerate(messages) if not _speaks(message)), len(messages))
    return [message for message in messages[first:] if _speaks(message)]


def _without_late(messages: Messages) -> Messages:
    late = _late(messages)
    return [message for message in messages if not any(message is one for one in late)]


def _last_system_only(messages: Messages) -> Messages:
    """The last of several system messages in a row; those before are overwritten."""
    return [
        message
        for message, after in zip(messages, [*messages[1:], {}], strict=True)
        if not (_speaks(message) and _speaks(after))
    ]


def _late_first(messages: Messages) -> Messages:
    """Late system messages are put before the first one."""
    return [*_late(messages), *_without_late(messages)]


def _parts(message: Message) -> list[Json]:
    content = message.get("content")
    return content if isinstance(content, list) else []


def _is_text(part: Json) -> bool:
    return isinstance(part, Mapping) and part.get("type") == "text"


def _with_parts(message: Message, change: Callable[[list[Json]], Json]) -> Message:
    return {**message, "content": change(_parts(message))} if _parts(message) else message


def _first_text(parts: list[Json]) -> list[Json]:
    first = next((part for part in parts if _is_text(part)), None)
    return [part for part in parts if part is first or not _is_text(part)]


def _without_texts(message: Message) -> Message:
    if message.get("role") != "tool":
        return message
    return _with_parts(message, lambda parts: [part for part in parts if not _is_text(part)])


def _as_json(message: Message) -> Message:
    """The list of parts as JSON in the prompt; pictures stay pictures."""
    if not all(map(_is_text, _parts(message))):
        return message
    return _with_parts(message, lambda parts: orjson.dumps(parts).decode())


def _without_pictures(message: Message) -> Message:
    if message.get("role") != "tool":
        return message
    return _with_parts(message, lambda parts: [part for part in parts if not is_picture(part)])


def _in_user_text(change: Callable[[str], str]) -> Hear:
    def changed(message: Message) -> Message:
        content = message.get("content")
        if message.get("role") != "user" or not isinstance(content, str):
            return message
        return {**message, "content": change(content)}

    return _each(changed)


def _up_to_marker(text: str) -> str:
    """A marker ends the user's turn: what stands behind it is lost."""
    return _MARKER.split(text, maxsplit=1)[0]


def _ended(answer: Answer, _: Call) -> Answer:
    """A marker that the model repeats ends its answer."""
    return replace(answer, content=_up_to_marker(answer.content))


def _refuses(hit: Callable[[Messages], object], reason: str) -> Check:
    return refuses(lambda body: hit(messages_of(body)), reason)


def _ids(messages: Messages) -> Iterator[str]:
    for message in messages:
        calls = message.get("tool_calls")
        yield from (str(call.get("id", "")) for call in (calls if isinstance(calls, list) else ()))


def _has_foreign_ids(messages: Messages) -> bool:
    return any(map(_FOREIGN.fullmatch, _ids(messages)))


def _silent(answer: Answer, call: Call) -> Answer:
    """An empty turn where the history holds ids of other vendors."""
    if not _has_foreign_ids(call.messages):
        return answer
    return replace(answer, content="", reasoning="", tool_calls=(), finish_reason="stop")


def _of_role(role: str, hit: Callable[[Message], object]) -> Callable[[Messages], bool]:
    return lambda messages: any(message.get("role") == role and hit(message) for message in messages)


WARNS = "a warning of Pre-Verification: "
FAULTS = (
    Fault("ignores-system", "drops every system message", f"{FAILS}system messages do not reach the model",
          hear=_heard(_without_system)),
    Fault("drops-late-system", "drops system messages that follow a turn",
          f"{FAILS}a late system message does not reach the model", hear=_heard(_without_late)),
    Fault("merges-system-wrong", "puts late system messages before the first one",
          f"{FAILS}a late system message does not reach the model", hear=_heard(_late_first)),
    Fault("keeps-last-system", "lets each system message overwrite the one before it",
          f"{FAILS}only one of several system messages reaches the model", hear=_heard(_last_system_only)),
    Fault("refuses-system", "refuses system messages", f"{FAILS}system messages are refused",
          check=_refuses(lambda messages: any(map(_speaks, messages)), "invalid messages: role system is not known")),
    Fault("refuses-late-system", "refuses system messages that follow a turn",
          f"{WARNS}a late system message is refused",
          check=_refuses(_late, "system message must be at the beginning")),
    Fault("refuses-several-system", "refuses two system messages in a row",
          f"{WARNS}several system messages are refused",
          check=_refuses(lambda messages: len(_last_system_only(messages)) < len(messages), "two system messages")),
    Fault("drops-parts-after-first", "keeps the first text part of a message alone", f"{FAILS}text parts are lost",
          hear=_each(lambda message: _with_parts(message, _first_text))),
    Fault("refuses-parts-in-system", "refuses system messages whose content is a list of parts",
          f"{FAILS}content as parts is refused",
          check=_refuses(_of_role("system", _parts), "content must be a string")),
    Fault("drops-parts-of-tools", "drops results of tools that come as text parts", f"{FAILS}text parts are lost",
          hear=_each(_without_texts)),
    Fault("renders-parts-as-json", "puts content that is a list of text parts into the prompt as JSON",
          f"{FAILS}parts are not rendered as text", hear=_each(_as_json)),
    Fault("interprets-control-tokens", "lets a control token in the user's text end the user's turn",
          f"{FAILS}quoted control tokens are carried out", hear=_in_user_text(_up_to_marker)),
    Fault("ends-at-control-tokens", "ends answers where the model repeats a control token",
          f"{WARNS}quoted control tokens are carried out", say=_ended),
    Fault("strips-control-tokens", "takes control tokens out of the user's text",
          f"{WARNS}quoted control tokens do not arrive as text",
          hear=_in_user_text(lambda text: _MARKER.sub("", text))),
    Fault("refuses-control-tokens", "refuses texts that quote control tokens",
          f"{FAILS}text that quotes control tokens is refused",
          check=_refuses(_of_role("user", lambda message: _MARKER.search(text_of(message))), "forbidden token")),
    Fault("drops-picture-in-tool-result", "drops pictures in results of tools",
          f"{FAILS}pictures in results of tools do not reach the model", hear=_each(_without_pictures)),
    Fault("refuses-picture-in-tool-result", "refuses pictures in results of tools",
          f"{WARNS}pictures in results of tools are refused",
          check=_refuses(_of_role("tool", lambda message: any(map(is_picture, _parts(message)))),
                         "image_url is not allowed in messages of role tool")),
    Fault("foreign-ids-empty-turn", "answers with an empty turn where calls of the history have ids of other vendors",
          f"{FAILS}ids of another vendor in the history break the turn", say=_silent),
    Fault("refuses-foreign-ids", "refuses histories whose calls have ids of other vendors",
          f"{FAILS}histories with ids of another vendor are refused",
          check=_refuses(_has_foreign_ids, "invalid tool_call_id")),
)  # fmt: skip
