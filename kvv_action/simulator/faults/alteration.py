"""Turns a right answer into a wrong one of the same form."""

import re
from collections.abc import Mapping
from dataclasses import replace

import orjson

from kvv_action.schema import Answer, Json, ToolCall
from kvv_action.simulator.call import Call

_NUMBER = re.compile(r"\d+")
_OPTION = re.compile(r"\b[A-Z]\b")


def altered(answer: Answer, call: Call) -> Answer:
    """`answer` with every number, option letter and tool argument changed."""
    calls = tuple(_altered_call(made, call) for made in answer.tool_calls)
    return replace(answer, content=_altered_content(answer.content), tool_calls=calls)


def _altered_content(content: str) -> str:
    if content.lstrip()[:1] in ("{", "["):
        try:
            return orjson.dumps(_altered_value(orjson.loads(content))).decode()
        except orjson.JSONDecodeError:
            pass
    return _altered_text(content)


def _altered_text(text: str) -> str:
    """Other numbers and option letters; other letters when there are neither."""
    changed = _OPTION.sub(_other_option, _NUMBER.sub(_other_number, text))
    return changed if changed != text else "".join(map(_other_letter, text))


def _other_number(match: re.Match[str]) -> str:
    """The same digits but for the last one: 70 becomes 71, 19 becomes 10."""
    number = match[0]
    return f"{number[:-1]}{(int(number[-1]) + 1) % 10}"


def _other_option(match: re.Match[str]) -> str:
    """The letter before, so that it is still one of the options; B after A."""
    return "B" if match[0] == "A" else chr(ord(match[0]) - 1)


def _other_letter(letter: str) -> str:
    if not letter.isalpha():
        return letter
    if letter in "zZ":
        return chr(ord(letter) - 25)
    return chr(ord(letter) + 1)


def _altered_value(value: Json) -> Json:
    match value:
        case bool():
            return not value
        case int() | float():
            return value - 1 if value > 0 else value + 1
        case str():
            return _altered_text(value) or "x"
        case list():
            return [_altered_value(item) for item in value]
        case dict():
            return {name: _altered_value(item) for name, item in value.items()}
        case _:
            return value


def _altered_call(made: ToolCall, call: Call) -> ToolCall:
    """The call without one argument, a required one if possible, and with other values."""
    try:
        arguments = orjson.loads(made.arguments)
    except orjson.JSONDecodeError:
        return made
    if not isinstance(arguments, dict):
        return made
    dropped = next((name for name in _required(made.name, call) if name in arguments), next(iter(arguments), ""))
    rest = {name: value for name, value in arguments.items() if name != dropped}
    return replace(made, arguments=orjson.dumps(_altered_value(rest)).decode())


def _required(name: str, call: Call) -> list[str]:
    """The arguments that the schema of tool `name` requires."""
    parameters = next((tool.parameters for tool in call.tools if tool.name == name), None)
    required = parameters.get("required") if isinstance(parameters, Mapping) else None
    return [str(item) for item in required] if isinstance(required, list) else []
