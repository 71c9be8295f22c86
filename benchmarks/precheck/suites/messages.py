"""Messages in forms that agents send: system messages, content as parts, quoted control tokens, pictures, foreign ids.

Every conversation tells what the signs on gates read, and the answer must say it, so that lost text is noticed. What is
refused or not followed is compared with a control, which is the same conversation in its plainest form.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from html import unescape
from itertools import product

from benchmarks.precheck.again import ProbeFinding, quoted, slip
from benchmarks.precheck.ask import MODES, ask, cap, user
from benchmarks.precheck.calls import WEATHER, about_weather, answered, result
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.picture import data_url, draw, number
from benchmarks.precheck.plain_form import Controlled
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, informs, refused, weighed
from benchmarks.precheck.usage import answer_of, count_of
from kvv_action.benchmark import Options
from kvv_action.digits import counted
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Json, Message, Request, Score, Severity, ToolCall

# fmt: off
SYSTEM_REFUSED = ProbeCause("system messages are refused",
    "accept role system; check that the chat template renders it")
SYSTEM_IGNORED = ProbeCause("system messages do not reach the model",
    "check that the chat template renders role system, and that no gateway replaces it with its own prompt")
LATE_REFUSED = ProbeCause("a system message after the beginning is refused",
    "accept role system anywhere in a conversation, and render it where it stands")
LATE_IGNORED = ProbeCause("a system message after the beginning does not reach the model",
    "render system messages where they stand: not only the first one, and not moved to the front")
SEVERAL_REFUSED = ProbeCause("several system messages are refused",
    "accept several messages of role system, one after the other")
SEVERAL_IGNORED = ProbeCause("only one of several system messages reaches the model",
    "render every system message, or join their texts in order; do not keep the first or the last alone")
PARTS_REFUSED = ProbeCause("content as a list of text parts is refused",
    "accept content as a list of parts in messages of every role, as OpenAI's API does")
PARTS_DROPPED = ProbeCause("text parts of a message are lost",
    "give the chat template the texts of all parts of a message, in order")
PARTS_RENDERED = ProbeCause("content as parts is put into the prompt as JSON",
    "render the text of each part; check --chat-template-content-format and templates that print a list")
TOKENS_REFUSED = ProbeCause("text that quotes control tokens is refused",
    "encode text of messages without special tokens: a user may quote the template's markers")
TOKENS_INTERPRETED = ProbeCause("control tokens that a user quotes are carried out",
    "encode text of messages without special tokens: quoted markers must reach the model as text")
PICTURE_REFUSED = ProbeCause("pictures in results of tools are refused",
    "accept image_url parts in messages of role tool: agents that look at a screen send them there")
PICTURE_DROPPED = ProbeCause("pictures in results of tools do not reach the model",
    "render image_url parts of role tool as those of role user, or refuse them with HTTP 400")
IDS_REFUSED = ProbeCause("histories with ids of another vendor are refused",
    "treat ids of calls as opaque text: clients continue conversations that began at another server")
IDS_BREAK = ProbeCause("ids of another vendor in the history break the turn",
    "treat ids of calls as opaque text, or rewrite them for the template; no form of an id may break a turn",
    explains=("answers-empty",))
# fmt: on

GATES = ("north", "south", "west")
_TREES = product(("oak", "birch", "maple", "willow", "ash"), ("red", "blue", "white"))
BENCHES = " ".join(
    f"Bench number {place} stands beside the {tree} and was painted {colour} in the year {1990 + place}."
    for place, (tree, colour) in enumerate(_TREES)
)
"""A thousand characters and more of what nobody asks for: agents send long system messages."""
FOREIGN: dict[str, str] = {
    "openai": "call_9pw1YlXUyAKyDQ0Nqm2Rd7sK",
    "anthropic": "toolu_01A09q90qw90lq917835lq9",
    "vllm": "chatcmpl-tool-5f2d7c1ab9a84d1f8f3ecbd52e7f90aa",
    "uuid": "3f0e9a52-7c1d-4b86-9a53-2f1c7be0d914",
}
"""Ids of calls as OpenAI, Anthropic, vLLM and others write them."""
ALSO_PLAIN = ("system-several", "parts-system", "control-tokens")
"""What is asked for whole answers as well."""
USUAL = ("<|im_end|>", "<|im_start|>", "<|endoftext|>", "<|eot_id|>")
MARKED = 24
"""Control tokens in the text that is counted."""
NAMES = ("alpha", "bravo", "charlie", "delta")
MARKS = len(NAMES)
"""Control tokens in one text that is answered."""
FEWEST_TOKENS = 2.0
"""Tokens of a quoted marker from which it is text: as a control token it is one."""
PER_PART, STRAY = 6, 2
"""Prompt tokens of each message from which parts are not rendered as their text, and up to which nothing is said."""
ONE = "The picture shows four digits. Reply with these four digits only."


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    recommended = Severity.WARNING if options.contract == "official" else Severity.INFORMATION
    for name, stream in MODES:
        for suffix, found in (*_system(profile, recommended), *_parts(profile), *_quoted(profile, recommended)):
            if stream or suffix in ALSO_PLAIN:
                tier = "standard" if stream else "full"
                yield _streamed(found, stream=stream).probe(f"messages.{suffix}.{name}", tier)
    yield _counted_parts(profile)
    yield _counted_markers(profile, recommended)
    yield _foreign(profile, *FOREIGN.values()).probe("messages.foreign-ids.several", "standard")
    for name, identifier in FOREIGN.items():
        yield _foreign(profile, identifier).probe(f"messages.foreign-ids.{name}", "full")
    if profile.vision:
        yield _picture(profile, recommended).probe("messages.picture-in-result", "full")


def _streamed(found: Controlled, *, stream: bool) -> Controlled:
    return replace(found, request=replace(found.request, stream=stream), control=replace(found.control, stream=stream))


def word(gate: str, suffix: str = "") -> str:
    """What the sign on a gate reads."""
    return f"otter-{number(f'sign {gate} {suffix}')}"


def _told(gate: str, suffix: str = "") -> str:
    return f"The sign on the {gate} gate reads {word(gate, suffix)}."


def _question(*gates: str) -> str:
    named = " and on ".join(f"the {gate} gate" for gate in gates)
    return f"What does the sign on {named} read? Reply with that alone."


def _system_message(text: str) -> Message:
    return {"role": "system", "content": text}


def _talk(profile: Profile, *messages: Message, **fields: Json) -> Request:
    return ask(profile, messages, **{"max_tokens": cap(profile, 4), **fields})


def _names(words: Sequence[str], cause: ProbeCause, answer: Completion) -> ProbeFinding | str:
    """Every word stands in the answer."""
    missing = [one for one in words if one not in answer.content]
    if not missing:
        return f"the answer names {', '.join(words)}"
    said = quoted(answer.content) if answer.content.strip() else "empty"
    return slip(f"{missing[0]} is missing, the answer is {said}", cause)


def _system(profile: Profile, recommended: Severity) -> Iterator[tuple[str, Controlled]]:
    """A system message first, one after two turns that outranks the first, and two at once."""
    north, south, _ = GATES
    asked = _question(north)
    yield (
        "system-first",
        Controlled(
            request=_talk(profile, _system_message(f"{BENCHES} {_told(north)}"), user(asked)),
            control=_talk(profile, user(f"{BENCHES} {_told(north)} {asked}")),
            check=partial(_names, [word(north)], SYSTEM_IGNORED),
            refusal=SYSTEM_REFUSED,
        ),
    )
    greeting: Sequence[Message] = (user("Hello!"), {"role": "assistant", "content": "Hello, how can I help?"})
    yield (
        "system-late",
        Controlled(
            request=_talk(
                profile,
                _system_message(_told(north)),
                *greeting,
                _system_message(f"The sign was changed. {_told(north, 'late')}"),
                user(asked),
            ),
            control=_talk(profile, _system_message(_told(north, "late")), *greeting, user(asked)),
            check=partial(_names, [word(north, "late")], LATE_IGNORED),
            refusal=LATE_REFUSED,
            weights={LATE_REFUSED: recommended},
        ),
    )
    yield (
        "system-several",
        Controlled(
            request=_talk(
                profile, _system_message(_told(north)), _system_message(_told(south)), user(_question(north, south))
            ),
            control=_talk(profile, _system_message(f"{_told(north)} {_told(south)}"), user(_question(north, south))),
            check=partial(_names, [word(north), word(south)], SEVERAL_IGNORED),
            refusal=SEVERAL_REFUSED,
            weights={SEVERAL_REFUSED: recommended},
        ),
    )


def _as_parts(*texts: str) -> list[Json]:
    return [{"type": "text", "text": text} for text in texts]


def _parts(profile: Profile) -> Iterator[tuple[str, Controlled]]:
    """Two parts of text in a message of each role; the control holds the same text as a string."""
    texts, asked = [_told(gate, "parts") for gate in GATES[:2]], _question(*GATES[:2])
    check = partial(_names, [word(gate, "parts") for gate in GATES[:2]], PARTS_DROPPED)

    def controlled(one: Sequence[Message], other: Sequence[Message], **fields: Json) -> Controlled:
        request, control = _talk(profile, *one, **fields), _talk(profile, *other, **fields)
        return Controlled(request=request, control=control, check=check, refusal=PARTS_REFUSED)

    yield (
        "parts-user",
        controlled([{"role": "user", "content": _as_parts(*texts, asked)}], [user("\n".join((*texts, asked)))]),
    )
    yield (
        "parts-system",
        controlled(
            [{"role": "system", "content": _as_parts(*texts)}, user(asked)],
            [_system_message("\n".join(texts)), user(asked)],
        ),
    )
    before = _called(profile, "Oslo")
    call = _call_of(profile, "Oslo")
    yield (
        "parts-tool",
        controlled(
            [*before, {**result(call, ""), "content": _as_parts(*texts)}],
            [*before, result(call, "\n".join(texts))],
            tools=[WEATHER],
        ),
    )


def _call_of(profile: Profile, city: str, identifier: str = "", index: int = 0) -> ToolCall:
    """A call of the weather, with the model's own form of ids when no other is given."""
    form = profile.call_ids.format or profile.tool_call_id or "call_{name}_{index}"
    own = form.format(name="get_weather", index=index)
    return ToolCall(id=identifier or own, name="get_weather", arguments=f'{{"city":"{city}"}}')


def _called(profile: Profile, city: str) -> list[Message]:
    """A question about the weather, and the call that it needs."""
    asked = f"{about_weather(city)} Then tell me what the signs read."
    return [user(asked), answered(_call_of(profile, city), reasoning=_thought(profile))]


def _thought(profile: Profile) -> str:
    return "The weather must come from the tool." if profile.thinking.supported else ""


def _counted_parts(profile: Profile) -> Probe:
    """The same conversation with strings and with one part of text in each message: it must cost the same."""
    talk: list[Message] = [
        _system_message(_told("north", "counted")),
        *_called(profile, "Lima"),
        result(_call_of(profile, "Lima"), "It is 21 degrees."),
        user("Reply with exactly: OK"),
    ]
    listed = [
        {**message, "content": _as_parts(message["content"])} if message["role"] != "assistant" else message
        for message in talk
    ]
    requests = tuple(_talk(profile, *messages, tools=[WEATHER], max_tokens=1) for messages in (talk, listed))
    count = sum(message["role"] != "assistant" for message in talk)
    return Probe(id="messages.parts-counted", requests=requests, judge=partial(_alike, count), tier="standard")


def _alike(messages: int, exchanges: Sequence[Exchange]) -> Score:
    grown = _grown(exchanges, "content as strings", PARTS_REFUSED)
    if isinstance(grown, Score):
        return grown
    told = f"content as parts costs {grown:+d} prompt tokens in {counted(messages, 'message')}"
    if grown > PER_PART * messages:
        return broken(told, PARTS_RENDERED)
    if grown < -PER_PART * messages:
        return broken(told, PARTS_DROPPED)
    return holds(told) if abs(grown) <= STRAY * messages else informs(told)


def _grown(exchanges: Sequence[Exchange], control: str, refusal: ProbeCause) -> int | Score:
    """By how many prompt tokens the second request costs more than the first; a judgement where it is refused.

    Raises:
        Undecided: the control is not accepted, or tokens are not counted.
    """
    if len(exchanges) != 2 or exchanges[0].completion is None:
        raise Undecided(f"{control} is not accepted, so nothing can be said about the other form")
    if exchanges[1].rejection is not None and exchanges[1].rejection.status in REFUSALS:
        return broken(f"refused: {refused(exchanges[1])}", refusal)
    before, after = (count_of(answer_of(exchange), "prompt_tokens") for exchange in exchanges)
    if before is None or after is None:
        raise Undecided("prompt_tokens is missing, so that the two forms cannot be compared")
    return after - before


def _markers(profile: Profile) -> Sequence[str]:
    """The control tokens of the model's template; the most usual ones, where the profile names none."""
    return [mark for mark in profile.markers if mark.startswith("<|")] or USUAL


def _quoted(profile: Profile, recommended: Severity) -> Iterator[tuple[str, Controlled]]:
    """A user quotes control tokens of the template: what stands before and behind them arrives, and so do they."""
    north, south, _ = GATES
    marks = _markers(profile)[:MARKS]
    words, before, after = (
        [word(gate, "quoted") for gate in (north, south)],
        _told(north, "quoted"),
        _told(south, "quoted"),
    )

    def asked(*what: str) -> Request:
        text = f"{before} My log file holds {' and '.join(what)} in one line. {after} {_question(north, south)}"
        return _talk(profile, user(text))

    others = [f"mark {place}" for place, _ in enumerate(marks)]
    yield (
        "control-tokens",
        Controlled(
            request=asked(*marks),
            control=asked(*others),
            check=partial(_names, words, TOKENS_INTERPRETED),
            refusal=TOKENS_REFUSED,
        ),
    )

    def copied(*what: str) -> Request:
        listed = " ".join(f"{name} {one}" for name, one in zip(NAMES, what, strict=False))
        return _talk(profile, user(f"Reply with exactly: {listed} and {words[0]}"))

    yield (
        "control-tokens-copied",
        Controlled(
            request=copied(*marks),
            control=copied(*others),
            check=partial(_copies, (marks, others), words[0]),
            refusal=TOKENS_REFUSED,
            weights={TOKENS_INTERPRETED: recommended, TOKENS_REFUSED: recommended},
        ),
    )


def _copies(whats: Sequence[Sequence[str]], last: str, answer: Completion) -> ProbeFinding | str:
    """The answer repeats the control tokens (or the control's words) and goes on behind them."""
    said = unescape(answer.content)  # whether signs are escaped is judged where texts are copied
    if last in said and any(all(one in said for one in what) for what in whats):
        return "the answer repeats what it should"
    explanation = f"the answer should repeat {whats[0][0]} and go on to {last}; it is {quoted(answer.content)}"
    return slip(explanation, TOKENS_INTERPRETED)


def _counted_markers(profile: Profile, level: Severity) -> Probe:
    """A text without and with many quoted control tokens: as text each of them costs several prompt tokens."""
    marks = _markers(profile)
    quoted_ = " ".join(marks[place % len(marks)] for place in range(MARKED))
    texts = ("My log file holds nothing.", f"My log file holds {quoted_} and nothing else.")
    requests = tuple(_talk(profile, user(f"{text} Reply with exactly: OK"), max_tokens=1) for text in texts)
    return Probe(id="messages.control-tokens-counted", requests=requests, judge=partial(_as_text, level), tier="full")


def _as_text(level: Severity, exchanges: Sequence[Exchange]) -> Score:
    grown = _grown(exchanges, "a text without control tokens", TOKENS_REFUSED)
    if isinstance(grown, Score):
        return weighed(grown, level)
    told = f"{MARKED} quoted control tokens cost {counted(grown, 'prompt token')}"
    if grown < FEWEST_TOKENS * MARKED:
        return weighed(broken(f"{told}: they are not encoded as text", TOKENS_INTERPRETED), level)
    return holds(told)


def _foreign(profile: Profile, *identifiers: str) -> Controlled:
    """A history of calls with foreign ids, one turn for each; the control has the model's own."""

    def talk(*ids: str) -> Request:
        messages: list[Message] = []
        for place, (identifier, city) in enumerate(zip(ids, ("Oslo", "Lima", "Quito", "Perth"), strict=False)):
            call = _call_of(profile, city, identifier, place)
            told = _told(GATES[place % len(GATES)], f"foreign {place}")
            question = f"{about_weather(city)} Then tell me what the sign reads."
            messages += [user(question), answered(call, reasoning=_thought(profile)), result(call, told)]
            if place < len(ids) - 1:
                messages.append({"role": "assistant", "content": told})
        return _talk(profile, *messages, tools=[WEATHER])

    last = len(identifiers) - 1
    check = partial(_names, [word(GATES[last % len(GATES)], f"foreign {last}")], IDS_BREAK)
    control = talk(*[""] * len(identifiers))
    return Controlled(request=talk(*identifiers), control=control, check=check, refusal=IDS_REFUSED)


def _picture(profile: Profile, recommended: Severity) -> Controlled:
    """A picture as the result of a tool; the control shows it in a user's message."""
    digits = number("picture in a result")
    shown: list[Json] = [
        {"type": "text", "text": "The camera's picture:"},
        {"type": "image_url", "image_url": {"url": data_url(draw(digits), "png")}},
    ]
    asked = f"{about_weather('Oslo')} Its result is a picture. {ONE}"
    call = _call_of(profile, "Oslo")
    turn = [user(asked), answered(call, reasoning=_thought(profile))]
    return Controlled(
        request=_talk(profile, *turn, {**result(call, ""), "content": shown}, tools=[WEATHER]),
        control=_talk(profile, {"role": "user", "content": [*shown, {"type": "text", "text": ONE}]}),
        check=partial(_shows, digits),
        refusal=PICTURE_REFUSED,
        weights={PICTURE_REFUSED: recommended},
    )


def _shows(digits: str, answer: Completion) -> ProbeFinding | str:
    if digits in "".join(sign for sign in answer.content if sign in "0123456789"):
        return f"{digits} was read"
    return slip(f"the picture shows {digits}, the answer is {quoted(answer.content)}", PICTURE_DROPPED)
