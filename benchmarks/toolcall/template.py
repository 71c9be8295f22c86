"""The chat template of models that write tool markers (Kimi K2 to K2.7), for raw completions, and the parsing of them.

Facts: `chat_template.jinja` and `docs/tool_call_guidance.md` of moonshotai/Kimi-K2-Instruct and Kimi-K2-Thinking. Tools
are declared as compact JSON, and from K2.5 on in TypeScript (`declaration`). Arguments that are an object are written
with spaces behind commas and colons; a call without an id has none, and null is written as Python writes it. Arguments
that are missing, where the template itself ends in an error, are written as null.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from benchmarks.toolcall.declaration import declared
from benchmarks.toolcall.k2vv import messages_of
from kvv_action.profiles.prompt import function_of, text_of
from kvv_action.schema import Completion, Json, ToolCall

SECTION, SECTION_END = "<|tool_calls_section_begin|>", "<|tool_calls_section_end|>"
CALL, ARGUMENTS, CALL_END = "<|tool_call_begin|>", "<|tool_call_argument_begin|>", "<|tool_call_end|>"
END = "<|im_end|>"
MARKERS = (SECTION, SECTION_END, CALL, ARGUMENTS, CALL_END)
THINK, THINK_END = "<think>", "</think>"
DEFAULT_SYSTEM = "You are Kimi, an AI assistant created by Moonshot AI."

_OPENERS = {"user": "<|im_user|>", "assistant": "<|im_assistant|>"}
_ONE_CALL = re.compile(
    rf"{re.escape(CALL)}\s*(?P<id>[^<]+?)\s*{re.escape(ARGUMENTS)}\s*(?P<arguments>.*?)\s*(?:{re.escape(CALL_END)}|\Z)",
    re.DOTALL,
)


class Template(Protocol):
    """How a model's conversations become a prompt, and its raw answers calls."""

    def render(self, request: Mapping[str, Json], *, thinking: bool) -> str:
        """The prompt of a request, up to where the assistant's next answer begins."""
        ...

    def written(self, content: str, calls: Sequence[ToolCall], *, thinking: bool) -> str:
        """An answer as the model itself writes it."""
        ...

    def parsed(self, completion: Completion, *, thinking: bool) -> Completion:
        """A raw completion as a chat answer: thinking, content and calls taken apart."""
        ...


def finished(answer: Completion, content: str, reasoning: str, calls: Sequence[ToolCall]) -> Completion:
    """The answer with its parts; calls make it end by `tool_calls`, unless it was cut."""
    finish = "tool_calls" if calls and answer.finish_reason != "length" else answer.finish_reason
    return replace(answer, content=content, reasoning=reasoning, tool_calls=tuple(calls), finish_reason=finish)


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How a model's template treats thinking, tools and pictures.

    `thinks`: the model has thinking at all; `opens`: the prompt itself opens it (K2.5 and later); `typescript`: tools
    are declared in TypeScript, and a picture begins with another token (the same models).
    """

    thinks: bool = False
    opens: bool = False
    typescript: bool = False

    @property
    def picture(self) -> str:
        """What stands for a picture, with the line break that the template leaves behind it."""
        begin = "<|media_begin|>" if self.typescript else "<|media_start|>"
        return f"{begin}image<|media_content|><|media_pad|><|media_end|>\n"

    def render(self, request: Mapping[str, Json], *, thinking: bool) -> str:
        """The prompt of a request, up to where the assistant's next answer begins."""
        messages, tools = messages_of(request), request.get("tools")
        parts = []
        if tools:
            shown = declared(tools) if self.typescript else _json(tools)
            parts.append(f"<|im_system|>tool_declare<|im_middle|>{shown}{END}")
        if not messages or messages[0].get("role") != "system":
            parts.append(f"<|im_system|>system<|im_middle|>{DEFAULT_SYSTEM}{END}")
        settled = _last_answer(messages)
        for number, message in enumerate(messages):
            role = str(message.get("role"))
            name = message.get("name") or role
            body = _assistant(message, self, kept=number > settled) if role == "assistant" else _other(message, self)
            parts.append(f"{_OPENERS.get(role, '<|im_system|>')}{name}<|im_middle|>{body}{END}")
        opening = (THINK if thinking else THINK + THINK_END) if self.opens else ""
        return "".join(parts) + f"<|im_assistant|>assistant<|im_middle|>{opening}"

    def written(self, content: str, calls: Sequence[ToolCall], *, thinking: bool) -> str:
        """An answer as the model itself writes it."""
        del thinking
        if not calls:
            return content
        named = [(call.id or f"functions.{call.name}:{place}", call.arguments) for place, call in enumerate(calls)]
        return content + SECTION + "".join(f"{CALL}{i}{ARGUMENTS}{text}{CALL_END}" for i, text in named) + SECTION_END

    def parsed(self, completion: Completion, *, thinking: bool) -> Completion:
        """A raw completion as a chat answer; a name is what `functions.NAME:INDEX` has up to the last colon."""
        del thinking
        text = completion.content
        reasoning = completion.reasoning
        if self.thinks and THINK_END in text:
            thought, _, text = text.partition(THINK_END)
            reasoning = thought.removeprefix(THINK)
        content, _, section = text.partition(SECTION)
        calls = [
            ToolCall(id=match["id"], name=_name(match["id"]), arguments=match["arguments"])
            for match in _ONE_CALL.finditer(section.partition(SECTION_END)[0])
        ]
        return finished(completion, content.removesuffix(END), reasoning, calls)


def _json(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _last_answer(messages: Sequence[Json]) -> int:
    """Position of the last answer without calls; thinking before it is left out of the prompt."""
    answers = [
        n for n, message in enumerate(messages) if message.get("role") == "assistant" and not message.get("tool_calls")
    ]
    return answers[-1] if answers else -1


def _other(message: Mapping[str, Json], style: Style) -> str:
    content = _content(message.get("content"), style)
    return f"## Return of {message.get('tool_call_id', '')}\n{content}" if message.get("role") == "tool" else content


def _content(content: Json, style: Style) -> str:
    """A text, or parts of which pictures have a place of their own."""
    if not isinstance(content, list | tuple):
        return text_of(content)
    return "".join(style.picture if _is_picture(part) else _text(part) for part in content)


def _text(part: Json) -> str:
    """The text of a part as Jinja writes it: null is `None`, a number its digits, nothing where there is none."""
    return str(part.get("text", "")) if isinstance(part, Mapping) else ""


def _is_picture(part: Json) -> bool:
    """Whether a part of a content is a picture."""
    return isinstance(part, Mapping) and (part.get("type") == "image" or "image" in part or "image_url" in part)


def _assistant(message: Mapping[str, Json], style: Style, *, kept: bool) -> str:
    thought = message.get("reasoning_content", "") if kept else ""  # null is written as `None`
    body = (f"{THINK}{thought}{THINK_END}" if style.thinks else "") + _content(message.get("content"), style)
    calls = message.get("tool_calls") or ()
    return body + (SECTION + "".join(map(_call, calls)) + SECTION_END if calls else "")


def _call(call: Mapping[str, Json]) -> str:
    arguments = function_of(call).get("arguments")
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return f"{CALL}{call.get('id', '')}{ARGUMENTS}{text}{CALL_END}"


def _name(call_id: str) -> str:
    return call_id.rpartition(":")[0].removeprefix("functions.") or call_id
