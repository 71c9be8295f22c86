"""Tools that probes offer, calls of a history, and what is wrong with the calls that come back."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence

import orjson

from benchmarks.precheck.again import SHOWN, ProbeFinding, defect, quoted, slip
from benchmarks.precheck.causes import ProbeCause
from kvv_action.profiles.model import Profile
from kvv_action.schema import Completion, Json, Message, ToolCall

MARKERS = ("<|tool_call", "<tool_call>", "</tool_call>")
"""Beginnings of the control tokens around calls; `<|tool_call` opens those of K2: sections, calls and arguments."""
DEEPEST = 64
"""Arguments that nest deeper are wrong, whatever the schema says: no tool of a probe nests that far."""
SHOWN_TOOLS = 5
"""Names of offered tools that an explanation lists."""

# fmt: off
TOOLS_REFUSED = ProbeCause("requests with tools are refused",
    "accept tools, and histories with calls and results, as OpenAI's API does")
NEVER_CALLED = ProbeCause("tools are not called",
    "check that the chat template renders `tools`, and turn the tool parser (and auto tool choice) on")
CALLS_LOST = ProbeCause("tool calls are lost on the way out",
    "finish_reason says tool_calls, but none came: check the tool parser, and a proxy that drops unknown fields")
MARKERS_LEAKED = ProbeCause("tool call markers leak into the text",
    "use the model's own tool parser, and do not return its special tokens as text")
CALL_AS_TEXT = ProbeCause("tool calls come as text",
    "turn on the tool parser that fits the model: it must move calls from content to tool_calls")
UNKNOWN_TOOL = ProbeCause("tools are called that were not offered",
    "restrict names to the offered tools by guided decoding; check that the parser cuts `functions.` and `:0`")
ARGUMENTS_MALFORMED = ProbeCause("tool arguments are not JSON text of an object",
    "check the tool parser's handling of streamed and escaped arguments; use guided decoding for tool calls")
ARGUMENTS_ENCODED_TWICE = ProbeCause("tool arguments are JSON text within JSON text",
    "serialize arguments once: the parser's text is JSON already")
ARGUMENTS_EMPTY = ProbeCause("a call without arguments has an empty text",
    "return `{}` as the arguments of a call without any: clients parse the text as JSON")
ARGUMENTS_LOST = ProbeCause("the arguments of a tool call do not come",
    "hand over the arguments of every call, also of the second and later ones; look at how the parser tells their "
    "pieces apart")
ARGUMENTS_INVALID = ProbeCause("tool arguments break the tool's schema",
    "check that the parser keeps numbers and booleans as they are, and that the template renders schemas whole")
ARGUMENTS_WRONG = ProbeCause("tool arguments do not say what was asked",
    "check what the tool parser does to quotes, line breaks and non-ASCII text, and the quantisation")
FINISH_WRONG = ProbeCause("finish_reason is not tool_calls although tools are called",
    "set finish_reason to tool_calls whenever tool_calls are returned: agents stop without it")
CALLS_TOO_FEW = ProbeCause("only one of several calls comes back",
    "return all calls of a section; check parallel_tool_calls and the parser's loop over calls")
# fmt: on


def schema_of(properties: Mapping[str, Json], *, optional: Collection[str] = ()) -> Json:
    """The schema of a closed object; its properties are required, except `optional`."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def tool(
    name: str,
    description: str,
    properties: Mapping[str, Json],
    *,
    optional: Collection[str] = (),
    strict: bool | None = None,
) -> Json:
    """A tool as it is offered; its properties are required, except `optional`."""
    parameters = schema_of(properties, optional=optional)
    function: dict[str, Json] = {"name": name, "description": description, "parameters": parameters}
    return {"type": "function", "function": function if strict is None else {**function, "strict": strict}}


WEATHER = tool(
    "get_weather",
    "Get the current weather in a city.",
    {"city": {"type": "string", "description": "Name of the city."}},
)


def about_weather(*cities: str) -> str:
    """A question that needs one call of `WEATHER` for each city."""
    asked = " and in ".join(f"the city {city}" for city in cities)
    each = ", once for each city, all in one go" if len(cities) > 1 else ""
    return f"What is the weather in {asked} right now? Use the tool get_weather{each}."


def past_call(profile: Profile, name: str, arguments: str, index: int = 0) -> ToolCall:
    """A call of an earlier turn; its id has the model's own form where that is known."""
    form = profile.tool_call_id or "call_{name}_{index}"
    return ToolCall(id=form.format(name=name, index=index), name=name, arguments=arguments)


def answered(*calls: ToolCall, reasoning: str, content: str | None = "") -> Message:
    """The assistant's message that made `calls`, as it is sent back in a history; clients send null for no content."""
    made = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    message: dict[str, Json] = {"role": "assistant", "content": content, "tool_calls": made}
    return {**message, "reasoning_content": reasoning} if reasoning else message


def weather_turn(profile: Profile, *calls: ToolCall, content: str | None = "") -> Message:
    """The assistant's message that called `WEATHER`, with its thinking where the model thinks."""
    reasoning = "The weather must come from the tool." if profile.thinking.supported else ""
    return answered(*calls, reasoning=reasoning, content=content)


def result(call: ToolCall, content: str) -> Message:
    """What the tool answered to `call`."""
    return {"role": "tool", "tool_call_id": call.id, "content": content}


def wrong_calls(answer: Completion, tools: Sequence[Json]) -> ProbeFinding | None:
    """What is wrong with an answer that must call some of `tools`; None when its calls can be carried out."""
    return unreadable_calls(answer, tools) or invalid_arguments(answer, tools)


def unreadable_calls(answer: Completion, tools: Sequence[Json]) -> ProbeFinding | None:
    """What is wrong with an answer that must call some of `tools`, whatever their schemas say."""
    if found := leaked(answer):
        return found
    if not answer.tool_calls:
        return _missing(answer, tools)
    schemas = {entry["function"]["name"]: entry["function"].get("parameters", {}) for entry in tools}
    full = any(len(call.arguments.strip()) > len("{}") for call in answer.tool_calls)
    for number, call in enumerate(answer.tool_calls, 1):
        found = (
            _unknown(call, list(schemas)) or (full and _emptied(call, number, schemas[call.name])) or _malformed(call)
        )
        if found:
            return found
    if answer.finish_reason != "tool_calls":
        said = quoted(str(answer.finish_reason))
        return defect(f"tools are called, but finish_reason is {said}", FINISH_WRONG)
    if any(len(call.arguments) > 2 and call.arguments in answer.content for call in answer.tool_calls):
        return slip("content repeats the arguments of a call", CALL_AS_TEXT)
    return None


def invalid_arguments(answer: Completion, tools: Sequence[Json]) -> ProbeFinding | None:
    """The first call whose arguments break its tool's schema; `unreadable_calls` found nothing wrong with the calls."""
    schemas = {entry["function"]["name"]: entry["function"].get("parameters", {}) for entry in tools}
    for call in answer.tool_calls:
        if problem := next(_problems(arguments_of(call), schemas[call.name]), ""):
            return slip(f"the arguments of {call.name} {problem}", ARGUMENTS_INVALID)
    return None


def leaked(answer: Completion) -> ProbeFinding | None:
    """A marker of tool calls in the content or the reasoning."""
    for place, text in (("content", answer.content), ("reasoning", answer.reasoning)):
        marker = next((marker for marker in MARKERS if marker in text), "")
        if marker:
            start = text.index(marker)
            return defect(f"{place} holds {quoted(text[start:])}", MARKERS_LEAKED)
    return None


def _missing(answer: Completion, tools: Sequence[Json]) -> ProbeFinding:
    """Why an answer that should call a tool does not."""
    if answer.finish_reason == "tool_calls":
        return defect("finish_reason is tool_calls, but no call came", CALLS_LOST)
    if looks_like_call(answer.content, tools):
        return slip(f"the call is in the content: {quoted(answer.content)}", CALL_AS_TEXT)
    said = quoted(answer.content) if answer.content else "nothing"
    return slip(f"no tool was called; the answer is {said}", NEVER_CALLED)


def looks_like_call(text: str, tools: Sequence[Json]) -> bool:
    """Whether a text names a tool and holds a JSON object as arguments."""
    named = any(entry["function"]["name"] in text for entry in tools)
    return named and re.search(r"\{\s*\"", text) is not None


def _unknown(call: ToolCall, offered: Sequence[str]) -> ProbeFinding | None:
    if call.name in offered:
        return None
    return defect(f"{quoted(call.name)} was called; offered is {', '.join(offered[:SHOWN_TOOLS])}", UNKNOWN_TOOL)


def _emptied(call: ToolCall, number: int, schema: Json) -> ProbeFinding | None:
    """Nothing where the schema requires arguments; asked where other calls of the answer have some."""
    if not schema.get("required") or call.arguments.strip() not in ("", "{}"):
        return None
    return defect(f"call {number}, of {call.name}, has no arguments", ARGUMENTS_LOST)


def _malformed(call: ToolCall) -> ProbeFinding | None:
    """Arguments that are not the JSON text of an object."""
    if not call.arguments.strip():
        return defect(f"the arguments of {call.name} are an empty text", ARGUMENTS_EMPTY)
    try:
        arguments = orjson.loads(call.arguments)
    except orjson.JSONDecodeError as error:
        explanation = f"the arguments of {call.name} are not JSON ({error}): {quoted(call.arguments)}"
        return defect(explanation, ARGUMENTS_MALFORMED)
    if isinstance(arguments, dict):
        return None
    cause = ARGUMENTS_ENCODED_TWICE if isinstance(arguments, str) else ARGUMENTS_MALFORMED
    return defect(f"the arguments of {call.name} are no object: {quoted(call.arguments)}", cause)


def _problems(arguments: Json, schema: Json) -> Iterator[str]:
    """How arguments break the schema (Draft 2020-12, as Kimi-Vendor-Verifier checks them)."""
    if is_deep(arguments):
        yield f"are nested more than {DEEPEST} deep"
        return
    from jsonschema import Draft202012Validator

    for error in Draft202012Validator(schema).iter_errors(arguments):
        place = "".join(f".{step}" for step in error.absolute_path) or "."
        yield f"break the schema at {place[:SHOWN]} ({error.validator}): {quoted(error.message)}"


def is_deep(value: Json) -> bool:
    """Whether JSON nests more than `DEEPEST` levels."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
        ]
        if not level:
            return False
    return True


def arguments_of(call: ToolCall) -> Mapping[str, Json]:
    """The arguments of a call that `unreadable_calls` found nothing wrong with."""
    value: Mapping[str, Json] = orjson.loads(call.arguments)
    return value
