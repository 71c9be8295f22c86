"""Turns a schema for any value into a tool's `parameters`, as MoonshotAI/Kimi-Vendor-Verifier does it.

Source: `tests/tool_call_json_schema/validator.py` of that repository, commit 3dad65a. Unlike there, keywords are told
from properties of the same name, property keys are looked at on every level, and what Draft 2020-12 itself forbids is
skipped as well.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from benchmarks.precheck.mfjs.nesting import deeper_than
from benchmarks.precheck.mfjs.subschemas import every, rebuilt
from kvv_action.schema import Json

ROOT = "case"
"""Name under which a schema that refers to itself as `#` is kept in `$defs`."""
LONGEST = 1000
"""Characters that a string may be made to have: longer ones only cost tokens."""
DEEPEST = 64
"""Levels of nesting that a schema may have."""
_DEFS = "#/$defs/"
_MOVING = ("$anchor", "$dynamicAnchor", "$dynamicRef")
_ESCAPES = ("\\n", "\\t", "\\r", "\\b", "\\f")


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Raised for a schema that is not sent; says why."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameters:
    """A schema for the arguments of a tool: an object with the one required property `value`."""

    schema: Mapping[str, Json]


def as_parameters(schema: Json) -> Parameters | Skip:
    """`schema` as that of the property `value`, or why it cannot be used."""
    reason = _unusable(schema)
    if reason:
        return Skip(reason=reason)
    made = wrapped(schema)
    reason = _invalid(made) or _endless(made)
    return Skip(reason=reason) if reason else Parameters(schema=made)


def wrapped(schema: Mapping[str, Json]) -> dict[str, Json]:
    """`schema` as that of the property `value`, for a schema that is known to be usable."""
    return _wrapped(rebuilt(schema, _without_default))


def _without_default(schema: dict[str, Json]) -> Json:
    return {name: value for name, value in schema.items() if name != "default"}


def _unusable(schema: Json) -> str:
    """Why the schema cannot be sent, before it is wrapped; empty if it can."""
    if not isinstance(schema, Mapping):
        return "not an object"
    if deeper_than(schema, DEEPEST):
        return f"nested more than {DEEPEST} levels deep"
    if not isinstance(schema.get("$defs") or {}, Mapping):
        return "not a valid Draft 2020-12 schema: its $defs are no object"
    for part in every(schema):
        shortest = part.get("minLength")
        if isinstance(shortest, int) and shortest > LONGEST:
            return f"minLength above {LONGEST}"
        properties = part.get("properties")
        if isinstance(properties, Mapping) and any(map(_odd, properties)):
            return "a property name with odd white space or an escape"
        if any(word in part for word in _MOVING) or ("$id" in part and part is not schema):
            return "an $id below the top, or an anchor: references would mean something else once wrapped"
    if "#" in str(schema.get("$id", "")).rstrip("#"):
        return "an $id with a fragment, which Draft 2020-12 forbids"
    return ""


def _odd(name: str) -> bool:
    return not name or name != name.strip() or any(escape in name for escape in _ESCAPES)


def _wrapped(schema: Mapping[str, Json]) -> dict[str, Json]:
    """The schema below `value`, its `$defs` and `$id` on top, references to its root pointed to where it is now."""
    defs = dict(schema.get("$defs") or {})
    inner: Json = {name: value for name, value in schema.items() if name not in ("$defs", "$id")}
    if any(_of_root(part.get("$ref")) for part in every(schema)):
        name = ROOT
        while name in defs:
            name = f"_{name}"
        defs = {key: rebuilt(part, _repointed(name)) for key, part in defs.items()}
        defs[name] = rebuilt(inner, _repointed(name))
        inner = {"$ref": _DEFS + name}
    return {
        **({"$id": schema["$id"]} if "$id" in schema else {}),
        "type": "object",
        "properties": {"value": inner},
        "required": ["value"],
        "additionalProperties": False,
        **({"$defs": defs} if defs else {}),
    }


def _of_root(reference: Json) -> bool:
    """Whether a reference is to the schema itself, or to a part of it outside `$defs`."""
    return isinstance(reference, str) and (
        reference == "#" or (reference.startswith("#/") and not reference.startswith(_DEFS))
    )


def _repointed(name: str) -> Callable[[dict[str, Json]], Json]:
    def change(schema: dict[str, Json]) -> Json:
        reference: Json = schema.get("$ref")
        return {**schema, "$ref": f"{_DEFS}{name}{reference[1:]}"} if _of_root(reference) else schema

    return change


def _invalid(schema: Mapping[str, Json]) -> str:
    """Why Draft 2020-12 does not allow the schema, or a reference in it leads nowhere."""
    from jsonschema import Draft202012Validator, SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"not a valid Draft 2020-12 schema: {error.message[:200]}"
    for part in every(schema):
        reference = part.get("$ref")
        if reference is not None and target(reference, schema) is None:
            return f"a reference that leads nowhere in the schema: {str(reference)[:80]}"
    return ""


def target(reference: str, root: Mapping[str, Json]) -> Mapping[str, Json] | None:
    """The schema that a reference within `root` points to."""
    found: Json = root
    start, *steps = reference.split("/")
    if start != "#":
        return None
    for step in steps:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list):
            found = found[int(key)] if key.isdecimal() and int(key) < len(found) else None
        else:
            found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else None


def _endless(schema: Mapping[str, Json]) -> str:
    """Whether a part that is referred to allows no finite value: generation that gets there never ends."""
    references = {str(part["$ref"]) for part in every(schema) if "$ref" in part}
    finite: set[str] = set()
    grown = True
    while grown:
        found = {name for name in references - finite if _ends(target(name, schema), finite)}
        finite |= found
        grown = bool(found)
    return "required recursion without end" if references - finite else ""


def _ends(schema: Json, finite: Collection[str]) -> bool:
    """Whether `schema` allows a finite value, given the references of which that is known."""
    if not isinstance(schema, Mapping):
        return schema is not False
    if "$ref" in schema and schema["$ref"] not in finite:
        return False
    if "anyOf" in schema and not any(_ends(branch, finite) for branch in schema["anyOf"]):
        return False
    types = schema.get("type", [])
    kinds = types if isinstance(types, list) else [types]
    if any(kind not in ("object", "array") for kind in kinds):
        return True
    properties = schema.get("properties", {})
    needed = [properties.get(name) for name in schema.get("required", [])]
    if schema.get("minItems"):
        needed.append(schema.get("items"))
    return all(_ends(part, finite) for part in needed)
