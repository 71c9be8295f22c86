"""Text that is filed in the wrong place: thinking as content, content as thinking, JSON inside a fence."""

import re
from collections.abc import Iterator

import orjson

from kvv_action.causes import Cause
from kvv_action.schema import Severity
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sign

KNOWN_FINISHES = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter", "repeat"})
_MAX_TOKENS = re.compile(r'"max_(?:completion_)?tokens":(\d+)')
_JSON_ASKED = re.compile(r'"response_format":\{(?!"type":"text")')
_THINKING = re.compile(r"<think(?:ing)?>|◁think▷")

THINKING_AS_CONTENT = Cause(
    id="reasoning-in-content",
    sentence="thinking stands in the content of answers, with its tags",
    remedy="start the engine with the reasoning parser of this model",
    switches={"vLLM": "--reasoning-parser kimi_k2", "SGLang": "--reasoning-parser kimi_k2"},
    explains=("markers-leak",),
)
ANSWER_AS_THINKING = Cause(
    id="answer-in-reasoning",
    sentence="answers stand in the reasoning, and the content is empty",
    remedy=(
        "use the reasoning parser that belongs to the chat template: it must see where thinking ends, also after tool "
        "results"
    ),
    switches={"vLLM": "--reasoning-parser kimi_k2", "SGLang": "--reasoning-parser kimi_k2"},
)
FENCED = Cause(
    id="json-fenced",
    sentence="where JSON was asked for, it comes inside a Markdown fence",
    remedy="turn on guided decoding for response_format; prompting alone does not keep the format",
    switches={"vLLM": "--structured-outputs-config", "SGLang": "--grammar-backend xgrammar"},
)
CUT_CALL = Cause(
    id="finish-contradicts-usage",
    sentence="answers that max_tokens cut say finish_reason tool_calls or stop instead of length",
    remedy="report length when the limit ended the answer, also inside a tool call",
)
UNKNOWN_FINISH = Cause(
    id="finish-unknown",
    sentence="finish_reason has values outside the contract: {words}",
    remedy="map the engine's own words to stop, length and tool_calls",
)


CAUSES = (THINKING_AS_CONTENT, ANSWER_AS_THINKING, FENCED, CUT_CALL, UNKNOWN_FINISH)
RULES = {CUT_CALL.id: Rule(severity=Severity.FAILURE), UNKNOWN_FINISH.id: Rule(severity=Severity.WARNING)}


def filing_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Where the parts of an answer stand, and how it says that it ended."""
    completion, text = answer.completion, answer.completion.content.strip()
    closes = text.count("</think>") == 1 and "<think>" not in text
    if (_THINKING.match(text) or closes) and "</think>" not in answer.request and not answer.raw:
        yield Sign(cause=THINKING_AS_CONTENT, shown=text)
    nothing = not text and not completion.tool_calls and completion.finish_reason == "stop"
    if nothing and completion.reasoning.strip():
        yield Sign(cause=ANSWER_AS_THINKING, shown=completion.reasoning[-200:])
    if text.startswith("```") and _JSON_ASKED.search(answer.request):
        yield Sign(cause=FENCED, shown=text)
    finish = completion.finish_reason or ""
    if finish and finish not in KNOWN_FINISHES:
        yield Sign(cause=UNKNOWN_FINISH, shown=f"finish_reason {finish[:60]}", word=finish[:40])
    if (
        finish in ("tool_calls", "stop")
        and _at_limit(answer)
        and not all(_whole(call.arguments) for call in completion.tool_calls)
    ):
        yield Sign(cause=CUT_CALL, shown=f"{finish}, arguments end: {completion.tool_calls[-1].arguments[-80:]}")


def _at_limit(answer: SeenAnswer) -> bool:
    """Whether the answer has as many tokens as the request allowed."""
    asked = _MAX_TOKENS.search(answer.request)
    tokens = answer.completion.tokens
    return asked is not None and tokens is not None and tokens[1] >= int(asked.group(1))


def _whole(arguments: str) -> bool:
    try:
        orjson.loads(arguments or "{}")
    except orjson.JSONDecodeError:
        return False
    return True
