"""Assembles one answer from the events of a stream, or from one document."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from kvv_action.anomalies import Anomaly
from kvv_action.endpoint.decoding import LONG, Decoded, decode, mended
from kvv_action.endpoint.memory import COPIES
from kvv_action.endpoint.pieces import TextPieces
from kvv_action.endpoint.shapes import (
    LONGEST_USAGE,
    Clean,
    as_list,
    as_object,
    as_text,
    as_word,
    bad_response,
    excerpt,
    index_of,
)
from kvv_action.endpoint.stream import ErrorEvent
from kvv_action.endpoint.tool_calls import ToolCalls
from kvv_action.errors import EndpointError
from kvv_action.schema import Completion, FailureKind, Json
from kvv_action.spoken import is_page, message_in, page_in_words

_GIVEN_UP = re.compile(
    r"(^|_)(abort|cancel|interrupt|time_?out|timed_out|time_limit|deadline|expired|error|fail|exception|crash|overload"
    r"|unavailable|unexpected|preempt|evict|kill|terminated|disconnect|shut_?down|malformed_byte|out_of_memory|oom($|_))"
)
"""Words in a finish_reason by which a server says that it gave the answer up, whatever engine or gateway it is."""
_FILTERED = re.compile(r"(^|_)(content_filter|safety$|prohibited|blocklist|sensitive|moderat|guardrail)")
"""The same of a filter that took the answer away."""
_ORDINARY = frozenset({"", "stop", "length", "tool_calls"})
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|[^A-Za-z]+")
UNFOLDED = 64 * 1024
"""Bytes of events from which their texts are joined."""
_WRITER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
"""Writes a value in pieces, so that one that is too large need not be written to its end."""
_INDEX = 100
"""Bytes of memory of the number of a choice."""


class Reassembly:
    """Collects the answer to one request.

    Only the choice with index 0 is assembled; the others are counted. Usage may stand beside the choices, inside one or
    in a last chunk without choices; the last usage counts.

    Args:
        clean: removes secrets from a text.

    Attributes:
        began: content, reasoning or tool-call text has come.
        ended: `[DONE]` has come.
        chunks: number of data events, without `[DONE]`.
    """

    def __init__(self, clean: Clean = str) -> None:
        self._clean = clean
        self.began = self.ended = False
        self.chunks = 0
        self._plain = False  # nothing but text is expected: identity and role are known, no finish_reason yet
        self._mend = False
        self._content = TextPieces()
        self._reasoning = TextPieces()
        self._unfolded = 0  # bytes of events whose texts are not joined
        self._anomalies: dict[Anomaly, None] = {}
        self._calls = ToolCalls(self._anomalies, clean)
        self._choices: set[int] = set()
        self._usage: dict[str, Json] | None = None
        self._large = True  # the event is so long that its usage may be too large to keep
        self._summed = False  # a chunk has counted the completion
        self._counted = 0  # number of the chunk that brought usage last
        self._finish = ""
        self._model = self._id = self._fingerprint = ""

    @property
    def characters(self) -> int:
        """Characters of choice 0 so far: content, reasoning and arguments of tool calls."""
        return self._content.characters + self._reasoning.characters + self._calls.characters

    @property
    def held(self) -> int:
        """About how many bytes of memory the answer takes, and will take when it is written down."""
        texts = self._content.held + self._reasoning.held + self._calls.held_text
        return COPIES * texts + self._calls.held + _INDEX * len(self._choices) + self._unfolded

    def fold(self, size: int) -> None:
        """Join the pieces of texts now and then; `size` bytes of events were taken since this was called last."""
        self._unfolded += size
        if self._unfolded > UNFOLDED:
            for part in (self._content, self._reasoning, self._calls):
                part.fold()
            self._unfolded = 0

    def note(self, anomaly: Anomaly) -> None:
        """Remember a tolerated anomaly."""
        self._anomalies[anomaly] = None

    def feed(self, events: Iterable[bytes]) -> None:
        """Take the data of stream events.

        This hot loop handles chunks that only add text to choice 0, without calls or new objects, so that one thread
        can follow hundreds of streams. All other chunks go to `_chunk`, which checks their types.

        Raises:
            EndpointError: the endpoint sent an error, or data that is not a chunk.
        """
        loads, content, reasoning = orjson.loads, self._content.pieces, self._reasoning.pieces
        written = self._content
        for event in events:
            if len(event) >= LONG:
                self._odd(event)
                continue
            try:
                chunk = loads(event)
                choices = chunk["choices"]
                choice = choices[0]
                get = choice["delta"].get
                text = get("content")
                thought = get("reasoning_content") or get("reasoning")
                plain = (
                    self._plain
                    and len(choices) == 1
                    and not choice.get("index")
                    and not choice.get("finish_reason")
                    and not get("tool_calls")
                    and choice.get("usage") is None
                    and chunk.get("usage") is None
                    and "error" not in chunk
                    and (chunk.get("id") or self._id) == self._id
                    and (chunk.get("model") or self._model) == self._model
                    and (text is None or type(text) is str)
                    and (thought is None or type(thought) is str)
                )
            except (ValueError, LookupError, TypeError, AttributeError):
                self._odd(event)
                continue
            if not plain:
                self._chunk(chunk, event)
                continue
            self.chunks += 1
            if thought:
                if content or written.held:
                    self.note(Anomaly.REASONING_AFTER_CONTENT)
                reasoning.append(thought)
                self.began = True
            if text:
                content.append(text)
                self.began = True

    def _odd(self, event: bytes) -> None:
        stripped = event.strip()
        if stripped == b"[DONE]":
            self.ended = True
            self._plain = False
        elif stripped:
            self._chunk(self._decoded(event), event)

    def _decoded(self, data: bytes) -> Json:
        try:
            decoded: Decoded = decode(data)
        except ValueError as error:
            page = excerpt(data)
            told = f"the answer is {page_in_words(page)}" if is_page(page) else f"the answer is not JSON: {error}"
            raise bad_response(told, data) from None
        if decoded.anomaly is not None:
            self.note(decoded.anomaly)
            self._mend = True
        return decoded.value

    def _chunk(self, value: Json, event: bytes) -> None:
        """Take any chunk, with all types checked."""
        if self.ended:
            self.note(Anomaly.AFTER_DONE)
            return
        self.chunks += 1
        self._large = len(event) > LONGEST_USAGE
        chunk = as_object(value, "a chunk")
        if isinstance(event, ErrorEvent) or _is_error(chunk):
            raise _stream_error(chunk.get("error") or chunk, event)
        self._identity(chunk)
        for choice in as_list(chunk.get("choices"), "choices"):
            self._choice(as_object(choice, "a choice"))
        usage = chunk.get("usage")
        if self._counts(usage):
            self.note(Anomaly.USAGE_REPEATED)
        self._take_usage(usage)
        if not chunk.get("choices") and usage is None:
            self.note(Anomaly.NO_CHOICES if chunk.get("choices") is None else Anomaly.EMPTY_CHUNK)
        self._plain = 0 in self._choices and not self._finish

    def _identity(self, chunk: Mapping[str, Json]) -> None:
        """Keep the first id and model; a different later one means a mixed-up stream or a careless router."""
        known = chunk.get("id") == self._id and chunk.get("model") == self._model
        if known and (self._fingerprint or chunk.get("system_fingerprint") is None):
            return
        clean = self._clean
        id_, model = as_word(chunk.get("id"), "id", clean), as_word(chunk.get("model"), "model", clean)
        if id_ and self._id and id_ != self._id:
            self.note(Anomaly.ID_CHANGED)
        if model and self._model and model != self._model:
            self.note(Anomaly.MODEL_CHANGED)
        self._id = self._id or id_
        self._model = self._model or model
        self._fingerprint = self._fingerprint or as_word(chunk.get("system_fingerprint"), "system_fingerprint", clean)

    def _choice(self, choice: dict[str, Json]) -> None:
        index = index_of(choice.get("index") or 0, "a choice's index")
        opens = index not in self._choices
        self._choices.add(index)
        if index != 0:
            return
        delta = as_object(choice.get("delta") or _texted(choice), "delta")
        if opens and not delta.get("role") and "text" not in choice:
            self.note(Anomaly.ROLE_MISSING)
        self._take_usage(choice.get("usage"))
        self._delta(delta)
        if reason := choice.get("finish_reason"):
            self._finished(as_word(reason, "finish_reason", self._clean))

    def _delta(self, delta: Mapping[str, Json]) -> None:
        """Take a stream's delta or a document's message."""
        text = as_text(delta.get("content"), "content")
        thought = as_text(delta.get("reasoning_content") or delta.get("reasoning"), "reasoning_content")
        calls = delta.get("tool_calls")
        if not (text or thought or calls):
            return
        if self._finish:
            self.note(Anomaly.TEXT_AFTER_FINISH)
        if thought:
            if self._content:
                self.note(Anomaly.REASONING_AFTER_CONTENT)
            self._reasoning.pieces.append(thought)
        if text:
            self._content.pieces.append(text)
        self._calls.feed(calls)
        self.began = True

    def _finished(self, reason: str) -> None:
        if not reason:
            return
        if self._finish:
            self.note(Anomaly.FINISH_REPEATED)
        self._finish = reason

    def _take_usage(self, usage: Json) -> None:
        if usage is not None:
            found = as_object(usage, "usage")
            self._usage = self._small(found) if self._large else found
            self._counted = self.chunks

    def _small(self, usage: dict[str, Json]) -> dict[str, Json] | None:
        """`usage` unless it is so large that it cannot be one."""
        left = LONGEST_USAGE
        try:
            for piece in _WRITER.iterencode(usage):
                left -= len(piece.encode("utf-8", "surrogatepass"))
                if left < 0:
                    break
        except RecursionError:
            left = -1
        if left >= 0:
            return usage
        self.note(Anomaly.USAGE_UNREADABLE)
        return None

    def _counts(self, usage: Json) -> bool:
        """Whether usage beside the choices counts a completion, as an earlier chunk has done."""
        tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
        counts = isinstance(tokens, int) and tokens > 0
        again, self._summed = counts and self._summed, counts or self._summed
        return again

    def counted(self, *keys: str) -> Json:
        """What usage says under a path of keys; None where it says nothing."""
        found: Json = self._usage
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found

    def end(self) -> None:
        """End of the stream.

        Raises:
            EndpointError: the stream was empty, cut off (it has no finish_reason), or given up by the server.
        """
        if not self.chunks:
            raise EndpointError(FailureKind.EMPTY_STREAM, "the stream holds no chunk of an answer")
        if not self._finish:
            message = (
                f"the stream ended without finish_reason after {self.chunks} chunks and {self.characters} characters"
            )
            raise EndpointError(FailureKind.TRUNCATED, message)
        self._refuse_given_up()
        if not self.ended:
            self.note(Anomaly.NO_DONE)
        if self._calls.held_back:
            self.note(Anomaly.CALL_HELD_BACK)
        if self._calls.doubled:
            self.note(Anomaly.CALL_PIECE_REPEATED)
        if self._usage is not None and self._counted != self.chunks:
            self.note(Anomaly.USAGE_NOT_LAST)

    def document(self, data: bytes) -> None:
        """Take a whole answer that is not a stream.

        Raises:
            EndpointError: not a chat completion.
        """
        self._large = len(data) > LONGEST_USAGE
        try:
            self._document(as_object(self._decoded(data), "the answer"))
        except EndpointError as error:
            error.body = error.body or excerpt(data)
            raise

    def _document(self, answer: Mapping[str, Json]) -> None:
        if error := answer.get("error"):
            raise bad_response(f"the endpoint answered 200 with an error: {message_in(error) or 'without a message'}")
        self._identity(answer)
        choices = [as_object(choice, "a choice") for choice in as_list(answer.get("choices"), "choices")]
        if not choices:
            said = message_in(answer)
            raise bad_response(f"the answer has no choices: {said}" if said else "the answer has no choices")
        first = next((choice for choice in choices if not choice.get("index")), choices[0])
        self._delta(_numbered(as_object(first.get("message", _texted(first) or None), "message")))
        self._finished(as_word(first.get("finish_reason"), "finish_reason", self._clean))
        self._take_usage(first.get("usage"))
        self._take_usage(answer.get("usage"))
        self._choices.update(range(len(choices)))
        self.chunks = 1
        if not self._finish:
            self.note(Anomaly.NO_FINISH)
        self._refuse_given_up()

    def _refuse_given_up(self) -> None:
        """An answer that the server ended is a failure of the server, whatever text came before."""
        if self._finish in _ORDINARY:
            return
        told = f"the server ended the answer with finish_reason {self._finish!r} after {self.characters} characters"
        words = _HUMP.sub("_", self._finish).lower()
        if _FILTERED.search(words):
            raise EndpointError(FailureKind.CONTENT_FILTER, told)
        if _GIVEN_UP.search(words):
            raise EndpointError(FailureKind.SERVER_ENDED, told)

    def read_aside(self, text: bytes) -> None:
        """Take what stands in a stream beside its events: an error that a server or gateway wrote into it.

        Raises:
            EndpointError: it is an error or a page, and the answer had not ended.
        """
        text = text.strip()
        page = excerpt(text)
        if self._finish or self.ended or not text:
            return
        if is_page(page):
            raise EndpointError(FailureKind.STREAM_ERROR, f"the stream holds {page_in_words(page)}", body=page)
        try:
            found = decode(text).value
        except ValueError:
            return
        if isinstance(found, dict) and _is_error(found):
            raise _stream_error(found.get("error") or found, text)

    def take_text(self, text: str) -> None:
        """Take a body that is not a completion as plain text."""
        self._content.pieces.append(text)
        self._mend = True
        self.chunks = 1

    def completion(self, clean: Callable[[str], str], **facts: Any) -> Completion:
        """The answer with `clean` applied to every text; `facts` are further fields of `Completion`."""
        tidy: Callable[[str], str] = (lambda text: clean(mended(text))) if self._mend else clean
        usage = self._written_usage(tidy)
        return Completion(
            content=tidy(self._content.text()),
            reasoning=tidy(self._reasoning.text()),
            tool_calls=self._calls.done(tidy) if self._calls else (),
            finish_reason=tidy(self._finish) or None,
            usage=usage,
            model=tidy(self._model),
            id=tidy(self._id),
            system_fingerprint=tidy(self._fingerprint),
            chunks=self.chunks,
            choices=len(self._choices),
            anomalies=tuple(anomaly.value for anomaly in self._anomalies),
            **facts,
        )

    def _written_usage(self, clean: Callable[[str], str]) -> dict[str, Json] | None:
        """The usage, if it can be serialised again: it comes from outside and may contain anything."""
        if self._usage is None:
            return None
        try:
            text = orjson.dumps(self._usage).decode()
            tidy = clean(text)
            return self._usage if tidy is text else as_object(orjson.loads(tidy), "usage")
        except (TypeError, ValueError):
            self.note(Anomaly.USAGE_UNREADABLE)
            return None


def _texted(choice: Mapping[str, Json]) -> dict[str, Json]:
    """A choice of `/completions` as a message: it has `text` in its place."""
    return {"content": choice["text"]} if "text" in choice else {}


def _numbered(message: dict[str, Json]) -> dict[str, Json]:
    """`message` with an index in each tool call, as in a stream."""
    if message.get("tool_calls") is None:
        return message
    calls = [as_object(call, "a tool call") for call in as_list(message["tool_calls"], "tool_calls")]
    return message | {"tool_calls": [{**call, "index": number} for number, call in enumerate(calls)]}


def _is_error(chunk: Mapping[str, Json]) -> bool:
    """Whether a chunk is an error: in OpenAI's form, vLLM's or FastAPI's, or a code with its message."""
    if chunk.get("error") or "error" in (chunk.get("object"), chunk.get("type")):
        return True
    if "choices" in chunk or chunk.get("usage") is not None:
        return False
    failed = chunk.get("code", chunk.get("status_code", chunk.get("status"))) not in (None, 0, "0", 200, "200")
    return (failed or isinstance(chunk.get("detail"), str)) and bool(message_in(dict(chunk)))


def _stream_error(error: Json, event: bytes) -> EndpointError:
    message = f"the endpoint sent an error inside the stream: {message_in(error) or 'without a message'}"
    return EndpointError(FailureKind.STREAM_ERROR, message, body=excerpt(event))
