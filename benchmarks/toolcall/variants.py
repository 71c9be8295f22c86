"""A request whose tools, and whose tools' properties, are declared in another order."""

from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import orjson

from kvv_action.profiles.prompt import function_of
from kvv_action.schema import Json, ToolCall

TOOLS = "tools re-ordered"
PROPERTIES = "properties re-ordered"


def rearranged(request: Mapping[str, Json], draw: Random) -> tuple[dict[str, Json], tuple[str, ...]] | None:
    """The request in another order, and what was moved; None when there is nothing to exchange."""
    tools = request.get("tools")
    if not isinstance(tools, list):
        return None
    changed = [_tool(tool, draw) for tool in tools]
    inside = [new or old for new, old in zip(changed, tools, strict=True)]
    moved = _other_order(inside, draw)
    ways = ((TOOLS,) if moved else ()) + ((PROPERTIES,) if any(changed) else ())
    return ({**request, "tools": moved or inside}, ways) if ways else None


def as_declared(call: ToolCall, request: Mapping[str, Json]) -> ToolCall:
    """A call with its arguments in the order in which the request declares them, as a model writes them."""
    order = next(
        (list(_properties(tool) or ()) for tool in request["tools"] if function_of(tool).get("name") == call.name), []
    )
    arguments = orjson.loads(call.arguments)
    if not isinstance(arguments, dict) or not set(arguments) <= set(order):
        return call
    ordered = {name: arguments[name] for name in order if name in arguments}
    return replace(call, arguments=orjson.dumps(ordered).decode())


def _other_order(values: list[Any], draw: Random) -> list[Any] | None:
    """The same values in another order; None where there is no other."""
    if all(value == values[0] for value in values):
        return None
    order = list(values)
    while order == values:
        draw.shuffle(order)
    return order


def _tool(tool: Json, draw: Random) -> Json:
    """A tool whose parameters are declared in another order; None when it has fewer than two of them."""
    properties = _properties(tool)
    moved = _other_order(list(properties), draw) if properties else None
    if moved is None or properties is None:
        return None
    function = tool["function"]
    parameters = {**function["parameters"], "properties": {name: properties[name] for name in moved}}
    return {**tool, "function": {**function, "parameters": parameters}}


def _properties(tool: Json) -> Mapping[str, Json] | None:
    parameters = function_of(tool).get("parameters")
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    return properties if isinstance(properties, Mapping) else None
