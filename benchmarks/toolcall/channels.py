"""The chat template of models that write in tagged channels (Kimi K3), for raw completions, and their parsing.

Facts: `encoding_k3.py` of moonshotai/Kimi-K3, whose prompt `kvv_action.profiles.prompt` renders. The prompt opens the
first channel of the answer, `think` or `response`; the answer closes it and opens the next. A call is a tag in the
channel `tools`, and each argument, with its type, a tag in the call. Calls have no ids, so they are numbered here.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from benchmarks.toolcall.k2vv import messages_of
from benchmarks.toolcall.template import finished
from kvv_action.profiles.prompt import CLOSE, OPEN, SEPARATOR, answer, plain, rendered
from kvv_action.schema import Completion, Json, ToolCall

HEAD = f'{OPEN}message role="assistant"{SEPARATOR}'

_ATTRIBUTES = r'(?: \w+="[^"]*")*'


def _element(names: str, attributes: str = "") -> re.Pattern[str]:
    """A tag of one of these names, with its body; `end` is empty where the text ends before the tag is closed."""
    opening = rf"{re.escape(OPEN)}(?P<name>{names})(?P<attributes>{attributes}){re.escape(SEPARATOR)}"
    closing = rf"{re.escape(CLOSE)}(?P=name){re.escape(SEPARATOR)}"
    return re.compile(rf"{opening}(?P<body>.*?)(?P<end>{closing}|\Z)", re.DOTALL)


_CHANNEL = _element("think|response|tools")
_CALL = _element("call", _ATTRIBUTES)
_ARGUMENT = _element("argument|json", _ATTRIBUTES)
_ATTRIBUTE = re.compile(r' (\w+)="([^"]*)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class Channels:
    """A template of tagged channels.

    `effort`: the level of thinking that the prompt names when the request names none; empty names none.
    """

    effort: str = ""

    def render(self, request: Mapping[str, Json], *, thinking: bool) -> str:
        """The prompt of a request, up to the channel that the answer begins in."""
        effort = str(request.get("reasoning_effort") or self.effort)
        pieces = rendered({**request, "messages": messages_of(request)}, thinking=thinking, effort=effort)
        return plain(pieces) + _opened(thinking=thinking)

    def written(self, content: str, calls: Sequence[ToolCall], *, thinking: bool) -> str:
        """An answer as the model itself writes it, behind the channel that the prompt opened."""
        functions = [{"function": {"name": call.name, "arguments": call.arguments}} for call in calls]
        text = plain(answer({"content": content}, functions, thinking=thinking))
        return text.removeprefix(HEAD + _opened(thinking=thinking))

    def parsed(self, completion: Completion, *, thinking: bool) -> Completion:
        """A raw completion as a chat answer; what the prompt opened stands before it."""
        text = completion.content
        if not text.startswith(OPEN):
            text = _opened(thinking=thinking) + text
        found = {match["name"]: match["body"] for match in _CHANNEL.finditer(text)}
        calls = [_call(match, place) for place, match in enumerate(_CALL.finditer(found.get("tools", "")))]
        return finished(completion, found.get("response", ""), found.get("think", completion.reasoning), calls)


def _opened(*, thinking: bool) -> str:
    return f"{OPEN}{'think' if thinking else 'response'}{SEPARATOR}"


def _attributes(match: re.Match[str]) -> dict[str, str]:
    """The attributes of a tag, as they were before they were escaped."""
    read = dict(_ATTRIBUTE.findall(match["attributes"]))
    return {name: value.replace("&quot;", '"').replace("&amp;", "&") for name, value in read.items()}


def _call(match: re.Match[str], place: int) -> ToolCall:
    """A call; one that was cut keeps arguments that end where the text ended."""
    name = _attributes(match).get("tool", "")
    parts, whole = [], bool(match["end"])
    for argument in _ARGUMENT.finditer(match["body"]):
        if argument["name"] == "json":
            return ToolCall(id=f"functions.{name}:{place}", name=name, arguments=argument["body"])
        attributes, value = _attributes(argument), argument["body"]
        if attributes.get("type") == "string":
            value = json.dumps(value, ensure_ascii=False)
            value = value if argument["end"] else value[:-1]
        parts.append(f"{json.dumps(attributes.get('key', ''), ensure_ascii=False)}: {value}")
    return ToolCall(
        id=f"functions.{name}:{place}", name=name, arguments="{" + ", ".join(parts) + ("}" if whole else "")
    )
