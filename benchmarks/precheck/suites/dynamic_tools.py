"""Tools inside system messages: callable wherever they stand, refused when they are malformed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.precheck.again import ProbeFinding, ProbeRefusal, asked_again, must_refuse, quoted, slip
from benchmarks.precheck.ask import BRIEF, MODES, ask, cap, user
from benchmarks.precheck.calls import (
    ARGUMENTS_WRONG,
    NEVER_CALLED,
    WEATHER,
    about_weather,
    answered,
    past_call,
    result,
    schema_of,
    tool,
    wrong_calls,
)
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites.tools import CHOICE_REFUSED
from kvv_action.benchmark import Options
from kvv_action.profiles.model import Contract, Profile
from kvv_action.schema import Completion, Json, Message, Request

# fmt: off
NOT_OFFERED = ProbeCause("tools in system messages are not offered to the model",
    "render `tools` of system messages in the chat template, wherever they stand, beside those of the request")
REQUEST_FORGOTTEN = ProbeCause("tools of the request are not called beside those of messages",
    "offer the model both: `tools` of the request, and those that system messages bring along")
FORCED_UNMADE = ProbeCause("tool_choice required does not force a call of tools in system messages",
    "with tool_choice required force a call of any offered tool, those of system messages included")
DYNAMIC_REFUSED = ProbeCause("tools in system messages are refused",
    "accept a system message with empty content and `tools`, anywhere in the history")
DYNAMIC_UNCHECKED = ProbeCause("malformed tools in messages are accepted",
    "check role, content, type, names and duplicates of tools in messages, and answer HTTP 400")
RESULT_UNTIED = ProbeCause("results of tools without an id are accepted",
    "answer HTTP 400 to a message with role tool that has no tool_call_id")
# fmt: on

STOCK = tool("get_stock", "Get how many pieces of an article are in stock.", {"article": {"type": "string"}})
RATE = tool("get_rate", "Get the exchange rate of a currency.", {"currency": {"type": "string"}})
LENIENT = tool(
    "get_stock", "Get how many pieces of an article are in stock.", {"article": {"type": "string"}}, strict=False
)
ROOM = tool(
    "book_room",
    "Book a meeting room.",
    {
        "room": schema_of({"floor": {"type": "integer"}, "name": {"type": "string"}}),
        "guests": {"type": "array", "items": {"type": "string"}},
    },
)
BOOKING = '{"room": {"floor": 3, "name": "Alder"}, "guests": ["Ada", "Grace"]}'
ASK_STOCK = "How many pieces of the article BX12 are in stock? Use the tool get_stock."
HINT_STOCK = "Is the article BX12 still in stock?"
"""Names no tool: a model that must call one picks the one that fits."""
ASK_RATE = "What is the exchange rate of the currency SEK right now? Use the tool get_rate."
ASK_ROOM = f"Call the tool book_room with exactly these arguments: {BOOKING}"
GREETING: tuple[Message, ...] = (user("Hello!"), {"role": "assistant", "content": "Hello! How can I help?"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Good:
    """A conversation in which a tool of a system message is called.

    Attributes:
        called: the tool that must be called.
        argument: a text that its arguments must hold; empty where the question names no tool.
        tools: all that are offered; those of `request` stand beside the messages.
        both: asked streamed and plain; otherwise streamed only.
        choice: of the request; empty leaves it to the model.
    """

    name: str
    messages: Sequence[Message]
    called: str
    argument: str
    tools: Sequence[Json]
    request: Sequence[Json] = ()
    tier: str = "standard"
    both: bool = False
    choice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bad:
    """A conversation that must be refused: why, the messages before the question, and tools beside them."""

    what: str
    messages: Sequence[Message]
    request: Sequence[Json] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rule:
    """Conversations that break one rule and must be refused, and those that keep it and must be accepted."""

    keeping: Sequence[_Bad]
    breaking: Sequence[_Bad]


def holding(*tools: Json) -> Message:
    """A system message that brings tools along."""
    return {"role": "system", "content": "", "tools": list(tools)}


GOOD = (
    _Good(name="first", both=True, messages=(holding(STOCK), user(ASK_STOCK)), called="get_stock", argument="BX12",
          tools=(STOCK,), tier="smoke"),
    _Good(name="mid-history", both=True, messages=(*GREETING, holding(STOCK), user(ASK_STOCK)), called="get_stock",
          argument="BX12", tools=(STOCK,)),
    _Good(name="several-messages", messages=(holding(STOCK), *GREETING, holding(RATE), user(ASK_RATE)),
          called="get_rate", argument="SEK", tools=(STOCK, RATE)),
    _Good(name="nested-schema", both=True, messages=(holding(ROOM), user(ASK_ROOM)), called="book_room",
          argument="Alder", tools=(ROOM,)),
    _Good(name="not-strict", messages=(holding(LENIENT), user(ASK_STOCK)), called="get_stock", argument="BX12",
          tools=(LENIENT,)),
    _Good(name="beside-request", both=True, messages=(holding(STOCK), user(ASK_STOCK)), called="get_stock",
          argument="BX12", tools=(STOCK, WEATHER), request=(WEATHER,)),
    _Good(name="request-beside", messages=(holding(STOCK), user(about_weather("Oslo"))), called="get_weather",
          argument="Oslo", tools=(STOCK, WEATHER), request=(WEATHER,)),
    _Good(name="required", both=True, messages=(holding(STOCK), user(HINT_STOCK)), called="get_stock", argument="",
          tools=(STOCK,), tier="full", choice="required"),
    _Good(name="required-beside-request", both=True, messages=(holding(STOCK), user(HINT_STOCK)), called="get_stock",
          argument="", tools=(STOCK, WEATHER), request=(WEATHER,), tier="full", choice="required"),
    _Good(name="last-message", both=True, messages=(user(HINT_STOCK), holding(STOCK)), called="get_stock", argument="",
          tools=(STOCK,), tier="full", choice="required"),
    _Good(name="three-in-one", both=True, messages=(holding(STOCK, RATE, ROOM), user(ASK_RATE)), called="get_rate",
          argument="SEK", tools=(STOCK, RATE, ROOM), tier="full"),
)  # fmt: skip


def _function(**fields: Json) -> Json:
    return {"type": "function", "function": {"parameters": {"type": "object", "properties": {}}, **fields}}


def _system(tools: Json, content: str = "") -> Message:
    return {"role": "system", "content": content, "tools": tools}


def _kept(what: str, *messages: Message, request: Sequence[Json] = ()) -> _Bad:
    return _Bad(what=what, messages=messages, request=request)


VALID = _kept("a valid tool in a system message", holding(STOCK))
SPOKEN: Message = {"role": "assistant", "content": "Hello!"}
BAD: Mapping[str, _Rule] = {
    "in-other-roles": _Rule(
        keeping=(VALID, _kept("the same messages without tools", user("Hi."), SPOKEN)),
        breaking=(
            _Bad(what="a user message with tools", messages=({**user("Hi."), "tools": [STOCK]}, SPOKEN)),
            _Bad(what="an assistant message with tools", messages=(user("Hi."), {**SPOKEN, "tools": [STOCK]})),
        ),
    ),
    "with-content": _Rule(
        keeping=(VALID, _kept("a system message with content alone", {"role": "system", "content": "Be brief."})),
        breaking=(_Bad(what="tools beside content", messages=(_system([STOCK], "Be brief."),)),),
    ),
    "malformed": _Rule(
        keeping=(_kept("two valid tools in a system message", holding(STOCK, RATE)),),
        breaking=(
            _Bad(what="a tool without type", messages=(holding({"function": STOCK["function"]}),)),
            _Bad(what="a tool without function", messages=(holding({"type": "function"}),)),
            _Bad(what="a tool without name", messages=(holding(_function()),)),
            _Bad(what="tools that are no array", messages=(_system(STOCK),)),
            _Bad(what="null among tools", messages=(holding(STOCK, None),)),
        ),
    ),
    "unknown-types": _Rule(
        keeping=(_kept("two valid tools in a system message", holding(STOCK, RATE)),),
        breaking=(
            _Bad(what="a tool of an unknown type", messages=(holding({**STOCK, "type": "gadget"}),)),
            _Bad(what="one beside a valid tool", messages=(holding(STOCK, {**RATE, "type": "gadget"}),)),
        ),
    ),
    "bad-names": _Rule(
        keeping=(
            _kept("a tool with a short name", holding(_function(name="get_stock"))),
            _kept("a name of 64 characters", holding(_function(name="a" * 64))),
        ),
        breaking=(
            _Bad(what="a name that starts with a digit", messages=(holding(_function(name="1st")),)),
            _Bad(what="a name with @", messages=(holding(_function(name="get@stock")),)),
            _Bad(what="an empty name", messages=(holding(_function(name="")),)),
            _Bad(what="a name of 257 characters", messages=(holding(_function(name="a" * 257)),)),
        ),
    ),
    "same-names": _Rule(
        keeping=(
            _kept("two tools in two messages", holding(STOCK), *GREETING, holding(RATE)),
            _kept("a tool in a message and another in the request", holding(STOCK), request=(RATE,)),
        ),
        breaking=(
            _Bad(what="a name twice in one message", messages=(holding(STOCK, STOCK),)),
            _Bad(what="a name in two messages", messages=(holding(STOCK), *GREETING, holding(STOCK))),
            _Bad(what="a name in a message and in the request", messages=(holding(STOCK),), request=(STOCK,)),
        ),
    ),
}
LATE = ("malformed", "unknown-types", "same-names")
"""Cases that only the tier `full` sends."""


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """Nothing for models without dynamic tools."""
    del options
    if Contract.DYNAMIC_TOOLS not in profile.contracts:
        return
    for good in GOOD:
        for name, stream in MODES:
            if stream or good.both:
                yield _positive(profile, good, name, stream=stream, tier=good.tier if stream else "full")
    for number, (title, rule) in enumerate(BAD.items()):
        yield from _refuses(profile, title, rule, first=number % 2 == 0)
    yield _untied(profile)


def _refuses(profile: Profile, title: str, rule: _Rule, *, first: bool) -> Iterator[Probe]:
    """Sends what keeps the rule, then what breaks it: in one mode, and at the tier full in the other as well."""
    judge = must_refuse([bad.what for bad in rule.breaking], [kept.what for kept in rule.keeping], DYNAMIC_UNCHECKED)
    for name, stream in MODES:
        requests = tuple(
            _brief(profile, (*one.messages, user(ASK_STOCK)), stream=stream, tools=one.request)
            for one in (*rule.keeping, *rule.breaking)
        )
        own = stream is first
        tier = "standard" if own and title not in LATE else "full"
        suffix = "" if own else f".{name}"
        yield Probe(id=f"dynamic-tools.refuses-{title}{suffix}", requests=requests, judge=judge, tier=tier)


def _positive(profile: Profile, good: _Good, name: str, *, stream: bool, tier: str) -> Probe:
    body: dict[str, Json] = {"tools": list(good.request)} if good.request else {}
    if good.choice:
        body["tool_choice"] = good.choice
    request = ask(profile, good.messages, stream=stream, max_tokens=cap(profile, 4), **body)
    check = partial(_called, good)
    refusal = ProbeRefusal(cause=DYNAMIC_REFUSED, named={"choice": CHOICE_REFUSED} if good.choice else {})
    return asked_again(f"dynamic-tools.{good.name}.{name}", request, check, refusal=refusal, tier=tier)


def _called(good: _Good, answer: Completion) -> ProbeFinding | str:
    """The tool was called with what the question names."""
    found = wrong_calls(answer, good.tools)
    cause = FORCED_UNMADE if good.choice else REQUEST_FORGOTTEN if good.called in _names(good.request) else NOT_OFFERED
    if found and found.cause is NEVER_CALLED:
        return slip(found.explanation, cause)
    if found:
        return found
    fitting = [call for call in answer.tool_calls if call.name == good.called]
    if not fitting:
        return slip(f"{answer.tool_calls[0].name} was called, not {good.called}", cause)
    if not any(good.argument in call.arguments for call in fitting):
        explanation = f"{good.called} was called without {good.argument}: {quoted(fitting[0].arguments)}"
        return slip(explanation, ARGUMENTS_WRONG)
    return f"{good.called} was called" + (f" with {good.argument}" if good.argument else "")


def _names(tools: Sequence[Json]) -> set[str]:
    return {entry["function"]["name"] for entry in tools}


def _brief(profile: Profile, messages: Sequence[Message], *, stream: bool, tools: Sequence[Json] = ()) -> Request:
    """A request of which only acceptance or refusal matters."""
    body: Mapping[str, Json] = {"tools": list(tools)} if tools else {}
    return ask(profile, messages, stream=stream, max_tokens=BRIEF, **body)


def _untied(profile: Profile) -> Probe:
    """A result without the id of its call must be refused."""
    call = past_call(profile, "get_stock", '{"article":"BX12"}')
    opening = (user(ASK_STOCK), answered(call, reasoning="The stock must come from the tool."))
    tied = result(call, "7 pieces")
    untied = {name: value for name, value in tied.items() if name != "tool_call_id"}
    control, changed = (
        _brief(profile, (*opening, message), stream=False, tools=(STOCK,)) for message in (tied, untied)
    )
    judge = must_refuse(["a tool's result without tool_call_id"], "a tool's result with tool_call_id", RESULT_UNTIED)
    return Probe(id="dynamic-tools.refuses-result-without-id", requests=(control, changed), judge=judge, tier="full")
