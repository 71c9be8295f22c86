"""The prompt that Kimi K3's encoder makes of a chat request, in pieces: what each part of a request costs.

Facts: `encoding_k3.py` of moonshotai/Kimi-K3 and the counts of Kimi-Vendor-Verifier's `testdata/prompt_token_cases`,
all of which this module reaches with Kimi's tokenizer. The official API counts the prompt up to the head of the
assistant's message: the three tokens that open its channel are left out.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from kvv_action.schema import Json, Message

CHANNEL = 3
"""Tokens that open the channel of the answer."""
OPEN, CLOSE, SEPARATOR, END = "<|open|>", "<|close|>", "<|sep|>", "<|end_of_msg|>"
"""Control tokens, one token each."""
EFFORT = (
    "`thinking_effort` guides on how much to think in your thinking channel (not including the response channel), "
    "supported values include `low`, `medium`, `high`, and `max`.\n"
    "Now the system is invoked with `thinking_effort={}`."
)
TOOLS = "# Tools\nHere are the available tools, described in JSONSchema.\n\n```json\n{}\n```"
MORE_TOOLS = (
    "## New Tools Available\nThe system dynamically extends the toolset via lazy-loading.\n"
    "You have access to all existing and extended tools.\nHere are the specs for the extended tools.\n\n"
    "```json\n{}\n```"
)
CHOICES: Mapping[str, str] = {
    "required": "The system is invoked with `tool_choice=required`.\nYou MUST call tools in the next message.",
    "none": "The system is invoked with `tool_choice=none`.\nYou MUST NOT call any tools in the next message.",
}
FORMAT = (
    "The system is invoked with `response_format={}`.\n"
    "Your response must be raw JSON data without markdown code blocks (```json) or any additional formatting."
)
BY_SCHEMA = "\nThe JSON data must match the following schema:\n```json\n{}\n```"


class Share(StrEnum):
    """The part of a request that a piece of the prompt stands for."""

    TOOLS = "tools"
    DYNAMIC_TOOLS = "dynamic-tools"
    EFFORT = "effort"
    MESSAGES = "messages"
    THOUGHTS = "thoughts"
    CALLS = "calls"
    CHOICE = "tool-choice"
    FORMAT = "response-format"
    OPENING = "opening"


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Text, or the control token that `mark` is."""

    share: Share
    text: str = ""
    mark: str = ""


def counted(pieces: Sequence[Piece], count: Callable[[str], int]) -> Counter[Share]:
    """Tokens by the part that they stand for; `count` is a tokenizer for texts."""
    tokens: Counter[Share] = Counter()
    for piece in pieces:
        tokens[piece.share] += 1 if piece.mark else count(piece.text)
    return tokens


def plain(pieces: Iterable[Piece]) -> str:
    """The prompt as one text, control tokens written out."""
    return "".join(piece.mark or piece.text for piece in pieces)


def rendered(body: Mapping[str, Json], *, thinking: bool, effort: str) -> tuple[Piece, ...]:
    """The prompt of a request; what cannot be understood is left out.

    Args:
        body: of the request; its own fields about thinking are not looked at.
        thinking: whether the model thinks about it.
        effort: the level that the prompt names, when it thinks; empty names none.
    """
    messages = [message for message in _listed(body.get("messages")) if isinstance(message, Mapping)]
    return (
        *_declared(body.get("tools"), Share.TOOLS, TOOLS),
        *(_internal(Share.EFFORT, "thinking-effort", EFFORT.format(effort)) if thinking and effort else ()),
        *_conversation(messages, thinking=thinking),
        *_choice(body.get("tool_choice")),
        *_format(body.get("response_format")),
        *(_begun(messages[-1], thinking=thinking) if _partial(messages) else _head(Share.OPENING, role="assistant")),
    )  # fmt: skip


def _partial(messages: Sequence[Message]) -> bool:
    """Whether the last message begins the answer (Partial Mode)."""
    return bool(messages) and messages[-1].get("role") == "assistant" and messages[-1].get("partial") is True


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True, default=dict)


def _tag(share: Share, tag: str, /, **attributes: object) -> Iterator[Piece]:
    """An opening tag: a mark, the name with its attributes, a mark."""
    yield Piece(share=share, mark=OPEN)
    yield Piece(share=share, text=tag + "".join(f' {key}="{_escaped(value)}"' for key, value in attributes.items()))
    yield Piece(share=share, mark=SEPARATOR)


def _end(share: Share, tag: str) -> Iterator[Piece]:
    """A closing tag."""
    yield from (Piece(share=share, mark=CLOSE), Piece(share=share, text=tag), Piece(share=share, mark=SEPARATOR))


def _escaped(value: object) -> str:
    return str(value).replace("&", "&amp;").replace('"', "&quot;")


def _element(share: Share, tag: str, text: str, /, **attributes: object) -> Iterator[Piece]:
    """Text between an opening and a closing tag."""
    yield from _tag(share, tag, **attributes)
    yield Piece(share=share, text=text)
    yield from _end(share, tag)


def _head(share: Share, /, **attributes: object) -> Iterator[Piece]:
    return _tag(share, "message", **attributes)


def _message(share: Share, text: str, /, **attributes: object) -> Iterator[Piece]:
    """A whole message, the mark of its end included."""
    yield from _element(share, "message", text, **attributes)
    yield Piece(share=share, mark=END)


def _internal(share: Share, kind: str, text: str) -> Iterator[Piece]:
    """A message that the system adds by itself."""
    return _message(share, text, role="system", type=kind)


def _declared(tools: Json, share: Share, form: str) -> Iterator[Piece]:
    return _internal(share, "tool-declare", form.format(_json(tools))) if tools else iter(())


def _choice(choice: Json) -> Iterator[Piece]:
    text = CHOICES.get(choice) if isinstance(choice, str) else None
    return _internal(Share.CHOICE, "tool-choice", text) if text else iter(())


def _format(wanted: Json) -> Iterator[Piece]:
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if not isinstance(wanted, Mapping) or kind not in ("json_object", "json_schema"):
        return iter(())
    described = wanted.get("json_schema")
    schema = described.get("schema") if isinstance(described, Mapping) else None
    text = FORMAT.format(kind) + (BY_SCHEMA.format(_json(schema)) if kind == "json_schema" else "")
    return _internal(Share.FORMAT, "response-format", text)


def _conversation(messages: Sequence[Message], *, thinking: bool) -> Iterator[Piece]:
    """Every message but a last one that begins the answer; results are tied to the calls before them."""
    calls: Sequence[Json] = ()
    told = 0  # results since these calls
    said = messages[:-1] if _partial(messages) else messages
    for role, run in groupby(said, key=lambda message: message.get("role")):
        if role == "tool":
            results = list(run)
            yield from _results(results, calls, told)
            told += len(results)
            continue
        for message in run:
            if role == "assistant":
                calls, told = _listed(message.get("tool_calls")), 0
                yield from answer(message, calls, thinking=thinking)
            elif role == "system" and message.get("tools"):
                yield from _declared(message["tools"], Share.DYNAMIC_TOOLS, MORE_TOOLS)
            else:
                named = {"name": message["name"]} if message.get("name") else {}
                yield from _message(Share.MESSAGES, text_of(message.get("content")), role=role, **named)


def text_of(content: Json) -> str:
    """The text in a message's content."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _listed(content) if isinstance(part, Mapping))
    return "".join(text for text in texts if isinstance(text, str))


def _results(run: Sequence[Message], calls: Sequence[Json], told: int) -> Iterator[Piece]:
    """Results of tools that stand together: where each answers a call by its id, in the order of the calls.

    Otherwise they stand as they came, and are named by themselves or by the call at their place. `told` came before.
    """
    known: dict[str, Json] = {}
    for call in calls:
        if isinstance(call, Mapping) and call.get("id") is not None:
            known.setdefault(str(call["id"]), call)
    order = {one: place for place, one in enumerate(known)}
    answered = [str(result.get("tool_call_id", result.get("id"))) for result in run]
    tied = all(one in known for one in answered)
    if tied:
        run = sorted(run, key=lambda result: order[str(result.get("tool_call_id", result.get("id")))])
        answered.sort(key=order.__getitem__)
    for number, (result, one) in enumerate(zip(run, answered, strict=True), told + 1):
        name = function_of(known[one]).get("name") if tied else result.get("tool", result.get("name"))
        if name is None and number <= len(calls):
            name = function_of(calls[number - 1]).get("name")
        named = {} if name is None else {"tool": name}
        yield from _message(Share.MESSAGES, text_of(result.get("content")), role="tool", **named, index=number)


def function_of(call: Json) -> Mapping[str, Json]:
    """What a call, or a declared tool, says of its function; empty where it says nothing usable."""
    function = call.get("function") if isinstance(call, Mapping) else None
    return function if isinstance(function, Mapping) else {}


def answer(message: Message, calls: Sequence[Json], *, thinking: bool) -> Iterator[Piece]:
    """An answer of the history: its thoughts (an empty block when there are none), its text, its calls."""
    named = {"name": message["name"]} if message.get("name") else {}
    yield from _head(Share.MESSAGES, role="assistant", **named)
    if thinking:
        thoughts = text_of(message.get("reasoning_content") or message.get("reasoning"))
        yield from _element(Share.THOUGHTS, "think", thoughts if thoughts.strip() else "")
    yield from _element(Share.MESSAGES, "response", text_of(message.get("content")))
    if calls:
        yield from _tag(Share.CALLS, "tools")
        for number, call in enumerate(calls, 1):
            yield from _call(function_of(call), number)
        yield from _end(Share.CALLS, "tools")
    yield from _end(Share.MESSAGES, "message")
    yield Piece(share=Share.MESSAGES, mark=END)


def _call(function: Mapping[str, Json], number: int) -> Iterator[Piece]:
    """A call, each argument in a tag of its own; text that is no JSON object stands as it is."""
    yield from _tag(Share.CALLS, "call", tool=function.get("name", ""), index=number)
    sent = function.get("arguments")
    try:
        arguments = json.loads(sent) if isinstance(sent, str) else sent
    except ValueError:
        arguments = None
    if isinstance(arguments, Mapping):
        for key, value in arguments.items():
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            yield from _element(Share.CALLS, "argument", text, key=key, type=_type(value))
    elif sent:
        yield from _element(Share.CALLS, "json", str(sent), type="object")
    yield from _end(Share.CALLS, "call")


def _type(value: Json) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Mapping():
            return "object"
        case _:
            return "array"


def _begun(message: Message, *, thinking: bool) -> Iterator[Piece]:
    """The beginning of an answer; thoughts without a text after them are left open."""
    thoughts, text = text_of(message.get("reasoning_content")), text_of(message.get("content"))
    yield from _head(Share.OPENING, role="assistant")
    if thinking and thoughts:
        yield from _tag(Share.THOUGHTS, "think")
        yield Piece(share=Share.THOUGHTS, text=thoughts)
        if text:
            yield from _end(Share.THOUGHTS, "think")
    if text or not thoughts:
        yield from _tag(Share.MESSAGES, "response")
        yield Piece(share=Share.MESSAGES, text=text)
