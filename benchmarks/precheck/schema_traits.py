"""Traits of the schemas of a request, each with the same request without it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from benchmarks.precheck.trait import RequestSize, Trait
from kvv_action.schema import Json, Message, Request

PLAIN_KEYWORDS = frozenset({"type", "properties", "additionalProperties", "required", "description", "title", "$defs"})
"""Keywords that nearly every schema has; others tell more."""
NAMED = ("properties", "$defs", "definitions", "patternProperties")
"""Keywords whose value holds schemas by name."""
TEXT: Mapping[str, Json] = {"type": "string"}
SIMPLE: Mapping[str, Json] = {"type": "object", "properties": {"text": TEXT}, "required": ["text"]}
Node = Mapping[str, Json]
Hit = Callable[[Node, str, Node], bool]
"""Whether a schema has a trait, from the schema in which it stands, the keyword there, and itself."""


def schema_traits(request: Request) -> Iterator[Trait]:
    """Keywords, the most telling ones first; values; and whether a schema is more than one property of text."""
    schemas = list(schemas_of(request))
    found = {keyword for schema in schemas for keyword in _keywords(schema)} - {"type"}
    for name, (words, hit) in _NODES.items():
        if any(hit(*place) for schema in schemas for place in _nodes(schema)):
            yield Trait(name=f"schema-node:{name}", words=words, without=partial(_without_nodes, hit))
    for keyword in sorted(found, key=lambda one: (one in PLAIN_KEYWORDS, one)):
        words = f"with `{keyword}` in a schema"
        yield Trait(name=f"schema:{keyword}", words=words, without=partial(_without_keyword, keyword))
    if any(not name.isascii() for schema in schemas for name in _properties(schema)):
        words = "with a property beyond ASCII in a schema"
        yield Trait(name="schema-names", words=words, without=partial(with_schemas, change=_with_ascii_names))
    if any(schema != SIMPLE for schema in schemas):
        yield Trait(
            name="schema",
            words="with a schema of several or nested properties",
            without=partial(with_schemas, change=lambda _: SIMPLE),
            coarse=True,
        )


def schema_sizes(request: Request) -> Iterator[RequestSize]:
    """How deep schemas nest, and how many properties and values they have."""
    schemas = list(schemas_of(request))
    if not schemas:
        return
    nodes = [node for schema in schemas for *_, node in _nodes(schema)]
    yield RequestSize(
        name="schema-depth", value=max(map(_depth, schemas)), least=2,
        words="with a schema that nests {} or more levels",
        smaller=lambda one, size: with_schemas(one, lambda schema: _cut_below(schema, size)),
    )  # fmt: skip
    yield RequestSize(
        name="schema-properties", value=max((len(_named(node, "properties")) for node in nodes), default=0), least=1,
        words="with {} or more properties in a schema",
        smaller=lambda one, size: with_schemas(one, lambda schema: _with_fewer(schema, size)),
    )  # fmt: skip
    yield RequestSize(
        name="schema-enum", value=max((len(_listed(node.get("enum"))) for node in nodes), default=0), least=1,
        words="with {} or more values in an `enum`",
        smaller=lambda one, size: with_schemas(one, lambda schema: _with_fewer_values(schema, size)),
    )  # fmt: skip


def tools_of(request: Request) -> Iterator[Mapping[str, Json]]:
    """Every tool of a request, those of its messages included."""
    for holder in (request.body, *request.messages):
        yield from (tool for tool in _listed(holder.get("tools")) if isinstance(tool, Mapping))


def with_tools(request: Request, change: Callable[[Any], Json]) -> Request:
    """The request with each of its tools changed."""
    messages = tuple(_with_tools_in(message, change) for message in request.messages)
    return replace(request, messages=messages, body=_with_tools_in(request.body, change))


def _with_tools_in(holder: Message, change: Callable[[Any], Json]) -> dict[str, Json]:
    if "tools" not in holder:
        return {**holder}
    tools = [change(tool) if isinstance(tool, Mapping) else tool for tool in _listed(holder["tools"])]
    return {**holder, "tools": tools}


def schemas_of(request: Request) -> Iterator[Node]:
    """Every schema of a request: of the arguments of tools, and of the answer."""
    for tool in tools_of(request):
        function = tool.get("function")
        if isinstance(function, Mapping) and isinstance(function.get("parameters"), Mapping):
            yield function["parameters"]
    form = request.body.get("response_format")
    named = form.get("json_schema") if isinstance(form, Mapping) else None
    if isinstance(named, Mapping) and isinstance(named.get("schema"), Mapping):
        yield named["schema"]


def with_schemas(request: Request, change: Callable[[Any], Json]) -> Request:
    """The request with each of its schemas changed."""
    changed = with_tools(request, lambda tool: _inside(tool, ("function", "parameters"), change))
    if "response_format" not in request.body:
        return changed
    form = _inside(request.body["response_format"], ("json_schema", "schema"), change)
    return replace(changed, body={**changed.body, "response_format": form})


def _inside(value: Json, path: Sequence[str], change: Callable[[Any], Json]) -> Json:
    """`value` with what stands at `path` changed; as it is where nothing stands there."""
    if not path:
        return change(value)
    if not isinstance(value, Mapping) or not isinstance(value.get(path[0]), Mapping):
        return value
    return {**value, path[0]: _inside(value[path[0]], path[1:], change)}


def _listed(value: Json) -> Sequence[Json]:
    return value if isinstance(value, list | tuple) else ()


def _named(node: Node, keyword: str) -> Mapping[str, Json]:
    value = node.get(keyword)
    return value if isinstance(value, Mapping) else {}


def _children(node: Node) -> Iterator[tuple[str, Node]]:
    """The schemas that stand directly in another one, with their keywords."""
    for keyword, value in node.items():
        inner = value.values() if keyword in NAMED and isinstance(value, Mapping) else (value,)
        for one in inner:
            yield from ((keyword, each) for each in (one, *_listed(one)) if isinstance(each, Mapping))


def _nodes(schema: Node) -> Iterator[tuple[Node, str, Node]]:
    """Every schema in a schema, with its place; the outermost stands in nothing."""
    yield {}, "", schema
    yield from _inner_nodes(schema)


def _inner_nodes(schema: Node) -> Iterator[tuple[Node, str, Node]]:
    for keyword, child in _children(schema):
        yield schema, keyword, child
        yield from _inner_nodes(child)


def _keywords(schema: Node) -> Iterator[str]:
    for *_, node in _nodes(schema):
        yield from node


def _properties(schema: Node) -> Iterator[str]:
    for *_, node in _nodes(schema):
        yield from _named(node, "properties")


def _depth(schema: Node) -> int:
    return 1 + max((_depth(child) for _, child in _children(schema)), default=0)


def rebuilt(schema: Json, change: Callable[[Node, str, Node], Json], parent: Node | None = None, at: str = "") -> Json:
    """A schema with every schema in it changed, the inner ones first; `change` gets the place and the schema."""
    if isinstance(schema, list | tuple):
        return [rebuilt(one, change, parent, at) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept: dict[str, Json] = {}
    for name, value in schema.items():
        if name in NAMED and isinstance(value, Mapping):
            kept[name] = {key: rebuilt(one, change, schema, name) for key, one in value.items()}
        else:
            kept[name] = rebuilt(value, change, schema, name)
    return change(parent or {}, at, kept)


def _without_keyword(keyword: str, request: Request) -> Request:
    def dropped(_: Node, _at: str, node: Node) -> Json:
        kept = {name: value for name, value in node.items() if name != keyword}
        return {**TEXT, **kept} if keyword in node and "type" not in kept else kept

    return with_schemas(request, lambda schema: rebuilt(schema, dropped))


def _without_nodes(hit: Hit, request: Request) -> Request:
    def plain(parent: Node, at: str, node: Node) -> Json:
        return TEXT if hit(parent, at, node) else node

    return with_schemas(request, lambda schema: rebuilt(schema, plain))


def _with_ascii_names(schema: Node) -> Json:
    def renamed(_: Node, _at: str, node: Node) -> Json:
        kept = {name: one for name, one in _named(node, "properties").items() if name.isascii()}
        return _with_properties(node, kept or {"text": TEXT})

    return rebuilt(schema, renamed)


def _with_properties(node: Node, kept: Mapping[str, Json]) -> Node:
    if "properties" not in node:
        return node
    required = [name for name in _listed(node.get("required")) if name in kept]
    return {**node, "properties": kept, **({"required": required} if "required" in node else {})}


def _with_fewer(schema: Node, size: int) -> Json:
    return rebuilt(
        schema, lambda _, _at, node: _with_properties(node, dict([*_named(node, "properties").items()][:size]))
    )  # fmt: skip


def _with_fewer_values(schema: Node, size: int) -> Json:
    def shorter(_: Node, _at: str, node: Node) -> Json:
        return {**node, "enum": [*_listed(node["enum"])[:size]]} if _listed(node.get("enum")) else node

    return rebuilt(schema, shorter)


def _cut_below(schema: Json, levels: int) -> Json:
    """A schema that nests at most so many levels."""
    if isinstance(schema, list | tuple):
        return [_cut_below(one, levels) for one in schema]
    if not isinstance(schema, Mapping):
        return schema
    if _depth(schema) <= levels:
        return schema
    if levels <= 1:
        return TEXT
    kept: dict[str, Json] = {}
    for name, value in schema.items():
        if name in NAMED and isinstance(value, Mapping):
            kept[name] = {key: _cut_below(one, levels - 1) for key, one in value.items()}
        else:
            kept[name] = _cut_below(value, levels - 1)
    return kept


def _is(kind: str) -> Hit:
    return lambda parent, _, node: bool(parent) and node.get("type") == kind


def _within(kind: str, keyword: str) -> Hit:
    return lambda parent, at, node: at == keyword and parent.get("type") == kind and node.get("type") == kind


def _holds(keyword: str, has: Callable[[Json], bool]) -> Hit:
    return lambda _, _at, node: any(map(has, _listed(node.get(keyword))))


_NODES: Mapping[str, tuple[str, Hit]] = {
    "arrays": ("with an array of arrays in a schema", _within("array", "items")),
    "objects": ("with an object inside an object in a schema", _within("object", "properties")),
    "recursion": ("with a recursive `$ref` in a schema", lambda _, _at, node: node.get("$ref") == "#"),
    "list": ("with a list of types in a schema", lambda _, _at, node: isinstance(node.get("type"), list | tuple)),
    "enum-null": ("with null in an `enum`", _holds("enum", lambda value: value is None)),
    "enum-other": (
        "with values that are no text in an `enum`",
        _holds("enum", lambda value: value is not None and not isinstance(value, str)),
    ),
    "empty": ("with an empty schema in a schema", lambda parent, _, node: bool(parent) and not node),
    **{kind: (f"with type `{kind}` in a schema", _is(kind)) for kind in ("null", "boolean", "integer", "number")},
    "array": ("with type `array` in a schema", _is("array")),
    "object": ("with type `object` inside a schema", _is("object")),
}
"""By name: the words, and which schemas have the trait."""
