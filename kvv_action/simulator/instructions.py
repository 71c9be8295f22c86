"""Understands a few sentences about tools: which tool a user wants, and with which arguments."""

import json
import re
from collections.abc import Mapping, Sequence

import orjson

from kvv_action.schema import Json, ToolCall
from kvv_action.simulator.schema_values import minimal
from kvv_action.simulator.tooling import Tool

_NAMED = re.compile(r"\b(?P<verb>\w+) the tool (?P<name>[A-Za-z_](?:[\w.-]*\w)?)")
_WANTING = ("use", "call")
_ANY = re.compile(r"应当使用工具|请查一下|should use (?:a|the) tools?\b", re.IGNORECASE)
_KEY = re.compile(r"(?:\bkeys?(?: named)?|键|只包含) ?['\"]?([A-Za-z_]\w*)")
_CODE_WORD = re.compile(r"The \w+ code word is (\S+)\.")
_CODE_WORDS_WANTED = re.compile(
    r"Reply(?<!\wReply) with the \w+ code words\b"
)  # begins with letters: found 20 times as fast
_DICTATED = re.compile(r"\barguments: (?=\{)")


def wanted(text: str) -> str:
    """The tool in "use the tool NAME" or "call the tool NAME"; empty when there is none."""
    if " the tool " not in text:  # most texts, and some are long
        return ""
    found = (match for match in _NAMED.finditer(text) if match["verb"].lower() in _WANTING)
    return next((match["name"] for match in found), "")


def calls_for(text: str, tools: Sequence[Tool]) -> tuple[ToolCall, ...]:
    """The calls that `text` asks for, without ids; none when it wants no tool, or one that is not offered."""
    name = wanted(text)
    tool = next((tool for tool in tools if tool.name == name), None)
    if tool is None and not name and tools and _ANY.search(text):
        tool = closest(text, tools)
    if tool is None:
        return ()
    return tuple(call_of(tool.name, arguments) for arguments in _arguments(text, tool.parameters))


def closest(text: str, tools: Sequence[Tool]) -> Tool:
    """The tool that `text` names, else the one that shares most words with it, else the first."""
    words = set(re.findall(r"[\w.-]+", text.lower()))

    def shared(tool: Tool) -> tuple[bool, int]:
        return tool.name.lower() in words, len(words & set(tool.name.lower().split("_")))

    return max(tools, key=shared)


def code_words(text: str) -> str:
    """The code words in a text that asks for them, each on a line of its own; else empty. Such texts are long."""
    if not _CODE_WORDS_WANTED.search(text):
        return ""
    told = (_CODE_WORD.fullmatch(line) for line in text.split("\n") if " code word is " in line)
    return " ".join(match[1] for match in told if match)


def keys_in(text: str) -> Sequence[str]:
    """The keys that a JSON object must have, as a user names them."""
    return list(dict.fromkeys(_KEY.findall(text)))


def call_of(name: str, arguments: Json) -> ToolCall:
    """A call without an id."""
    return ToolCall(id="", name=name, arguments=orjson.dumps(arguments).decode())


def _arguments(text: str, schema: Json) -> Sequence[Json]:
    """The arguments of each call: dictated as JSON, or one call for each value that is named, or made up."""
    if dictated := _dictated(text):
        return [dictated]
    made: Json = minimal(schema) if schema else {}
    properties = schema.get("properties") if isinstance(schema, Mapping) else None
    for name in properties if isinstance(properties, Mapping) and isinstance(made, dict) else ():
        values = re.findall(rf"\b{re.escape(str(name))} ([A-Z][\w-]*)", text)
        if values:
            return [{**made, name: value} for value in values]
    return [made]


def _dictated(text: str) -> Mapping[str, Json]:
    """The object behind "arguments: "; empty when there is none."""
    start = _DICTATED.search(text)
    if start is None:
        return {}
    try:
        value, _ = json.JSONDecoder().raw_decode(text, start.end())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
