"""Traits of the messages of a request, each with the same request without it."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

from benchmarks.precheck.ask import PLAIN, user
from benchmarks.precheck.picture import data_url, draw
from benchmarks.precheck.trait import RequestSize, Trait
from kvv_action.schema import Json, Message, Request

LONG = 8000
"""Characters of a text from which on a prompt is called long."""
SHORTENED = 200
"""Characters that are left of a long text at its beginning and at its end."""
KNOWN = frozenset({"role", "content", "tool_calls", "tool_call_id", "tools"})
"""Fields of a message that have traits of their own, or that every message has."""
_SPEAKERS = {
    "system": "a system message", "user": "a user message", "assistant": "an assistant message",
    "tool": "a tool's result",
}  # fmt: skip
ROLES = tuple(_SPEAKERS)
_MARKER = re.compile(r"<\|[^|\s]{1,40}\|>")
_CODE = re.compile(r"`{3,}|~{3,}")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_BEYOND_PLANE = re.compile(r"[\U00010000-\U0010ffff]")
_DOTS = [{"type": "text", "text": "..."}]


def message_traits(request: Request) -> Iterator[Trait]:
    """The traits of the messages, the most telling ones first."""
    for name, (words, holds, without) in _IN_MESSAGES.items():
        if any(map(holds, request.messages)):
            coarse = name in ("pictures", "dynamic-tools", "system", "long", "tool-results")
            yield Trait(name=name, words=words, without=_changed(without), coarse=coarse)
    for field in sorted({field for message in request.messages for field in message} - KNOWN):
        words = f"with `{field}` in a message"
        yield Trait(name=f"message:{field}", words=words, without=_changed(partial(_without_field, field)))
    for kind in sorted({kind for message in request.messages for kind in _picture_kinds(message)} - {"png"}):
        words = f"with a picture of type {kind}"
        yield Trait(name=f"picture:{kind}", words=words, without=_changed(partial(_repainted, kind)))
    if [*_early(request.messages)] != [*request.messages]:
        words = "with a system message after the beginning"
        yield Trait(name="late-system", words=words, without=_without_late_system)
    if sum(message.get("role") in ("user", "assistant", "tool") for message in request.messages) > 1:
        yield Trait(name="history", words="with earlier turns", without=_without_history, coarse=True)
    if any(_as_plain(message) != message for message in request.messages):
        yield Trait(name="text", words="with its own text", without=_changed(_as_plain), coarse=True)


def message_sizes(request: Request) -> Iterator[RequestSize]:
    """How many messages there are, how long they are, and how many calls and pictures stand in them."""
    yield RequestSize(
        name="messages", value=len(request.messages), least=1, words="with {} or more messages",
        smaller=lambda one, size: replace(one, messages=_last_turns(one.messages, size)),
    )  # fmt: skip
    for role, words in (("system", "system messages"), ("tool", "results of tools")):
        yield RequestSize(
            name=f"messages-{role}", value=sum(message.get("role") == role for message in request.messages), least=1,
            words=f"with {{}} or more {words}", smaller=partial(_fewer_of, role),
        )  # fmt: skip
    for role, words in _SPEAKERS.items():
        texts = [text for message in request.messages if message.get("role") == role for text in _texts(message)]
        yield RequestSize(
            name=f"characters-{role}", value=max(map(len, texts), default=0), least=60,
            words=f"with {words} of {{}} or more characters", smaller=partial(_shorter, role),
        )  # fmt: skip
    yield RequestSize(
        name="calls", value=max((len(message.get("tool_calls") or ()) for message in request.messages), default=0),
        least=1, words="with {} or more calls in one turn of its history", smaller=_fewer_calls,
    )  # fmt: skip
    yield RequestSize(
        name="pictures", value=sum(map(_has_picture, _all_parts(request))), least=1,
        words="with {} or more pictures", smaller=_fewer_pictures,
    )  # fmt: skip


def _all_parts(request: Request) -> Sequence[Message]:
    return [{"content": [part]} for message in request.messages for part in _parts(message)]


def _parts(message: Message) -> Sequence[Mapping[str, Json]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list | tuple) else []


def _texts(message: Message) -> Sequence[str]:
    content = message.get("content")
    return [content] if isinstance(content, str) else [str(part["text"]) for part in _parts(message) if "text" in part]


def _has_picture(message: Message) -> bool:
    return any(part.get("type") == "image_url" for part in _parts(message))


def _picture_kinds(message: Message) -> Iterator[str]:
    for part in _parts(message):
        shown = part.get("image_url")
        address = str(shown.get("url")) if isinstance(shown, Mapping) else ""
        if address.startswith("data:image/"):
            yield address[len("data:image/") :].partition(";")[0]


def _repainted(kind: str, message: Message) -> Message:
    """A message with a PNG in the place of each picture of a kind."""
    if kind not in _picture_kinds(message):
        return message
    png = {"type": "image_url", "image_url": {"url": data_url(draw("1234"), "png")}}
    parts = [png if kind in _picture_kinds({"content": [part]}) else part for part in _parts(message)]
    return {**message, "content": parts}


def _without_pictures(message: Message) -> Message:
    if not _has_picture(message):
        return message
    kept = [part for part in _parts(message) if part.get("type") != "image_url"]
    return {**message, "content": kept or "Describe nothing."}


def _as_text(message: Message) -> Message:
    return {**message, "content": "\n".join(_texts(message))} if _parts(message) else message


def _is_long(message: Message) -> bool:
    return any(len(text) > LONG for text in _texts(message))


def _rewritten(change: Callable[[str], str], message: Message) -> Message:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": change(content)}
    if not _parts(message):
        return message
    parts = [{**part, "text": change(str(part["text"]))} if "text" in part else part for part in _parts(message)]
    return {**message, "content": parts}


def _in_words(message: Message) -> Message:
    """A turn with a tool as a turn without one."""
    if message.get("role") == "tool":
        return {"role": "user", "content": "\n".join(_texts(message)) or "Nothing came."}
    return {"role": "assistant", "content": "Please look it up."} if message.get("tool_calls") else message


def _shortened(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:SHORTENED]} {text[-SHORTENED:]}"


def _shorter(role: str, request: Request, size: int) -> Request:
    def cut(text: str) -> str:
        return text if len(text) <= size else text[: size // 2] + text[len(text) - (size - size // 2) :]

    return _changed(lambda one: _rewritten(cut, one) if one.get("role") == role else one)(request)


def _as_plain(message: Message) -> Message:
    return user(PLAIN) if message.get("role") == "user" and not _has_picture(message) else message


def _without_field(field: str, message: Message) -> Message:
    return {name: value for name, value in message.items() if name != field}


def _spoken(roles: Collection[str], message: Message) -> Message:
    """A message that says something, where its role is one of these."""
    return {**message, "content": "Let me look it up."} if message.get("role") in roles else message


def _silent(message: Message) -> Message:
    return {**message, "content": ""} if message.get("tool_calls") else message


def _calls(message: Message) -> Sequence[Mapping[str, Json]]:
    return [call for call in message.get("tool_calls") or () if isinstance(call, Mapping)]


def _is_foreign(message: Message) -> bool:
    """Whether the id of a call does not hold the name of its tool, as those of Kimi's models do."""
    return any(_name(call) not in str(call.get("id")) for call in _calls(message))


def _name(call: Mapping[str, Json]) -> str:
    function = call.get("function")
    return str(function.get("name")) if isinstance(function, Mapping) else ""


def _with_own_ids(request: Request) -> Request:
    """The ids of calls in the form of Kimi's models."""
    calls = [call for message in request.messages for call in _calls(message)]
    ids = {str(call.get("id")): f"functions.{_name(call)}:{place}" for place, call in enumerate(calls)}

    def renamed(message: Message) -> Message:
        if "tool_call_id" in message:
            known = str(message["tool_call_id"])
            return {**message, "tool_call_id": ids.get(known, known)}
        made = [{**call, "id": ids[str(call.get("id"))]} for call in _calls(message)]
        return {**message, "tool_calls": made} if made else message

    return replace(request, messages=tuple(map(renamed, request.messages)))


def _fewer_calls(request: Request, size: int) -> Request:
    """Turns with at most so many calls, and the results of these alone."""
    kept = {str(call.get("id")) for message in request.messages for call in _calls(message)[:size]}
    messages = [
        {**message, "tool_calls": [*_calls(message)[:size]]} if _calls(message) else message
        for message in request.messages
        if str(message.get("tool_call_id", "")) in kept or message.get("role") != "tool"
    ]
    return replace(request, messages=tuple(messages))


def _fewer_pictures(request: Request, size: int) -> Request:
    left = size

    def fewer(message: Message) -> Message:
        nonlocal left
        if not _has_picture(message):
            return message
        kept = []
        for part in _parts(message):
            left -= part.get("type") == "image_url"
            kept += [part] if part.get("type") != "image_url" or left >= 0 else []
        return {**message, "content": kept or "Describe nothing."}

    return _changed(fewer)(request)


def _fewer_of(role: str, request: Request, size: int) -> Request:
    """At most so many messages of a role; a result of a tool goes with its call."""
    places = [place for place, message in enumerate(request.messages) if message.get("role") == role][size:]
    gone = {str(request.messages[place].get("tool_call_id")) for place in places}
    messages = []
    for place, message in enumerate(request.messages):
        if place in places:
            continue
        made = [call for call in _calls(message) if str(call.get("id")) not in gone]
        calls = {"tool_calls": made} if made else {"content": "Let me look it up."}
        bare = {name: value for name, value in message.items() if name != "tool_calls"}
        messages.append({**bare, **calls} if _calls(message) else message)
    return replace(request, messages=tuple(messages))


def _last_turns(messages: Sequence[Message], size: int) -> Sequence[Message]:
    """The last messages, without results of calls that are gone; the last thing that a user said is there."""
    kept = [*messages[-size:]]
    while len(kept) > 1 and kept[0].get("role") == "tool":
        kept.pop(0)
    return tuple(kept) if any(message.get("role") == "user" for message in kept) else (*kept[1:], user(PLAIN))


def _early(messages: Sequence[Message]) -> Sequence[Message]:
    """The messages with every system message at the beginning."""
    return sorted(messages, key=lambda message: message.get("role") != "system")


def _without_late_system(request: Request) -> Request:
    return replace(request, messages=tuple(_early(request.messages)))


def _without_history(request: Request) -> Request:
    kept = [message for message in request.messages if message.get("role") == "system"]
    said = [message for message in request.messages if message.get("role") == "user"]
    return replace(request, messages=(*kept, said[-1] if said else user(PLAIN)))


def _changed(change: Callable[[Message], Message | None]) -> Callable[[Request], Request]:
    """The change of each message, as one of a request; something to answer is left."""

    def changed(request: Request) -> Request:
        kept = tuple(new for message in request.messages if (new := change(message)) is not None)
        return replace(request, messages=kept or (user(PLAIN),))

    return changed


Row = tuple[str, Callable[[Message], bool], Callable[[Message], Message | None]]


def _of_text(words: str, pattern: re.Pattern[str], instead: str) -> Row:
    """Messages with a text in which a pattern is found."""
    return (
        words,
        lambda message: any(pattern.search(text) for text in _texts(message)),
        partial(_rewritten, lambda text: pattern.sub(instead, text)),
    )


def _of_content(state: str, *roles: str) -> Row:
    """Messages of some roles whose content is empty in one of several ways."""
    words = f"with {state}" if roles == ROLES else f"with {state} in a message of role {roles[0]}"
    holds = _STATES[state]
    return words, lambda message: message.get("role") in roles and holds(message), partial(_spoken, roles)


def _of_parts(role: str) -> Row:
    """Messages of a role whose content is a list."""
    words = f"whose content is a list of parts in a message of role {role}"
    return (
        words,
        lambda message: message.get("role") == role and bool(_parts(message)),
        lambda message: _as_text(message) if message.get("role") == role else message,
    )


_STATES: Mapping[str, Callable[[Message], bool]] = {
    "content null": lambda message: "content" in message and message["content"] is None,
    "empty content": lambda message: message.get("content") in ("", [], ()),
    "no content": lambda message: "content" not in message,
}
_IN_MESSAGES: Mapping[str, Row] = {
    "long": ("with a long prompt", _is_long, partial(_rewritten, _shortened)),
    "pictures-in-results": (
        "with a picture in a tool's result",
        lambda message: message.get("role") == "tool" and _has_picture(message),
        lambda message: _without_pictures(message) if message.get("role") == "tool" else message,
    ),
    "pictures": ("with a picture", _has_picture, _without_pictures),
    "parts": ("whose content is a list of parts", lambda message: bool(_parts(message)), _as_text),
    **{f"parts-{role}": _of_parts(role) for role in ROLES},
    "dynamic-tools": (
        "with tools in a system message",
        lambda message: bool(message.get("tools")),
        lambda message: {"role": "system", "content": "You are helpful."} if message.get("tools") else message,
    ),
    "system": (
        "with a system message",
        lambda message: message.get("role") == "system",
        lambda message: None if message.get("role") == "system" else message,
    ),
    "tool-results": ("with a tool's result in its history", lambda one: one.get("role") == "tool", _in_words),
    "text-beside-call": (
        "with text beside a call in its history",
        lambda message: bool(_calls(message) and message.get("content")),
        _silent,
    ),
    **{state.replace(" ", "-"): _of_content(state, *ROLES) for state in _STATES},
    **{f"{state.replace(' ', '-')}-{role}": _of_content(state, role) for state in _STATES for role in ROLES},
    "beyond-ascii": _of_text("with characters beyond ASCII", re.compile(r"[^\x00-\x7f]+"), "text"),
    "emoji": _of_text("with an emoji", _BEYOND_PLANE, "*"),
    "cjk": _of_text("with Chinese, Japanese or Korean text", _CJK, "x"),
    "markers": _of_text("with control tokens in its text", _MARKER, "mark"),
    "code": _of_text("with a fence of code in its text", _CODE, "code"),
    "lines": _of_text("with several lines of text", re.compile(r"\s*\n\s*"), " "),
    "quotes": _of_text("with quotes in its text", re.compile(r'["“”]'), "'"),
    "assistant": (
        "with an assistant message",
        lambda message: message.get("role") == "assistant",
        lambda message: None if message.get("role") == "assistant" else _in_words(message),
    ),
}
"""By name: the words, whether a message has the trait, and the message without it (None drops it)."""


def foreign_ids(request: Request) -> Iterator[Trait]:
    """Ids of calls in a form that is not Kimi's."""
    if any(map(_is_foreign, request.messages)):
        words = "with ids of another vendor in its history"
        yield Trait(name="foreign-ids", words=words, without=_with_own_ids)
