"""The prefix cache: the same long beginning again must get the same kind of answer, and the same count of tokens."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from benchmarks.precheck.ask import ask
from benchmarks.precheck.calls import WEATHER
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.long_prompt import WORDS
from benchmarks.precheck.picture import number
from benchmarks.precheck.probe import Probe, broken, holds, refused, weighed
from benchmarks.precheck.usage import count_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Exchange, Request, Score, Severity

REPEATS = 120
"""How often the filler stands in the prefix: about 2,200 tokens, more than a block of any cache."""
PAIRS: Mapping[int, int] = {0: 3, 1: 2}
"""Places of a first request and of the same one again, which finds its prefix in the cache."""
TEXT, CALL, EMPTY, THOUGHT, CUT = "a text", "a call", "an empty answer", "reasoning alone", "cut off"
WANTED: Mapping[int, str] = {0: TEXT, 1: CALL}
DRIFT = 8
"""Tokens by which the counts of the same prompt may differ."""

# fmt: off
CACHE_BREAKS = ProbeCause("a cache hit changes the answer",
    "ask with prefix caching turned off; then look at what the cache keys leave out, and at templates and parsers "
    "that only see the new part of a prompt (vLLM: --no-enable-prefix-caching; SGLang: --disable-radix-cache; "
    "TensorRT-LLM: enable_block_reuse; LiteLLM: cache)")
CACHE_UNCOUNTED = ProbeCause("a cache hit changes the count of prompt tokens",
    "count the whole prompt in prompt_tokens; prompt_tokens_details.cached_tokens says how much was cached")
# fmt: on


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """A text and a call behind the same prefix, and both again."""
    del options
    word = f"otter-{number('cache')}"
    prefix = f"These are notes without meaning; do not repeat them.\n\n{WORDS * REPEATS}\n\nThat was all.\n\n"
    text = ask(profile, f"{prefix}Reply with exactly: {word}", tools=[WEATHER])
    call = ask(profile, f"{prefix}Use the tool get_weather for the city Oslo.", tools=[WEATHER])
    requests = (text, call, call, text)
    yield Probe(
        id="cache.kinds",
        requests=requests,
        judge=_same_kinds,
        then=partial(_once_more, requests),
        at_most=len(PAIRS),
        tier="standard",
    )


def _kind(exchange: Exchange) -> str:
    """What an answer is."""
    answer = exchange.completion
    if answer is None:
        return f"a refusal ({refused(exchange)})"
    if answer.tool_calls:
        return CALL
    if answer.finish_reason == "length":
        return CUT
    return TEXT if answer.content.strip() else THOUGHT if answer.reasoning else EMPTY


def _changed(exchanges: Sequence[Exchange]) -> list[int]:
    """The places of first requests that got what they asked for, and something else when they were sent again."""
    kinds = [_kind(exchange) for exchange in exchanges]
    return [
        first
        for first, again in PAIRS.items()
        if kinds[first] == WANTED[first] and kinds[again] not in (WANTED[first], CUT)
    ]


def _once_more(requests: Sequence[Request], exchanges: Sequence[Exchange]) -> Request | None:
    """Each of those once more: an answer of another kind may be the model's own choice."""
    if len(exchanges) < len(requests):
        return None
    left = _changed(exchanges)[len(exchanges) - len(requests) :]
    return requests[left[0]] if left else None


def _same_kinds(exchanges: Sequence[Exchange]) -> Score:
    """Whether requests got the same kind of answer again.

    Raises:
        Undecided: a first request was not answered.
    """
    if len(exchanges) < 2 * len(PAIRS) or any(exchanges[first].completion is None for first in PAIRS):
        raise Undecided("a request with a long prefix is not answered the first time either")
    for first, once_more in zip(_changed(exchanges), exchanges[2 * len(PAIRS) :], strict=False):
        if _kind(once_more) not in (WANTED[first], CUT):
            told = f"{_kind(exchanges[first])} at first, then {_kind(exchanges[PAIRS[first]])}, then {_kind(once_more)}"
            return broken(f"the same request got {told}", CACHE_BREAKS)
    return _counts(exchanges)


def _counts(exchanges: Sequence[Exchange]) -> Score:
    for first, again in PAIRS.items():
        counts = [
            count_of(answer, "prompt_tokens") for place in (first, again) if (answer := exchanges[place].completion)
        ]
        known = [count for count in counts if count is not None]
        if len(known) > 1 and abs(known[0] - known[1]) > DRIFT:
            told = f"the same prompt has {known[0]} tokens, then {known[1]}"
            return weighed(broken(told, CACHE_UNCOUNTED), Severity.WARNING)
    return holds(f"the same kinds of answers with a cached prefix: {', '.join(map(_kind, exchanges))}")
