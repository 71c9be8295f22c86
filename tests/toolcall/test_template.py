"""Kimi's prompt and its tool markers."""

from collections.abc import Sequence
from typing import Any

from benchmarks.toolcall.template import Style
from kvv_action.schema import Completion, ToolCall

K2, THINKING, NEWER = Style(), Style(thinks=True), Style(thinks=True, opens=True)


def render(messages: Sequence[Any], tools: Any, style: Style, *, thinking: bool) -> str:
    """The prompt of a request with these."""
    return style.render({"messages": messages, "tools": tools}, thinking=thinking)


def parsed(answer: Completion, style: Style) -> Completion:
    """A raw answer, read."""
    return style.parsed(answer, thinking=True)


TOOL = {"type": "function", "function": {"name": "get_weather", "parameters": {"type": "object"}}}
CALLED = {
    "role": "assistant",
    "content": "",
    "reasoning_content": "Look it up.",
    "tool_calls": [
        {
            "id": "functions.get_weather:0",
            "type": "function",
            "function": {"name": "get_weather", "arguments": '{"city": "Beijing"}'},
        }
    ],
}
RESULT = {
    "role": "tool",
    "name": "get_weather",
    "tool_call_id": "functions.get_weather:0",
    "content": '{"weather": "Sunny"}',
}
HEAD = (
    '<|im_system|>tool_declare<|im_middle|>[{"type":"function","function":{"name":"get_weather","parameters":'
    '{"type":"object"}}}]<|im_end|><|im_system|>system<|im_middle|>You are Kimi, an AI assistant created by '
    "Moonshot AI.<|im_end|><|im_user|>user<|im_middle|>Weather?<|im_end|>"
)
SECTION = (
    "<|tool_calls_section_begin|><|tool_call_begin|>functions.get_weather:0<|tool_call_argument_begin|>"
    '{"city": "Beijing"}<|tool_call_end|><|tool_calls_section_end|>'
)
USER = {"role": "user", "content": "Weather?"}


def test_a_prompt_with_tools_and_a_history() -> None:
    """The published example of K2's template, byte by byte."""
    prompt = render([USER, CALLED, RESULT], [TOOL], K2, thinking=False)
    assert prompt == (
        HEAD + f"<|im_assistant|>assistant<|im_middle|>{SECTION}<|im_end|>"
        "<|im_system|>get_weather<|im_middle|>## Return of functions.get_weather:0\n"
        '{"weather": "Sunny"}<|im_end|><|im_assistant|>assistant<|im_middle|>'
    )


def test_thinking_in_the_prompt() -> None:
    """Thinking since the last answer stays, earlier thinking is left out; newer models have it opened for them."""
    messages = [USER, {"role": "assistant", "content": "Sunny.", "reasoning_content": "old"}, USER, CALLED, RESULT]
    prompt = render(messages, None, THINKING, thinking=True)
    assert "<think></think>Sunny." in prompt
    assert f"<think>Look it up.</think>{SECTION}" in prompt
    assert render([USER], None, NEWER, thinking=True).endswith("<|im_middle|><think>")
    assert render([USER], None, NEWER, thinking=False).endswith("<|im_middle|><think></think>")


def test_what_is_odd_is_written_as_the_template_writes_it() -> None:
    """Reached with jinja2 and the settings of transformers: objects, calls without id, null reasoning, pictures."""
    odd = {
        "role": "assistant", "content": None, "reasoning_content": None,
        "tool_calls": [
            {"type": "function", "function": {"name": "f", "arguments": {"a": 1, "b": [1, 2], "c": "é"}}},
            {"id": None, "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ],
    }  # fmt: skip
    result = {"role": "tool", "content": [{"type": "text", "text": "r"}]}
    prompt = render([USER, odd, result], None, THINKING, thinking=True)
    assert (
        "<think>None</think><|tool_calls_section_begin|>"
        '<|tool_call_begin|><|tool_call_argument_begin|>{"a": 1, "b": [1, 2], "c": "é"}<|tool_call_end|>'
        "<|tool_call_begin|>None<|tool_call_argument_begin|>{}<|tool_call_end|><|tool_calls_section_end|><|im_end|>"
        "<|im_system|>tool<|im_middle|>## Return of \nr<|im_end|>"
    ) in prompt
    parts = [{"type": "text", "text": None}, {"text": 5}, {"type": "text"}, {"type": "input_text", "text": "é"}]
    assert "<|im_user|>user<|im_middle|>None5é<|im_end|>" in render(
        [{"role": "user", "content": parts}], None, K2, thinking=True
    )
    picture = {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": "x"}}, {"type": "text", "text": "What?"}],
    }
    for style, begin in ((K2, "start"), (Style(thinks=True, opens=True, typescript=True), "begin")):
        media = f"<|media_{begin}|>image<|media_content|><|media_pad|><|media_end|>"
        assert f"<|im_user|>user<|im_middle|>{media}\nWhat?<|im_end|>" in render([picture], None, style, thinking=True)


def raw(text: str, finish: str = "stop") -> Completion:
    """A raw completion."""
    return Completion(content=text, finish_reason=finish)


def test_calls_are_taken_out_of_the_text() -> None:
    """Content, thinking and calls; the end is then by tool_calls, and writing gives the text again."""
    answer = parsed(raw(f"Thinking.</think>Let me see.{SECTION}<|im_end|>"), NEWER)
    assert (answer.reasoning, answer.content, answer.finish_reason) == ("Thinking.", "Let me see.", "tool_calls")
    assert answer.tool_calls == (
        ToolCall(id="functions.get_weather:0", name="get_weather", arguments='{"city": "Beijing"}'),
    )
    assert NEWER.written("", answer.tool_calls, thinking=True) == SECTION


def test_several_calls_and_names_with_points() -> None:
    """The index ends at the last colon, the prefix at the first point."""
    section = "".join(
        f"<|tool_call_begin|>{name}<|tool_call_argument_begin|>{{}}<|tool_call_end|>"
        for name in ("functions.a.b-c:0", "search:1")
    )
    answer = parsed(raw(f"<|tool_calls_section_begin|>{section}<|tool_calls_section_end|>"), K2)
    assert [call.name for call in answer.tool_calls] == ["a.b-c", "search"]


def test_a_section_that_was_cut_is_no_whole_call() -> None:
    """The beginning of arguments is kept as it came; the finish reason stays length."""
    answer = parsed(raw(SECTION[:150], "length"), K2)
    assert answer.finish_reason == "length"
    assert answer.tool_calls[0].arguments.startswith('{"ci')


def test_text_without_markers_stays() -> None:
    """An answer in words."""
    assert parsed(raw("Sunny.<|im_end|>"), K2).content == "Sunny."
