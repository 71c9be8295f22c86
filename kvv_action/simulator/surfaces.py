"""Other surfaces of the official API, translated to a chat and back: `/v1/responses` and `/anthropic/v1/messages`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import orjson

from kvv_action.profiles.model import Surface
from kvv_action.schema import Json
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.wire import Reply, refused

Document = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Translation:
    """A request as a chat's body, and a chat's answer in the surface's form."""

    asked: Callable[[Document], dict[str, Json]]
    said: Callable[[Document], Document]


def _by_input(body: Document) -> dict[str, Json]:
    given = body.get("input")
    messages = given if isinstance(given, list) else [{"role": "user", "content": given}]
    tools = [{"type": "function", "function": _without(tool, "type")} for tool in _mappings(body.get("tools"))]
    return {"messages": messages, "max_tokens": body.get("max_output_tokens"), **({"tools": tools} if tools else {})}


def _by_messages(body: Document) -> dict[str, Json]:
    tools = [
        {"type": "function", "function": {**_without(tool, "input_schema"), "parameters": tool.get("input_schema")}}
        for tool in _mappings(body.get("tools"))
    ]
    chat = {"messages": body.get("messages"), "max_tokens": body.get("max_tokens")}
    return {**chat, **({"tools": tools} if tools else {})}


def _mappings(value: Json) -> list[Document]:
    return [entry for entry in value if isinstance(entry, Mapping)] if isinstance(value, list) else []


def _without(value: Document, name: str) -> dict[str, Json]:
    return {key: entry for key, entry in value.items() if key != name}


def _response(chat: Document) -> Document:
    message, usage = chat["choices"][0]["message"], chat["usage"]
    calls = message.get("tool_calls") or ()
    output: list[Json] = [
        {"type": "function_call", "call_id": call["id"], **call["function"], "status": "completed"} for call in calls
    ]
    if message["content"]:
        text = {"type": "output_text", "text": message["content"], "annotations": []}
        output.append({"type": "message", "role": "assistant", "content": [text], "status": "completed"})
    return {
        "id": chat["id"], "object": "response", "created_at": chat["created"], "status": "completed",
        "model": chat["model"], "output": output, "usage": _usage(usage) | {"total_tokens": usage["total_tokens"]},
    }  # fmt: skip


def _message(chat: Document) -> Document:
    choice, content = chat["choices"][0], []
    message = choice["message"]
    if message["content"]:
        content.append({"type": "text", "text": message["content"]})
    for call in message.get("tool_calls") or ():
        function = call["function"]
        content.append({"type": "tool_use", "id": call["id"], "name": function["name"], "input": _read(function)})
    reasons = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}
    return {
        "id": chat["id"], "type": "message", "role": "assistant", "model": chat["model"], "content": content,
        "stop_reason": reasons.get(choice["finish_reason"]), "usage": _usage(chat["usage"]),
    }  # fmt: skip


def _read(function: Document) -> Json:
    """The arguments of a call.

    Raises:
        Refusal: they are no JSON, and this surface has no other form for them.
    """
    try:
        return orjson.loads(function["arguments"])
    except ValueError:
        raise Refusal("the arguments of the tool call are not JSON") from None


def _usage(usage: Document) -> dict[str, Json]:
    return {"input_tokens": usage["prompt_tokens"], "output_tokens": usage["completion_tokens"]}


_TRANSLATIONS: Mapping[Surface, _Translation] = {
    Surface.RESPONSES: _Translation(asked=_by_input, said=_response),
    Surface.MESSAGES: _Translation(asked=_by_messages, said=_message),
}
PATHS: Mapping[str, Surface] = {"/v1/responses": Surface.RESPONSES, "/anthropic/v1/messages": Surface.MESSAGES}


def chat_of(surface: Surface, content: bytes) -> bytes:
    """The body of the chat that a request means; what cannot be read stays as it is, to be refused."""
    try:
        body = orjson.loads(content)
        return orjson.dumps({"model": body.get("model"), "stream": False, **_TRANSLATIONS[surface].asked(body)})
    except (ValueError, AttributeError):
        return content


def translated(surface: Surface, reply: Reply) -> Reply:
    """The chat's reply in the surface's form; a refusal, and what is no answer of a chat, stay as they are."""
    if reply.status != 200 or reply.streamed:
        return reply
    try:
        said = _TRANSLATIONS[surface].said(orjson.loads(b"".join(reply.parts)))
    except Refusal as refusal:
        return replace(refused(refusal), headers=reply.headers, delay=reply.delay)
    except (ValueError, TypeError, LookupError):
        return reply
    return replace(reply, parts=(orjson.dumps(said),))
