"""The smallest value that a JSON schema allows, as far as vendors' structured output goes."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kvv_action.schema import Json

LONGEST = 100_000
"""Longer minimum lengths are ignored: they exist only to break servers."""
_WORDS = ("text", "a", "A", "1", "a1", "A1", "#a1b2c3", "2025-01-31", "12:30:00Z", "me@example.org")
_FORMATS = {
    "date": "2025-01-31",
    "date-time": "2025-01-31T12:30:00Z",
    "time": "12:30:00Z",
    "duration": "P1D",
    "email": "me@example.org",
    "hostname": "example.org",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_SHAPES = {
    "object": ("properties", "required", "additionalProperties", "minProperties"),
    "array": ("items", "minItems", "prefixItems"),
    "string": ("minLength", "maxLength", "pattern", "format"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}


class _Endless(Exception):
    """The schema requires itself again."""


def minimal(schema: Json) -> Json:
    """A small value that `schema` allows; None for a schema that no finite value satisfies.

    Follows $ref within the document, allOf, anyOf, oneOf, const, enum, required properties and minima.
    A `pattern` is met when one of a few common words meets it.
    """
    try:
        return _value(schema, schema, ())
    except _Endless:
        return None


def _value(schema: Json, root: Json, seen: tuple[str, ...]) -> Json:
    """A value for `schema`; `seen` are the references that led here."""
    if not isinstance(schema, Mapping):
        return {}
    for keyword in ("const", "enum", "$ref", "allOf", "anyOf", "oneOf"):
        if keyword in schema:
            return _combined(keyword, schema, root, seen)
    match _type(schema):
        case "object":
            return _object(schema, root, seen)
        case "array":
            return _array(schema, root, seen)
        case "string":
            return _string(schema)
        case "integer":
            return _number(schema, whole=True)
        case "number":
            return _number(schema, whole=False)
        case "boolean":
            return True
        case _:
            return None


def _type(schema: Mapping[str, Json]) -> str:
    """The type to build: the one asked for, the first non-null of several, else what the keywords mean."""
    declared = schema.get("type")
    if isinstance(declared, list):
        return next((name for name in declared if name != "null"), "null")
    if isinstance(declared, str):
        return declared
    shapes = (name for name, keywords in _SHAPES.items() if any(word in schema for word in keywords))
    return next(shapes, "object")


def _combined(keyword: str, schema: Mapping[str, Any], root: Json, seen: tuple[str, ...]) -> Json:
    """A value for a schema that is put together by `keyword`."""
    if keyword == "const":
        return schema["const"]
    if keyword == "enum":
        return schema["enum"][0] if schema["enum"] else None
    rest = {name: value for name, value in schema.items() if name != keyword}
    if keyword == "$ref":
        reference = str(schema["$ref"])
        if reference in seen:
            raise _Endless
        return _value(_merged(rest, _resolved(reference, root)), root, (*seen, reference))
    if keyword == "allOf":
        for part in schema["allOf"]:
            rest = _merged(rest, part)
        return _value(rest, root, seen)
    return _first((_merged(rest, branch) for branch in schema[keyword]), root, seen)


def _first(branches: Iterator[Json], root: Json, seen: tuple[str, ...]) -> Json:
    """A value for the first branch that ends."""
    for branch in branches:
        try:
            return _value(branch, root, seen)
        except _Endless:
            continue
    raise _Endless


def _merged(base: Mapping[str, Any], other: Json) -> Json:
    """Both schemas at once: properties and required names are joined, other keywords taken from `other`."""
    if not isinstance(other, Mapping):
        return base
    merged = {**base, **other}
    if "properties" in base and "properties" in other:
        merged["properties"] = {**base["properties"], **other["properties"]}
    if "required" in base and "required" in other:
        merged["required"] = list(dict.fromkeys([*base["required"], *other["required"]]))
    return merged


def _resolved(reference: str, root: Json) -> Json:
    """The part of `root` that a reference such as `#/$defs/Node` points to."""
    target = root
    for step in reference.partition("#")[2].split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(target, Mapping):
            target = target.get(key)
        elif isinstance(target, Sequence) and key.isdigit() and int(key) < len(target):
            target = target[int(key)]
    return target


def _object(schema: Mapping[str, Any], root: Json, seen: tuple[str, ...]) -> Json:
    properties = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    names = [str(name) for name in schema.get("required") or ()]
    spare = [name for name in properties if name not in names]
    names += spare[: max(0, int(schema.get("minProperties", 0)) - len(names))]
    missing = int(schema.get("minProperties", 0)) - len(names)
    names += [f"key{number}" for number in range(1, missing + 1)]
    return {name: _value(properties.get(name, others), root, seen) for name in names}


def _array(schema: Mapping[str, Any], root: Json, seen: tuple[str, ...]) -> Json:
    size = min(int(schema.get("minItems", 0)), LONGEST)
    prefix = schema.get("prefixItems") or ()
    kinds = [prefix[position] if position < len(prefix) else schema.get("items") for position in range(size)]
    values = [_value(kind, root, seen) for kind in kinds]
    return _distinct(values, kinds) if schema.get("uniqueItems") else values


def _distinct(values: list[Json], kinds: Sequence[Json]) -> list[Json]:
    """`values` made different from each other: the next member of an enum, number or text."""
    result: list[Json] = []
    for position, (value, kind) in enumerate(zip(values, kinds, strict=True)):
        listed = kind.get("enum") if isinstance(kind, Mapping) else None
        if listed and position < len(listed):
            result.append(listed[position])
        elif isinstance(value, bool):
            result.append(position == 0)
        elif isinstance(value, int | float):
            result.append(value + position)
        else:
            result.append(f"{value}{position}" if isinstance(value, str) and position else value)
    return result


def _string(schema: Mapping[str, Any]) -> str:
    shortest = min(int(schema.get("minLength", 0)), LONGEST)
    longest = max(shortest, int(schema.get("maxLength", LONGEST)))
    words = (_FORMATS.get(str(schema.get("format")), _WORDS[0]), *_WORDS)
    fitted = [(word * (shortest // len(word) + 1))[: max(shortest, min(len(word), longest))] for word in words]
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return fitted[0]
    try:
        return next((word for word in fitted if re.search(pattern, word)), fitted[0])
    except re.error:
        return fitted[0]


def _number(schema: Mapping[str, Any], *, whole: bool) -> int | float:
    """The number next to zero, or to 1 when zero is not allowed, within the bounds."""
    step = schema.get("multipleOf") or 1
    low, high = schema.get("minimum"), schema.get("maximum")
    if (above := schema.get("exclusiveMinimum")) is not None:
        low = _beyond(above, step, whole=whole)
    if (below := schema.get("exclusiveMaximum")) is not None:
        high = -_beyond(-below, step, whole=whole)
    value: int | float = 1 if "multipleOf" not in schema else 0
    if low is not None and value < low:
        value = math.ceil(low / step) * step
        value = value if whole or high is None or value <= high else low
    if high is not None and value > high:
        value = math.floor(high / step) * step
        value = value if whole or low is None or value >= low else high
    return int(value) if whole or (isinstance(value, float) and value.is_integer()) else value


def _beyond(bound: float, step: float, *, whole: bool) -> float:
    """A value just above an exclusive lower bound."""
    if whole or step != 1:
        return (math.floor(bound / step) + 1) * step
    return bound + 0.5
