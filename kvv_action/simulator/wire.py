"""Answers as bytes: one JSON document, or the events of a stream."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import orjson

from kvv_action.schema import Answer, Json, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.refusal import Refusal, error_document
from kvv_action.simulator.tokens import count, pieces

CREATED = 1_750_000_000
"""The same second in every answer: equal requests get equal bytes."""
JSON = "application/json"
EVENTS = "text/event-stream"
DONE = b"data: [DONE]\n\n"

Usage = Mapping[str, int]


class Ending(StrEnum):
    """How a response ends."""

    WHOLE = "whole"
    ABORTED = "aborted"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Flood:
    """`block`, sent `times` over before part number `before`."""

    block: bytes
    times: int
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A response before it is sent.

    Attributes:
        parts: the body; several parts are sent without a length.
        delay: seconds before the first part.
        pause: what a stream waits in its middle, as a share of `delay`: what begins late is written slowly too.
        ending: `aborted` closes the connection after the parts, `never` sends nothing at all.
    """

    status: int = 200
    parts: tuple[bytes, ...] = ()
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    pause: float = 0.25
    ending: Ending = Ending.WHOLE
    flood: Flood | None = None

    @property
    def streamed(self) -> bool:
        """Whether the body is an event stream."""
        return self.content_type == EVENTS


def rewritten(reply: Reply, change: Callable[[list[Json]], list[Json]]) -> Reply:
    """`reply` with other documents in it: the chunks of a stream (`[DONE]` stays), or the one of a plain answer."""
    marks = tuple(part for part in reply.parts if part == DONE)
    if not reply.streamed:
        return replace(reply, parts=tuple(map(orjson.dumps, change([orjson.loads(b"".join(reply.parts))]))))
    chunks = [orjson.loads(part.removeprefix(b"data: ")) for part in reply.parts if part != DONE]
    return replace(reply, parts=(*map(_event, change(chunks)), *marks))


def refused(refusal: Refusal) -> Reply:
    """The reply to a request that is not served."""
    return Reply(status=refusal.status, parts=(error_document(refusal.message, refusal.kind),))


def answered(call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int) -> Reply:
    """The reply that carries `answer`, in the form that `call` asks for."""
    if call.raw:
        return _texted(call, answer, usage, chunk_tokens)
    if call.stream:
        events = [*_events(call, answer, usage, chunk_tokens), DONE]
        return Reply(parts=tuple(events), content_type=EVENTS)
    return Reply(parts=(_document(call, answer, usage),))


def _texted(call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int) -> Reply:
    """The reply to a prompt: the text that the model writes, thinking included."""
    text = (f"{answer.reasoning}</think>" if answer.reasoning else "") + answer.content
    if not call.stream:
        choice = {"index": 0, "text": text, "finish_reason": answer.finish_reason}
        return Reply(parts=(orjson.dumps({**_envelope(call, "text_completion", [choice]), "usage": usage}),))
    events = [
        _event(_envelope(call, "text_completion", [{"index": 0, "text": piece, "finish_reason": None}]))
        for piece in pieces(text, chunk_tokens)
    ]
    end = {"index": 0, "text": "", "finish_reason": answer.finish_reason}
    last = {**_envelope(call, "text_completion", [end]), "usage": usage}
    return Reply(parts=(*events, _event(last), DONE), content_type=EVENTS)


def _envelope(call: Call, kind: str, choices: list[Json]) -> dict[str, Json]:
    return {
        "id": f"chatcmpl-{call.fingerprint.whole.hex()}",
        "object": kind,
        "created": CREATED,
        "model": call.model,
        "choices": choices,
    }


def _call_document(call: ToolCall) -> dict[str, Json]:
    return {
        "id": call.id,
        "type": call.type,
        "function": {"name": call.name, "arguments": call.arguments},
    }


def _document(call: Call, answer: Answer, usage: Usage | None) -> bytes:
    message: dict[str, Json] = {"role": "assistant", "content": answer.content}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_call_document(made) for made in answer.tool_calls]
    choices: list[Json] = [
        {"index": index, "message": message, **_logprobs(call, message), "finish_reason": answer.finish_reason}
        for index in range(call.choices)
    ]
    document = _envelope(call, "chat.completion", choices)
    if usage is not None:
        document["usage"] = _detailed(usage, answer)
    return orjson.dumps(document)


def _logprobs(call: Call, said: Mapping[str, Json]) -> dict[str, Json]:
    """Log probabilities of the content of a message or a delta, where the request asks for them."""
    if call.body.get("logprobs") is not True or not said.get("content"):
        return {}
    most = call.body.get("top_logprobs")
    entries = [_entry(piece) for piece in pieces(said["content"], 1)]
    return {"logprobs": {"content": [{**entry, "top_logprobs": [entry] if most else []} for entry in entries]}}


def _entry(token: str) -> dict[str, Json]:
    return {"token": token, "logprob": -0.25, "bytes": list(token.encode(errors="surrogatepass"))}


def _event(document: Json) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def _events(call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int) -> Iterator[bytes]:
    """Chunks: role, reasoning, content, tool calls, the end; choices one after the other.

    Usage goes where the official API puts it: into the last choice, or into a chunk without choices
    when `stream_options.include_usage` asks for it.
    """
    for index in range(call.choices):
        for delta in _deltas(answer, chunk_tokens):
            choice = {"index": index, "delta": delta, **_logprobs(call, delta), "finish_reason": None}
            yield _event(_envelope(call, "chat.completion.chunk", [choice]))
        end: dict[str, Json] = {"index": index, "delta": {}, "finish_reason": answer.finish_reason}
        if usage is not None and not call.include_usage and index == call.choices - 1:
            end["usage"] = _detailed(usage, answer)
        yield _event(_envelope(call, "chat.completion.chunk", [end]))
    if usage is not None and call.include_usage:
        yield _event({**_envelope(call, "chat.completion.chunk", []), "usage": _detailed(usage, answer)})


def _detailed(usage: Usage, answer: Answer) -> Mapping[str, Json]:
    """Usage with what was thought and what came from a cache, as the official API tells it."""
    thought = min(count(answer.reasoning), usage.get("completion_tokens", 0))
    return {
        **usage,
        "completion_tokens_details": {"reasoning_tokens": thought},
        "prompt_tokens_details": {"cached_tokens": 0},
    }


def _deltas(answer: Answer, chunk_tokens: int) -> Iterator[dict[str, Json]]:
    yield {"role": "assistant", "content": ""}
    for piece in pieces(answer.reasoning, chunk_tokens):
        yield {"reasoning_content": piece}
    for piece in pieces(answer.content, chunk_tokens):
        yield {"content": piece}
    for index, call in enumerate(answer.tool_calls):
        opening = {"id": call.id, "type": call.type, "function": {"name": call.name, "arguments": ""}}
        yield {"tool_calls": [{"index": index, **opening}]}
        for piece in pieces(call.arguments, chunk_tokens):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
