"""Usage: there in both modes, adding up, the same for the same prompt, and growing by what an addition costs.

Every prompt says where it is from, so that no other probe's prompt is its beginning: what a cache does to the counts
shows only where a probe repeats its own prompt.
"""

from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.precheck.ask import MODES, ask
from benchmarks.precheck.causes import PROMPT_MISCOUNTED, USAGE_MISSING, ProbeCause, of_check
from benchmarks.precheck.probe import Probe, broken, holds
from benchmarks.precheck.suites import token_cases
from benchmarks.precheck.token_pattern import TOKENIZER_DIFFERS
from benchmarks.precheck.usage import answer_of, count_of
from benchmarks.tokenizer import counter
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.profiles.thinking import thinks
from kvv_action.schema import Exchange, Score
from kvv_action.verdict.checks import usage

TOTAL_WRONG = of_check(usage.TOTAL)
# fmt: off
COMPLETION_MISCOUNTED = ProbeCause("completion tokens are miscounted",
    "count every token that was generated once: reasoning, content and calls, streamed or not")
MODES_DIFFER = ProbeCause("streamed and plain answers count the same prompt differently",
    "build the prompt and its usage at one place for both modes; do not count chunks")
PROMPT_DRIFTS = ProbeCause("the same prompt is counted differently each time",
    "count tokens that came from the prefix cache too, and name them in prompt_tokens_details.cached_tokens")
# fmt: on
OUTPUT = 16
"""`max_tokens` where only the count of the prompt is looked at."""
WORDS = 100
LEAST, MOST = 80, 120
"""Tokens that `WORDS` repetitions of " the" may cost, where a word costs about one, give or take a fifth."""
SLACK = 5
"""Tokens by which the cost of two additions may differ from twice the cost of one."""
SENTENCE = (
    "The harbour was quiet that morning, and the old ferry waited at the pier while a few people with bags and "
    "bicycles came down the hill, talking about the weather, the price of bread and the long way home"
)
LONGEST_TOKEN = 16
"""Characters of an answer for each token at most; words of plain English take one or two tokens."""

TEXTS = (
    "The first of three short texts. Reply with exactly: OK",
    "第二段文字：北京有2154万人口，面积16410.5平方公里。请只回答 OK",
    "Third:\tdef f(x):\n        return x['café'] // 1234567  # naïve — don't\nReply with exactly: OK",
)
"""Texts that tokenizers split differently: Chinese, groups of digits, white space, accents, apostrophes."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    for name, stream in MODES:
        request = ask(profile, f"Usage, {name}. Reply with exactly: OK", stream=stream, max_tokens=OUTPUT)
        yield Probe(id=f"tokens.usage.{name}", requests=(request,), judge=_adds_up)
    texts = [f"Growth. Reply with exactly: OK{' the' * count}" for count in (0, WORDS, 2 * WORDS)]
    grown = tuple(ask(profile, text, stream=False, max_tokens=OUTPUT) for text in texts)
    yield Probe(id="tokens.growth", requests=grown, judge=partial(_grows, profile.word_tokens))
    yield _same_in_both_modes(profile)
    again = ask(profile, "The same text twice. Reply with exactly: OK", stream=False, max_tokens=OUTPUT)
    judge = partial(_equal, "the first time", "the second time", PROMPT_DRIFTS)
    yield Probe(id="tokens.stable", requests=(again, again), judge=judge, tier="standard")
    for name, stream in MODES:
        request = ask(profile, f"Reply with exactly: {SENTENCE}, {name}.", stream=stream)
        yield Probe(
            id=f"tokens.completion.{name}",
            requests=(request,),
            judge=partial(_plausible, thinks(profile.thinking, None)),
            tier="standard",
        )
    yield from token_cases.probes(profile, options)
    yield from _absolute(profile, options)


def _same_in_both_modes(profile: Profile) -> Probe:
    """Two prompts that differ in one letter, so that the second is not in any cache."""
    requests = tuple(
        ask(profile, f"Text {letter}. Reply with exactly: OK", stream=stream, max_tokens=OUTPUT)
        for letter, (_, stream) in zip("AB", MODES, strict=True)
    )
    judge = partial(_equal, "streamed", "plain", MODES_DIFFER)
    return Probe(id="tokens.modes", requests=requests, judge=judge, tier="standard")


def _absolute(profile: Profile, options: Options) -> Iterator[Probe]:
    """Needs the model's tokenizer: what the template adds must not depend on the text."""
    if not options.tokenizer:
        return
    count = counter(options.tokenizer)
    requests = tuple(ask(profile, text, stream=False, max_tokens=OUTPUT) for text in TEXTS)
    judge = partial(_same_overhead, tuple(map(count, TEXTS)))
    yield Probe(id="tokens.tokenizer", requests=requests, judge=judge, tier="standard")


def _prompts(exchanges: Sequence[Exchange], wanted: int) -> list[int] | Score:
    """The prompt tokens of every answer, or what is wrong with them.

    Raises:
        Undecided: a request has no answer.
    """
    counts = [count_of(answer_of(exchange), "prompt_tokens") for exchange in exchanges]
    if len(counts) != wanted:
        raise Undecided(f"{len(counts)} of {wanted} requests were answered")
    there = [count for count in counts if count]
    return there if len(there) == wanted else broken("usage holds no prompt_tokens", USAGE_MISSING)


def _adds_up(exchanges: Sequence[Exchange]) -> Score:
    """Three positive numbers, the third the sum of the others."""
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    prompt, completion = count_of(answer, "prompt_tokens"), count_of(answer, "completion_tokens")
    missing = [name for name, count in (("prompt_tokens", prompt), ("completion_tokens", completion)) if count is None]
    if missing or prompt is None or completion is None:
        return broken(f"usage holds no {' and no '.join(missing)}", USAGE_MISSING)
    if not prompt:
        return broken("prompt_tokens is 0", PROMPT_MISCOUNTED)
    if not completion:
        return broken("completion_tokens is 0", COMPLETION_MISCOUNTED)
    total = count_of(answer, "total_tokens")
    if total != prompt + completion:
        return broken(f"total_tokens is {total}, prompt and completion are {prompt} + {completion}", TOTAL_WRONG)
    return holds(f"prompt {prompt}, completion {completion}")


def _equal(first: str, second: str, cause: ProbeCause, exchanges: Sequence[Exchange]) -> Score:
    counts = _prompts(exchanges, 2)
    if isinstance(counts, Score):
        return counts
    if counts[0] != counts[1]:
        return broken(f"prompt_tokens is {counts[0]} {first}, {counts[1]} {second}", cause)
    return holds(f"{counts[0]} prompt tokens both times")


def _grows(each: float, exchanges: Sequence[Exchange]) -> Score:
    """By what so many words cost (`word_tokens` of the profile), and twice that for twice as many."""
    counts = _prompts(exchanges, 3)
    if isinstance(counts, Score):
        return counts
    once, twice = counts[1] - counts[0], counts[2] - counts[0]
    least, most = round(LEAST * each), round(MOST * each)
    if not least <= once <= most:
        return broken(f"{WORDS} more words cost {once} prompt tokens, expected {least} to {most}", PROMPT_MISCOUNTED)
    if abs(twice - 2 * once) > SLACK:
        return broken(f"{WORDS} more words cost {once} prompt tokens, twice as many {twice}", PROMPT_MISCOUNTED)
    return holds(f"{WORDS} more words cost {once} prompt tokens, twice as many {twice}")


def _plausible(thinking: bool, exchanges: Sequence[Exchange]) -> Score:
    """Completion tokens against the characters that came; thoughts that were not handed over may have cost more."""
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    count, size = count_of(answer, "completion_tokens"), len(answer.content) + len(answer.reasoning)
    if count is None:
        return broken("usage holds no completion_tokens", USAGE_MISSING)
    if size < len(SENTENCE) // 2:
        raise Undecided(f"the answer is too short to judge ({size} characters)")
    hidden = thinking and not answer.reasoning
    if count * LONGEST_TOKEN < size or (count > size and not hidden):
        return broken(f"completion_tokens is {count} for {size} characters of text", COMPLETION_MISCOUNTED)
    return holds(f"completion_tokens is {count} for {size} characters of text")


def _same_overhead(texts: Sequence[int], exchanges: Sequence[Exchange]) -> Score:
    counts = _prompts(exchanges, len(texts))
    if isinstance(counts, Score):
        return counts
    added = [count - text for count, text in zip(counts, texts, strict=True)]
    if len(set(added)) > 1 or added[0] <= 0:
        shown = ", ".join(f"{count} for a text of {text}" for count, text in zip(counts, texts, strict=True))
        return broken(f"prompt_tokens is {shown}", TOKENIZER_DIFFERS)
    return holds(f"the template adds {added[0]} tokens to each of {len(texts)} texts")
