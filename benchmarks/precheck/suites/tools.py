"""Tool calls: made when needed and only then, with the right form, ids, results and `tool_choice`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial

import orjson

from benchmarks.precheck.again import (
    TRIES,
    Check,
    ProbeFinding,
    ProbeRefusal,
    asked_again,
    defect,
    looked_at,
    must_refuse,
    open_after,
    quoted,
    slip,
)
from benchmarks.precheck.ask import BRIEF, MODES, ask, ask_with_tools, cap, user
from benchmarks.precheck.calls import (
    ARGUMENTS_WRONG,
    CALL_AS_TEXT,
    CALLS_TOO_FEW,
    NEVER_CALLED,
    TOOLS_REFUSED,
    UNKNOWN_TOOL,
    WEATHER,
    about_weather,
    answered,
    arguments_of,
    invalid_arguments,
    leaked,
    looks_like_call,
    past_call,
    result,
    schema_of,
    tool,
    unreadable_calls,
    weather_turn,
    wrong_calls,
)
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.comparison import EDGES_LOST, damage, different
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, refused, weighed, weighed_for
from kvv_action.benchmark import Options
from kvv_action.errors import Undecided
from kvv_action.profiles.model import Contract, Profile
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Severity, Thinking, ToolCall

# fmt: off
CALLED_UNASKED = ProbeCause("tools are called when none is needed",
    "check that tool_choice auto leaves the choice to the model and is not served as required")
NO_TEXT = ProbeCause("an answer with tools at hand is empty",
    "check what the tool parser does to an answer that holds no call: its text must be the content")
ORDER_REVERSED = ProbeCause("parallel tool calls come in the reverse order",
    "keep calls in the order in which the model writes them: a later one may build on an earlier one")
IDS_FOREIGN = ProbeCause("ids of tool calls are not the model's own",
    "return the ids in the model's own form, which the model may read back from the history")
IDS_REPEATED = ProbeCause("ids of tool calls are missing or repeated",
    "give every call of a conversation its own id: results find their calls by it")
RESULT_IGNORED = ProbeCause("results of tools do not reach the model",
    "check how the chat template renders role tool and tool_call_id, and whether a proxy drops them")
RESULT_REFUSED = ProbeCause("results of tools cannot be sent back",
    "accept the assistant's message with its tool_calls, ids and reasoning_content, and role tool after it")
HISTORY_REFUSED = ProbeCause("a history with a malformed call is refused",
    "take calls of the history as they are: one bad call of the model must not end a conversation")
CHOICE_REFUSED = ProbeCause("a valid tool_choice is refused",
    "accept tool_choice auto and none, and required where the model's API has it")
NONE_IGNORED = ProbeCause("tool_choice none does not keep the model from calling",
    "with tool_choice none neither offer the tools to the model nor parse calls")
REQUIRED_IGNORED = ProbeCause("tool_choice required does not force a call",
    "force a call by guided decoding when tool_choice is required")
CHOICE_UNCHECKED = ProbeCause("wrong values of tool_choice are accepted",
    "refuse with HTTP 400: required without tools, and any value but auto, none and required")
# fmt: on

REFUSED = ProbeRefusal(cause=TOOLS_REFUSED)
CHOOSING = {"choice": CHOICE_REFUSED, "tools": TOOLS_REFUSED}
TIME = tool(
    "get_time", "Get the local time in a city.", {"city": {"type": "string", "description": "Name of the city."}}
)
CONVERT = tool(
    "convert_currency",
    "Convert an amount of money.",
    {"amount": {"type": "number"}, "source": {"type": "string"}, "target": {"type": "string"}},
)
VERSION = tool("get_version", "Get the version of the server. Takes no arguments.", {})
COMPANY = schema_of({"name": {"type": "string"}, "employees": {"type": "integer"}}, optional=("employees",))
CUSTOMER = schema_of(
    {
        "name": {"type": "string"},
        "email": {"type": ["string", "null"]},
        "company": COMPANY,
        "phone": {"type": "string"},
    },
    optional=("company", "phone"),
)
TICKET = tool(
    "create_ticket",
    "Create a support ticket.",
    {
        "title": {"type": "string"},
        "body": {"type": "string"},
        "priority": {"type": "integer", "minimum": 1, "maximum": 5},
        "urgent": {"type": "boolean"},
        "hours": {"type": "number"},
        "labels": {"type": "array", "items": {"type": "string", "enum": ["bug", "question", "billing"]}},
        "customer": CUSTOMER,
        "code": {"type": "string"},
        "snippet": {"type": "string"},
        "notify": {"type": "boolean"},
        "discount": {"type": "number"},
        "watchers": {"type": "array", "items": {"type": "string"}},
        "due": {"type": ["string", "null"]},
    },
    optional=("hours", "code", "snippet", "notify", "discount", "watchers", "due"),
)
TICKET_ARGUMENTS: Mapping[str, Json] = {
    "title": 'Printer says "PC LOAD LETTER"',
    "body": "First line\nSecond line with a tab\tand a path C:\\new\n\n  Indented line",
    "priority": 3,
    "urgent": False,
    "hours": 1.5,
    "labels": ["bug", "billing"],
    "customer": {
        "name": "Zoë Åström 東京 😀",
        "email": None,
        "company": {"name": "O'Neil & Sons", "employees": 12},
        "phone": "+47 22 00",
    },
    "code": "00742",
    "snippet": "    if a < b && c > d:\n        return {}\n",
    "notify": False,
    "discount": 0,
    "watchers": [],
}
"""Optional and nested arguments, and what parsers change: quotes, escapes, white space, Unicode, `&`, digits in a text,
values that are null, false, zero or empty; `due` is left out, and may be null."""
CITIES = ("Oslo", "Lima")
SEVERAL = [CONVERT, WEATHER, TIME]
DICTATED = f"Call the tool create_ticket with exactly these arguments: {orjson.dumps(TICKET_ARGUMENTS).decode()}"
ASK_VERSION = "Which version does the server run? Use the tool get_version."
ASK_ABSENT = "Use the tool send_email to write to ada@example.org that lunch is at noon."
CODE = "QJ7402"
RESULT = f'{{"temperature": 11.5, "unit": "celsius", "station": "{CODE}"}}'
SUM = "What is 2 + 3? Reply with the number."
PARIS = "What is the capital of France? Reply with its name."


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    for name, stream in MODES:
        yield from _calls(profile, name, stream=stream)
        yield from _ids(profile, name, profile.call_ids.level(options.contract), stream=stream)
        yield from _round_trip(profile, name, stream=stream)
        yield from _choices(profile, name, stream=stream)
        if Contract.TOOL_CHOICE in profile.contracts:
            yield from _refusals(profile, name, stream=stream)
    level = Severity.WARNING if options.contract == "official" else Severity.INFORMATION
    for name, call, results in _malformed():
        yield _accepts_history(profile, name, call, results, level)


def _malformed() -> Iterator[tuple[str, ToolCall, int]]:
    """Name, call and number of its results: histories that agents produce when a model makes a mistake."""
    call = ToolCall(id="", name="get_weather", arguments='{"city":"Oslo"}')
    yield "cut-arguments", replace(call, arguments='{"city":"Oslo"'), 1
    yield "arguments-no-object", replace(call, arguments='"Oslo"'), 1
    yield "empty-arguments", replace(call, arguments=""), 1
    yield "unknown-tool", replace(call, name="get_whether"), 1
    yield "repeated-result", call, 2


def _accepts_history(profile: Profile, name: str, call: ToolCall, results: int, level: Severity) -> Probe:
    """Sends a well-formed history, then a malformed one: a model's mistake must not end the conversation."""
    requests = tuple(
        _answered_history(profile, made, count)
        for made, count in ((replace(_earlier(profile), arguments='{"city":"Oslo"}'), 1), (call, results))
    )
    judge = partial(_still_served, name, level)
    return Probe(id=f"tools.malformed-history.{name}", requests=requests, judge=judge, tier="full")


def _answered_history(profile: Profile, call: ToolCall, results: int) -> Request:
    made = replace(call, id=_earlier(profile).id)
    messages = [user(about_weather("Oslo")), weather_turn(profile, made), *[result(made, RESULT)] * results]
    return ask(profile, messages, stream=False, tools=[WEATHER], max_tokens=BRIEF)


def _still_served(name: str, level: Severity, exchanges: Sequence[Exchange]) -> Score:
    if len(exchanges) != 2 or exchanges[0].completion is None:
        raise Undecided("a well-formed history is not accepted, so nothing can be said about a malformed one")
    if exchanges[1].rejection is None:
        return holds("accepted")
    if exchanges[1].rejection.status not in REFUSALS:
        raise Undecided(f"{name} got {refused(exchanges[1])}, which is no refusal of it")
    return weighed(broken(f"refused: {refused(exchanges[1])}", HISTORY_REFUSED), level)


def _calls(profile: Profile, mode: str, *, stream: bool) -> Iterator[Probe]:
    """Calls are made when they are needed and only then; they have the right form."""

    def probe(name: str, text: str, tools: Sequence[Json], check: Check, tier: str) -> Probe:
        request = ask_with_tools(profile, text, tools, stream=stream)
        return asked_again(f"tools.{name}.{mode}", request, check, refusal=REFUSED, tier=tier)

    later = "standard" if stream else "full"
    streamed_first, plain_first = ("smoke", "standard") if stream else ("standard", "smoke")
    oslo, both = about_weather("Oslo"), about_weather(*CITIES)
    yield probe("call", oslo, [WEATHER], partial(_about, CITIES[:1]), "smoke")
    yield probe("no-call", SUM, [WEATHER], partial(text_alone, [WEATHER], CALLED_UNASKED), plain_first)
    ordered = probe("parallel", both, [WEATHER], _in_order, streamed_first)
    yield weighed_for(ordered, Severity.WARNING, ORDER_REVERSED)
    yield probe("select", oslo, SEVERAL, partial(_selects, SEVERAL, "get_weather"), later)
    yield asked_arguments(profile, f"tools.arguments.{mode}", stream=stream, tier=streamed_first)
    yield probe("no-arguments", ASK_VERSION, [VERSION], partial(_equal, VERSION, {}), later)
    yield probe("unknown", ASK_ABSENT, [WEATHER], partial(_offered, [WEATHER]), later)


def asked_arguments(
    profile: Profile,
    name: str,
    *,
    stream: bool,
    tier: str,
    thinking: Thinking = Thinking.UNSET,
    refusal: ProbeRefusal | None = REFUSED,
) -> Probe:
    """Every kind of argument, dictated, and compared with what comes; `refusal` as in `asked_again`."""
    request = ask_with_tools(profile, DICTATED, [TICKET], stream=stream, thinking=thinking)
    check = partial(_equal, TICKET, TICKET_ARGUMENTS)
    return weighed_for(asked_again(name, request, check, refusal=refusal, tier=tier), Severity.WARNING, EDGES_LOST)


def _ids(profile: Profile, mode: str, level: Severity, *, stream: bool) -> Iterator[Probe]:
    """Ids of calls: missing and repeated ones break the probe; the profile says what another form means."""
    identified = partial(_identified, profile.call_ids.format, level)
    request = ask_with_tools(profile, about_weather(*CITIES), [WEATHER], stream=stream)
    tier = "standard" if stream else "smoke"
    asked = asked_again(f"tools.ids.{mode}", request, partial(identified, ()), refusal=REFUSED, tier=tier)
    yield weighed_for(asked, level, IDS_FOREIGN)
    if profile.tool_call_id:
        check = partial(identified, (_earlier(profile).id,))
        later = _later(profile, stream=stream)
        tier = "standard" if stream else "full"
        asked = asked_again(f"tools.ids-later.{mode}", later, check, refusal=REFUSED, tier=tier)
        yield weighed_for(asked, level, IDS_FOREIGN)


def _about(cities: Sequence[str], answer: Completion) -> ProbeFinding | str:
    """A call for each city."""
    if found := wrong_calls(answer, [WEATHER]):
        return found
    said = " ".join(str(arguments_of(call).get("city", "")) for call in answer.tool_calls)
    missing = [city for city in cities if city.lower() not in said.lower()]
    if not missing:
        return f"called for {', '.join(cities)}"
    if len(missing) < len(cities):
        return slip(f"{len(answer.tool_calls)} call came, none for {', '.join(missing)}", CALLS_TOO_FEW)
    return slip(f"asked about {', '.join(cities)}, called for {quoted(said)}", ARGUMENTS_WRONG)


def _in_order(answer: Completion) -> ProbeFinding | str:
    """A call for each city, and not the last city first."""
    found = _about(CITIES, answer)
    if isinstance(found, ProbeFinding):
        return found
    called = [str(arguments_of(call).get("city", "")) for call in answer.tool_calls]
    if [city.lower() for city in called] == [city.lower() for city in reversed(CITIES)]:
        return slip(f"called for {', '.join(called)}", ORDER_REVERSED)
    return found


def _selects(tools: Sequence[Json], name: str, answer: Completion) -> ProbeFinding | str:
    """The tool that fits, of several."""
    if found := wrong_calls(answer, tools):
        return found
    others = [call.name for call in answer.tool_calls if call.name != name]
    if others:
        return slip(f"{others[0]} was called, not {name}", ARGUMENTS_WRONG)
    return f"{name} was called"


def _equal(offered: Json, arguments: Mapping[str, Json], answer: Completion) -> ProbeFinding | str:
    """Arguments arrive as they were asked for."""
    if found := unreadable_calls(answer, [offered]):
        return found
    got, schema = arguments_of(answer.tool_calls[0]), offered["function"]["parameters"]
    found = damage(arguments, got, schema) or invalid_arguments(answer, [offered])
    return found or different(arguments, got, schema) or "the arguments are what was asked"


def text_alone(tools: Sequence[Json], cause: ProbeCause, answer: Completion) -> ProbeFinding | str:
    """No call, and an answer in text."""
    if found := leaked(answer):
        return found
    if answer.tool_calls or answer.finish_reason == "tool_calls":
        called = ", ".join(call.name for call in answer.tool_calls)
        return slip(f"{quoted(called)} was called" if called else "finish_reason is tool_calls", cause)
    if looks_like_call(answer.content, tools):
        return slip(f"content holds a call: {quoted(answer.content)}", CALL_AS_TEXT)
    if not answer.content.strip():
        return slip("the answer is empty", NO_TEXT)
    return "no tool was called"


def never_calls(tools: Sequence[Json], answer: Completion) -> ProbeFinding | str:
    """With tool_choice none a call is no slip: the server must prevent it."""
    found = text_alone(tools, NONE_IGNORED, answer)
    if isinstance(found, ProbeFinding) and found.cause is NONE_IGNORED:
        return defect(found.explanation, found.cause)
    return found


def _forced(tools: Sequence[Json], answer: Completion) -> ProbeFinding | str:
    """With tool_choice required the lack of a call is no slip."""
    found = wrong_calls(answer, tools)
    if found and found.cause is NEVER_CALLED:
        return defect(found.explanation, REQUIRED_IGNORED)
    return found or f"{answer.tool_calls[0].name} was called"


def _offered(tools: Sequence[Json], answer: Completion) -> ProbeFinding | str:
    """Whatever is called was offered."""
    if found := leaked(answer):
        return found
    names = {entry["function"]["name"] for entry in tools}
    wrong = [call.name for call in answer.tool_calls if call.name not in names]
    if wrong:
        return defect(f"{quoted(wrong[0])} was called, which was not offered", UNKNOWN_TOOL)
    return "nothing was called that was not offered"


def _identified(template: str, level: Severity, taken: Sequence[str], answer: Completion) -> ProbeFinding | str:
    """Ids in the model's format, each for one call of the conversation."""
    if found := wrong_calls(answer, [WEATHER]):
        return found
    ids = [call.id for call in answer.tool_calls]
    if not all(ids) or len({*ids, *taken}) < len(ids) + len(taken):
        before = f" after {', '.join(taken)}" if taken else ""
        return slip(f"the ids are {quoted(', '.join(ids))}{before}", IDS_REPEATED)
    if template:
        wrong = [call.id for call in answer.tool_calls if not _pattern(template, call.name).fullmatch(call.id)]
        if wrong:
            explanation = f"the id {quoted(wrong[0])} is not of the form {template}"
            return ProbeFinding(explanation=explanation, cause=IDS_FOREIGN, slip=level is Severity.FAILURE)
    return f"the ids are {quoted(', '.join(ids))}"


def _pattern(template: str, name: str) -> re.Pattern[str]:
    """What an id of a call of `name` looks like."""
    escaped = re.escape(template).replace(r"\{name\}", re.escape(name)).replace(r"\{index\}", r"[0-9]+")
    return re.compile(escaped)


def _earlier(profile: Profile) -> ToolCall:
    """A call that was made before."""
    return past_call(profile, "get_weather", '{"city":"Quito"}')


def _later(profile: Profile, *, stream: bool) -> Request:
    """A second question, after a call was made and answered."""
    earlier = _earlier(profile)
    messages = [
        user(about_weather("Quito")),
        weather_turn(profile, earlier),
        result(earlier, RESULT),
        {"role": "assistant", "content": "It is 11.5 degrees in Quito."},
        user(about_weather("Oslo")),
    ]
    return ask_with_tools(profile, messages, [WEATHER], stream=stream)


def _round_trip(profile: Profile, name: str, *, stream: bool) -> Iterator[Probe]:
    """A call is made, carried out, sent back, and its result is used."""
    question = f"{about_weather('Oslo')} Then tell me the code of the station."
    request = ask_with_tools(profile, question, [WEATHER], stream=stream)
    yield Probe(
        id=f"tools.round-trip.{name}",
        requests=(request,),
        judge=_came_back,
        then=partial(_next, request),
        follows=1,
        at_most=2 * TRIES - 1,
        tier="smoke" if stream else "standard",
    )


def _called(exchange: Exchange) -> ProbeFinding | str:
    return looked_at(lambda answer: wrong_calls(answer, [WEATHER]) or "called", REFUSED, exchange)


def _first_call(exchanges: Sequence[Exchange]) -> int | None:
    """Where the first answer with calls is that can be carried out."""
    for number, exchange in enumerate(exchanges[:TRIES]):
        try:
            if isinstance(_called(exchange), str):
                return number
        except Undecided:
            continue
    return None


def _next(request: Request, exchanges: Sequence[Exchange]) -> Request | None:
    """The question again until a call comes, then the result again until the answer uses it."""
    position = _first_call(exchanges)
    if position is None:
        return request if len(exchanges) < TRIES and open_after(_called, exchanges[-1]) else None
    tried = exchanges[position + 1 :]
    if len(tried) == TRIES or any(_used(exchange) or exchange.rejection is not None for exchange in tried):
        return None
    answer = exchanges[position].completion
    assert answer is not None
    return _with_results(request, answer)


def _with_results(request: Request, answer: Completion) -> Request:
    """The conversation so far, with what the tools say."""
    made = answered(*answer.tool_calls, reasoning=answer.reasoning, content=answer.content)
    results = (result(call, RESULT) for call in answer.tool_calls)
    return replace(request, messages=(*request.messages, made, *results))


def _used(exchange: Exchange) -> bool:
    return exchange.completion is not None and CODE in exchange.completion.content


def _came_back(exchanges: Sequence[Exchange]) -> Score:
    position = _first_call(exchanges)
    if position is None:
        return _uncalled(exchanges)
    tried = exchanges[position + 1 :]
    if any(_used(exchange) for exchange in tried):
        return holds(f"the answer names {CODE}, which the tool gave")
    if not tried:
        raise Undecided("the tool's result was not sent")
    found = looked_at(_silent, ProbeRefusal(cause=RESULT_REFUSED), tried[-1])
    assert isinstance(found, ProbeFinding)
    return broken(found.explanation, found.cause)


def _uncalled(exchanges: Sequence[Exchange]) -> Score:
    """The score of a round trip whose first step failed: no call came."""
    if not exchanges:
        raise Undecided("nothing was asked")
    found = _called(exchanges[:TRIES][-1])
    assert isinstance(found, ProbeFinding)
    return broken(found.explanation, found.cause)


def _silent(answer: Completion) -> ProbeFinding | str:
    return defect(f"the answer does not name {CODE}, which the tool gave: {quoted(answer.content)}", RESULT_IGNORED)


def _choices(profile: Profile, name: str, *, stream: bool) -> Iterator[Probe]:
    """`tool_choice` auto, none and required; only some models promise required."""
    standard = "standard" if stream else "full"
    plain_first = "standard" if stream else "smoke"
    refusable = profile.may_refuse_forced_calls(thinking=profile.thinking.default)
    promised = Contract.TOOL_CHOICE in profile.contracts and not refusable
    oslo, about = about_weather("Oslo"), partial(_about, CITIES[:1])
    asks = (
        ("auto", oslo, about, CHOICE_REFUSED, standard),
        ("none", oslo, partial(never_calls, [WEATHER]), CHOICE_REFUSED, plain_first),
        ("required", PARIS, partial(_forced, [WEATHER]), CHOICE_REFUSED if promised else None, "standard"),
    )
    for choice, text, check, cause, tier in asks:
        request = ask_with_tools(profile, text, [WEATHER], stream=stream, tool_choice=choice)
        refusal = ProbeRefusal(cause=cause, named=CHOOSING if cause else {})
        yield asked_again(f"tools.choice-{choice}.{name}", request, check, refusal=refusal, tier=tier)


def _refusals(profile: Profile, name: str, *, stream: bool) -> Iterator[Probe]:
    """A `tool_choice` that official endpoints refuse, and one that they answer in text: there is nothing to call."""
    required = ask_with_tools(profile, PARIS, [WEATHER], stream=stream, tool_choice="required", max_tokens=BRIEF)
    auto = ask_with_tools(profile, PARIS, [WEATHER], stream=stream, tool_choice="auto", max_tokens=BRIEF)
    without = ask(profile, PARIS, stream=stream, tool_choice="required", max_tokens=BRIEF)
    empty = ask_with_tools(profile, PARIS, [], stream=stream, tool_choice="required", max_tokens=BRIEF)
    unknown = ask_with_tools(profile, PARIS, [WEATHER], stream=stream, tool_choice="sometimes", max_tokens=BRIEF)
    yield Probe(
        id=f"tools.choice-required-without-tools.{name}",
        requests=(required, without, empty),
        judge=must_refuse(
            ["tool_choice required without tools", "with an empty list of tools"],
            "tool_choice required with a tool",
            CHOICE_UNCHECKED,
        ),
        tier="full" if stream else "standard",
    )
    yield Probe(
        id=f"tools.choice-unknown.{name}",
        requests=(auto, unknown),
        judge=must_refuse(["tool_choice sometimes"], "tool_choice auto with a tool", CHOICE_UNCHECKED),
        tier="standard" if stream else "full",
    )
    choice = "none" if stream else "auto"
    request = ask(profile, PARIS, stream=stream, tool_choice=choice, max_tokens=cap(profile, 4))
    check = partial(text_alone, [], CALLED_UNASKED)
    yield asked_again(
        f"tools.choice-{choice}-without-tools", request, check, refusal=ProbeRefusal(cause=CHOICE_REFUSED), tier="full"
    )
