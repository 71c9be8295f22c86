"""What sets a request apart from a plain one, trait by trait, and the same request without one of them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from benchmarks.precheck.ask import user
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import thinks
from kvv_action.schema import CHAT, Json, Message, Request, Thinking

LONG = 8000
"""Characters of a text from which on a prompt is called long."""
SHORTENED = 200
"""Characters that are left of a long text at its beginning and at its end."""
KNOWN_FIELDS = frozenset({"max_tokens", "max_completion_tokens", "tools", "tool_choice", "response_format", "prompt"})
"""Fields of a body that have traits of their own, or that every request needs."""
PLAIN_KEYWORDS = frozenset({"type", "properties", "required", "description", "title", "$defs", "definitions"})
"""Keywords that nearly every schema has."""
SIMPLE: Mapping[str, Json] = {"type": "object", "properties": {"text": {"type": "string"}}, "required": ["text"]}
_ASKED = {Thinking.ON: True, Thinking.OFF: False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Trait:
    """One property of a request.

    Attributes:
        name: stable; by it a journal names the trait.
        words: how it ends the words "every request".
        without: the same request without it.
    """

    name: str
    words: str
    without: Callable[[Request], Request]


def traits_of(request: Request, profile: Profile, think_mode: str) -> tuple[Trait, ...]:
    """The traits of a request, the most telling ones first."""
    if request.path != CHAT:
        return (Trait(name=f"path:{request.path}", words=f"to `{request.path}`", without=lambda one: one),)
    found = (
        *_of_schemas(request.body),
        *_of_tools(request),
        *_of_messages(request),
        *_of_fields(request.body),
        *_of_thinking(request, profile, think_mode),
        *_of_stream(request),
    )
    return tuple(found)


def _of_schemas(body: Mapping[str, Json]) -> Iterator[Trait]:
    for keyword in sorted({keyword for schema in _schemas(body) for keyword in _keywords(schema)} - PLAIN_KEYWORDS):
        yield Trait(
            name=f"schema:{keyword}",
            words=f"with `{keyword}` in a schema",
            without=partial(_without_keyword, keyword),
        )
    if any(schema != SIMPLE for schema in _schemas(body)):
        yield Trait(
            name="schema",
            words="with a schema of several or nested properties",
            without=lambda one: _with_schemas(one, lambda _: SIMPLE),
        )


def _of_tools(request: Request) -> Iterator[Trait]:
    body = request.body
    if "tool_choice" in body:
        choice = body["tool_choice"]
        said = f"tool_choice `{choice}`" if isinstance(choice, str) else "a named tool_choice"
        yield Trait(
            name=f"tool_choice:{choice if isinstance(choice, str) else 'named'}",
            words=f"with {said}",
            without=lambda one: _without_fields(one, "tool_choice"),
        )
    if body.get("tools"):
        yield Trait(name="tools", words="with tools", without=lambda one: _without_fields(one, "tools", "tool_choice"))
    if "response_format" in body:
        form = body["response_format"]
        kind = form.get("type") if isinstance(form, Mapping) else form
        yield Trait(
            name="response_format",
            words=f"with response_format `{kind}`",
            without=lambda one: _without_fields(one, "response_format"),
        )


def _of_messages(request: Request) -> Iterator[Trait]:
    for name, (words, holds, without) in _IN_MESSAGES.items():
        if any(map(holds, request.messages)):
            yield Trait(name=name, words=words, without=_changed(without))
    if sum(message.get("role") in ("user", "assistant", "tool") for message in request.messages) > 1:
        yield Trait(name="history", words="with earlier turns", without=_without_history)


def _of_fields(body: Mapping[str, Json]) -> Iterator[Trait]:
    for field in sorted(body.keys() - KNOWN_FIELDS):
        yield Trait(name=f"field:{field}", words=f"with `{field}`", without=partial(_without_field, field))


def _of_thinking(request: Request, profile: Profile, think_mode: str) -> Iterator[Trait]:
    rules = profile.thinking
    if not rules.supported or think_mode == "none" or not (rules.switchable or rules.switch_open):
        return
    if thinks(rules, _ASKED.get(request.thinking)):
        yield Trait(
            name="thinking", words="while the model thinks", without=lambda one: replace(one, thinking=Thinking.OFF)
        )
    else:
        yield Trait(
            name="not-thinking",
            words="with thinking turned off",
            without=lambda one: replace(one, thinking=Thinking.ON),
        )


def _of_stream(request: Request) -> Iterator[Trait]:
    if request.stream is False:
        yield Trait(name="plain", words="that is not streamed", without=lambda one: replace(one, stream=True))
    else:
        yield Trait(name="streamed", words="that is streamed", without=lambda one: replace(one, stream=False))


def _parts(message: Message) -> Sequence[Mapping[str, Json]]:
    content = message.get("content")
    return [part for part in content if isinstance(part, Mapping)] if isinstance(content, list | tuple) else []


def _texts(message: Message) -> Sequence[str]:
    content = message.get("content")
    return [content] if isinstance(content, str) else [str(part["text"]) for part in _parts(message) if "text" in part]


def _has_picture(message: Message) -> bool:
    return any(part.get("type") == "image_url" for part in _parts(message))


def _without_pictures(message: Message) -> Message:
    if not _has_picture(message):
        return message
    kept = [part for part in _parts(message) if part.get("type") != "image_url"]
    return {**message, "content": kept or "Describe nothing."}


def _as_text(message: Message) -> Message:
    return {**message, "content": "\n".join(_texts(message))} if _parts(message) else message


def _is_long(message: Message) -> bool:
    return any(len(text) > LONG for text in _texts(message))


def _rewritten(message: Message, change: Callable[[str], str]) -> Message:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": change(content)}
    if not _parts(message):
        return message
    return {
        **message,
        "content": [
            {**part, "text": change(str(part["text"]))} if "text" in part else part for part in _parts(message)
        ],
    }


def _in_words(message: Message) -> Message:
    """A turn with a tool as a turn without one."""
    if message.get("role") == "tool":
        return {"role": "user", "content": "\n".join(_texts(message)) or "Nothing came."}
    return {"role": "assistant", "content": "Please look it up."} if message.get("tool_calls") else message


def _shortened(text: str) -> str:
    return text if len(text) <= LONG else f"{text[:SHORTENED]} {text[-SHORTENED:]}"


def _in_ascii(text: str) -> str:
    return text.encode("ascii", "ignore").decode() or "text"


def _beyond_ascii(message: Message) -> bool:
    return any(not text.isascii() for text in _texts(message))


_IN_MESSAGES: Mapping[str, tuple[str, Callable[[Message], bool], Callable[[Message], Message | None]]] = {
    "long": (
        "with a long prompt",
        _is_long,
        lambda message: _rewritten(message, _shortened),
    ),
    "pictures": ("with a picture", _has_picture, _without_pictures),
    "parts": ("whose content is a list of parts", lambda message: bool(_parts(message)), _as_text),
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
    "tool-results": (
        "with a tool's result in its history",
        lambda message: message.get("role") == "tool",
        lambda message: _in_words(message),
    ),
    "beyond-ascii": (
        "with characters beyond ASCII",
        _beyond_ascii,
        lambda message: _rewritten(message, _in_ascii),
    ),
}
"""By name: the words, whether a message has the trait, and the message without it (None drops it)."""


def _changed(change: Callable[[Message], Message | None]) -> Callable[[Request], Request]:
    """The change of each message, as one of a request; something to answer is left."""

    def changed(request: Request) -> Request:
        kept = tuple(new for message in request.messages if (new := change(message)) is not None)
        return replace(request, messages=kept or (user("Reply with exactly: OK"),))

    return changed


def _without_history(request: Request) -> Request:
    kept = [message for message in request.messages if message.get("role") == "system"]
    said = [message for message in request.messages if message.get("role") == "user"]
    return replace(request, messages=(*kept, said[-1] if said else user("Reply with exactly: OK")))


def _without_fields(request: Request, *names: str) -> Request:
    return replace(request, body={name: value for name, value in request.body.items() if name not in names})


def _schemas(body: Mapping[str, Json]) -> Iterator[Mapping[str, Json]]:
    """Every schema of a body: of the arguments of tools, and of the answer."""
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, Mapping) else None
        if isinstance(function, Mapping) and isinstance(function.get("parameters"), Mapping):
            yield function["parameters"]
    form = body.get("response_format")
    named = form.get("json_schema") if isinstance(form, Mapping) else None
    if isinstance(named, Mapping) and isinstance(named.get("schema"), Mapping):
        yield named["schema"]


def _with_schemas(request: Request, change: Callable[[Json], Json]) -> Request:
    body: dict[str, Json] = dict(request.body)
    if body.get("tools"):
        body["tools"] = [_inside(tool, ("function", "parameters"), change) for tool in body["tools"]]
    if "response_format" in body:
        body["response_format"] = _inside(body["response_format"], ("json_schema", "schema"), change)
    return replace(request, body=body)


def _without_keyword(keyword: str, request: Request) -> Request:
    return _with_schemas(request, lambda schema: _dropped(schema, keyword))


def _without_field(name: str, request: Request) -> Request:
    return _without_fields(request, name)


def _inside(value: Json, path: Sequence[str], change: Callable[[Json], Json]) -> Json:
    """`value` with what stands at `path` changed; as it is where nothing stands there."""
    if not path:
        return change(value)
    if not isinstance(value, Mapping) or not isinstance(value.get(path[0]), Mapping):
        return value
    return {**value, path[0]: _inside(value[path[0]], path[1:], change)}


def _keywords(schema: Json) -> Iterator[str]:
    """The keywords of a schema and of all that stand in it."""
    if not isinstance(schema, Mapping):
        return
    yield from schema
    for inner in _inner(schema):
        yield from _keywords(inner)


def _inner(schema: Mapping[str, Json]) -> Iterator[Any]:
    for keyword, value in schema.items():
        if keyword in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
            yield from value.values()
        elif isinstance(value, Mapping):
            yield value
        elif isinstance(value, list | tuple):
            yield from value


def _dropped(schema: Json, keyword: str) -> Json:
    """A schema without a keyword, wherever it stands; what is left has a type."""
    if isinstance(schema, list | tuple):
        return [_dropped(one, keyword) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {name: _dropped_below(name, value, keyword) for name, value in schema.items() if name != keyword}
    return {"type": "string", **kept} if keyword in schema and "type" not in kept else kept


def _dropped_below(name: str, value: Json, keyword: str) -> Json:
    if name in ("properties", "$defs", "definitions", "patternProperties") and isinstance(value, Mapping):
        return {key: _dropped(one, keyword) for key, one in value.items()}
    return _dropped(value, keyword)


def told_apart(request: Request, number: int) -> Request:
    """Another request of the same kind: the same with a line more at the end of what the user says."""
    line = f"\n\n(This is request {number} of this kind.)"
    if request.path != CHAT:
        return request
    users = [place for place, message in enumerate(request.messages) if message.get("role") == "user"]
    place = users[-1] if users else len(request.messages) - 1
    messages = list(request.messages)
    messages[place] = _longer(messages[place], line)
    return replace(request, messages=tuple(messages))


def _longer(message: Message, line: str) -> Message:
    """A message with a line more."""
    if isinstance(message.get("content"), str):
        return {**message, "content": f"{message['content']}{line}"}
    return {**message, "content": [*_parts(message), {"type": "text", "text": line.strip()}]}
