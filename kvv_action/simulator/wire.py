"""Answers as bytes: one JSON document, or the events of a stream."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

import orjson

from kvv_action.schema import Answer, Json, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.logprobs import of_chat, of_completion, of_prompt
from kvv_action.simulator.parameters import is_integer
from kvv_action.simulator.refusal import Refusal, error_document
from kvv_action.simulator.speech import Speech, SpokenToken, completion_text, in_groups, prompt_text
from kvv_action.simulator.tokens import count, pieces

CREATED = 1_750_000_000
"""`created` of every answer: equal requests get equal bytes."""
JSON = "application/json"
EVENTS = "text/event-stream"
DONE = b"data: [DONE]\n\n"

NOTHING_CACHED: Mapping[str, Json] = {"prompt_tokens_details": {"cached_tokens": 0}}
"""In usage, where no token came from the prefix cache."""

Usage = Mapping[str, int]
UsageChange = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Gets usage as it is sent, with its details."""
Choices = Sequence[Speech | None]
"""Every choice by its tokens; None where they are not known."""


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
        writing: seconds that a stream takes from its first part to its end; a document is sent when they are over.
        pause: how long a stream waits in its middle, as a share of `delay`.
        ending: `aborted` closes the connection after the parts, `never` sends nothing at all.
    """

    status: int = 200
    parts: tuple[bytes, ...] = ()
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    writing: float = 0.0
    pause: float = 0.25
    ending: Ending = Ending.WHOLE
    flood: Flood | None = None

    @property
    def streamed(self) -> bool:
        """Whether the body is an event stream."""
        return self.content_type == EVENTS


def counting(usage: Mapping[str, Any], **counts: int) -> dict[str, Any]:
    """`usage` with other counts of the prompt or the completion, and the total that follows from them."""
    new = {**usage, **counts}
    return {**new, "total_tokens": new["prompt_tokens"] + new["completion_tokens"]}


def recounted(reply: Reply, change: UsageChange) -> Reply:
    """`reply` with changed usage, whether it stands beside the choices or inside one."""
    return rewritten(reply, lambda documents: [_with_usage(document, change) for document in documents])


def _with_usage(value: Json, change: UsageChange) -> Json:
    """The document, or one of its choices, with changed usage."""
    new = dict(value)
    if value.get("usage"):
        new["usage"] = change(value["usage"])
    if "choices" in value:
        new["choices"] = [_with_usage(choice, change) for choice in value["choices"]]
    return new


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


def answered(
    call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int, speeches: Sequence[Speech] = ()
) -> Reply:
    """The reply that carries `answer`, in the form that `call` asks for; `speeches` is each choice by its tokens."""
    if call.raw:
        return _texted(call, answer, usage, chunk_tokens, speeches[0] if speeches else None)
    choices: Choices = speeches or (None,) * call.choices
    if call.stream:
        events = [*_events(call, answer, usage, chunk_tokens, choices), DONE]
        return Reply(parts=tuple(events), content_type=EVENTS)
    return Reply(parts=(_document(call, answer, usage, choices),))


def _texted(call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int, speech: Speech | None) -> Reply:
    """The reply to a prompt: the text that the model writes, thinking included; the prompt before it for an echo."""
    echoed = call.body.get("echo") is True
    text = (prompt_text(call) if echoed else "") + completion_text(answer)
    tokens = ((*speech.prompt, *speech.content) if echoed else speech.content) if speech else ()
    first = bool(echoed and speech and speech.prompt)
    end = {"finish_reason": answer.finish_reason, **_of_prompt(call, speech)}
    if not call.stream:
        shown = _of_completion(call, tokens, start=0, first=first)
        document = _envelope(call, "text_completion", [{"index": 0, "text": text, **shown, **end}])
        return Reply(parts=(orjson.dumps({**document, "usage": usage}),))
    parts: list[Json] = []
    start = 0
    for piece, group in _pieces(text, tokens, chunk_tokens):
        shown = _of_completion(call, group, start=start, first=first and not parts)
        parts.append({"index": 0, "text": piece, **shown, "finish_reason": None})
        start += len(piece)
    last = {**_envelope(call, "text_completion", [{"index": 0, "text": "", **end}]), "usage": usage}
    events = [_event(_envelope(call, "text_completion", [part])) for part in parts]
    return Reply(parts=(*events, _event(last), DONE), content_type=EVENTS)


def _of_completion(call: Call, tokens: Sequence[SpokenToken], *, start: int, first: bool) -> dict[str, Json]:
    """`logprobs` of a completion, where `logprobs` asks for them."""
    if call.logprobs is None or not is_integer(call.body.get("logprobs")):
        return {}
    return {"logprobs": of_completion(tokens, call.logprobs, start=start, first=first)}


def _of_prompt(call: Call, speech: Speech | None) -> dict[str, Json]:
    """`prompt_logprobs`, where they are asked for."""
    if call.logprobs is None or speech is None or not is_integer(call.body.get("prompt_logprobs")):
        return {}
    return {"prompt_logprobs": of_prompt(speech.prompt, call.logprobs)}


def _pieces(text: str, tokens: Sequence[SpokenToken], size: int) -> Iterable[tuple[str, Sequence[SpokenToken]]]:
    """A text in pieces of `size` tokens, by the model's own tokens where they are known."""
    return in_groups(tokens, size) if tokens else ((piece, ()) for piece in pieces(text, size))


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


def _document(call: Call, answer: Answer, usage: Usage | None, speeches: Choices) -> bytes:
    choices = [_choice(call, answer, index, speech) for index, speech in enumerate(speeches)]
    document = _envelope(call, "chat.completion", choices)
    if usage is not None:
        document["usage"] = _detailed(call, usage, answer, speeches)
    return orjson.dumps(document)


def _choice(call: Call, answer: Answer, index: int, speech: Speech | None) -> Json:
    """A whole choice; of several that were drawn by chance each has its own text."""
    answer = speech.answer if speech and index else answer
    message: dict[str, Json] = {"role": "assistant", "content": answer.content}
    if answer.reasoning:
        message["reasoning_content"] = answer.reasoning
    if answer.tool_calls:
        message["tool_calls"] = [_call_document(made) for made in answer.tool_calls]
    tokens = (*(() if call.of_content else speech.reasoning), *speech.content) if speech else ()
    return {"index": index, "message": message, **_of_chat(call, tokens), "finish_reason": answer.finish_reason}


def _of_chat(call: Call, tokens: Sequence[SpokenToken]) -> dict[str, Json]:
    """`logprobs` of a message or a delta, where the request asks for them."""
    return {"logprobs": of_chat(tokens, call.logprobs)} if call.logprobs is not None and tokens else {}


def _event(document: Json) -> bytes:
    return b"data: " + orjson.dumps(document) + b"\n\n"


def _events(call: Call, answer: Answer, usage: Usage | None, chunk_tokens: int, speeches: Choices) -> Iterator[bytes]:
    """Chunks: role, reasoning, content, tool calls, the end; choices one after the other.

    Usage goes where the official API puts it: into the last choice, or into a chunk without choices
    when `stream_options.include_usage` asks for it.
    """
    for index, speech in enumerate(speeches):
        said = speech.answer if speech and index else answer
        for delta, tokens in _deltas(call, said, chunk_tokens, speech):
            choice = {"index": index, "delta": delta, **_of_chat(call, tokens), "finish_reason": None}
            yield _event(_envelope(call, "chat.completion.chunk", [choice]))
        end: dict[str, Json] = {"index": index, "delta": {}, "finish_reason": said.finish_reason}
        if usage is not None and not call.include_usage and index == call.choices - 1:
            end["usage"] = _detailed(call, usage, answer, speeches)
        yield _event(_envelope(call, "chat.completion.chunk", [end]))
    if usage is not None and call.include_usage:
        counted = _detailed(call, usage, answer, speeches)
        yield _event({**_envelope(call, "chat.completion.chunk", []), "usage": counted})


def _detailed(call: Call, usage: Usage, answer: Answer, speeches: Choices) -> Mapping[str, Json]:
    """Usage with what was thought and what came from a cache, as the official API tells it."""
    drawn = [len(speech.reasoning) for speech in speeches if speech]
    thought = min(sum(drawn) if drawn else count(answer.reasoning), usage.get("completion_tokens", 0))
    return {
        **usage,
        "completion_tokens_details": {"reasoning_tokens": thought},
        "prompt_tokens_details": {"cached_tokens": call.cached},
    }


def _deltas(
    call: Call, answer: Answer, chunk_tokens: int, speech: Speech | None
) -> Iterator[tuple[dict[str, Json], Sequence[SpokenToken]]]:
    """Each delta, and the tokens whose probabilities are shown with it."""
    yield {"role": "assistant", "content": ""}, ()
    for piece, tokens in _pieces(answer.reasoning, speech.reasoning if speech else (), chunk_tokens):
        yield {"reasoning_content": piece}, () if call.of_content else tokens
    for piece, tokens in _pieces(answer.content, speech.content if speech else (), chunk_tokens):
        yield {"content": piece}, tokens
    for index, made in enumerate(answer.tool_calls):
        opening = {"id": made.id, "type": made.type, "function": {"name": made.name, "arguments": ""}}
        yield {"tool_calls": [{"index": index, **opening}]}, ()
        for piece in pieces(made.arguments, chunk_tokens):
            yield {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}, ()
