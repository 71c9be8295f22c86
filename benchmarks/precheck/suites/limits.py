"""Limits: max_tokens and stop hold, prompts of some thousand tokens arrive whole, concurrent answers stay apart.

Prompts of 8,500 tokens at smoke and 34,000 at standard: just above windows of 8,192 and 32,768, which a deployment may
have been given instead of the model's own. The suite `sizes` has longer ones.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

from benchmarks.precheck.again import (
    TRIES,
    ProbeFinding,
    ProbeRefusal,
    asked_again,
    defect,
    must_refuse,
    quoted,
    slip,
    with_control,
)
from benchmarks.precheck.ask import MODES, ask, user
from benchmarks.precheck.burst import AT_ONCE, at_once
from benchmarks.precheck.causes import PLAIN_EMPTY, ProbeCause
from benchmarks.precheck.long_prompt import WORDS, long_prompt
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, refused, weighed
from benchmarks.precheck.suites.streaming import NUMBERS
from benchmarks.precheck.suites.tokens import COMPLETION_MISCOUNTED
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.benchmark import Options
from kvv_action.digits import counted
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile, RightRefusal
from kvv_action.schema import Completion, Exchange, Message, Score, Severity, Thinking

# fmt: off
MAX_TOKENS_IGNORED = ProbeCause("max_tokens is not kept",
    "end generation at max_tokens, reasoning included; check that the gateway passes it on under this name")
FINISH_WRONG = ProbeCause("an answer that was cut off does not say so",
    "report finish_reason length when max_tokens ended the answer: clients take stop for a whole one")
STOP_IGNORED = ProbeCause("stop sequences are not kept",
    "end content before the stop sequence and leave it out (vLLM: include_stop_str_in_output false)")
STOP_REFUSED = ProbeCause("stop sequences are refused",
    "accept stop as a list of up to five short texts")
PARTIAL_REFUSED = ProbeCause("an answer that the client begins is refused",
    "accept a last assistant message with partial: true, and go on from it (Partial Mode)")
OUTPUT_CAPPED = ProbeCause("the largest max_tokens of the model is refused",
    "allow as many output tokens as the model's own API: raise the limit of the gateway or the engine")
OUTPUT_UNCHECKED = ProbeCause("more max_tokens than the model's own API allows are accepted",
    "answer HTTP 400 as the official API does: a client cannot see that its limit was replaced")
# fmt: on
QUESTION = "Reply with exactly: OK"
LIMIT = 32
WIDEST, USUAL = 16, 8
"""Characters of a token at most, and of most tokens: to judge a text beside its usage, or without it."""
_COUNTING = re.compile(r"1\W+2\W+3")
"""How an answer with the numbers begins, whatever stands between them."""
STOP = "HALT"
BEFORE, AFTER = "alpha bravo charlie", "delta echo foxtrot"
SIZES = (("8k", 8_500, "smoke"), ("32k", 34_000, "standard"))
"""Name, tokens and tier of the prompts."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    for name, stream in MODES:
        limited = ask(profile, NUMBERS, stream=stream, max_tokens=LIMIT)
        tier = "smoke" if stream else "standard"
        yield Probe(id=f"limits.max-tokens.{name}", requests=(limited,), judge=_limited, tier=tier)
    renamed = replace(ask(profile, NUMBERS), body={"max_completion_tokens": LIMIT})
    yield Probe(id="limits.max-completion-tokens", requests=(renamed,), judge=_limited, tier="full")
    for name, stream in MODES:
        thinking = Thinking.OFF if profile.thinking.switchable else Thinking.UNSET
        text = f"Reply with exactly: {BEFORE} {STOP} {AFTER}"
        request = ask(profile, text, stream=stream, thinking=thinking, stop=[STOP])
        tier = "smoke" if stream else "standard"
        probe = asked_again(f"limits.stop.{name}", request, _stopped, refusal=STOP_REFUSED, tier=tier)
        yield with_control(probe, ask(profile, text, stream=stream, thinking=thinking), "the same request without stop")
    for name, tokens, tier in SIZES:
        prompt = long_prompt(profile, name, tokens, tries=TRIES, filler=WORDS)
        yield prompt.probe(f"limits.long-prompt.{name}", tier)
    yield at_once(profile, "limits.concurrent", AT_ONCE[options.tier])
    official = options.contract == "official"
    promised = official and not profile.may_refuse(RightRefusal.BEGUN_ANSWERS)
    yield _begun(profile, Severity.WARNING if promised else Severity.INFORMATION)
    if profile.output_limit is not None:
        yield from _output(profile, profile.output_limit, official=official)


def _output(profile: Profile, limit: int, *, official: bool) -> Iterator[Probe]:
    """The largest `max_tokens` of the model's API is accepted; a larger one is refused if the API refuses it."""
    whole, more = (ask(profile, QUESTION, stream=False, max_tokens=tokens) for tokens in (limit, limit + 1))
    yield asked_again(
        "limits.output-limit", whole, _says_anything, refusal=ProbeRefusal(cause=OUTPUT_CAPPED), tier="smoke"
    )
    if official and profile.may_refuse(RightRefusal.LONG_OUTPUT):
        judge = must_refuse(f"max_tokens {limit + 1}", f"max_tokens {limit}", OUTPUT_UNCHECKED)
        yield Probe(id="limits.output-limit-refused", requests=(whole, more), judge=judge, tier="standard")


def _says_anything(answer: Completion) -> ProbeFinding | str:
    return f"answered {quoted(answer.content)}"


def _begun(profile: Profile, level: Severity) -> Probe:
    """The same conversation without and with the beginning of the answer (Partial Mode)."""
    question = user(f"Reply with exactly: {BEFORE}")
    start: Message = {"role": "assistant", "content": BEFORE.split()[0], "partial": True}
    requests = tuple(ask(profile, messages, stream=False) for messages in ((question,), (question, start)))
    return Probe(id="limits.partial-prefill", requests=requests, judge=partial(_goes_on, level), tier="full")


def _goes_on(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    """Whether an answer that was begun is taken; how it goes on is the model's choice."""
    if len(exchanges) != 2 or exchanges[0].completion is None:
        raise Undecided("the conversation is not accepted without a beginning, so nothing can be said about one")
    if exchanges[1].rejection is None:
        return holds(f"goes on with {quoted(answer_of(exchanges[1]).content)}")
    if exchanges[1].rejection.status not in REFUSALS:
        raise Undecided(f"a begun answer got {refused(exchanges[1])}, which is no refusal of it")
    return weighed(broken(f"refused: {refused(exchanges[1])}", PARTIAL_REFUSED), level)


def _limited(exchanges: Sequence[Exchange]) -> Score:
    """Ended after `LIMIT` tokens, and said so; what was asked for is many times as long.

    Raises:
        Undecided: there is no answer, or the model said something shorter and came to its end.
    """
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    count, size = count_of(answer, "completion_tokens"), len(answer.content) + len(answer.reasoning)
    if size > LIMIT * WIDEST:
        return broken(f"{size} characters came for max_tokens {LIMIT}", MAX_TOKENS_IGNORED)
    if count is not None and count > LIMIT:
        cause = COMPLETION_MISCOUNTED if 0 < size <= USUAL * LIMIT else MAX_TOKENS_IGNORED
        return broken(f"completion_tokens is {count} for max_tokens {LIMIT} ({size} characters)", cause)
    if answer.finish_reason == "stop" and (count or LIMIT) < LIMIT and _is_another(answer.content):
        raise Undecided(f"something else was answered, in {count} tokens: {quoted(answer.content)}")
    if answer.finish_reason != "length":
        return broken(f"the answer was cut off, finish_reason is {answer.finish_reason}", FINISH_WRONG)
    told = "no number of tokens" if count is None else counted(count, "token")
    return holds(f"{told}, finish_reason length")


def _is_another(text: str) -> bool:
    """Whether a text is not the beginning of the numbers that were asked for."""
    return bool(text.strip()) and not _COUNTING.search(text)


def _stopped(answer: Completion) -> ProbeFinding | str:
    """Ended before the stop sequence."""
    beyond = [word for word in (STOP, *AFTER.split()) if word in answer.content]
    if beyond:
        return defect(f"content goes on: {quoted(answer.content)}", STOP_IGNORED)
    if BEFORE.split()[0] in answer.content.lower():
        return f"content ended before {STOP}"
    if answer.reasoning and not answer.content.strip():
        return f"the answer ended inside its reasoning, where {STOP} came up"
    if not answer.content.strip():
        return slip("the answer holds no text", PLAIN_EMPTY)
    raise Undecided(f"something else was answered: {quoted(answer.content)}")
