"""Text in the wrong place, or nowhere: thinking as content and the reverse, fenced JSON, empty answers."""

import re
from collections.abc import Iterator

from kvv_action.causes import BOTH_PARSERS, CALL_PARSER, REASONING_PARSER, Cause
from kvv_action.schema import Completion, Place, Severity
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, SeenFinding, Sightings, Sign, ends_of, is_json

KNOWN_FINISHES = frozenset({"stop", "length", "tool_calls", "function_call", "content_filter", "repeat"})
_THINKING = re.compile(r"<think(?:ing)?>|<thought>|<reasoning>|◁think▷|\[THINK\]", re.IGNORECASE)
_CLOSING = re.compile(r"</think(?:ing)?>|</thought>|</reasoning>|◁/think▷|\[/THINK\]", re.IGNORECASE)
_TAGS = ("<", "◁", "[")
"""With one of these each tag of thinking begins; most answers have none, and the patterns take ten times as long."""
_FENCE = re.compile(r"^(`{3,16}|~{3,16})[ \t]*\w*[ \t]*\r?\n(.*?)(?:\n[ \t]*\1|\Z)", re.DOTALL | re.MULTILINE)
_THINKING_OFF = re.compile(
    r'"thinking":\s?(?:false|\{"type":\s?"disabled")|"(?:enable_)?thinking":\s?false|"reasoning_effort":\s?"none"'
)
EARLY = 0.9
"""Share of the allowed tokens below which an answer was not ended by them."""
SMALL_LIMIT = 64
"""Limits below which an answer may end by itself just there."""
USUAL_PROMPT = 16_000
"""Tokens of a prompt up to which no window ends an answer."""
EMPTY_SHARE = 0.02
"""Share of empty answers from which they fail the run: agents end a conversation without a word now and then."""
THINKING_SHARE = 0.5
"""Share of all answers with thinking from which the model thinks as a rule."""

THINKING_AS_CONTENT = Cause(
    id="reasoning-in-content",
    sentence="thinking stands in the content of answers, with its tags",
    remedy="start the engine with the reasoning parser of this model",
    switches=REASONING_PARSER,
    explains=("markers-leak", "markers-unknown"),
)
ANSWER_AS_THINKING = Cause(
    id="answer-in-reasoning",
    sentence="answers stand in the reasoning, and the content is empty",
    remedy=(
        "use the reasoning parser that belongs to the chat template: it must see where thinking ends, also after tool "
        "results"
    ),
    switches=REASONING_PARSER,
)
CUT_THINKING = Cause(
    id="cut-thinking-as-content",
    sentence="thinking that max_tokens cut before its end becomes content",
    remedy="use a reasoning parser that takes text for thinking until it sees the end of thinking",
    switches=REASONING_PARSER,
)
FENCED = Cause(
    id="json-fenced",
    sentence="where JSON was asked for, it comes inside a Markdown fence",
    remedy="turn on guided decoding for response_format; prompting alone does not keep the format",
    switches={
        "vLLM": '--structured-outputs-config \'{"backend": "xgrammar"}\'',
        "SGLang": "--grammar-backend xgrammar",
    },
)
CUT_CALL = Cause(
    id="finish-contradicts-usage",
    sentence="answers that max_tokens cut say finish_reason tool_calls or stop instead of length",
    remedy="report length when the limit ended the answer, also inside a tool call",
)
EARLY_LENGTH = Cause(
    id="length-too-early",
    sentence="answers say finish_reason length although they have far fewer tokens than were asked for",
    remedy="find the limit that ends them: of a gateway, the engine's model length, or a wrong finish_reason",
)
UNKNOWN_FINISH = Cause(
    id="finish-unknown",
    sentence="finish_reason has values outside the contract: {words}",
    remedy="map the engine's own words to stop, length and tool_calls",
)
EMPTY = Cause(
    id="answers-empty",
    sentence="answers are empty: no content, no thinking, no tool call",
    remedy="look for parsers and filters that swallow text, and for a template that ends the turn at once",
    switches=BOTH_PARSERS,
)
CALLS_LOST = Cause(
    id="calls-lost",
    sentence="answers say finish_reason tool_calls and have no tool call",
    remedy="use the tool-call parser of this model; look whether calls are lost under load or in streams only",
    switches=CALL_PARSER,
)
CAUSES = (
    THINKING_AS_CONTENT, ANSWER_AS_THINKING, CUT_THINKING, FENCED, CUT_CALL, EARLY_LENGTH, UNKNOWN_FINISH, EMPTY,
    CALLS_LOST,
)  # fmt: skip
RULES = {
    UNKNOWN_FINISH.id: Rule(severity=Severity.WARNING),
    EARLY_LENGTH.id: Rule(severity=Severity.WARNING),
    CUT_THINKING.id: Rule(severity=Severity.WARNING),
    EMPTY.id: Rule(least=EMPTY_SHARE),
}


def filing_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Where the parts of an answer stand, and how it says that it ended."""
    text = answer.completion.content.strip()
    if _holds_thinking(ends_of(text), answer):
        yield Sign(cause=THINKING_AS_CONTENT, shown=text)
    elif _is_cut_thinking(answer):
        yield Sign(cause=CUT_THINKING, shown=text)
    if answer.asks_json and not is_json(text) and (fence := _FENCE.search(text)) and is_json(fence[2]):
        yield Sign(cause=FENCED, shown=text)
    yield from _nothing(answer)
    yield from _finish(answer)


def _holds_thinking(text: str, answer: SeenAnswer) -> bool:
    """Whether a text begins with thinking, or holds the end of thinking that the template began."""
    if answer.raw or not any(beginning in text for beginning in _TAGS):
        return False
    opens, closes = _THINKING.match(text), _CLOSING.findall(text)
    if not opens and (len(closes) != 1 or _THINKING.search(text)):
        return False
    mark = opens[0] if opens else closes[0]
    return mark not in answer.request and not (answer.asks_json and is_json(text))


def _is_cut_thinking(answer: SeenAnswer) -> bool:
    """Whether a limit cut what may be thinking and is content."""
    completion = answer.completion
    cut = completion.finish_reason == "length" and bool(completion.content.strip()) and not completion.reasoning
    return cut and not answer.is_fragment and _may_think(answer)


def _may_think(answer: SeenAnswer) -> bool:
    """Whether a request, as far as it is known, leaves the model to think."""
    return bool(answer.request) and not answer.raw and _THINKING_OFF.search(answer.request) is None


def _nothing(answer: SeenAnswer) -> Iterator[Sign]:
    """Answers without content or calls, where some should be."""
    completion = answer.completion
    if not completion.tool_calls and completion.finish_reason in ("tool_calls", "function_call"):
        yield Sign(cause=CALLS_LOST, shown=f"finish_reason {completion.finish_reason}, no call")
    if completion.content.strip() or completion.tool_calls:
        return
    if completion.finish_reason == "stop" and '"stop":' not in answer.request and not _used_up(answer):
        thought = completion.reasoning.strip()
        if thought and not _calls_first(answer.request):
            yield Sign(cause=ANSWER_AS_THINKING, shown=thought[-200:])
        elif not thought:
            yield Sign(cause=EMPTY, shown="nothing, finish_reason stop")


def _used_up(answer: SeenAnswer) -> bool:
    """Whether an answer has all tokens that were asked for, so that the limit ended it, whatever it says."""
    asked, tokens = answer.asked, answer.completion.tokens
    return asked is not None and tokens is not None and tokens[1] >= asked


def _calls_first(request: str) -> bool:
    """Whether a request offers tools and has no result of one: what is missing after the thinking may be a call."""
    return '"tools":' in request and '"role":"tool"' not in request


def _finish(answer: SeenAnswer) -> Iterator[Sign]:
    """What finish_reason says, beside what was counted."""
    completion, finish = answer.completion, answer.completion.finish_reason or ""
    if finish and finish not in KNOWN_FINISHES:
        yield Sign(cause=UNKNOWN_FINISH, shown=f"finish_reason {finish[:60]}", word=finish[:40])
    asked, tokens = answer.asked, completion.tokens
    if asked is None or tokens is None:
        return
    if finish in ("tool_calls", "stop") and tokens[1] >= asked and (shown := _cut(answer, exact=tokens[1] == asked)):
        yield Sign(cause=CUT_CALL, shown=f"{finish} after {tokens[1]} tokens: {shown}")
    elif finish == "length" and tokens[1] < EARLY * asked and tokens[0] <= USUAL_PROMPT:
        yield Sign(cause=EARLY_LENGTH, shown=f"{tokens[1]} tokens of {asked}")


def _cut(answer: SeenAnswer, *, exact: bool) -> str:
    """The end of what a limit cut; empty where it cut nothing, as far as can be seen."""
    completion = answer.completion
    broken = [call.arguments for call in completion.tool_calls if not is_json(call.arguments or "{}")]
    if broken:
        return f"arguments end: {broken[-1][-80:]}"
    by_chance = completion.tool_calls or not exact or (answer.asked or 0) < SMALL_LIMIT
    return "" if by_chance else f"the answer ends: {(completion.content or completion.reasoning)[-80:]}"


class CutThinkingCheck:
    """Keeps the signs of cut thinking where the model thinks as a rule; a model that does not think has none to cut."""

    def __init__(self) -> None:
        self._answers = self._thinking = 0
        self._seen = Sightings(cause=CUT_THINKING)

    def see(self, completion: Completion) -> None:
        """Count an answer."""
        self._answers += 1
        self._thinking += bool(completion.reasoning)

    def add(self, place: Place, shown: str) -> None:
        """Count a sign."""
        self._seen.add(place, shown)

    def findings(self) -> Iterator[SeenFinding]:
        """The finding, where most other answers think."""
        if self._seen.count and self._thinking >= THINKING_SHARE * self._answers:
            yield self._seen.seen(self._answers, RULES[CUT_THINKING.id])
