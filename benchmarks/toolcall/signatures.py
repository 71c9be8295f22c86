"""Signatures of known defects in how tools are served, each with what a serving engineer can do; a test holds each."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from benchmarks.toolcall.template import MARKERS
from kvv_action.causes import CALL_PARSER, Cause, named
from kvv_action.profiles.prompt import function_of
from kvv_action.schema import Completion, Json, ToolCall
from kvv_action.scoring.schema_worker import DUPLICATES, EMPTY, EXTRA, MISSING, NOT_JSON, UNUSABLE, WRONG_TYPE
from kvv_action.scoring.toolcalls import UNDECLARED, UNKNOWN_TOOL, CheckedCall
from kvv_action.statistics.aggregates import ONLY_STREAMED

LEAKED = named(
    "tool-call markers are leaked into the content",
    "use the model's own tool-call parser and do not skip special tokens before it",
    switches=CALL_PARSER,
)
STOPPED = named(
    "finish_reason is not tool_calls although there are calls",
    "set finish_reason tool_calls whenever the message holds calls, streamed and not",
)
NO_CALLS = named(
    "finish_reason is tool_calls, but there are no calls",
    "check the tool-call parser: it drops what it cannot parse",
    switches=CALL_PARSER,
)
RENAMED = named(
    "ids of tool calls are renamed",
    "hand the model's own ids (functions.name:index) through, in answers and in histories",
    switches=CALL_PARSER,
)
CUT = named(
    "arguments of tool calls are cut off",
    "check max_tokens and the parser's end marker; never close a call before it is whole",
)
MALFORMED = named(
    "arguments of tool calls are not JSON",
    "check how the parser cuts and joins the pieces of arguments; consider guided decoding",
)
SORTED = named(
    "keys are sorted",
    "do not sort keys when tools are put into the prompt: the model was trained on their own order",
)
OVERRUN = named(
    "sampling is ignored: more tokens than max_tokens",
    "pass the request's sampling parameters on to the engine",
)
TOOLLESS = named(
    "the prompt is too short to hold the tools",
    "check that the chat template renders tools, with the template that belongs to the model",
)
OUT_OF_ORDER = named(
    "parallel calls are streamed out of order",
    "stream calls one after the other with ascending index",
)
LOST = named(
    "an empty answer where the reference calls a tool",
    "check the tool-call parser, above all when streaming: calls are swallowed",
    switches=CALL_PARSER,
)
NEVER = named(
    "no tool is called where the reference calls one",
    "check chat template, tool_choice handling and sampling",
)
ALWAYS = named(
    "a tool is called where the reference calls none",
    "check that tool_choice auto is not served as required, and the chat template",
)
_BY_KIND = {
    EMPTY: named("arguments of tool calls are empty", "send {} for a call without arguments, not an empty text"),
    UNKNOWN_TOOL: named(
        "tools are called that were not offered",
        "check how the parser reads the name from functions.name:index",
    ),
    MISSING: named("required arguments are missing", "check schemas in the prompt, quantisation and guided decoding"),
    EXTRA: named(
        "arguments hold properties that the schema forbids",
        "check that schemas reach the prompt whole, and guided decoding",
    ),
    WRONG_TYPE: named(
        "arguments have the wrong type",
        "do not convert arguments on the way: numbers, lists and objects are often turned into text",
    ),
    DUPLICATES: named("arguments name a key twice", "check how the parser joins the pieces of arguments"),
    UNDECLARED: named("the called tool declares no schema", "nothing: the request is like that"),
    UNUSABLE: named("the called tool's schema cannot be used", "nothing: the request is like that"),
}
_NO_CALL = (
    ONLY_STREAMED.id, "identity-another-model", "parser-missing", "markers-leak", "reasoning-in-content",
    "answers-empty", "answer-in-reasoning", "calls-lost", "output-capped", "not-language", "degenerate-output",
)  # fmt: skip
_WRONG_CALL = (
    ONLY_STREAMED.id, "identity-another-model", "calls-index-reused", "calls-without-index", "calls-header-repeated",
    "calls-name-split", "calls-arguments-again", "calls-arguments-cumulative", "markers-leak", "output-capped",
    "not-language", "degenerate-output",
)  # fmt: skip
CAUSES = (
    *(replace(cause, symptom_of=_NO_CALL) for cause in (LEAKED, STOPPED, NO_CALLS, LOST, NEVER, ALWAYS)),
    *(replace(cause, symptom_of=_WRONG_CALL) for cause in (CUT, MALFORMED, *_BY_KIND.values())),
    replace(OUT_OF_ORDER, symptom_of=("calls-out-of-order", "calls-index-reused")),
    replace(RENAMED, symptom_of=("identity-another-model", "calls-header-repeated")),
    SORTED, OVERRUN, TOOLLESS,
)  # fmt: skip
"""All of them, with what explains them where it is found."""

CHARACTERS_PER_TOKEN = 10
"""More of ASCII JSON never fit into one token; tools that need more tokens than the whole prompt cannot be in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenSchema:
    """An answer with everything that signatures look at.

    Attributes:
        expected: whether the reference called a tool, None when nothing is known.
        id_format: of the profile, empty when not documented.
        max_tokens: asked for, None when not.
    """

    completion: Completion
    checked: Sequence[CheckedCall]
    tools: Json
    expected: bool | None
    id_format: str
    max_tokens: int | None


def found(seen: SeenSchema) -> Iterator[Cause]:
    """Every signature that the answer bears, those that break it first."""
    answer = seen.completion
    positive = answer.finish_reason == "tool_calls"
    if any(marker in answer.content or marker in answer.reasoning for marker in MARKERS):
        yield LEAKED
    if answer.tool_calls and not positive and answer.finish_reason != "length":
        yield STOPPED
    if positive and not answer.tool_calls:
        yield NO_CALLS
    yield from _arguments(seen)
    if _overrun(seen):
        yield OVERRUN
    yield from _trigger(seen, positive=positive)
    if (
        answer.tool_calls
        and seen.id_format
        and not all(_documented(call, seen.id_format) for call in answer.tool_calls)
    ):
        yield RENAMED
    if "tool-calls-out-of-order" in answer.anomalies:
        yield OUT_OF_ORDER
    if any(_sorted(call, seen.tools) for call in answer.tool_calls):
        yield SORTED


def _arguments(seen: SeenSchema) -> Iterator[Cause]:
    kinds = dict.fromkeys(kind for call in seen.checked for kind in call.kinds)
    for kind in kinds:
        if kind == NOT_JSON:
            broken = [call for call, checked in zip(seen.completion.tool_calls, seen.checked, strict=True)
                      if NOT_JSON in checked.kinds]  # fmt: skip
            yield CUT if all(unfinished(call.arguments) for call in broken) else MALFORMED
        elif kind in _BY_KIND:
            yield _BY_KIND[kind]


def _trigger(seen: SeenSchema, *, positive: bool) -> Iterator[Cause]:
    answer = seen.completion
    if seen.expected is None or seen.expected == positive or answer.tool_calls:
        if seen.expected is False and positive:
            yield ALWAYS
        return
    if _toolless(seen):
        yield TOOLLESS
    elif not answer.content.strip():
        yield LOST
    elif not any(marker in answer.content for marker in MARKERS):
        yield NEVER


def unfinished(text: str) -> bool:
    """Whether `text` is the beginning of a JSON value: nothing is wrong with it but that it ends."""
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        return error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    except (ValueError, RecursionError):
        pass
    return False


def _overrun(seen: SeenSchema) -> bool:
    used = (seen.completion.usage or {}).get("completion_tokens")
    return seen.max_tokens is not None and isinstance(used, int) and used > seen.max_tokens


def _toolless(seen: SeenSchema) -> bool:
    used = (seen.completion.usage or {}).get("prompt_tokens")
    return isinstance(used, int) and bool(seen.tools) and used < len(orjson.dumps(seen.tools)) / CHARACTERS_PER_TOKEN


def _documented(call: ToolCall, id_format: str) -> bool:
    """Whether an id follows the documented format, whatever name and index it holds."""
    pattern = re.escape(id_format).replace(r"\{name\}", r".+").replace(r"\{index\}", r"\d+")
    return re.fullmatch(pattern, call.id) is not None


def documented(calls: Sequence[ToolCall], id_format: str) -> int:
    """How many calls have ids of the documented format."""
    return sum(_documented(call, id_format) for call in calls)


def _sorted(call: ToolCall, tools: Json) -> bool:
    """Three or more arguments in alphabetical order although the schema lists them in another one."""
    try:
        arguments: Any = orjson.loads(call.arguments)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(arguments, Mapping) or len(arguments) < 3:
        return False
    for function in map(function_of, tools or ()):
        if function.get("name") == call.name:
            parameters = function.get("parameters")
            listed = parameters.get("properties") if isinstance(parameters, Mapping) else None
            order = [name for name in listed or () if name in arguments]
            names = list(arguments)
            return names == sorted(names) and len(order) == len(names) and order != names
    return False
