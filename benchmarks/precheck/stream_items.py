"""The items of the stream contract: what each asks of the frames, how much it matters, and the remedy.

*Required* is only what OpenAI's API guarantees and vLLM, SGLang and Moonshot all send. *Recommended* is what Moonshot's
own contract asks beyond that (sglang issue 39898): a warning, or information for a compatible deployment.
*Informational* is what Moonshot's own service alone sends.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

import orjson

from benchmarks.precheck.frames import Frame, FrameChoice, Stream
from kvv_action.schema import Json


class Weight(StrEnum):
    """How much an item matters."""

    REQUIRED = "required"
    RECOMMENDED = "recommended"
    INFORMATIONAL = "informational"


class StreamAsked(StrEnum):
    """Which stream shows an item: a text with usage asked for, one without, or a tool call."""

    TEXT = "text"
    BARE = "bare"
    CALL = "call"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamItem:
    """One item.

    Attributes:
        name: of its probe, behind `streaming.contract.`.
        rule: what must hold, as the cause's sentence says that it does not.
        check: yields what is wrong, the frame quoted by whoever asks.
    """

    name: str
    weight: Weight
    rule: str
    remedy: str
    check: Callable[[Stream], Iterator[str]]
    asked: StreamAsked = StreamAsked.TEXT


FINISHES = (
    "stop", "length", "tool_calls", "content_filter", "unexpected_state", "malformed_byte_sequence",
    "engine_overloaded", "server_interrupted", "repeat", "unknown",
)  # fmt: skip
"""The four of OpenAI's API, and those of Moonshot's."""


def _each(wrong: Callable[[Frame], object], what: str) -> Callable[[Stream], Iterator[str]]:
    """A rule about every frame."""

    def check(stream: Stream) -> Iterator[str]:
        return (f"{what}: {frame.text}" for frame in stream.frames if wrong(frame))

    return check


def _each_choice(wrong: Callable[[FrameChoice], object], what: str) -> Callable[[Stream], Iterator[str]]:
    """A rule about every choice."""

    def check(stream: Stream) -> Iterator[str]:
        return (f"{what}: {frame.text}" for frame, choice in stream.choices() if wrong(choice))

    return check


def _constant(name: str, kind: type) -> Callable[[Stream], Iterator[str]]:
    """A field that is there in every frame, of one type, and never changes."""

    def check(stream: Stream) -> Iterator[str]:
        first = stream.frames[0].value.get(name) if stream.frames else None
        for frame in stream.frames:
            value = frame.value.get(name)
            if not isinstance(value, kind) or isinstance(value, bool) or value in ("", 0) or value != first:
                yield f"{name} is {value!r}, first was {first!r}: {frame.text}"

    return check


def _framing(stream: Stream) -> Iterator[str]:
    return (f"no `data: ` line with a JSON object: {line}" for line in stream.odd)


def _done(stream: Stream) -> Iterator[str]:
    if stream.done != (len(stream.frames),):
        yield f"[DONE] came after {', '.join(map(str, stream.done)) or 'none'} of {len(stream.frames)} frames"


def _role(stream: Stream) -> Iterator[str]:
    roles = [choice.delta["role"] for _, choice in stream.choices() if choice.delta.get("role")]
    if roles != ["assistant"]:
        yield f"the roles are {roles}"


def _finish(stream: Stream) -> Iterator[str]:
    reasons = [choice.value["finish_reason"] for _, choice in stream.choices() if choice.value.get("finish_reason")]
    if len(reasons) != 1:
        yield f"the finish reasons are {reasons}"


def _arguments(stream: Stream) -> Iterator[str]:
    joined: dict[str, str] = {}
    for _, call in _calls(stream):
        function, place = call.get("function"), repr(call.get("index"))
        piece = function.get("arguments") if isinstance(function, Mapping) else None
        joined[place] = joined.get(place, "") + (piece if isinstance(piece, str) else "")
    for text in joined.values():
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError as error:
            yield f"joined arguments are not JSON ({error}): {text}"


def _calls(stream: Stream) -> Iterator[tuple[Frame, Mapping[str, Json]]]:
    for frame, choice in stream.choices():
        for call in choice.calls:
            yield frame, call


def _utf8(stream: Stream) -> Iterator[str]:
    if "\ufffd" in stream.text or "\\ufffd" in stream.text.lower():
        yield "a U+FFFD is in the text: bytes were cut inside a character"
    for frame in stream.frames:
        try:
            orjson.dumps(frame.value)
        except (TypeError, ValueError):
            yield f"a lone surrogate is in the text: {frame.text}"


def _summary(stream: Stream) -> Iterator[str]:
    """One frame without choices, with usage, after every finish."""
    bare = [number for number, frame in enumerate(stream.frames) if frame.value.get("choices") == []]
    last = max((number for number, frame in enumerate(stream.frames) if _finishes(frame)), default=-1)
    if len(bare) != 1 or bare[0] <= last or not stream.frames[bare[0]].value.get("usage"):
        yield f"frames without choices: {bare} of {len(stream.frames)}, the finish is in {last}"


def _no_summary(stream: Stream) -> Iterator[str]:
    return (
        f"a frame without choices came unasked: {frame.text}"
        for frame in stream.frames
        if frame.value.get("choices") == []
    )


def _finishes(frame: Frame) -> bool:
    return any(choice.value.get("finish_reason") for choice in frame.choices)


def _usages(stream: Stream) -> list[Mapping[str, Json]]:
    found = [frame.value.get("usage") for frame in stream.frames]
    found += [choice.value.get("usage") for _, choice in stream.choices()]
    return [usage for usage in found if isinstance(usage, Mapping)]


def _whole_number(value: Json) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_first(index: Json) -> bool:
    """Whether an index is that of the only choice that was asked for."""
    return _whole_number(index) and index == 0


def _usage(stream: Stream) -> Iterator[str]:
    if not _usages(stream):
        yield "no usage came"
    for usage in _usages(stream)[-1:]:
        completion, prompt = usage.get("completion_tokens_details"), usage.get("prompt_tokens_details")
        thought = completion.get("reasoning_tokens") if isinstance(completion, Mapping) else None
        cached = prompt.get("cached_tokens") if isinstance(prompt, Mapping) else None
        numbers = {name: usage.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")}
        numbers |= {"reasoning_tokens": thought, "cached_tokens": cached}
        if wrong := [name for name, value in numbers.items() if not _whole_number(value)]:
            yield f"usage has no whole number as {', '.join(wrong)}: {dict(usage)}"


def _usage_early(stream: Stream) -> Iterator[str]:
    last = max((number for number, frame in enumerate(stream.frames) if _finishes(frame)), default=len(stream.frames))
    return (f"usage before the finish: {frame.text}" for frame in stream.frames[:last] if frame.value.get("usage"))


def _first(stream: Stream) -> Iterator[str]:
    for frame, choice in list(stream.choices())[:1]:
        delta = choice.delta
        if delta.get("role") != "assistant" or "content" not in delta or choice.value.get("finish_reason"):
            yield f"the first frame has not role assistant, a content key and no finish: {frame.text}"


def _last(stream: Stream) -> Iterator[str]:
    finished = False
    for frame, choice in stream.choices():
        finished = finished or bool(choice.value.get("finish_reason"))
        if finished and any(value not in (None, "", []) for value in choice.delta.values()):
            yield f"the frame of the finish, or one after it, brings something: {frame.text}"


def _keys(stream: Stream) -> Iterator[str]:
    """Every frame has choices, though there may be none; every choice has a delta and a finish reason, though null."""
    for frame in stream.frames:
        if not isinstance(frame.value.get("choices"), list):
            yield f"choices are no list: {frame.text}"
    for frame, choice in stream.choices():
        if not isinstance(choice.value.get("delta"), Mapping) or "finish_reason" not in choice.value:
            yield f"a key is missing, or delta is no object: {frame.text}"


def _call_opens(stream: Stream) -> Iterator[str]:
    """The first piece of a call has everything but arguments, the later ones nothing but arguments."""
    opened: set[str] = set()
    for frame, call in _calls(stream):
        function, place = call.get("function"), repr(call.get("index"))
        function = function if isinstance(function, Mapping) else {}
        if place not in opened:
            opened.add(place)
            if not (call.get("id") and call.get("type") == "function" and function.get("name")):
                yield f"the first piece of a call has not id, type and name: {frame.text}"
            elif function.get("arguments") != "":
                yield f"the first piece of a call brings arguments already: {frame.text}"
        elif call.get("id") or function.get("name"):
            yield f"a later piece of a call repeats its id or name: {frame.text}"


def _call_order(stream: Stream) -> Iterator[str]:
    order = [index for index, _ in groupby(call.get("index") for _, call in _calls(stream))]
    if order != list(range(len(order))):
        yield f"the indices of calls are {order}"


def _finish_known(stream: Stream) -> Iterator[str]:
    reasons = (choice.value.get("finish_reason") for _, choice in stream.choices())
    return (f"finish_reason is {reason!r}" for reason in reasons if reason and reason not in FINISHES)


def _usage_in_choice(stream: Stream) -> Iterator[str]:
    if not any(isinstance(choice.value.get("usage"), Mapping) for _, choice in list(stream.choices())[-1:]):
        yield "the last choice holds no usage"


def _boundary(stream: Stream) -> Iterator[str]:
    deltas = [choice.delta for _, choice in stream.choices()]
    thought = [number for number, delta in enumerate(deltas) if delta.get("reasoning_content")]
    if thought and "" not in [delta.get("reasoning_content") for delta in deltas[thought[-1] + 1 :]]:
        yield "no empty reasoning_content follows the reasoning"


def _text(value: Json) -> bool:
    return value is None or isinstance(value, str)


def _required(
    name: str, rule: str, remedy: str, check: Callable[[Stream], Iterator[str]], asked: StreamAsked = StreamAsked.TEXT
) -> StreamItem:
    return StreamItem(name=name, weight=Weight.REQUIRED, rule=rule, remedy=remedy, check=check, asked=asked)


def _recommended(
    name: str, rule: str, remedy: str, check: Callable[[Stream], Iterator[str]], asked: StreamAsked = StreamAsked.TEXT
) -> StreamItem:
    return StreamItem(name=name, weight=Weight.RECOMMENDED, rule=rule, remedy=remedy, check=check, asked=asked)


def _informational(
    name: str, rule: str, check: Callable[[Stream], Iterator[str]], asked: StreamAsked = StreamAsked.TEXT
) -> StreamItem:
    return StreamItem(name=name, weight=Weight.INFORMATIONAL, rule=rule, remedy="", check=check, asked=asked)


_TEXT_KEYS = ("content", "reasoning_content", "reasoning")
ITEMS: Sequence[StreamItem] = (
    _required("framing", "events are not `data: ` lines with JSON", "write `data: `, one JSON object, an empty line",
            _framing),
    _required("done", "a stream does not end with one [DONE]", "send `data: [DONE]` once, after everything else",
            _done),
    _required("id", "chunks do not carry one id", "put the completion's id into every chunk", _constant("id", str)),
    _required("object", "chunks are not named chat.completion.chunk",
            "set object to chat.completion.chunk in every chunk",
            _each(lambda frame: frame.value.get("object") != "chat.completion.chunk", "object is another one")),
    _required("model", "chunks do not carry one model", "put the model's name into every chunk",
            _constant("model", str)),
    _required("role", "the role does not come exactly once", "send role: assistant in the first delta alone", _role),
    _required("index", "choices have no index", "number choices from 0 in every chunk",
            _each_choice(lambda choice: not _is_first(choice.value.get("index")), "index is not 0")),
    _required("finish", "finish_reason does not come exactly once", "set finish_reason in one chunk of a choice",
            _finish),
    _required("arguments", "joined arguments of a streamed call are not JSON",
            "send every piece of the arguments once, in order", _arguments, StreamAsked.CALL),
    _required("utf8", "streamed text holds broken characters", "hold back the bytes of a character until all have come",
            _utf8),
    _recommended("created", "chunks do not carry one created", "put the second of the request into every chunk",
            _constant("created", int)),
    _recommended("summary", "no summary frame follows the finish",
            "with include_usage send one frame with choices [] and usage, after every finish", _summary),
    _recommended("no-summary", "a summary frame comes unasked",
            "send a frame with choices [] only when include_usage asks for it", _no_summary, StreamAsked.BARE),
    _recommended("usage", "usage of a stream has no details",
            "report whole numbers, with completion_tokens_details.reasoning_tokens and "
            "prompt_tokens_details.cached_tokens", _usage),
    _recommended("usage-late", "usage comes before the finish", "leave usage out, or null, until the end",
            _usage_early),
    _recommended("keys", "choices lack delta or finish_reason",
            "send both keys in every choice, finish_reason null before the end", _keys),
    _recommended("first", "the first frame does not open the answer",
            'open with role assistant, content "" and no finish', _first),
    _recommended("last", "the frame of the finish brings more", "end with an empty delta", _last),
    _recommended("texts", "content or reasoning is no text", "send text or null as content and reasoning_content",
            _each_choice(lambda choice: not all(_text(choice.delta.get(key)) for key in _TEXT_KEYS), "no text")),
    _recommended("call-pieces", "pieces of a streamed call are not cut as agreed",
            'open a call with id, type, name and arguments "", then send index and arguments alone', _call_opens,
            StreamAsked.CALL),
    _recommended("call-order", "streamed calls are not numbered one after the other",
            "finish a call before the next, from index 0", _call_order, StreamAsked.CALL),
    _recommended("finish-known", "finish_reason is an unknown word", "use OpenAI's words, or those of the official API",
            _finish_known),
    _recommended("logprobs", "logprobs come unasked", "leave logprobs out, or null, unless they are asked for",
            _each_choice(lambda choice: choice.value.get("logprobs"), "logprobs")),
    _informational("usage-in-choice", "usage is not in the last choice (only some official APIs put it there)",
            _usage_in_choice, StreamAsked.BARE),
    _informational("boundary", "no empty reasoning ends the reasoning (only some official APIs send one)", _boundary),
)  # fmt: skip
