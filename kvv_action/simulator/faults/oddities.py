"""Unusual but valid ways to write the same answer, which no verifier may blame."""

import json
from collections.abc import Callable
from dataclasses import replace

import orjson

from kvv_action.schema import Json
from kvv_action.simulator.faults.calling import in_calls
from kvv_action.simulator.faults.chunks import Document, Send, delta_of, in_answers, in_streams, with_delta
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.wire import Reply


def _parts(change: Callable[[bytes], bytes]) -> Send:
    """A hook that writes the events of a stream in another way."""

    def sent(reply: Reply, turn: Turn) -> Reply:
        if turn.answer is None or not reply.streamed:
            return reply
        return replace(reply, parts=tuple(map(change, reply.parts)))

    return sent


def _with_nulls(document: Document) -> Document:
    """Fields that are null."""
    extra = {"system_fingerprint": None, "service_tier": None, "prompt_logprobs": None, "kv_transfer_params": None}
    choices = [{**choice, "logprobs": None, "token_ids": None} for choice in document["choices"]]
    return {**document, **extra, "choices": choices}


def _with_null_content(chunks: list[Json]) -> list[Json]:
    new = []
    for chunk in chunks:
        delta = delta_of(chunk)
        silent = chunk["choices"] and not delta.get("content")
        new.append(
            with_delta(chunk, {**delta, "content": None, "tool_calls": delta.get("tool_calls")}) if silent else chunk
        )
    return new


def _with_empty_ids(chunks: list[Json]) -> list[Json]:
    """Later pieces of a call carry an empty id and name."""
    new, opened = [], set[int]()
    for chunk in chunks:
        pieces = delta_of(chunk).get("tool_calls") or []
        if pieces and pieces[0]["index"] in opened:
            piece = {**pieces[0], "id": "", "type": "function", "function": {**pieces[0]["function"], "name": ""}}
            new.append(with_delta(chunk, {"tool_calls": [piece]}))
        else:
            opened |= {piece["index"] for piece in pieces}
            new.append(chunk)
    return new


def _reasoning(field: str) -> Callable[[Document], Document]:
    """Thinking under another name of the same field."""

    def renamed(part: Document) -> Document:
        if "reasoning_content" not in part:
            return part
        return {
            **{name: value for name, value in part.items() if name != "reasoning_content"},
            field: part["reasoning_content"],
        }

    def changed(document: Document) -> Document:
        choices = [
            {name: renamed(value) if name in ("delta", "message") else value for name, value in choice.items()}
            for choice in document["choices"]
        ]
        return {**document, "choices": choices}

    return changed


def _usage_details(document: Document) -> Document:
    """Usage with the details that large vendors send."""
    usage = document.get("usage")
    if not usage:
        return document
    details = {
        "prompt_tokens_details": {"cached_tokens": usage["prompt_tokens"] // 2, "audio_tokens": None},
        "completion_tokens_details": {"reasoning_tokens": usage["completion_tokens"] // 2},
    }
    return {**document, "usage": {**usage, **details}}


def _odd(name: str, summary: str, send: Send) -> Fault:
    return Fault(name, summary, "nothing: it is allowed", send=send)


def _arguments(change: Callable[[str], str]) -> Say:
    """The same arguments, written in another way."""
    return in_calls(lambda made, _: replace(made, arguments=change(made.arguments)))


def _reordered(arguments: str) -> str:
    value = orjson.loads(arguments)
    return orjson.dumps(dict(reversed(value.items()))).decode() if isinstance(value, dict) else arguments


def _said(name: str, summary: str, say: Say) -> Fault:
    return Fault(name, summary, "nothing: it is allowed", say=say)


FAULTS = (
    _said("ends-arguments-with-line-break", "writes a line break behind arguments", _arguments("{}\n".format)),
    _said(
        "indents-arguments",
        "writes arguments with line breaks and indentation",
        _arguments(lambda text: json.dumps(orjson.loads(text), indent=2)),
    ),
    _said("reorders-arguments", "writes arguments in the reverse order", _arguments(_reordered)),
    _odd("writes-no-space", "writes no space after data:", _parts(lambda part: part.replace(b"data: ", b"data:", 1))),
    _odd("writes-crlf", "ends lines of a stream with CR LF", _parts(lambda part: part.replace(b"\n", b"\r\n"))),
    _odd("writes-comments", "writes comments between events", _parts(lambda part: b": keep-alive\n\n" + part)),
    _odd("writes-event-ids", "writes id and retry beside data", _parts(lambda part: b"id: 7\nretry: 1000\n" + part)),
    _odd("sends-nulls", "sends fields that are null", in_answers(_with_nulls)),
    _odd("sends-null-content", "sends content: null in deltas without content", in_streams(_with_null_content)),
    _odd("sends-empty-call-ids", "sends empty ids and names with later pieces of calls", in_streams(_with_empty_ids)),
    _odd("names-reasoning-shortly", "sends thinking as `reasoning`", in_answers(_reasoning("reasoning"))),
    _odd("details-usage", "sends usage with cached and reasoning tokens", in_answers(_usage_details)),
)
