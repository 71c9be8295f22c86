"""Counts of tokens that contradict the text, and limits that show only in counts."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from kvv_action.causes import Cause
from kvv_action.digits import counted
from kvv_action.plan.tokens import expected, most_expected
from kvv_action.schema import Completion, Place, Severity
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, SeenFinding, Sightings, Sign

LONG = 400
"""Characters from which a text is long enough to compare its length with a count of tokens."""
CHARACTERS_MOST = 16
"""Characters of prose that no tokenizer puts into one token on average."""
EXPECTED_LEAST = 0.4
"""Share of what is reckoned that any tokenizer needs."""
FEW_SIGNS = 16
SLACK = 16
"""Tokens of markers around content and calls."""
CACHE_FIELDS = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens")
"""Where Moonshot, DeepSeek and Anthropic's gateways count what came from a cache."""
MEASURED = 20_000
"""Characters of which tokens are reckoned."""
LEAST_THOUGHT = 40
"""Characters of thinking that are at least a token."""
TAKEN_OUT = re.compile(r"\[redacted: (\d+) characters")
CONSTANT_COUNTS = 1000
"""Different counts that are watched: one that nearly all answers have is among the first."""
CONSTANT_ANSWERS, CONSTANT_SHARE, CONSTANT_TIMES, CONSTANT_MORE = 20, 0.8, 8, 200
"""A count says nothing: so many answers, the share of them with the same count, and by what the longest of their texts
(times, and characters more) is longer than the shortest."""
CACHED_ANSWERS, CACHED_SHARE = 10, 0.5
"""Answers, and share of all, whose prompt is said to come from a cache; engines compute at least its last token."""
CAP_COUNTS = 10_000
"""Different counts that are remembered."""
CAP_LEAST, CAP_ANSWERS, CAP_SHARE = 256, 5, 0.05
"""A cap: from so many tokens, so many different answers, and such a share of all end at exactly the same count."""

REASONING_LEFT_OUT = Cause(
    id="usage-without-reasoning",
    sentence="usage leaves the tokens of the reasoning out",
    remedy="count reasoning in completion_tokens, as OpenAI does; see whether a gateway counts again",
    explains=("length-too-early", "usage-too-few"),
)
TOO_FEW = Cause(
    id="usage-too-few",
    sentence="usage counts far fewer completion tokens than the text has",
    remedy="let the engine count; see whether a gateway counts chunks or words",
    explains=("length-too-early", "usage-without-reasoning"),
)
CACHED = Cause(
    id="usage-cached-above-prompt",
    sentence="usage says that more prompt tokens were cached than the prompt has",
    remedy="report cached tokens as a part of prompt_tokens",
)
TOTAL = Cause(
    id="total-tokens-is-not-prompt-and-completion-together",
    sentence="total_tokens is not prompt and completion together",
    remedy="report total_tokens = prompt_tokens + completion_tokens",
)
THOUGHT_MISCOUNTED = Cause(
    id="usage-reasoning-miscounted",
    sentence="reasoning_tokens contradict the answer: 0 although it has thinking, or all although it has much content",
    remedy="count the tokens of the reasoning in completion_tokens_details.reasoning_tokens, or leave that field out",
)
REPEATED = Cause(
    id="usage-repeated",
    sentence="usage comes several times in a stream, and clients that add it up count too much",
    remedy="send usage once, at the end, unless stream_options.continuous_usage_stats asks for more",
)
CONSTANT = Cause(
    id="usage-constant",
    sentence="usage says the same number in nearly all answers, however long they are: {words}",
    remedy="let the engine count each request; look for a gateway that fills usage in",
    explains=(
        "usage-without-reasoning", "usage-too-few", "length-too-early", "finish-contradicts-usage", "output-capped",
        "usage-cached-above-prompt", "usage-reasoning-miscounted",
        "total-tokens-is-not-prompt-and-completion-together",
    ),
)  # fmt: skip
CACHED_WHOLE = Cause(
    id="usage-cached-always",
    sentence="usage says that whole prompts came from a cache, also those that were sent for the first time",
    remedy="report as cached_tokens only what the prefix cache held; clients pay less for it",
)
CAP = Cause(
    id="output-capped",
    sentence="output is capped at {tokens} tokens, below what was asked for",
    remedy="raise the output limit of the engine, and of the gateway, to what the model can do",
    switches={
        "vLLM": "--max-model-len, --override-generation-config",
        "SGLang": "--context-length",
        "TensorRT-LLM": "--max_seq_len",
        "LiteLLM": "max_tokens of the model's entry",
    },
    explains=("length-too-early", "answer-in-reasoning", "answers-empty", "finish-contradicts-usage"),
)


CAUSES = (REASONING_LEFT_OUT, TOO_FEW, CACHED, TOTAL, THOUGHT_MISCOUNTED, REPEATED)
RULES = {
    **{cause.id: Rule(severity=Severity.WARNING) for cause in (CACHED, THOUGHT_MISCOUNTED, REPEATED, CACHED_WHOLE)},
    CONSTANT.id: Rule(severity=Severity.FAILURE),
}


def usage_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Counts beside the text that they count."""
    completion, tokens = answer.completion, answer.completion.tokens
    if tokens is None:
        return
    prompt, generated = tokens
    if cause := _undercount(completion, generated):
        shown = f"{counted(generated, 'token')} for {len(completion.content)} characters"
        yield Sign(cause=cause, shown=f"{shown} and {len(completion.reasoning)} of thinking")
    usage = completion.usage or {}
    cached = _detail(completion, "prompt_tokens_details", "cached_tokens")
    if not usage.keys().isdisjoint(CACHE_FIELDS):
        cached = max(cached, *(_number(usage.get(name)) for name in CACHE_FIELDS))
    if cached > prompt > 0:
        yield Sign(cause=CACHED, shown=f"{cached} cached of {prompt}")
    total = usage.get("total_tokens")
    if isinstance(total, int) and total != prompt + generated:
        yield Sign(cause=TOTAL, shown=f"total_tokens is {total}, prompt and completion are {prompt} + {generated}")
    if shown := _miscounted_thought(completion, generated):
        yield Sign(cause=THOUGHT_MISCOUNTED, shown=shown)
    if "usage-repeated" in completion.anomalies:
        yield Sign(
            cause=REPEATED,
            shown=f"{counted(generated, 'completion token')} at last, in {counted(completion.chunks, 'chunk')}",
        )


def _miscounted_thought(completion: Completion, generated: int) -> str:
    """How the tokens of the reasoning contradict its text, or that of the content; empty where they do not."""
    details = (completion.usage or {}).get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, dict) else None
    if not isinstance(thought, int) or thought > generated:
        return ""
    if thought == 0 and len(completion.reasoning) >= LEAST_THOUGHT:
        return f"0 reasoning tokens for {len(completion.reasoning)} characters of thinking"
    if thought == generated and _least(completion.content):
        return f"all {generated} tokens are reasoning, the content has {len(completion.content)} characters"
    return ""


def _undercount(completion: Completion, generated: int) -> Cause | None:
    """What a count leaves out, if it is too small for the text."""
    reasoned = _detail(completion, "completion_tokens_details", "reasoning_tokens")
    rest = completion.content
    if completion.tool_calls:
        rest += "".join(call.name + call.arguments for call in completion.tool_calls)
    content = thinking = 0.0
    if not _plainly_enough(generated, rest, completion.reasoning):
        content, thinking = _least(rest), _least(completion.reasoning)
    if generated >= content + thinking:
        if reasoned > generated:
            return REASONING_LEFT_OUT
        return TOO_FEW if not generated and rest else None
    by_rest = thinking and content <= generated <= SLACK + 2 * expected(rest[:MEASURED])
    return REASONING_LEFT_OUT if by_rest else TOO_FEW


def _detail(completion: Completion, group: str, name: str) -> int:
    """A count among the details of usage; 0 for none."""
    details = (completion.usage or {}).get(group)
    return _number(details.get(name)) if isinstance(details, dict) else 0


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


@dataclass(slots=True, kw_only=True)
class _Range:
    """Answers with one count, and the sizes of what was counted."""

    seen: Sightings
    least: int
    most: int


class ConstantCheck:
    """Finds counts that do not depend on what they count; memory is bounded."""

    def __init__(self) -> None:
        self._looked = 0
        self._counts: dict[tuple[str, int], _Range] = {}
        self._cached = Sightings(cause=CACHED_WHOLE)

    def see(self, place: Place, completion: Completion, request: str) -> None:
        """Look at the counts of one answer."""
        tokens = completion.tokens
        if tokens is None:
            return
        self._looked += 1
        prompt, generated = tokens
        texts = (completion.content, completion.reasoning, *(call.arguments for call in completion.tool_calls))
        self._count(place, "completion_tokens", generated, sum(map(_size, texts)))
        self._count(place, "prompt_tokens", prompt, _size(request))
        if _detail(completion, "prompt_tokens_details", "cached_tokens") == prompt > 0:
            self._cached.add(place, f"all {prompt} prompt tokens are cached")

    def _count(self, place: Place, name: str, number: int, size: int) -> None:
        known = self._counts.get((name, number))
        if known is None and len(self._counts) < CONSTANT_COUNTS:
            known = self._counts[name, number] = _Range(seen=Sightings(cause=CONSTANT), least=size, most=size)
        if known is not None:
            known.seen.add(place, f"{name} {number}", name)
            if not known.least <= size <= known.most:
                known.least, known.most = min(known.least, size), max(known.most, size)

    def findings(self) -> Iterator[SeenFinding]:
        """The number that nearly all answers have, and caches that hold everything."""
        for known in self._counts.values():
            often = known.seen.count >= max(CONSTANT_ANSWERS, CONSTANT_SHARE * self._looked)
            if often and known.most >= CONSTANT_TIMES * known.least + CONSTANT_MORE:
                yield known.seen.seen(self._looked, RULES[CONSTANT.id])
                break
        if self._cached.count >= max(CACHED_ANSWERS, CACHED_SHARE * self._looked):
            yield self._cached.seen(self._looked, RULES[CACHED_WHOLE.id])


def _size(text: str) -> int:
    """Characters of a text, also of one that was taken out."""
    taken_out = TAKEN_OUT.match(text) if text.startswith("[") else None
    return int(taken_out[1]) if taken_out else len(text)


class CapCheck:
    """Finds a limit of the server by the count at which many answers end; memory is bounded."""

    def __init__(self) -> None:
        self._looked = 0
        self._ends: dict[int, Sightings] = {}
        self._by_length: Counter[int] = Counter()
        self._texts: dict[int, set[int]] = {}

    def see(self, place: Place, completion: Completion, asked: object) -> None:
        """Look at the count of one answer; `asked` is the limit that was asked for."""
        tokens = completion.tokens
        if tokens is None:
            return
        self._looked += 1
        generated = tokens[1]
        if not isinstance(asked, int) or not CAP_LEAST <= generated < asked or completion.finish_reason == "tool_calls":
            return  # a call that is whole was not cut
        if generated in self._ends or len(self._ends) < CAP_COUNTS:
            shown = f"{counted(generated, 'token')} of {asked}, finish_reason {completion.finish_reason}"
            if (known := self._ends.get(generated)) is None:
                known = self._ends[generated] = Sightings(cause=CAP)
            known.add(place, shown)
            self._by_length[generated] += completion.finish_reason == "length"
            texts = self._texts.setdefault(generated, set())
            if len(texts) < CAP_ANSWERS:
                texts.add(hash((completion.content, completion.reasoning)))

    def findings(self) -> Iterator[SeenFinding]:
        """The cap: where most of those end that length ended, or the largest count of all, if many answers have it."""
        by_length = max(self._by_length, key=lambda tokens: (self._by_length[tokens], tokens), default=0)
        for tokens in (by_length, max(self._ends, default=0)):
            if len(self._texts.get(tokens, ())) < CAP_ANSWERS:
                continue  # the same text has the same number of tokens
            if self._ends[tokens].count >= CAP_SHARE * self._looked:
                yield self._ends[tokens].seen(self._looked, Rule(), tokens=tokens)
                return


def _plainly_enough(generated: int, *texts: str) -> bool:
    """Whether a count is certainly large enough for the texts; quicker than `_least`, which decides the others."""
    sizes = [len(text) for text in texts]
    if generated >= sum([max(size / CHARACTERS_MOST, EXPECTED_LEAST * min(size, MEASURED)) for size in sizes]):
        return True
    bounds = [max(len(text) / CHARACTERS_MOST, EXPECTED_LEAST * most_expected(text[:MEASURED])) for text in texts]
    return generated >= sum(bounds)


def _least(text: str) -> float:
    """Tokens that a long text has at least; 0 for what is short, or repeats few signs, which tokenizers join."""
    if len(text) < LONG or len(set(text[:MEASURED])) < FEW_SIGNS:
        return 0.0
    return max(len(text) / CHARACTERS_MOST, EXPECTED_LEAST * expected(text[:MEASURED]))
