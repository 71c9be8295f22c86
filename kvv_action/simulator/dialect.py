"""Translates between the field names of a profile's own API and those that the vendor uses inside.

Inside, thinking is asked for by `thinking` and `reasoning_effort`, and stands in `reasoning_content`.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from kvv_action.profiles.model import TemplateNames, ThinkingRequest, ThinkingRules
from kvv_action.profiles.thinking import REASONING, parted
from kvv_action.schema import Json, Message
from kvv_action.simulator.wire import DONE, Reply

_OWN, _NAMES = ThinkingRequest(), TemplateNames()
Body = Mapping[str, Json]


def heard(body: Body, rules: ThinkingRules) -> Body:
    """A request with the field names that the vendor uses inside."""
    if rules.request != _OWN:
        body = _switched(body, rules)
    if rules.template != _NAMES and isinstance(body.get("chat_template_kwargs"), Mapping):
        body = {**body, "chat_template_kwargs": _renamed(body["chat_template_kwargs"], rules.template)}
    if (rules.answer_field != REASONING or rules.inline) and isinstance(body.get("messages"), list):
        body = {**body, "messages": [_apart(message, rules) for message in body["messages"]]}
    return body


def _switched(body: Body, rules: ThinkingRules) -> Body:
    """The switch as `thinking`, the effort as `reasoning_effort`; a switch that cannot be read stays, to be refused."""
    asking = rules.request
    effort = _at(body, asking.effort)
    said = next((kind for kind, fields in _ways(asking) if _holds(body, fields)), "")
    own = {*asking.on, *asking.off}
    dropped = {"thinking", "reasoning_effort", asking.effort.partition(".")[0]} - own
    if said or "thinking" not in own:
        dropped |= own
    kept = {name: value for name, value in body.items() if name not in dropped}
    if said:
        kept["thinking"] = {"type": said}
    return kept if effort is None else {**kept, "reasoning_effort": effort}


def _ways(asking: ThinkingRequest) -> Iterator[tuple[str, Body]]:
    for kind, fields in (("disabled", asking.off), ("enabled", asking.on)):
        if fields:
            yield kind, fields


def _at(body: Body, place: str) -> Json:
    found: Json = body
    for name in place.split(".") if place else ():
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if place else None


def _holds(body: Json, fields: Body) -> bool:
    """Whether a request has all of these fields."""
    return isinstance(body, Mapping) and all(
        _holds(body.get(name), value) if isinstance(value, Mapping) else name in body and body[name] == value
        for name, value in fields.items()
    )


def _renamed(kwargs: Body, names: TemplateNames) -> dict[str, Json]:
    pairs = ((names.switch, _NAMES.switch), (names.keep, _NAMES.keep), (names.effort, _NAMES.effort))
    return {ours: kwargs[theirs] for theirs, ours in pairs if theirs and theirs in kwargs}


def _apart(message: Message, rules: ThinkingRules) -> Message:
    if not isinstance(message, Mapping) or message.get("role") != "assistant":
        return message
    if rules.inline is None:
        named = {REASONING: message[rules.answer_field]} if rules.answer_field in message else {}
        return {**{name: value for name, value in message.items() if name != rules.answer_field}, **named}
    thought, said = parted(rules.inline, message["content"]) if isinstance(message.get("content"), str) else ("", "")
    return {**message, "content": said, REASONING: thought} if thought else message


def said(reply: Reply, rules: ThinkingRules) -> Reply:
    """A reply with the field names of the profile's API; a reply that is no answer stays as it is."""
    if reply.status != 200 or (rules.answer_field == REASONING and rules.inline is None):
        return reply
    change = partial(_inline, rules.inline, set()) if rules.inline else partial(_field, rules.answer_field)
    return replace(reply, parts=tuple(_changed(reply, change)))


def _changed(reply: Reply, change: partial[None]) -> Iterator[bytes]:
    mark = b"data: " if reply.streamed else b""
    for part in reply.parts if reply.streamed else (b"".join(reply.parts),):
        changed = part
        if part != DONE:
            with suppress(ValueError, AttributeError, TypeError):
                document = orjson.loads(part.removeprefix(mark))
                for choice in _choices(document):
                    change(choice)
                changed = mark + orjson.dumps(document) + (b"\n\n" if reply.streamed else b"")
        yield changed


def _choices(document: Any) -> Sequence[dict[str, Any]]:
    found = document.get("choices")
    return [choice for choice in found if isinstance(choice, dict)] if isinstance(found, list) else []


def _words(choice: dict[str, Any]) -> dict[str, Any]:
    found = choice.get("message", choice.get("delta"))
    return found if isinstance(found, dict) else {}


def _field(name: str, choice: dict[str, Any]) -> None:
    words = _words(choice)
    if REASONING in words:
        words[name] = words.pop(REASONING)


def _inline(marks: tuple[str, str], opened: set[int], choice: dict[str, Any]) -> None:
    """Thinking moves to the beginning of the content; `opened` are the choices whose thinking has not ended."""
    words, number = _words(choice), choice.get("index", 0)
    opening, closing = marks
    thought, text = words.pop(REASONING, None), words.get("content")
    if thought:
        words["content"] = ("" if number in opened else opening) + thought
        opened.add(number)
    if number in opened and (text or words.get("tool_calls") or choice.get("finish_reason") in ("stop", "tool_calls")):
        opened.discard(number)
        words["content"] = f"{words['content'] if thought else ''}{closing}{text or ''}"
