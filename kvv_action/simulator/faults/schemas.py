"""Faults in calls of tools with `strict: true`, whose arguments must follow the tool's schema."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Json, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.hooks import Body, Check, Say, when_streamed
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.schema_values import minimal
from kvv_action.simulator.tokens import completion_tokens, prompt_tokens
from kvv_action.simulator.wire import Reply, answered

BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_MAPS = ("properties", "$defs")


def _strict(body: Mapping[str, Json]) -> dict[str, Json]:
    """The schemas of strict tools, by name."""
    tools = body.get("tools")
    entries = [entry.get("function") for entry in tools or () if isinstance(entry, Mapping)]
    functions = [function for function in entries if isinstance(function, Mapping)]
    return {str(entry.get("name")): entry.get("parameters") for entry in functions if entry.get("strict") is True}


def _rewritten(change: Callable[[str, Json], str]) -> Say:
    """An answer whose strict calls have other arguments; `change` gets their text and the schema."""

    def say(answer: Answer, call: Call) -> Answer:
        schemas = _strict(call.body)
        if not schemas:
            return answer
        calls = tuple(_changed(made, schemas, change) for made in answer.tool_calls)
        return replace(answer, tool_calls=calls)

    return say


def _changed(made: ToolCall, schemas: Mapping[str, Json], change: Callable[[str, Json], str]) -> ToolCall:
    return replace(made, arguments=change(made.arguments, schemas[made.name])) if made.name in schemas else made


def _revalued(change: Callable[[Json], Json]) -> Callable[[str, Json], str]:
    """Arguments with `change` applied to each of them."""

    def rewrite(text: str, _: Json) -> str:
        arguments = orjson.loads(text)
        return _text({name: change(value) for name, value in arguments.items()})

    return rewrite


def _regenerated(change: Callable[[dict[str, Json]], Json]) -> Callable[[str, Json], str]:
    """Arguments made from the schema after `change` was applied to every part of it."""
    return lambda _, schema: _text(minimal(_throughout(schema, change)))


def _throughout(schema: Json, change: Callable[[dict[str, Json]], Json]) -> Json:
    if not isinstance(schema, Mapping):
        return schema
    parts: dict[str, Json] = {}
    for name, value in schema.items():
        if name in _MAPS:
            parts[name] = {key: _throughout(part, change) for key, part in value.items()}
        elif name == "anyOf":
            parts[name] = [_throughout(part, change) for part in value]
        else:
            parts[name] = _throughout(value, change) if name in ("items", "additionalProperties") else value
    return change(parts)


def _text(value: Json) -> str:
    return orjson.dumps(value).decode()


def wrong_type(value: Json) -> Json:
    """A value of another type: False in place of a text, a text in place of anything else."""
    return False if isinstance(value, str) else "text"


def without_last(value: Json) -> Json:
    """The value, or the first item of it, without its last property."""
    if isinstance(value, dict):
        return dict(list(value.items())[:-1])
    return [without_last(value[0]), *value[1:]] if isinstance(value, list) and value else value


def outside_enum(schema: dict[str, Json]) -> Json:
    """The schema with a value that its enum does not list, where that is a text or a number."""
    first = (schema.get("enum") or [None])[0]
    if isinstance(first, str):
        return {"const": f"{first}?"}
    if isinstance(first, int | float) and not isinstance(first, bool):
        return {"const": max(schema["enum"]) + 1}
    return schema


def without_bounds(schema: dict[str, Json]) -> Json:
    """The schema without any bound."""
    return {name: value for name, value in schema.items() if name not in BOUNDS}


def _with_note(text: str, _: Json) -> str:
    return _text({**orjson.loads(text), "note": "text"})


_wrong: Say = _rewritten(_revalued(wrong_type))


def _wrong_at_first(reply: Reply, turn: Turn) -> Reply:
    """The reply with wrong arguments when its messages come for the first time."""
    call, answer = turn.call, turn.answer
    if turn.visit.occurrence > 1 or call is None or answer is None or not _strict(call.body):
        return reply
    wrong = _wrong(answer, call)
    prompt, completion = prompt_tokens(call), completion_tokens(wrong)
    usage = {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}
    return replace(reply, parts=answered(call, wrong, usage, turn.visit.options.chunk_tokens).parts)


def _without_call(answer: Answer, call: Call) -> Answer:
    if not answer.tool_calls or not _strict(call.body):
        return answer
    return replace(answer, tool_calls=(), content="I would call the tool now.", finish_reason="stop")


def _refusing(keyword: str) -> Check:
    def check(body: Body, _: Profile) -> None:
        for name, schema in _strict(body).items():
            if any(keyword in part for part in _parts(schema)):
                raise Refusal(f"invalid schema for function {name!r}: unsupported keyword {keyword!r}")

    return check


def _parts(schema: Json) -> Iterator[Mapping[str, Json]]:
    """The schemas in a schema, itself included."""
    found: list[Mapping[str, Json]] = []

    def note(part: dict[str, Json]) -> Json:
        found.append(part)
        return part

    _throughout(schema, note)
    return iter(found)


FAULTS = (
    Fault("ignores-tool-schema", "makes up the arguments of strict tools without looking at the schema's types",
          f"{FAILS}guided decoding is off for tools", say=_wrong),
    Fault("drops-schema-required", "leaves out a required property inside the arguments of strict tools",
          f"{FAILS}required is not enforced", say=_rewritten(_revalued(without_last))),
    Fault("adds-extra-arguments", "adds a property that the schema of a strict tool forbids",
          f"{FAILS}additionalProperties: false is not enforced", say=_rewritten(_with_note)),
    Fault("ignores-enum", "gives strict tools texts and numbers that the enum does not list",
          f"{FAILS}enum is not enforced", say=_rewritten(_regenerated(outside_enum))),
    Fault("ignores-schema-bounds", "gives strict tools values that are too small, too large, too short or too long",
          f"{FAILS}bounds are not enforced", say=_rewritten(_regenerated(without_bounds))),
    Fault("refuses-schema-refs", "refuses strict tools whose schema has a $ref",
          "Pre-Verification fails and names $ref as what is not supported", check=_refusing("$ref")),
    Fault("refuses-anyof", "refuses strict tools whose schema has an anyOf",
          "Pre-Verification fails and names anyOf as what is not supported", check=_refusing("anyOf")),
    Fault("schema-only-plain", "follows the schemas of strict tools only when the answer is not streamed",
          "Pre-Verification fails for streams and says that the same schemas work without", say=when_streamed(_wrong)),
    Fault("schema-wrong-at-first", "follows the schemas of strict tools only when the same is asked again",
          "Pre-Verification passes; the first-try rate shows it", send=_wrong_at_first),
    Fault("encodes-strict-arguments-twice", "sends the arguments of strict tools as JSON inside a JSON text",
          f"{FAILS}the arguments are encoded twice", say=_rewritten(lambda text, _: _text(text))),
    Fault("cuts-strict-arguments", "loses the last character of the arguments of strict tools",
          f"{FAILS}arguments are not JSON", say=_rewritten(lambda text, _: text[:-1])),
    Fault("answers-instead-of-strict-call", "answers in text when a strict tool must be called",
          f"{FAILS}the forced call is not made", say=_without_call),
)  # fmt: skip
