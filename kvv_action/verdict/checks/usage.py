"""Counts of tokens that contradict the text, and limits that show only in counts."""

from collections.abc import Iterator

from kvv_action.causes import Cause
from kvv_action.plan.tokens import of_text
from kvv_action.schema import Completion, Finding, Place, Severity
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sightings, Sign

LONG = 400
"""Characters from which a text is long enough to compare its length with a count of tokens."""
CHARACTERS_MOST = 16
"""Characters of prose that no tokenizer puts into one token on average."""
FEW_SIGNS = 16
CAP_COUNTS = 10_000
"""Different counts that are remembered."""
CAP_LEAST, CAP_ANSWERS, CAP_SHARE = 256, 5, 0.05
"""A cap: from so many tokens, so many answers, and such a share of all end at exactly the same count."""

REASONING_LEFT_OUT = Cause(
    id="usage-without-reasoning",
    sentence="usage leaves the tokens of the reasoning out",
    remedy="count reasoning in completion_tokens, as OpenAI does; see whether a gateway counts again",
)
TOO_FEW = Cause(
    id="usage-too-few",
    sentence="usage counts far fewer tokens than the text can have",
    remedy="let the engine count; see whether a gateway counts chunks or words",
)
CACHED = Cause(
    id="usage-cached-above-prompt",
    sentence="usage says that more prompt tokens were cached than the prompt has",
    remedy="report cached tokens as a part of prompt_tokens",
)
CAP = Cause(
    id="output-capped",
    sentence="output is capped at {tokens} tokens, below what was asked for",
    remedy="raise the output limit of the engine, and of the gateway, to what the model can do",
    switches={"vLLM": "--max-model-len, --override-generation-config", "LiteLLM": "max_tokens of the model's entry"},
    explains=("length-cut",),
)


CAUSES = (REASONING_LEFT_OUT, TOO_FEW, CACHED)
RULES = {CACHED.id: Rule(severity=Severity.WARNING)}


def usage_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Counts beside the text that they count."""
    completion = answer.completion
    if completion.tokens is None:
        return
    prompt, generated = completion.tokens
    content, thinking = _least(completion.content), _least(completion.reasoning)
    if thinking and content <= generated < content + thinking:
        shown = f"{generated} tokens for {len(completion.reasoning)} characters of thinking"
        yield Sign(cause=REASONING_LEFT_OUT, shown=shown)
    elif content and generated < content:
        yield Sign(cause=TOO_FEW, shown=f"{generated} tokens for {len(completion.content)} characters")
    details = (completion.usage or {}).get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else None
    if isinstance(cached, int) and cached > prompt > 0:
        yield Sign(cause=CACHED, shown=f"{cached} cached of {prompt}")


class CapCheck:
    """Finds a limit of the server by the count at which many answers end; memory is bounded."""

    def __init__(self) -> None:
        self._looked = 0
        self._ends: dict[int, Sightings] = {}

    def see(self, place: Place, completion: Completion, asked: object) -> None:
        """Look at the count of one answer; `asked` is the limit that was asked for."""
        if completion.tokens is None:
            return
        self._looked += 1
        generated = completion.tokens[1]
        if not isinstance(asked, int) or not CAP_LEAST <= generated < asked:
            return
        if generated in self._ends or len(self._ends) < CAP_COUNTS:
            shown = f"{generated} tokens of {asked}, finish_reason {completion.finish_reason}"
            self._ends.setdefault(generated, Sightings(cause=CAP)).add(place, shown)

    def findings(self) -> Iterator[Finding]:
        """The cap, if the largest count is that of many answers."""
        most = max(self._ends, default=0)
        if most and self._ends[most].count >= max(CAP_ANSWERS, CAP_SHARE * self._looked):
            yield self._ends[most].finding(self._looked, Rule(), tokens=most)


def _least(text: str) -> float:
    """Tokens that a long text has at least; 0 for what is short, or repeats few signs, which tokenizers join."""
    if len(text) < LONG or len(set(text)) < FEW_SIGNS:
        return 0.0
    return max(len(text) / CHARACTERS_MOST, 0.4 * of_text(text[:20_000]).expected)
