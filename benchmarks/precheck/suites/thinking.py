"""Thinking: there when asked for, absent when turned off, kept in the history, growing with the effort.

What cuts thinking, a limit or a stop sequence, must not turn it into content.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

from benchmarks.precheck.again import (
    ProbeFinding,
    ProbeRefusal,
    asked_again,
    defect,
    must_refuse,
    quoted,
    refusal_of,
    slip,
)
from benchmarks.precheck.ask import MODES, ask, cap, user
from benchmarks.precheck.calls import TOOLS_REFUSED, WEATHER, about_weather, answered, result
from benchmarks.precheck.causes import THINKING_LOST, THINKING_REFUSED, THINKING_STUCK, ProbeCause, of_check
from benchmarks.precheck.plain_form import Controlled
from benchmarks.precheck.probe import REFUSALS, Judge, Probe, broken, completions, holds, informs, refused, weighed
from benchmarks.precheck.usage import answer_of
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile, RightRefusal
from kvv_action.profiles.thinking import OFFICIAL, think_body
from kvv_action.schema import Completion, Exchange, Json, Message, Request, Score, Severity, Thinking, ToolCall
from kvv_action.verdict.checks import filing

# fmt: off
UNTAGGED = ProbeCause("thinking comes as content",
    "start the engine with the reasoning parser of this model; it must find thinking that no tag opens")
TAGS_LEAKED = ProbeCause("thinking markers leak into content",
    "turn the reasoning parser of this model on: content must hold neither the thinking nor its markers")
ANSWER_MISFILED = ProbeCause("the answer comes back as thinking",
    "the reasoning parser waits for an end marker that never comes: check it against the chat template")
THINKING_UNASKED = ProbeCause("the model thinks by default although it should not",
    "leave thinking off in the chat template when a request says nothing about it")
HISTORY_REFUSED = ProbeCause("thinking cannot be sent back in the history",
    "accept reasoning_content in assistant messages, with tool_calls and without")
HISTORY_DROPPED = ProbeCause("thinking in the history does not reach the model",
    "pass reasoning_content on to the chat template; across turns honour keep: all or preserve_thinking")
RESULT_UNUSED = ProbeCause("results of tools do not reach the model",
    "check how the chat template renders role tool and tool_call_id, beside reasoning_content as well")
EFFORT_REFUSED = ProbeCause("a level of thinking effort is refused",
    "accept every level of the model, as thinking.effort or thinking_effort and as reasoning_effort")
EFFORT_IGNORED = ProbeCause("thinking effort has no effect",
    "pass the effort on to the chat template: every level thinks as much as any other")
EFFORT_UNTOLD = ProbeCause("the model does not know its thinking effort",
    "render the effort into the prompt (system message of type thinking-effort), as it is asked for")
EFFORT_OUTRANKED = ProbeCause("reasoning_effort outranks thinking.effort",
    "where both are sent, thinking.effort counts")
BARE_TURN = ProbeCause("a tool turn without its reasoning is accepted while the model thinks",
    "answer HTTP 400 as the official API does: a client that drops reasoning_content does not notice otherwise")
DEFAULT_EFFORT = ProbeCause("the default thinking effort is not the model's",
    "use the model's own default when a request names no effort")
# fmt: on
CUT_THINKING = of_check(filing.CUT_THINKING)
# fmt: off
STOP_ENDS_ANSWER = ProbeCause("a stop sequence in the thinking ends the answer",
    "look for stop sequences in content alone: a client cannot know what the model thinks")
STOPPED_AS_CONTENT = ProbeCause("thinking that a stop sequence ended becomes content",
    "look for stop sequences in content alone, and file text as thinking until its end was seen")
STOP_REFUSED = ProbeCause("stop sequences are refused while the model thinks",
    "accept stop whether or not the model thinks")
# fmt: on

HISTORY = ProbeRefusal(cause=HISTORY_REFUSED, named={"reasoning": HISTORY_REFUSED, "tool": TOOLS_REFUSED})
EFFORT = ProbeRefusal(
    cause=EFFORT_REFUSED,
    named={"effort": EFFORT_REFUSED, "thinking": THINKING_REFUSED, "chat_template_kwargs": THINKING_REFUSED},
)
MARKERS = ("<think>", "</think>", "◁think▷", "◁/think▷")
SHORT_ANSWER = 200
"""Characters of an answer to `QUESTION` that holds no thinking, at most."""
QUESTION = "How many of the whole numbers from 1 to 30 are divisible by 3 or by 5? Reply with the number."
ASKS_EFFORT = "What is your current thinking_effort? Reply with its value only: low, medium, high, max or unknown."
HARD = "How many whole numbers from 1 to 500 are divisible by 3 or by 7 but have no digit 5? Reply with the number."
SAMPLES = 4
"""Answers at each level of effort; with 4, levels that do not differ are told apart by chance in 1 of 10 runs."""
MORE, SAME = 0.78, 0.6
"""Share of pairs in which the higher level thinks longer: from MORE on it does, up to SAME it does not."""
NONCE = "-17.4 degrees, station code KX5083"
STATION = "KX5083"
THOUGHTS = 60
"""Steps of a long thought; each costs at least 10 tokens in every known tokenizer."""
LEAST = 5 * THOUGHTS
CUT_AT = 64
"""`max_tokens` within which no model ends a thought of so many steps."""
LENGTHY = (
    "Think in at least 40 steps before you answer: which whole numbers from 1 to 200 are divisible by 3 or by 7 but "
    "have no digit 5? Reply with the numbers."
)
STOP, CONTENT = "HALT", "alpha bravo charlie"
THINKS_OF_STOP = (
    f"First write the word {STOP} in your thoughts, then think about which of the words {CONTENT} is the longest. "
    f"After that reply with exactly: {CONTENT}"
)
UNJUDGED = 16
"""`max_tokens` where only acceptance or usage matters."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """Nothing is asked of a model that cannot think; with think-mode none only the default is looked at."""
    rules = profile.thinking
    if not rules.supported:
        return
    for name, stream in MODES:
        tier = "standard" if stream else "smoke"
        yield _asked(profile, f"default.{name}", Thinking.UNSET, stream=stream, tier=tier)
    if options.think_mode == "none":
        return
    if think_body(rules, options.think_mode, True, "") or rules.effort_alone:
        for name, stream in MODES:
            yield _asked(profile, f"on.{name}", Thinking.ON, stream=stream, tier="smoke")
    for name, stream in MODES if think_body(rules, options.think_mode, False, "") else ():
        tier = "smoke" if rules.switchable else "full" if stream else "standard"
        yield _asked(profile, f"off.{name}", Thinking.OFF, stream=stream, tier=tier)
    yield from _history(profile)
    yield from _cut_off(profile, Severity.WARNING if options.contract == "official" else Severity.INFORMATION)
    official = options.contract == "official"
    yield from _efforts(profile, options.think_mode, Severity.FAILURE if official else Severity.INFORMATION)
    if profile.may_refuse(RightRefusal.BARE_TOOL_TURNS):
        yield _bare_turn(profile)


def _bare_turn(profile: Profile) -> Probe:
    """A tool turn of the history with its reasoning, then without, which the official API refuses.

    If a server accepts it, that is only information: it does no harm.
    """
    asked = _by_itself(profile)
    whole, bare = (_after_call(profile, thoughts=steps, stream=False, asked=asked, room=UNJUDGED) for steps in (1, 0))
    judge = must_refuse("a tool turn without reasoning", "a tool turn with its reasoning", BARE_TURN)
    return Probe(
        id="thinking.refuses-bare-tool-turn",
        requests=(whole, bare),
        judge=partial(_told, judge),
        tier="full",
    )


def _told(judge: Judge, exchanges: Sequence[Exchange]) -> Score:
    return weighed(judge(exchanges), Severity.INFORMATION)


def _asked(profile: Profile, name: str, asked: Thinking, *, stream: bool, tier: str) -> Probe:
    """A question with thinking asked for, turned off, or nothing said."""
    rules = profile.thinking
    request = ask(profile, QUESTION, stream=stream, thinking=asked, max_tokens=_room(profile))
    if asked is Thinking.OFF and not rules.switchable:
        return asked_again(f"thinking.{name}", request, _goes_on, refusal=None, tier=tier)
    refusal = THINKING_STUCK if asked is Thinking.OFF else THINKING_REFUSED
    wanted = rules.default if asked is Thinking.UNSET else asked is Thinking.ON
    unwanted = THINKING_UNASKED if asked is Thinking.UNSET else THINKING_STUCK
    thinks = _may_reason if rules.adaptive else _reasons
    check = thinks if wanted else partial(_does_not_reason, unwanted)
    return asked_again(f"thinking.{name}", request, check, refusal=refusal, tier=tier)


def _room(profile: Profile) -> int:
    """`max_tokens` that lets a model think at its highest effort and still answer."""
    return cap(profile, 4)


def _misplaced(answer: Completion) -> ProbeFinding | None:
    """Thinking in the content, or the answer in the thinking."""
    if found := _tagged(answer):
        return found
    if answer.reasoning and not answer.content.strip():
        return slip(f"content is empty, reasoning_content ends with {quoted(answer.reasoning[-60:])}", ANSWER_MISFILED)
    return None


def _tagged(answer: Completion) -> ProbeFinding | None:
    """Markers of thinking in the content."""
    marker = next((marker for marker in MARKERS if marker in answer.content), "")
    if not marker:
        return None
    return defect(f"content holds {marker}: {quoted(answer.content)}", TAGS_LEAKED)


def _reasons(answer: Completion) -> ProbeFinding | str:
    if found := _misplaced(answer):
        return found
    if not answer.reasoning.strip() and len(answer.content) > SHORT_ANSWER:
        said = f"no reasoning_content came back, and the content is no short answer: {quoted(answer.content)}"
        return slip(said, UNTAGGED)
    if not answer.reasoning.strip():
        return slip("no reasoning_content came back", THINKING_LOST)
    return f"{len(answer.reasoning)} characters of reasoning"


def _may_reason(answer: Completion) -> ProbeFinding | str:
    """As `_reasons`, of a model that need not think about a short question."""
    if not answer.reasoning.strip() and 0 < len(answer.content.strip()) <= SHORT_ANSWER:
        return _tagged(answer) or "answered at once, as a model may that decides by itself"
    return _reasons(answer)


def _does_not_reason(cause: ProbeCause, answer: Completion) -> ProbeFinding | str:
    if found := _misplaced(answer):
        return found
    if answer.reasoning.strip():
        return defect(f"reasoning came back: {quoted(answer.reasoning)}", cause)
    return "no reasoning"


def _goes_on(answer: Completion) -> ProbeFinding | str:
    """A model that may always think may refuse to stop, or think all the same."""
    if not answer.reasoning:
        return _tagged(answer) or "stopped thinking"
    return _misplaced(answer) or f"answered with {len(answer.reasoning)} characters of reasoning"


def _history(profile: Profile) -> Iterator[Probe]:
    """Thinking is sent back: in a tool-call turn, which every thinking model needs, and across turns."""
    rules = profile.thinking
    asked = _by_itself(profile)
    for name, stream in MODES:
        tier = "smoke" if stream else "standard"
        request = _after_call(profile, thoughts=2, stream=stream, asked=asked, room=_room(profile))
        yield asked_again(f"thinking.tool-turn.{name}", request, _uses_result, refusal=HISTORY, tier=tier)
        request = _second_turn(profile, thoughts=2, stream=stream, asked=asked, room=_room(profile))
        tier = "standard" if stream else "full"
        yield asked_again(f"thinking.turns.{name}", request, _says_something, refusal=HISTORY, tier=tier)
    short, long = (
        _after_call(profile, thoughts=steps, stream=False, asked=asked, room=UNJUDGED) for steps in (1, THOUGHTS + 1)
    )
    yield Probe(id="thinking.tool-turn-kept", requests=(short, long), judge=_kept, tier="standard")
    if rules.keep:
        short, long = (
            _second_turn(profile, thoughts=steps, stream=False, asked=Thinking.ON, room=UNJUDGED)
            for steps in (1, THOUGHTS + 1)
        )
        yield Probe(id="thinking.turns-kept", requests=(short, long), judge=_kept, tier="standard")


def _by_itself(profile: Profile) -> Thinking:
    """How thinking is asked for: not at all, where the model thinks by itself."""
    return Thinking.UNSET if profile.thinking.default else Thinking.ON


def _cut_off(profile: Profile, recommended: Severity) -> Iterator[Probe]:
    """Thinking that max_tokens cuts, and thinking that names a stop sequence."""
    asked = _by_itself(profile)
    for name, stream in MODES:
        request = ask(profile, LENGTHY, stream=stream, thinking=asked, max_tokens=CUT_AT)
        control = ask(profile, QUESTION, stream=stream, thinking=asked, max_tokens=_room(profile))
        yield Probe(
            id=f"thinking.cut.{name}",
            requests=(request,),
            judge=_filed,
            then=partial(_filed_again, request, control),
            at_most=2,
            tier="standard",
        )
        plain = ask(profile, THINKS_OF_STOP, stream=stream, thinking=asked, max_tokens=_room(profile))
        stopping = Controlled(
            request=_with(plain, {"stop": [STOP]}),
            control=plain,
            check=_not_stopped,
            refusal=STOP_REFUSED,
            weights={STOP_ENDS_ANSWER: recommended, STOP_REFUSED: recommended},
        )
        yield stopping.probe(f"thinking.stop.{name}", "standard" if stream else "full")


def _as_content(exchange: Exchange) -> bool:
    """Whether an answer that was cut has text in its content and no thinking."""
    answer = exchange.completion
    return bool(answer and answer.finish_reason == "length" and answer.content.strip() and not answer.reasoning.strip())


def _filed_again(request: Request, control: Request, exchanges: Sequence[Exchange]) -> Request | None:
    """The request once more, and then one whose answer is not cut, while thinking seems to be content."""
    if not _as_content(exchanges[-1]):
        return None
    return (request, control, None)[min(len(exchanges), 3) - 1]


def _filed(exchanges: Sequence[Exchange]) -> Score:
    """Thinking that was cut stands in the reasoning.

    Raises:
        Undecided: there is no answer, or none to the control.
    """
    if not exchanges:
        raise Undecided("there is no answer")
    first = answer_of(exchanges[0])
    if not all(map(_as_content, exchanges[:2])):
        where = f"{len(first.reasoning)} characters of reasoning, {len(first.content)} of content"
        return holds(f"cut after {CUT_AT} tokens: {where}")
    if len(exchanges) < 3:
        raise Undecided("thinking that was cut seems to be content, but the control has no answer")
    if not answer_of(exchanges[2]).reasoning.strip():
        return informs("no thinking comes back, whether the answer is cut or not")
    return broken(f"thinking that was cut stands in the content: {quoted(first.content)}", CUT_THINKING)


def _not_stopped(answer: Completion) -> ProbeFinding | str:
    """A stop sequence that the model only thinks of neither ends the answer nor changes its content."""
    if found := _tagged(answer):
        return replace(found, slip=True)  # the control shows it as well
    if CONTENT in answer.content.lower():
        return f"the content is whole, and {STOP} stands in {'the' if STOP in answer.reasoning else 'no'} reasoning"
    if answer.content.strip() and not answer.reasoning.strip():
        return slip(f"there is no reasoning, and content is {quoted(answer.content)}", STOPPED_AS_CONTENT)
    if not answer.content.strip() and STOP not in answer.reasoning.removesuffix(STOP):
        return slip(f"the answer ends in its reasoning: {quoted(answer.reasoning[-60:])}", STOP_ENDS_ANSWER)
    return f"something else was answered: {quoted(answer.content)}"


def _thought(steps: int) -> str:
    """A thought of so many steps."""
    return " ".join(f"Step {step}: the weather must come from the tool, so I ask it." for step in range(1, steps + 1))


def _after_call(profile: Profile, *, thoughts: int, stream: bool, asked: Thinking, room: int) -> Request:
    """A turn in which a tool was called and has answered."""
    identifier = profile.tool_call_id or "call_{name}_{index}"
    call = ToolCall(id=identifier.format(name="get_weather", index=0), name="get_weather", arguments='{"city":"Oslo"}')
    question = f"{about_weather('Oslo')} Then tell me the temperature and the station code."
    messages = [user(question), answered(call, reasoning=_thought(thoughts)), result(call, NONCE)]
    return ask(profile, messages, stream=stream, thinking=asked, tools=[WEATHER], max_tokens=room)


def _second_turn(profile: Profile, *, thoughts: int, stream: bool, asked: Thinking, room: int) -> Request:
    """A second question, after an answer that was thought about."""
    first: Message = {"role": "assistant", "content": "It is 14.", "reasoning_content": _thought(thoughts)}
    messages = [user(QUESTION), first, user("And how many of them are even? Reply with the number.")]
    return ask(profile, messages, stream=stream, thinking=asked, max_tokens=room)


def _uses_result(answer: Completion) -> ProbeFinding | str:
    if STATION not in answer.content:
        return slip(f"the answer does not name {STATION}, which the tool gave: {quoted(answer.content)}", RESULT_UNUSED)
    return "the answer uses what the tool gave"


def _says_something(answer: Completion) -> ProbeFinding | str:
    return _misplaced(answer) or f"answered {quoted(answer.content)}"


def _kept(exchanges: Sequence[Exchange]) -> Score:
    """A longer thought in the history costs more prompt tokens."""
    if len(exchanges) != 2 or exchanges[0].completion is None:
        raise Undecided("a history with a short thought is not accepted, so nothing can be said about a long one")
    if exchanges[1].rejection is not None:
        if exchanges[1].rejection.status not in REFUSALS:
            raise Undecided(f"a history with a long thought got {refused(exchanges[1])}")
        return broken(f"a long thought in the history is refused: {refused(exchanges[1])}", HISTORY_REFUSED)
    counts = [_prompt_tokens(answer) for answer in completions(exchanges)]
    if len(counts) != 2 or None in counts:
        raise Undecided("prompt_tokens is missing, so it cannot be seen whether the thinking is kept")
    short, long = (count or 0 for count in counts)
    grown = f"{THOUGHTS} more steps of thought in the history cost {long - short} prompt tokens"
    if long - short < LEAST:
        return broken(f"{grown}, expected at least {LEAST}", HISTORY_DROPPED)
    return holds(grown)


def _prompt_tokens(answer: Completion) -> int | None:
    count: Json = (answer.usage or {}).get("prompt_tokens")
    return count if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None


def _efforts(profile: Profile, mode: str, level: Severity) -> Iterator[Probe]:
    """Every level is accepted in every form, and matters."""
    rules = profile.thinking
    in_two_fields = mode in OFFICIAL and rules.in_two_fields
    for effort in rules.efforts:
        body = think_body(rules, mode, True, effort)
        yield _level(profile, f"effort={effort}", body)
        if in_two_fields:
            yield _level(profile, f"reasoning_effort={effort}", {"reasoning_effort": effort})
        if not rules.effort_untold:
            yield _told_effort(profile, effort, body)
    for effort in map(str, rules.effort_range or ()):
        yield _level(profile, f"effort={effort}", think_body(rules, mode, True, effort))
    if len(rules.efforts) > 1:
        yield _order(profile, mode)
        if in_two_fields:
            yield _precedence(profile, level)


def _told_effort(profile: Profile, effort: str, body: Mapping[str, Json]) -> Probe:
    request = _with(ask(profile, ASKS_EFFORT, max_tokens=_room(profile)), body)
    check = partial(_tells, effort)
    return asked_again(f"thinking.effort-told={effort}", request, check, refusal=EFFORT, tier="full")


def _tells(effort: str, answer: Completion) -> ProbeFinding | str:
    """The prompt names the effort, so that the model can say it."""
    if effort in answer.content.lower():
        return f"the model says {effort}"
    return slip(f"asked for its effort, the model says {quoted(answer.content)}, not {effort}", EFFORT_UNTOLD)


def _precedence(profile: Profile, level: Severity) -> Probe:
    """`thinking.effort` outranks `reasoning_effort`, seen by the prompt tokens of the notes about them.

    The highest level's note is a token shorter than that of any other, by the tokenizer of the models that have notes.
    """
    low, high = profile.thinking.efforts[0], profile.thinking.efforts[-1]
    official = {"thinking": {"type": "enabled", "effort": low}}
    bodies: tuple[Mapping[str, Json], ...] = (
        {"reasoning_effort": low},
        {"reasoning_effort": high},
        {**official, "reasoning_effort": high},
    )
    short = ask(profile, "Which effort counts? Reply with exactly: OK", max_tokens=1)
    judge = partial(_outranks, low, high, level)
    return Probe(
        id="thinking.effort-precedence", requests=tuple(_with(short, body) for body in bodies), judge=judge, tier="full"
    )


def _outranks(low: str, high: str, level: Severity, exchanges: Sequence[Exchange]) -> Score:
    counts = [_prompt_tokens(answer) for answer in completions(exchanges)]
    if len(counts) != 3 or None in counts:
        raise Undecided("a level of effort is refused or not counted, so that their precedence cannot be seen")
    lower, higher, both = counts
    told = f"{lower} prompt tokens at {low}, {higher} at {high}, {both} with thinking.effort {low} beside {high}"
    if lower == higher:
        return informs(f"the prompt does not tell efforts apart: {told}")
    if both == lower:
        return holds(told)
    if both != higher:
        return informs(f"both together are rendered in another way: {told}")
    return weighed(broken(told, EFFORT_OUTRANKED), level)


def _level(profile: Profile, name: str, body: Mapping[str, Json]) -> Probe:
    """A level of effort is accepted; the answer may be cut off."""
    request = _with(ask(profile, QUESTION, max_tokens=UNJUDGED), body)
    return Probe(id=f"thinking.{name}", requests=(request,), judge=_accepted, tier="standard")


def _with(request: Request, body: Mapping[str, Json]) -> Request:
    """The request with further fields of the body."""
    return replace(request, body={**request.body, **body})


def _accepted(exchanges: Sequence[Exchange]) -> Score:
    if not exchanges or (exchanges[0].completion is None and exchanges[0].rejection is None):
        raise Undecided("there is no answer")
    if exchanges[0].rejection is None:
        return holds("accepted")
    cause = refusal_of(EFFORT, exchanges[0])
    assert cause is not None
    return broken(f"refused: {refused(exchanges[0])}", cause, outcome="rejected")


def _order(profile: Profile, mode: str) -> Probe:
    """Lowest, highest and default effort, several answers each, all at once."""
    rules = profile.thinking
    bodies = [think_body(rules, mode, True, effort) for effort in (rules.efforts[0], rules.efforts[-1])]
    bodies.append(think_body(rules, mode, True, ""))
    hard = ask(profile, HARD, stream=True, max_tokens=_room(profile))
    requests = tuple(_with(hard, body) for body in bodies for _ in range(SAMPLES))
    judge = partial(_ordered, rules.efforts, rules.default_effort)
    return Probe(id="thinking.effort-order", requests=requests, judge=judge, together=True, tier="full")


def _ordered(efforts: Sequence[str], default: str, exchanges: Sequence[Exchange]) -> Score:
    """More effort must mean more thinking. The lengths are noisy, so that only clear cases are judged."""
    if len(exchanges) != 3 * SAMPLES or len(completions(exchanges)) != len(exchanges):
        raise Undecided("not every level of effort was answered, so they cannot be compared")
    found = next(filter(None, map(_tagged, completions(exchanges))), None)
    if found:
        return broken(found.explanation, found.cause)
    lengths = [len(answer.reasoning) for answer in completions(exchanges)]
    low, high, unset = (lengths[start : start + SAMPLES] for start in range(0, len(lengths), SAMPLES))
    if not any(lengths):
        return broken("no reasoning_content came back at any effort", THINKING_LOST)
    share = _longer(high, low)
    medians = f"{efforts[0]} thinks {median(low):.0f} characters, {efforts[-1]} {median(high):.0f} (medians)"
    if share <= SAME:
        return broken(f"effort changes nothing: {medians}", EFFORT_IGNORED)
    if share < MORE:
        raise Undecided(f"too noisy to tell levels of effort apart: {medians}")
    medians += f", {median(unset):.0f} unasked"
    if (default == efforts[-1] and _longer(unset, low) <= SAME) or (
        default == efforts[0] and _longer(high, unset) <= SAME
    ):
        return broken(f"unasked, the effort is not {default}: {medians}", DEFAULT_EFFORT)
    return holds(medians)


def _longer(more: Sequence[int], less: Sequence[int]) -> float:
    """Share of pairs in which the first is longer (Mann-Whitney's U over the number of pairs); ties count half."""
    won = sum((a > b) + (a == b) / 2 for a in more for b in less)
    return won / (len(more) * len(less))
