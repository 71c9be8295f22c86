"""Declares tools to the model in TypeScript, as Kimi K2.5 and later models are told about them.

Facts: `tool_declaration_ts.py` and `tokenization_kimi.py` of moonshotai/Kimi-K2.5. Keys are sorted at every depth;
required fields come before optional ones, each in alphabetical order. Values are printed as Python prints them.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from kvv_action.schema import Json

STEP = "  "
SELF = "parameters"
"""Name of the interface that `$ref: "#"` points to."""

_CONSTRAINTS = {
    "string": ("maxLength", "minLength", "pattern"),
    "number": ("maximum", "minimum"),
    "integer": ("maximum", "minimum"),
    "array": ("maxItems", "minItems"),
}
_SHORT = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
    "object": "{}",
    "array": "Array<any>",
}
"""What a type is called in a list of types."""
_PYTHON: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


class Undeclarable(ValueError):
    """The schema says something that has no form here; the official tokenizer then falls back to JSON."""


@dataclass(slots=True)
class _Definitions:
    """What one tool's schema defines by name, and whether it points to itself."""

    known: dict[str, Json] = field(default_factory=dict)
    recursive: bool = False

    def name(self, reference: str) -> str:
        """The interface that a `$ref` means."""
        if reference == "#":
            self.recursive = True
            return SELF
        prefix, _, name = reference.rpartition("/")
        if prefix != "#/$defs" or name not in self.known:
            raise Undeclarable(f"the reference {reference!r} leads nowhere")
        return name


def declared(tools: Json) -> str:
    """The text that declares tools; JSON where a schema cannot be written otherwise.

    Args:
        tools: the list of the request.
    """
    tools = _sorted(tools)
    try:
        described = [tool["function"] for tool in tools if tool.get("type") == "function" and tool.get("function")]
        functions = [_function(function) for function in described]
    except (ValueError, AttributeError, KeyError, TypeError, RecursionError):
        functions = []
    if not functions:
        return json.dumps(tools, ensure_ascii=False, separators=(",", ":"))
    return "# Tools\n\n## functions\nnamespace functions {\n" + "\n".join(functions) + "\n}\n"


def _sorted(value: Json) -> Json:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list | tuple) else value


def _function(function: Mapping[str, Json]) -> str:
    schema, definitions = function.get("parameters") or {}, _Definitions()
    whole = _object(schema, definitions, "")
    blocks = []
    if definitions.recursive:
        fields = ",\n".join(text for text, _ in _fields(schema, definitions, STEP))
        blocks.append(f"interface {SELF} {{\n{fields}\n}}")
        whole = SELF
    for name, inner in list(definitions.known.items()):
        about = _comment(inner.get("description", ""), "")
        blocks.append((f"{about}\n" if about else "") + f"interface {name} {_type(inner, definitions, '')}")
    blocks.append(_comment(function.get("description") or "", ""))
    blocks.append(f"type {function.get('name', 'function')} = (_: {whole}) => any;")
    return "\n".join(block for block in blocks if block)


def _comment(text: str, indent: str) -> str:
    return "\n".join(f"{indent}// {line}" if line else "" for line in text.split("\n")) if text else ""


def _type(schema: Json, definitions: _Definitions, indent: str) -> str:
    """The type that a schema describes, without its comment."""
    if isinstance(schema, bool) or schema == {}:
        return "null" if schema is False else "any"
    if "$ref" in schema:
        return definitions.name(schema["$ref"])
    if "anyOf" in schema:
        return " | ".join(_type(one, definitions, indent) for one in schema["anyOf"])
    if "enum" in schema:
        return _enum(schema)
    kind = schema.get("type")
    if isinstance(kind, list):
        return " | ".join(_short(one) for one in kind)
    if kind == "object":
        return _object(schema, definitions, indent)
    if kind == "array":
        return _array(schema, definitions, indent)
    if "type" not in schema:
        raise Undeclarable(f"no type in a schema with {', '.join(schema)}")
    return "number" if kind == "integer" else kind


def _short(kind: str) -> str:
    if kind not in _SHORT:
        raise Undeclarable(f"the type {kind!r} is unknown")
    return _SHORT[kind]


def _enum(schema: Mapping[str, Json]) -> str:
    kinds = schema.get("type", [])
    kinds = kinds if isinstance(kinds, list) else [kinds]
    if len(kinds) > 2 or (len(kinds) == 2 and "null" not in kinds):
        raise Undeclarable(f"values of the types {kinds}")
    for kind in [one for one in kinds if one != "null"][:1]:
        expected = _PYTHON.get(kind, (object,))
        if not all(value is None or isinstance(value, expected) for value in schema["enum"]):
            raise Undeclarable(f"a listed value that is no {kind}")
    return " | ".join(f'"{value}"' if isinstance(value, str) else str(value) for value in schema["enum"])


def _object(schema: Mapping[str, Json], definitions: _Definitions, indent: str) -> str:
    definitions.known.update(schema.get("$defs") or {})
    further = schema.get("additionalProperties")
    rest = []
    if further is not None:
        kind = _type(further, definitions, indent + STEP) if further is not False else "never"
        rest.append(f"{indent}{STEP}[k: string]: {kind}")
    fields = list(_fields(schema, definitions, indent + STEP))
    parts = [text for text, needed in fields if needed] + [text for text, needed in fields if not needed] + rest
    return "{\n" + ",\n".join(parts) + f"\n{indent}}}" if parts else "{}"


def _fields(schema: Mapping[str, Json], definitions: _Definitions, indent: str) -> Iterator[tuple[str, bool]]:
    """The text of each property as they stand, and whether it is required."""
    names = set(schema.get("required", ()))
    for name, inner in (schema.get("properties") or {}).items():
        mark = "" if name in names else "?"
        comments = _about(inner, indent) + _default(inner, indent)
        yield f"{comments}{indent}{name}{mark}: {_type(inner, definitions, indent)}", name in names


def _about(schema: Json, indent: str) -> str:
    """Description and limits, as comment lines."""
    if not isinstance(schema, Mapping) or not schema:
        return ""
    lines = [_comment(schema.get("description", ""), indent)]
    # references, alternatives and lists of values have no limits of their own
    named = {"$ref", "anyOf", "enum"} & set(schema)
    kind = schema.get("type") if not named else None
    keys = _CONSTRAINTS.get(kind, ()) if isinstance(kind, str) else ()
    limits = ", ".join(f"{key}: {schema[key]}" for key in keys if key in schema)
    lines.append(f"{indent}// {limits}" if limits else "")
    return "".join(f"{line}\n" for line in lines if line)


def _default(schema: Json, indent: str) -> str:
    value = schema.get("default") if isinstance(schema, Mapping) else None
    if value is None:
        return ""
    shown = repr(value) if isinstance(value, int | float) else json.dumps(value, ensure_ascii=False)
    return f"{indent}// Default: {shown}\n"


def _array(schema: Mapping[str, Json], definitions: _Definitions, indent: str) -> str:
    item = schema.get("items") or {}
    about = _about(item, indent + STEP)
    if not about:
        return f"Array<{_type(item, definitions, indent)}>"
    return "Array<\n" + about + indent + STEP + _type(item, definitions, indent + STEP) + f"\n{indent}>"
