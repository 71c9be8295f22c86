"""Calls against schemas: what is wrong, and that no schema is dangerous."""

import time

import pytest

from kvv_action.schema import ToolCall
from kvv_action.scoring import schema_worker
from kvv_action.scoring.toolcalls import CheckedCall, ToolCallChecker
from kvv_action.worker import ENVIRONMENT
from tests.processes import environment_of

ANY = {"type": "object"}


async def check(schema: object, arguments: str, *, deadline: float = 2.0) -> CheckedCall:
    """One call of a tool with this schema."""
    checker = ToolCallChecker(deadline=deadline)
    tools = [{"type": "function", "function": {"name": "go", "parameters": schema}}]
    try:
        (found,) = await checker.check([ToolCall(id="1", name="go", arguments=arguments)], tools)
    finally:
        await checker.aclose()
    return found


@pytest.mark.parametrize(
    ("schema", "arguments", "kinds"),
    [
        (ANY, "{}", ()),
        (ANY, " \n", ("empty-arguments",)),
        (ANY, "{'a': 1}", ("not-json",)),
        (ANY, "null", ("wrong-type",)),
        (ANY, '{"a": 1, "a": 2}', ("duplicate-keys",)),
        ({}, "{}", ("undeclared-schema",)),
        (None, "{}", ("undeclared-schema",)),
        ({"required": ["a"]}, "{}", ("missing-required",)),
        ({"additionalProperties": False}, '{"a": 1}', ("extra-property",)),
        ({"properties": {"a": {"enum": [1]}}}, '{"a": 2}', ("other-violation",)),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, '{"a": 2}', ("wrong-type",)),
        ({"type": "object", "required": {"a": 1}}, "{}", ("unusable-schema",)),
        ({"type": "no-such-type"}, "{}", ("unusable-schema",)),
        (
            {
                "$schema": "http://json-schema.org/draft-04/schema#",
                "properties": {"a": {"maximum": 3, "exclusiveMaximum": True}},
            },
            '{"a": 3}',
            ("other-violation",),
        ),
        ({"$schema": ["odd"], "type": "object"}, "{}", ("unusable-schema",)),
        (
            {"properties": {"a": {"$ref": "#/$defs/n"}}, "$defs": {"n": {"type": "integer"}}},
            '{"a": "x"}',
            ("wrong-type",),
        ),
    ],
)
async def test_kinds(schema: object, arguments: str, kinds: tuple[str, ...]) -> None:
    """Each way to be wrong has its name; only repeated keys leave a call valid."""
    found = await check(schema, arguments)
    assert found.kinds == kinds
    assert found.valid == (kinds in ((), ("duplicate-keys",)))


async def test_a_tool_that_was_not_offered() -> None:
    """The name decides; the first tool of a name counts."""
    checker = ToolCallChecker()
    tools = [
        {"function": {"name": "a", "parameters": {"type": "object", "required": ["x"]}}},
        {"function": {"name": "a", "parameters": {"type": "object"}}},
        "odd",
    ]
    calls = [ToolCall(id="", name="b", arguments="{}"), ToolCall(id="", name="a", arguments="{}")]
    assert [call.kinds for call in await checker.check(calls, tools)] == [("unknown-tool",), ("missing-required",)]


async def test_a_catastrophic_pattern_ends_at_the_deadline() -> None:
    """A regular expression that would take for ever takes the deadline, and the next call is checked again."""
    checker = ToolCallChecker(deadline=1.0)
    evil = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    tools = [{"function": {"name": "go", "parameters": evil}}]
    calls = [
        ToolCall(id="", name="go", arguments='{"a": "%s!"}' % ("a" * 60)),
        ToolCall(id="", name="go", arguments='{"a": "aa"}'),
    ]
    start = time.perf_counter()
    first, second = await checker.check(calls, tools)
    assert time.perf_counter() - start < 60
    assert (first.kinds, second.valid) == (("unusable-schema",), True)
    await checker.aclose()


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"properties": {"a": {"$ref": "https://schemas.example.org/remote.json"}}, "required": ["a"]},
        {"$ref": "file:///etc/passwd"},
        {"$dynamicRef": "#nowhere"},
    ],
)
async def test_references_that_lead_nowhere(schema: object) -> None:
    """Endless and remote references accept nothing; sockets are blocked here, so nothing was fetched."""
    assert (await check(schema, '{"a": {"a": 1}}')).kinds == ("unusable-schema",)


async def test_deep_arguments() -> None:
    """Nesting that overflows a parser is not JSON that anyone reads."""
    deep = '{"a":' * 200_000
    assert (await check(ANY, deep)).valid is False
    recursive = {"$ref": "#/$defs/n", "$defs": {"n": {"type": "object", "additionalProperties": {"$ref": "#/$defs/n"}}}}
    assert (await check(recursive, '{"a":' * 900 + "{}" + "}" * 900)).valid is False


async def test_schemas_are_compiled_once() -> None:
    """The same schema in many requests is one validator."""
    schema_worker.compiled.cache_clear()
    schema = {"type": "object", "title": "compiled once"}
    for _ in range(50):
        await check(dict(schema), "{}")
    assert schema_worker.compiled.cache_info().misses == 1
    assert schema_worker.compiled.cache_info().maxsize == schema_worker.COMPILED


async def test_the_process_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys stand there, and schemas are not trusted."""
    monkeypatch.setenv("KVV_API_KEY", "sk-canary-77aa")
    checker = ToolCallChecker()
    tools = [{"function": {"name": "go", "parameters": {"properties": {"a": {"pattern": "^a$"}}}}}]
    (found,) = await checker.check([ToolCall(id="", name="go", arguments='{"a": "a"}')], tools)
    assert found.valid
    assert checker._worker._process is not None
    assert environment_of(checker._worker._process.pid) == ENVIRONMENT
    await checker.aclose()
