"""Tools in TypeScript, as the tokenizers of K2.5 and later write them."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.toolcall.declaration import declared
from benchmarks.toolcall.template import Style


def tool(parameters: Any, **function: Any) -> dict[str, Any]:
    """One tool with these parameters."""
    return {"type": "function", "function": {"name": "find", "parameters": parameters, **function}}


def body(parameters: Any, **function: Any) -> str:
    """What stands inside the namespace."""
    text = declared([tool(parameters, **function)])
    head, tail = "# Tools\n\n## functions\nnamespace functions {\n", "\n}\n"
    assert text.startswith(head)
    assert text.endswith(tail)
    return text.removeprefix(head).removesuffix(tail)


def test_fields_with_comments_limits_and_defaults() -> None:
    """Required fields first, each group in alphabetical order; limits and defaults are comments."""
    parameters = {
        "type": "object",
        "required": ["query"],
        "properties": {
            "query": {"type": "string", "description": "What to\n\nlook for", "maxLength": 9, "minLength": 1},
            "limit": {"type": "integer", "minimum": 1, "default": 10},
            "exact": {"type": "boolean", "default": True},
            "among": {"type": "array", "items": {"type": "string", "description": "A place"}, "maxItems": 2},
        },
    }
    assert body(parameters, description="Finds\nthings.") == (
        "// Finds\n"
        "// things.\n"
        "type find = (_: {\n"
        "  // What to\n"
        "\n"
        "  // look for\n"
        "  // maxLength: 9, minLength: 1\n"
        "  query: string,\n"
        "  // maxItems: 2\n"
        "  among?: Array<\n"
        "    // A place\n"
        "    string\n"
        "  >,\n"
        "  // Default: True\n"
        "  exact?: boolean,\n"
        "  // minimum: 1\n"
        "  // Default: 10\n"
        "  limit?: number\n"
        "}) => any;"
    )


@pytest.mark.parametrize(
    ("schema", "written"),
    [
        ({"enum": ["a", 1, None]}, '"a" | 1 | None'),
        ({"type": ["string", "null"]}, "string | null"),
        ({"type": ["object", "array", "integer"]}, "{} | Array<any> | number"),
        ({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "integer"}}]}, "string | Array<number>"),
        ({"type": "array"}, "Array<any>"),
        ({"type": "object"}, "{}"),
        ({"type": "object", "additionalProperties": False}, "{\n    [k: string]: never\n  }"),
        ({"type": "object", "additionalProperties": {"type": "number"}}, "{\n    [k: string]: number\n  }"),
        (True, "any"),
        (False, "null"),
        ({}, "any"),
    ],
)
def test_a_type(schema: Any, written: str) -> None:
    """Each form that a schema can have."""
    assert body({"type": "object", "properties": {"x": schema}}) == f"type find = (_: {{\n  x?: {written}\n}}) => any;"


def test_definitions_become_interfaces() -> None:
    """In front of the function, in alphabetical order."""
    parameters = {
        "type": "object",
        "properties": {"place": {"$ref": "#/$defs/Place"}},
        "$defs": {"Place": {"type": "object", "description": "Where", "properties": {"name": {"type": "string"}}}},
    }
    assert body(parameters) == (
        "// Where\ninterface Place {\n  name?: string\n}\ntype find = (_: {\n  place?: Place\n}) => any;"
    )


def test_a_schema_that_points_to_itself() -> None:
    """It gets the name `parameters`; its fields stay in the order of their names."""
    parameters = {
        "type": "object",
        "required": ["value"],
        "properties": {"value": {"type": "number"}, "next": {"$ref": "#"}},
    }
    assert body(parameters) == (
        "interface parameters {\n  next?: parameters,\n  value: number\n}\ntype find = (_: parameters) => any;"
    )


@pytest.mark.parametrize(
    "schema",
    [
        {"oneOf": [{"const": 1}]},
        {"$ref": "#/$defs/Nowhere"},
        {"$ref": "https://example.com/schema"},
        {"type": "string", "enum": [1]},
        {"type": ["string", "mystery"]},
        {"enum": ["a"], "type": ["string", "integer"]},
    ],
)
def test_what_has_no_form_falls_back_to_json(schema: Any) -> None:
    """All tools then are JSON with sorted keys, as the tokenizer's own fallback."""
    tools = [tool({"type": "object", "properties": {"x": schema}})]
    text = declared(tools)
    assert json.loads(text) == tools
    assert text.startswith('[{"function":{"name":"find","parameters":')


def test_the_prompt_of_newer_models_has_typescript() -> None:
    """Older ones have JSON."""
    request = {"messages": [], "tools": [tool({"type": "object"})]}
    newer = Style(thinks=True, opens=True, typescript=True).render(request, thinking=True)
    assert newer.startswith("<|im_system|>tool_declare<|im_middle|># Tools\n\n## functions\nnamespace functions {\n")
    assert 'tool_declare<|im_middle|>[{"type"' in Style().render(request, thinking=False)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "items", "properties", "anyOf", "enum", "$ref", "$defs", "x"]), inner
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_schema_crashes_it(parameters: Any) -> None:
    """Requests come from datasets; a strange one is declared as JSON."""
    assert isinstance(declared([tool(parameters)]), str)
    assert isinstance(declared(parameters), str)


def test_what_is_no_function_is_left_out_and_nothing_left_is_json() -> None:
    """Entries without a description are skipped; a list without any is written as JSON, as by the template."""
    functions = [
        tool({"type": "object"}),
        {"type": "function"},
        {"type": "builtin_function", "function": {"name": "x"}},
    ]
    assert declared(functions) == declared(functions[:1])
    assert declared([{"type": "function"}]) == '[{"type":"function"}]'


def test_types_that_are_no_names_and_definitions_that_come_too_late() -> None:
    """Null as a type prints as Python's; in a list of types, and for a name that is defined only later, JSON stays."""
    assert "a?: None" in body({"type": "object", "properties": {"a": {"type": None}}})
    assert "[k: string]: None" in body({"type": "object", "additionalProperties": {"type": None}})
    late = {"a": {"$ref": "#/$defs/N"}, "b": {"type": "object", "$defs": {"N": {"type": "string"}}}}
    for properties in ({"a": {"anyOf": [{"type": None}, {"type": "string"}]}}, late):
        assert declared([tool({"type": "object", "properties": properties, "required": ["b"]})]).startswith("[{")
