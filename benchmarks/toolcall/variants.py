"""A request whose tools, and whose tools' properties, are declared in another order."""

from collections.abc import Mapping
from random import Random
from typing import Any

from kvv_action.schema import Json

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
    function = tool.get("function") if isinstance(tool, Mapping) else None
    parameters = function.get("parameters") if isinstance(function, Mapping) else None
    properties = parameters.get("properties") if isinstance(parameters, Mapping) else None
    moved = _other_order(list(properties), draw) if isinstance(properties, Mapping) and properties else None
    if moved is None:
        return None
    assert isinstance(properties, Mapping)
    assert isinstance(parameters, Mapping)
    assert isinstance(function, Mapping)
    ordered = {name: properties[name] for name in moved}
    return {**tool, "function": {**function, "parameters": {**parameters, "properties": ordered}}}
