"""Faults in the arguments of calls that are still JSON: values that are dropped, changed, cut or repeated."""

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from kvv_action.schema import Json, ToolCall
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.calling import in_calls
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import FAILS, Fault

_ESCAPE = re.compile(r'\\(?:u[0-9a-c][0-9a-f]{3}|[nt"\\])')
CUT_AT, HOLE = 8192, 100
"""Where long texts are damaged, and by how many characters."""


def _in_objects(change: Callable[[dict[str, Json], Json], dict[str, Json]]) -> Say:
    """A fault in the arguments of every call; `change` gets them, and the schema of the tool."""

    def changed(made: ToolCall, call: Call) -> ToolCall:
        arguments = orjson.loads(made.arguments)
        if not isinstance(arguments, dict):
            return made
        schema: Json = next((tool.parameters for tool in call.tools if tool.name == made.name), {})
        return replace(made, arguments=orjson.dumps(change(arguments, schema)).decode())

    return in_calls(changed)


def _in_texts(change: Callable[[str], str]) -> Say:
    """A fault in every text of the arguments."""

    def changed(value: Json) -> Json:
        match value:
            case str():
                return change(value)
            case list():
                return [changed(item) for item in value]
            case dict():
                return {name: changed(item) for name, item in value.items()}
            case _:
                return value

    return _in_objects(lambda arguments, _: {name: changed(value) for name, value in arguments.items()})


def _without(drops: Callable[[Json], bool]) -> Say:
    """Drops values at any depth."""

    def kept(value: Json) -> Json:
        if not isinstance(value, dict):
            return value
        return {name: kept(item) for name, item in value.items() if not drops(item)}

    return _in_objects(lambda arguments, _: dict(kept(arguments)))


def _without_optional(arguments: Mapping[str, Json], schema: Json, *, inner: bool = False) -> dict[str, Json]:
    """Arguments without those that the schema does not require; of objects inside them only, where `inner`."""
    known: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
    required, properties = known.get("required", []), known.get("properties", {})
    kept = {name: value for name, value in arguments.items() if inner or name in required}
    if not inner:
        return kept
    return {
        name: _without_optional(value, properties.get(name)) if isinstance(value, dict) else value
        for name, value in kept.items()
    }


def _optional(hit: Callable[[Call], bool]) -> Say:
    """Drops optional arguments in the answers to calls that are hit."""
    drop = _in_objects(_without_optional)
    return lambda answer, call: drop(answer, call) if hit(call) else answer


def _flattened(arguments: dict[str, Json], _: Json) -> dict[str, Json]:
    flat: dict[str, Json] = {}
    for name, value in arguments.items():
        inner = {f"{name}.{key}": item for key, item in value.items()} if isinstance(value, dict) else {name: value}
        flat |= inner
    return flat


def _with_nulls(arguments: dict[str, Json], schema: Json) -> dict[str, Json]:
    """All properties of the schema; those that the model left out are null."""
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    return {**dict.fromkeys(properties or {}), **arguments}


def _in_values(change: Callable[[Json, Json], Json]) -> Say:
    """A fault in every value of the arguments that is no object or array; `change` gets it, and its schema."""

    def changed(value: Json, schema: Json) -> Json:
        known: Mapping[str, Any] = schema if isinstance(schema, Mapping) else {}
        match value:
            case list():
                return [changed(item, known.get("items")) for item in value]
            case dict():
                properties = known.get("properties") or {}
                return {name: changed(item, properties.get(name)) for name, item in value.items()}
            case _:
                return change(value, known)

    return _in_objects(lambda arguments, schema: dict(changed(arguments, schema)))


def _as_float(value: Json, _: Json) -> Json:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _boolean_as_text(value: Json, _: Json) -> Json:
    return str(value).lower() if isinstance(value, bool) else value


def _null_as_text(value: Json, _: Json) -> Json:
    return "null" if value is None else value


def _in_capitals(value: Json, schema: Json) -> Json:
    return value.upper() if isinstance(value, str) and "enum" in schema else value


def _decoded_again(text: str) -> str:
    return _ESCAPE.sub(lambda escape: str(orjson.loads(f'"{escape[0]}"')), text)


def _encoded(arguments: dict[str, Json], _: Json) -> dict[str, Json]:
    return {
        name: orjson.dumps(value).decode() if isinstance(value, dict | list) else value
        for name, value in arguments.items()
    }


def _unicode_escaped(text: str) -> str:
    return "".join(
        letter if letter.isascii() else "".join(f"\\u{unit:04x}" for unit in _units(letter)) for letter in text
    )


def _units(letter: str) -> list[int]:
    encoded = letter.encode("utf-16-be")
    return [int.from_bytes(encoded[at : at + 2]) for at in range(0, len(encoded), 2)]


def _escaped(text: str) -> str:
    return orjson.dumps(text).decode()[1:-1]


def _in_long(change: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: change(text) if len(text) > CUT_AT + HOLE else text


FAULTS = (
    Fault("drops-optional-arguments", "drops optional arguments while it thinks", f"{FAILS}optional arguments are lost",
          say=_optional(lambda call: call.thinking)),
    Fault("cuts-long-arguments", f"cuts arguments after {CUT_AT} characters", f"{FAILS}long arguments are cut",
          say=in_calls(lambda made, _: replace(made, arguments=made.arguments[:CUT_AT]))),
    Fault("drops-nested-optional-arguments", "drops optional arguments inside objects",
          f"{FAILS}optional arguments are lost",
          say=_in_objects(lambda arguments, schema: _without_optional(arguments, schema, inner=True))),
    Fault("drops-optional-arguments-without-thinking", "drops optional arguments when the model does not think",
          f"{FAILS}optional arguments are lost", say=_optional(lambda call: not call.thinking)),
    Fault("drops-null-arguments", "drops arguments whose value is null",
          f"{FAILS}arguments that are null or empty are left out", say=_without(lambda value: value is None)),
    Fault("drops-empty-arguments", "drops arguments whose value is null, false, zero or empty",
          f"{FAILS}arguments that are null or empty are left out", say=_without(lambda value: not value)),
    Fault("flattens-nested-arguments", "joins the names of nested arguments (customer.name)",
          f"{FAILS}nested arguments come flattened or as text", say=_in_objects(_flattened)),
    Fault("nested-arguments-as-text", "returns objects and arrays in arguments as JSON text",
          f"{FAILS}nested arguments come flattened or as text", say=_in_objects(_encoded)),
    Fault("adds-null-arguments", "adds the optional arguments that the model left out, as null",
          f"{FAILS}optional arguments come as null", say=_in_objects(_with_nulls)),
    Fault("writes-integers-as-floats", "writes integers in arguments with a point (3.0)",
          f"{FAILS}integers come as floating-point numbers", say=_in_values(_as_float)),
    Fault("booleans-as-text-arguments", "returns booleans in arguments as text",
          f"{FAILS}arguments do not follow the schema", say=_in_values(_boolean_as_text)),
    Fault("nulls-as-text-arguments", "returns null in arguments as text", f"{FAILS}arguments do not say what was asked",
          say=_in_values(_null_as_text)),
    Fault("capitalises-enums", "writes values of an enum in capitals", f"{FAILS}arguments do not follow the schema",
          say=_in_values(_in_capitals)),
    Fault("decodes-arguments-twice", "decodes escapes in the texts of arguments once more",
          f"{FAILS}escapes in texts of arguments are resolved", say=_in_texts(_decoded_again)),
    Fault("escapes-unicode-twice", "writes letters beyond ASCII in arguments as \\u escapes, and escapes the backslash",
          f"{FAILS}texts in arguments are escaped once too often", say=_in_texts(_unicode_escaped)),
    Fault("escapes-arguments-twice", "escapes quotes and line breaks in arguments twice",
          f"{FAILS}texts in arguments are escaped once too often", say=_in_texts(_escaped)),
    Fault("escapes-arguments-for-html", "writes <, > and & in arguments as HTML does",
          f"{FAILS}texts in arguments are escaped once too often", say=_in_texts(html.escape)),
    Fault("loses-newlines-in-arguments", "joins the lines of texts in arguments",
          f"{FAILS}line breaks in arguments are lost", say=_in_texts(lambda text: text.replace("\n", ""))),
    Fault("strips-arguments", "strips white space from the ends of texts in arguments",
          "a warning: white space at the ends of arguments is lost", say=_in_texts(str.strip)),
    Fault("closes-cut-arguments", f"cuts texts in arguments after {CUT_AT} characters and closes the JSON",
          f"{FAILS}long arguments are cut", say=_in_texts(_in_long(lambda text: text[:CUT_AT]))),
    Fault("loses-piece-of-long-arguments", f"loses {HOLE} characters in the middle of long arguments",
          f"{FAILS}long arguments are cut",
          say=_in_texts(_in_long(lambda text: text[:CUT_AT] + text[CUT_AT + HOLE :]))),
    Fault("repeats-piece-of-long-arguments", f"sends {HOLE} characters in the middle of long arguments twice",
          f"{FAILS}pieces of arguments come twice",
          say=_in_texts(_in_long(lambda text: text[: CUT_AT + HOLE] + text[CUT_AT:]))),
)  # fmt: skip
