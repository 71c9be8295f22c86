"""Visits every schema in a JSON schema: a property named `default` is no keyword, values of an enum are no schemas."""

from collections.abc import Callable, Iterator, Mapping

from kvv_action.schema import Json

MAPS = ("properties", "patternProperties", "$defs", "dependentSchemas")
LISTS = ("anyOf", "allOf", "oneOf", "prefixItems")
SINGLE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


def rebuilt(schema: Json, change: Callable[[dict[str, Json]], Json]) -> Json:
    """`schema` with `change` applied to every schema in it, the innermost first; what is no schema stays."""
    if not isinstance(schema, Mapping):
        return schema
    return change({name: _rebuilt(name, value, change) for name, value in schema.items()})


def _rebuilt(keyword: str, value: Json, change: Callable[[dict[str, Json]], Json]) -> Json:
    if keyword in MAPS and isinstance(value, Mapping):
        return {name: rebuilt(part, change) for name, part in value.items()}
    if keyword in LISTS and isinstance(value, list):
        return [rebuilt(part, change) for part in value]
    return rebuilt(value, change) if keyword in SINGLE else value


def every(schema: Json) -> Iterator[Mapping[str, Json]]:
    """`schema` and every schema in it."""
    if not isinstance(schema, Mapping):
        return
    yield schema
    for keyword, value in schema.items():
        if keyword in MAPS and isinstance(value, Mapping):
            parts = list(value.values())
        elif keyword in LISTS and isinstance(value, list):
            parts = value
        else:
            parts = [value] if keyword in SINGLE else []
        for part in parts:
            yield from every(part)
