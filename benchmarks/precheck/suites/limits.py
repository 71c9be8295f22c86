"""Limits: max_tokens and stop hold, long prompts arrive whole or are refused, concurrent answers stay apart.

Long prompts are sized for their cost: 8,000 tokens at smoke, 32,000 at standard, 96,000 at full (or what fits into a
smaller context window). A window of 262,144 or more is not filled: one such prompt would cost more than all other
probes together. No body is larger than 200,000 characters.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import cycle, islice

from benchmarks.precheck.again import TRIES, ProbeFinding, asked_again, judged, open_after, quoted, whole, with_control
from benchmarks.precheck.ask import MODES, ask, cap, user
from benchmarks.precheck.causes import PLAIN_EMPTY, ProbeCause
from benchmarks.precheck.picture import number
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, refused, weighed
from benchmarks.precheck.suites.streaming import NUMBERS
from benchmarks.precheck.suites.tokens import COMPLETION_MISCOUNTED
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Message, Request, Score, Severity, Thinking

MAX_TOKENS_IGNORED = ProbeCause(
    cause="max_tokens is not kept",
    remedy="end generation at max_tokens, reasoning included; check that the gateway passes it on under this name",
)
FINISH_WRONG = ProbeCause(
    cause="an answer that was cut off does not say so",
    remedy="report finish_reason length when max_tokens ended the answer: clients take stop for a whole one",
)
STOP_IGNORED = ProbeCause(
    cause="stop sequences are not kept",
    remedy="end content before the stop sequence and leave it out (vLLM: include_stop_str_in_output false)",
)
STOP_REFUSED = ProbeCause(
    cause="stop sequences are refused",
    remedy="accept stop as a list of up to five short texts",
)
PROMPT_CUT = ProbeCause(
    cause="long prompts are cut silently",
    remedy="refuse a prompt that is too long with HTTP 400; check truncation settings of gateway and engine",
)
NEEDLE_LOST = ProbeCause(
    cause="the beginning of a long prompt does not reach the model",
    remedy="check attention and KV-cache settings for long inputs (window, eviction, RoPE scaling), and truncation",
)
PARTIAL_REFUSED = ProbeCause(
    cause="an answer that the client begins is refused",
    remedy="accept a last assistant message with partial: true, and go on from it (Partial Mode)",
)
ANSWERS_MIXED = ProbeCause(
    cause="concurrent requests get each other's answers",
    remedy="check cache keys and batch slots: this leaks one customer's text to another",
)

LIMIT = 32
WIDEST, USUAL = 16, 8
"""Characters of a token at most, and of most tokens: to judge a text beside its usage, or without it."""
STOP = "HALT"
BEFORE, AFTER = "alpha bravo charlie", "delta echo foxtrot"
WORDS = "the sun is over the hill and the river runs down to the sea while we sit here "
LETTERS = "a b c d e f g h i j k l m n o p q r s t u v w x y z "
"""Fillers whose words are a token each."""
SIZES = (("8k", 8_000, "smoke", WORDS), ("32k", 32_000, "standard", WORDS), ("96k", 96_000, "full", LETTERS))
"""Name, tokens, tier and filler; letters keep the largest one below 200,000 characters."""
LEAST = 500
"""Tokens of the smallest long prompt, for a profile with next to no window."""
ARRIVED = 0.9
"""Share of the filler's tokens that must be counted."""
TOGETHER = 6
ANIMALS = ("otter", "heron", "lynx", "badger", "falcon", "marten")
TOO_LONG = (*REFUSALS, 413)
"""Statuses that refuse a prompt for its length."""


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
        control = ask(profile, text, stream=stream, thinking=thinking)
        yield with_control(probe, control, "the same request without stop")
    yield from _long_prompts(profile)
    yield _concurrent(profile)
    yield _begun(profile, Severity.WARNING if options.contract == "official" else Severity.INFORMATION)


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


def _long_prompts(profile: Profile) -> Iterator[Probe]:
    room = (profile.context_window or SIZES[-1][1] * 2) - cap(profile) - 1000
    for name, size, tier, words in SIZES:
        tokens = max(min(size, room), LEAST)
        filler = " ".join(islice(cycle(words.split()), tokens))
        needle = f"{ANIMALS[0]}-{number(name)}"
        text = (
            f"Reply with exactly: {needle}\n\nWhat follows is filler without meaning; do not repeat it.\n\n"
            f"{filler}\n\nThat was the filler. Do what the very first line says."
        )
        request, look = ask(profile, text), partial(_arrived, needle, tokens)
        yield Probe(
            id=f"limits.long-prompt.{name}",
            requests=(request,),
            judge=partial(judged, look),
            then=partial(_asked_more, look, request),
            at_most=TRIES - 1,
            tier=tier,
        )


def _asked_more(look: partial[ProbeFinding | str], request: Request, exchanges: Sequence[Exchange]) -> Request | None:
    return request if len(exchanges) < TRIES and open_after(look, exchanges[-1]) else None


def _concurrent(profile: Profile) -> Probe:
    names = tuple(f"{animal}-{number(animal)}" for animal in ANIMALS[:TOGETHER])
    requests = tuple(
        ask(profile, f"This is about one animal. Reply with exactly: {name}", stream=bool(place % 2))
        for place, name in enumerate(names)
    )
    return Probe(id="limits.concurrent", requests=requests, judge=partial(_apart, names), together=True)


def _limited(exchanges: Sequence[Exchange]) -> Score:
    """Ended after `LIMIT` tokens, and said so; what was asked for is many times as long."""
    if not exchanges:
        raise Undecided("there is no answer")
    answer = answer_of(exchanges[0])
    count, size = count_of(answer, "completion_tokens"), len(answer.content) + len(answer.reasoning)
    if size > LIMIT * WIDEST:
        return broken(f"{size} characters came for max_tokens {LIMIT}", MAX_TOKENS_IGNORED)
    if count is not None and count > LIMIT:
        cause = COMPLETION_MISCOUNTED if 0 < size <= USUAL * LIMIT else MAX_TOKENS_IGNORED
        return broken(f"completion_tokens is {count} for max_tokens {LIMIT} ({size} characters)", cause)
    if answer.finish_reason != "length":
        return broken(f"the answer was cut off, finish_reason is {answer.finish_reason}", FINISH_WRONG)
    return holds(f"{count} tokens, finish_reason length")


def _stopped(answer: Completion) -> ProbeFinding | str:
    """Ended before the stop sequence."""
    beyond = [word for word in (STOP, *AFTER.split()) if word in answer.content]
    if beyond:
        return ProbeFinding(explanation=f"content goes on: {quoted(answer.content)}", cause=STOP_IGNORED)
    if answer.content.strip().lower().startswith(BEFORE.split()[0]):
        return f"content ended before {STOP}"
    if answer.reasoning and not answer.content.strip():
        return f"the answer ended inside its reasoning, where {STOP} came up"
    if not answer.content.strip():
        return ProbeFinding(explanation="the answer holds no text", cause=PLAIN_EMPTY, slip=True)
    raise Undecided(f"something else was answered: {quoted(answer.content)}")


def _arrived(needle: str, tokens: int, exchange: Exchange) -> ProbeFinding | str:
    """The whole prompt was counted and its first line followed, or it was refused.

    Raises:
        Undecided: neither can be said.
    """
    if exchange.rejection is not None and exchange.rejection.status in TOO_LONG:
        return f"a prompt of {tokens} tokens is refused clearly: {refused(exchange)}"
    answer = answer_of(exchange)
    count, found = count_of(answer, "prompt_tokens"), needle in answer.content
    if count and count < ARRIVED * tokens:
        lost = "" if found else "; its first line was not followed"
        return ProbeFinding(explanation=f"{count} of about {tokens} prompt tokens were counted{lost}", cause=PROMPT_CUT)
    if found:
        return f"{count} prompt tokens, the first line was followed"
    said = quoted(whole(exchange).content)
    return ProbeFinding(
        explanation=f"the first line of {tokens} tokens was not followed: {said}", cause=NEEDLE_LOST, slip=True
    )


def _apart(names: Sequence[str], exchanges: Sequence[Exchange]) -> Score:
    """Every request got its own word."""
    said = [answer_of(exchange) for exchange in exchanges]
    if len(said) != len(names):
        raise Undecided(f"{len(said)} of {len(names)} requests were answered")
    foreign = [
        (own, other)
        for own, answer in zip(names, said, strict=True)
        for other in names
        if other != own and (other in answer.content or other in answer.reasoning)
    ]
    if foreign:
        own, other = foreign[0]
        return broken(f"{len(foreign)} foreign words came; who asked for {own} got {other}", ANSWERS_MIXED)
    missing = [own for own, answer in zip(names, said, strict=True) if own not in answer.content]
    if missing:
        raise Undecided(f"{len(missing)} of {len(names)} answers hold no word at all")
    return holds(f"{len(names)} concurrent requests, each with its own answer")
