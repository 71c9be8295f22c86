"""Tool calls in unusual turns: beside text, one at a time, named, among many tools, or with results out of order.

Every finding is compared with a control request where something else could explain it. What Kimi's own API does not
promise (`parallel_tool_calls`, a named `tool_choice`, an empty list of tools) may be refused, and is a warning at most.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from benchmarks.precheck.again import (
    TRIES,
    Look,
    ProbeFinding,
    ProbeRefusal,
    asked_again,
    defect,
    judged,
    looked_at,
    open_after,
    quoted,
    slip,
)
from benchmarks.precheck.ask import MODES, ask_with_tools, user
from benchmarks.precheck.calls import (
    FINISH_WRONG,
    NEVER_CALLED,
    TOOLS_REFUSED,
    UNKNOWN_TOOL,
    WEATHER,
    about_weather,
    leaked,
    past_call,
    result,
    tool,
    unreadable_calls,
    weather_turn,
    wrong_calls,
)
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.controlled import Trial, controlled
from benchmarks.precheck.probe import Probe, broken, weighed, weighed_for
from benchmarks.precheck.suites.tools import (
    CALLED_UNASKED,
    CHOICE_REFUSED,
    CHOOSING,
    CITIES,
    CONVERT,
    PARIS,
    RESULT_IGNORED,
    SUM,
    TIME,
    never_calls,
    text_alone,
)
from kvv_action.benchmark import Options
from kvv_action.plan.tokens import of_text
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Exchange, Json, Request, Score, Severity

# fmt: off
TEXT_LOST = ProbeCause("text beside a tool call is lost",
    "return what the model writes before its calls as content, beside tool_calls; look at the tool parser")
TEXT_IN_ONE_MODE = ProbeCause("text beside a tool call comes in one mode only",
    "compare the tool parser's paths for streamed and for plain answers: one of them drops the text")
CALL_LOST = ProbeCause("tool calls that follow a text are lost",
    "look at the tool parser: it must find calls behind a text, and not stop at the first words")
ONLY_CALL = ProbeCause("the model calls a tool without the text that was asked for",
    "nothing, if the model itself leaves the text out; else check whether the tool parser drops it")
PARALLEL_IGNORED = ProbeCause("parallel_tool_calls false does not keep the model from several calls",
    "return one call a turn when parallel_tool_calls is false, or refuse the field")
NAMED_IGNORED = ProbeCause("a tool_choice that names a tool is accepted and not kept",
    "force a call of the named tool by guided decoding, or refuse such a tool_choice with HTTP 400")
BARE_REFUSED = ProbeCause("a tool without parameters is refused",
    "treat a function without `parameters` as one without arguments, as OpenAI's API does")
BARE_BROKEN = ProbeCause("a tool without parameters cannot be called",
    "check that the chat template renders a function that has no `parameters`")
NAME_REFUSED = ProbeCause("tool names of OpenAI's form are refused",
    "accept names of up to 64 letters, digits, underscores and dashes")
NAME_CHANGED = ProbeCause("names of tools come back changed",
    "take the whole name: the parser must not split it at dots or dashes, nor cut it (ids like "
    "functions.NAME:INDEX hold a name that may have dots)")
NAME_UNCALLED = ProbeCause("tools with dots, dashes or long names are not called",
    "check that the tool parser's pattern for names takes dots and dashes, and 64 characters")
MANY_REFUSED = ProbeCause("many tools in one request are refused",
    "accept 128 tools in a request, as OpenAI's API does: agents have many")
MANY_LOST = ProbeCause("the last of many tools cannot be called",
    "render all tools of the request; check whether a gateway limits their number or the prompt")
ORDER_REFUSED = ProbeCause("results of tools in another order than the calls are refused",
    "find the call of a result by its tool_call_id: tools end in any order")
ORDER_LOST = ProbeCause("results of tools in another order than the calls do not reach the model",
    "find the call of a result by its tool_call_id, and render every result")
ORDER_MIXED = ProbeCause("results of tools reach the model beside the wrong calls",
    "render each result with the call that its tool_call_id names, not by its position")
# fmt: on

SENTENCE = (
    "I will now ask the weather station for the current temperature in Oslo, which usually takes a moment, because the "
    "station stands on a mountain above the city and sends its measurements over a slow connection. After that I will "
    "tell you what the station says, how the temperature has changed since this morning, and whether you need a warm "
    "coat, an umbrella or sunglasses for a long walk along the harbour in the afternoon and for the way home at night."
)
ASK_BOTH = (
    "What is the weather in the city Oslo right now? Do two things in the same turn. First, reply with exactly: "
    f"{SENTENCE}\nSecond, use the tool get_weather."
)
ASK_TIME = "What time is it in the city Oslo? Use the tool get_time."
MARKERS = 45
"""Tokens at most that markers and id of one call take."""
LEAST = 0.4
"""Share of the sentence's tokens that must be counted beside that without being there, before it is called lost."""
NAMES = {"dashes": "get-city-weather", "dots": "weather.city.get", "long": f"get_weather_{'of_a_city_' * 5}x1"}
OPENAI_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MANY = 80
CODES = {"Oslo": "QJ7402", "Lima": "RW3315"}
ASK_CODES = (
    f"{about_weather(*CITIES)} Then reply with one line for each city: the name of the city, a colon, and the code of "
    "its weather station."
)
REFUSED = ProbeRefusal(cause=TOOLS_REFUSED)
Tools = Sequence[Json]


def probes(profile: Profile, options: Options) -> Iterator[Probe]:
    """See the module."""
    level = Severity.WARNING if options.contract == "official" else Severity.INFORMATION
    yield _text_beside(profile)
    for name, stream in MODES:
        later = "standard" if stream else "full"
        yield _one_at_a_time(profile, name, level, stream=stream, tier=later)
        yield _named(profile, name, level, stream=stream, tier=later)
        yield _none_later(profile, name, stream=stream, tier=later)
        yield weighed_for(_bare(profile, name, stream=stream, tier=later), level, BARE_REFUSED)
        for kind, called in NAMES.items():
            yield _odd_name(profile, f"{kind}.{name}", called, stream=stream, tier="full" if kind == "long" else later)
    yield _many(profile)
    yield _out_of_order(profile)
    yield asked_again(
        "calls.empty-list",
        ask_with_tools(profile, SUM, [], stream=True),
        partial(text_alone, [], CALLED_UNASKED),
        refusal=None,
        tier="full",
    )


def _text_beside(profile: Profile) -> Probe:
    """A sentence and a call in one turn, streamed and plain in turn until both come in both modes."""
    modes = tuple(ask_with_tools(profile, ASK_BOTH, [WEATHER], stream=stream) for _, stream in MODES)
    look = partial(looked_at, partial(_beside, profile.thinking.supported), REFUSED)
    return Probe(
        id="calls.text-beside",
        requests=modes,
        judge=partial(_both_came, look),
        then=partial(_beside_again, look, modes),
        at_most=2 * TRIES - 2,
        tier="standard",
    )


def _beside_again(look: Look, modes: Sequence[Request], exchanges: Sequence[Exchange]) -> Request | None:
    """Both modes once more while one of them leaves it open."""
    if len(exchanges) % 2:
        return modes[1]
    if len(exchanges) == 2 * TRIES:
        return None
    tried = (exchanges[::2], exchanges[1::2])
    return modes[0] if any(all(open_after(look, one) for one in mode) for mode in tried) else None


def _beside(thinks: bool, answer: Completion) -> ProbeFinding | str:
    """Whether text and call came; tokens that were counted and did not come show a lost text."""
    found, spoken = unreadable_calls(answer, [WEATHER]), bool(answer.content.strip())
    if found and not (found.cause is NEVER_CALLED and SENTENCE[:40] in answer.content):
        return found
    if found:
        return slip("only the text came", CALL_LOST)
    if spoken:
        return "the text is in the content, the call in tool_calls"
    left = _uncounted(thinks, answer) - MARKERS * len(answer.tool_calls)
    if left > LEAST * of_text(SENTENCE).expected:
        explanation = f"the content is empty; {left:.0f} tokens were counted beside the call and the thinking"
        return defect(explanation, TEXT_LOST)
    return slip("only the call came", ONLY_CALL)


def _uncounted(thinks: bool, answer: Completion) -> float:
    """Tokens that the server counted beside all that came; 0 where it does not say how many were thinking."""
    details = (answer.usage or {}).get("completion_tokens_details")
    thought = details.get("reasoning_tokens") if isinstance(details, dict) else None
    thought = thought if isinstance(thought, int) else 0
    hidden = thinks and thought < max(1.0, of_text(answer.reasoning).expected / 2)
    if answer.tokens is None or hidden:
        return 0.0
    came = answer.content + "".join(call.name + call.arguments for call in answer.tool_calls)
    return answer.tokens[1] - thought - of_text(came).expected


def _both_came(look: Look, exchanges: Sequence[Exchange]) -> Score:
    """Lost text or calls break it; a model that gives the call alone in both modes does not."""
    scores = [judged(look, mode) for mode in (exchanges[::2], exchanges[1::2])]
    for score in scores:
        if score.value == 0.0 and score.cause != ONLY_CALL.cause:
            return score
    silent = [score for score in scores if score.value == 0.0]
    if len(silent) == 1:
        mode = MODES[scores.index(silent[0])][0]
        return weighed(broken(f"{mode}: {silent[0].explanation}", TEXT_IN_ONE_MODE), Severity.WARNING)
    return weighed(silent[0], Severity.INFORMATION) if silent else scores[0]


def _one_at_a_time(profile: Profile, name: str, level: Severity, *, stream: bool, tier: str) -> Probe:
    """Two calls are asked for with `parallel_tool_calls: false`: one may come, and the server may refuse the field."""
    text = about_weather(*CITIES)
    request = ask_with_tools(profile, text, [WEATHER], stream=stream, parallel_tool_calls=False)
    asked = asked_again(f"calls.parallel-false.{name}", request, _single, refusal=None, tier=tier)
    return weighed_for(asked, level, PARALLEL_IGNORED)


def _single(answer: Completion) -> ProbeFinding | str:
    if found := wrong_calls(answer, [WEATHER]):
        return found
    if len(answer.tool_calls) > 1:
        return defect(f"{len(answer.tool_calls)} calls came", PARALLEL_IGNORED)
    return "one call came"


def _named(profile: Profile, name: str, level: Severity, *, stream: bool, tier: str) -> Probe:
    """A `tool_choice` that names one of several tools; a server may refuse it."""
    choice = {"type": "function", "function": {"name": "get_time"}}
    tools = [CONVERT, WEATHER, TIME]
    tested = Trial(
        request=ask_with_tools(profile, PARIS, tools, stream=stream, tool_choice=choice),
        look=partial(looked_at, partial(_kept, tools), None),
    )
    control = Trial(
        request=ask_with_tools(profile, ASK_TIME, tools, stream=stream),
        look=partial(looked_at, partial(_calls_last, tools, NEVER_CALLED, UNKNOWN_TOOL), REFUSED),
    )
    return weighed_for(controlled(f"calls.choice-named.{name}", tested, control, tier=tier), level, NAMED_IGNORED)


def _kept(tools: Tools, answer: Completion) -> ProbeFinding | str:
    """The named tool was called; OpenAI's API says `stop` after it."""
    found = wrong_calls(answer, tools)
    if found and found.cause is NEVER_CALLED:
        return defect(found.explanation, NAMED_IGNORED)
    if found and found.cause is not FINISH_WRONG:
        return found
    others = [call.name for call in answer.tool_calls if call.name != "get_time"]
    if others:
        return defect(f"{others[0]} was called, not get_time", NAMED_IGNORED)
    return "get_time was called"


def _none_later(profile: Profile, name: str, *, stream: bool, tier: str) -> Probe:
    """`tool_choice: none` after a turn with a call: the history must not make the model call again.

    The turn has `content: null`, as OpenAI's clients send it back.
    """
    past = past_call(profile, "get_weather", '{"city":"Quito"}')
    messages = [
        user(about_weather("Quito")),
        weather_turn(profile, past, content=None),
        result(past, '{"temperature": 11.5}'),
        {"role": "assistant", "content": "It is 11.5 degrees in Quito."},
        user(about_weather("Oslo")),
    ]
    forbidden = ask_with_tools(profile, messages, [WEATHER], stream=stream, tool_choice="none")
    free = ask_with_tools(profile, messages, [WEATHER], stream=stream)
    check = partial(looked_at, partial(never_calls, [WEATHER]), ProbeRefusal(cause=CHOICE_REFUSED, named=CHOOSING))
    tested = Trial(request=forbidden, look=check)
    control = Trial(request=free, look=partial(looked_at, _accepted, REFUSED), tries=1)
    return controlled(f"calls.choice-none-later.{name}", tested, control, tier=tier)


def _accepted(answer: Completion) -> ProbeFinding | str:
    """Calls may come or not; they must not be damaged."""
    return leaked(answer) or "accepted"


def _bare(profile: Profile, name: str, *, stream: bool, tier: str) -> Probe:
    """A tool that has no `parameters` at all, then the same one with empty ones."""
    whole = tool("get_version", "Get the version of the server. Takes no arguments.", {})
    function = {key: value for key, value in whole["function"].items() if key != "parameters"}
    text = "Which version does the server run? Use the tool get_version."
    return _compared(
        profile, f"calls.no-parameters.{name}", text, [{**whole, "function": function}], [whole],
        causes=(BARE_REFUSED, BARE_BROKEN), stream=stream, tier=tier,
    )  # fmt: skip


def _odd_name(profile: Profile, name: str, called: str, *, stream: bool, tier: str) -> Probe:
    """A tool with an unusual name, then the same one with a plain name; OpenAI's API does not promise dots."""
    odd, plain = ({**WEATHER, "function": {**WEATHER["function"], "name": one}} for one in (called, "get_weather"))
    text = "What is the weather in the city Oslo right now? Use the tool {}."
    promised = OPENAI_NAME.fullmatch(called) is not None
    probe = _compared(
        profile, f"calls.name-{name}", text.format(called), [odd], [plain], control_text=text.format("get_weather"),
        causes=(NAME_REFUSED if promised else None, NAME_UNCALLED), renamed=NAME_CHANGED, stream=stream, tier=tier,
    )  # fmt: skip
    return probe if promised else weighed_for(probe, Severity.WARNING, NAME_CHANGED, NAME_UNCALLED)


def _many(profile: Profile) -> Probe:
    """The last of many tools, then the same one alone."""
    tools = [
        tool(f"get_price_of_item_{number:03d}", f"Get the price of item {number}.", {"currency": {"type": "string"}})
        for number in range(1, MANY + 1)
    ]
    text = f"What does item {MANY} cost in the currency SEK? Use the tool get_price_of_item_{MANY:03d}."
    return _compared(
        profile, "calls.many-tools", text, tools, tools[-1:], causes=(MANY_REFUSED, MANY_LOST), stream=True,
        tier="standard",
    )  # fmt: skip


def _compared(
    profile: Profile,
    name: str,
    text: str,
    tools: Tools,
    control_tools: Tools,
    *,
    causes: tuple[ProbeCause | None, ProbeCause],
    renamed: ProbeCause = UNKNOWN_TOOL,
    stream: bool,
    tier: str,
    control_text: str = "",
) -> Probe:
    """A call of the last of `tools`; the control asks for the last of `control_tools`.

    Args:
        profile: the model's rules.
        name: of the probe.
        text: the question.
        tools: what is offered with it.
        control_tools: what is offered with the control.
        causes: of a refusal (None: it is fine), and of a call that does not come.
        renamed: cause of a call by another name.
        stream: as in requests.
        tier: as in probes.
        control_text: the question of the control, where it is another one.
    """
    refusal, uncalled = causes
    tested = Trial(
        request=ask_with_tools(profile, text, tools, stream=stream),
        look=partial(looked_at, partial(_calls_last, tools, uncalled, renamed), ProbeRefusal(cause=refusal)),
    )
    control = Trial(
        request=ask_with_tools(profile, control_text or text, control_tools, stream=stream),
        look=partial(looked_at, partial(_calls_last, control_tools, NEVER_CALLED, UNKNOWN_TOOL), REFUSED),
    )
    return controlled(name, tested, control, tier=tier)


def _calls_last(tools: Tools, uncalled: ProbeCause, renamed: ProbeCause, answer: Completion) -> ProbeFinding | str:
    """The last tool was called, by its own name."""
    asked = tools[-1]["function"]["name"]
    found = wrong_calls(answer, tools)
    if found and found.cause is NEVER_CALLED:
        return slip(found.explanation, uncalled)
    if found and found.cause is UNKNOWN_TOOL:
        return slip(found.explanation, renamed)
    if found:
        return found
    if answer.tool_calls[0].name != asked:
        return slip(f"{quoted(answer.tool_calls[0].name)} was called, not {asked}", uncalled)
    return f"{asked} was called"


def _out_of_order(profile: Profile) -> Probe:
    """Two calls of one turn whose results come in the reverse order, then the same in order."""
    calls = [past_call(profile, "get_weather", f'{{"city":"{city}"}}', at) for at, city in enumerate(CITIES)]
    results = [result(call, _report(city)) for call, city in zip(calls, CITIES, strict=True)]
    opening = [user(ASK_CODES), weather_turn(profile, *calls)]
    tested, control = (
        Trial(
            request=ask_with_tools(profile, [*opening, *ordered], [WEATHER], stream=False),
            look=partial(looked_at, partial(_paired, unused), ProbeRefusal(cause=refusal)),
        )
        for ordered, unused, refusal in (
            (results[::-1], ORDER_LOST, ORDER_REFUSED),
            (results, RESULT_IGNORED, TOOLS_REFUSED),
        )
    )
    probe = controlled("calls.results-out-of-order", tested, control, tier="standard")
    return weighed_for(weighed_for(probe, Severity.WARNING, ORDER_REFUSED), Severity.INFORMATION, RESULT_IGNORED)


def _report(city: str) -> str:
    return f'{{"temperature": 11.5, "station": "{CODES[city]}"}}'


def _paired(unused: ProbeCause, answer: Completion) -> ProbeFinding | str:
    """Each city stands beside its own code; only lines of the form that was asked for are judged."""
    if found := leaked(answer):
        return found
    pattern = rf"^[^\w\n]*({'|'.join(CODES)})[^\w\n]*:[^\n]*?({'|'.join(CODES.values())})"
    pairs = dict(re.findall(pattern, answer.content, re.MULTILINE))
    if pairs == CODES:
        return "each result was taken for its own call"
    if sorted(pairs.values()) == sorted(CODES.values()):
        told = ", ".join(f"{city}: {code}" for city, code in pairs.items())
        return slip(f"the answer says {told}", ORDER_MIXED)
    return slip(f"the answer does not name both codes: {quoted(answer.content)}", unused)
