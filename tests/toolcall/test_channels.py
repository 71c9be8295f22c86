"""Raw completions of models that write in tagged channels."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.toolcall.channels import Channels
from kvv_action.schema import Completion, ToolCall

TEMPLATE = Channels(effort="max")
EFFORT = (
    '<|open|>message role="system" type="thinking-effort"<|sep|>`thinking_effort` guides on how much to think in your '
    "thinking channel (not including the response channel), supported values include `low`, `medium`, `high`, and "
    "`max`.\nNow the system is invoked with `thinking_effort=max`.<|close|>message<|sep|><|end_of_msg|>"
)
USER = {"role": "user", "content": "go"}


def called(*calls: dict[str, Any]) -> dict[str, Any]:
    """An answer with calls; the first of them has the id `a`."""
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [{"function": call, "id": i} for call, i in zip(calls, "abc", strict=False)],
    }


def read(text: str, *, thinking: bool = True, finish: str = "stop") -> Completion:
    """A raw answer, read."""
    return TEMPLATE.parsed(Completion(content=text, finish_reason=finish), thinking=thinking)


def test_a_prompt_with_thinking_and_without() -> None:
    """Both as the official encoder writes them."""
    user = '<|open|>message role="user"<|sep|>go<|close|>message<|sep|><|end_of_msg|>'
    head = '<|open|>message role="assistant"<|sep|>'
    request = {"messages": [USER]}
    assert TEMPLATE.render(request, thinking=True) == EFFORT + user + head + "<|open|>think<|sep|>"
    assert TEMPLATE.render(request, thinking=False) == user + head + "<|open|>response<|sep|>"


def test_calls_and_results_of_a_history() -> None:
    """Arguments with their types, what is no JSON as it stands, attributes escaped, results as called."""
    answer = called(
        {"name": 'f"&', "arguments": '{"s": "x", "n": 5, "b": true, "z": null, "o": {"k": [1, 2]}}'},
        {"name": "g", "arguments": '{"cut": '},
    )
    results = [
        {"role": "tool", "tool_call_id": "b", "name": "stale", "content": "second"},
        {"role": "tool", "tool_call_id": "a", "content": "first"},
    ]
    prompt = TEMPLATE.render({"messages": [USER, answer, *results]}, thinking=False)
    assert (
        '<|open|>tools<|sep|><|open|>call tool="f&quot;&amp;" index="1"<|sep|>'
        '<|open|>argument key="s" type="string"<|sep|>x<|close|>argument<|sep|>'
        '<|open|>argument key="n" type="number"<|sep|>5<|close|>argument<|sep|>'
        '<|open|>argument key="b" type="boolean"<|sep|>true<|close|>argument<|sep|>'
        '<|open|>argument key="z" type="null"<|sep|>null<|close|>argument<|sep|>'
        '<|open|>argument key="o" type="object"<|sep|>{"k": [1, 2]}<|close|>argument<|sep|><|close|>call<|sep|>'
        '<|open|>call tool="g" index="2"<|sep|><|open|>json type="object"<|sep|>{"cut": <|close|>json<|sep|>'
        "<|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|><|end_of_msg|>"
        '<|open|>message role="tool" tool="f&quot;&amp;" index="1"<|sep|>first<|close|>message<|sep|><|end_of_msg|>'
        '<|open|>message role="tool" tool="g" index="2"<|sep|>second<|close|>message<|sep|><|end_of_msg|>'
    ) in prompt


def test_results_that_answer_no_call_stay_as_they_came() -> None:
    """They are named by themselves, or by the call at their place; the count goes on behind another message."""
    results = [{"role": "tool", "tool_call_id": "zzz", "tool": "own", "content": "r"}, {"role": "tool", "content": "s"}]
    later = {"role": "tool", "tool_call_id": "zzz", "name": "late", "content": "t"}
    messages = [USER, called({"name": "f"}, {"name": "g"}), *results, USER, later]
    prompt = TEMPLATE.render({"messages": messages}, thinking=False)
    assert 'tool="own" index="1"<|sep|>r<' in prompt
    assert 'tool="g" index="2"<|sep|>s<' in prompt
    assert 'tool="late" index="3"<|sep|>t<' in prompt


def test_an_answer_is_taken_apart() -> None:
    """Thoughts, text and calls; several calls are told apart by their place."""
    calls = (
        ToolCall(id="functions.f:0", name="f", arguments='{"a": "x\\"y", "n": 5, "o": {"k": [1, 2]}, "z": null}'),
        ToolCall(id="functions.f:1", name="f", arguments="{}"),
    )
    for thinking in (True, False):
        answer = read(TEMPLATE.written("Let me see.", calls, thinking=thinking), thinking=thinking)
        assert (answer.content, answer.tool_calls, answer.finish_reason) == ("Let me see.", calls, "tool_calls")
    thought = read("I look.<|close|>think<|sep|><|open|>response<|sep|>Sunny.<|close|>response<|sep|>")
    assert (thought.reasoning, thought.content, thought.finish_reason) == ("I look.", "Sunny.", "stop")


def test_what_was_cut_stays_cut() -> None:
    """Thoughts, a text, an argument: each is kept as far as it came, and arguments are then no JSON."""
    assert read("I wonder", finish="length").reasoning == "I wonder"
    assert read("<|close|>think<|sep|><|open|>response<|sep|>Sun", finish="length").content == "Sun"
    whole = TEMPLATE.written("", [ToolCall(id="", name="f", arguments='{"a": "xyz", "n": 5}')], thinking=True)
    for mark in ("xy", "5", "<|close|>call"):
        answer = read(whole[: whole.index(mark) + 1], finish="length")
        assert answer.finish_reason == "length"
        try:
            json.loads(answer.tool_calls[0].arguments)
        except ValueError:
            continue
        raise AssertionError(f"cut at {mark!r}, but read as whole: {answer.tool_calls[0].arguments}")


def test_values_that_are_no_json_stay_wrong() -> None:
    """A number that the model wrote wrongly is not mended on the way."""
    text = (
        "<|close|>think<|sep|><|open|>response<|sep|><|close|>response<|sep|><|open|>tools<|sep|>"
        '<|open|>call tool="f" index="1"<|sep|>'
        '<|open|>argument key="n" type="number"<|sep|>five<|close|>argument<|sep|>'
        '<|close|>call<|sep|><|open|>call tool="g" index="2"<|sep|><|open|>json type="object"<|sep|>{"a": <|close|>json'
        "<|sep|><|close|>call<|sep|><|close|>tools<|sep|><|close|>message<|sep|><|end_of_msg|>"
    )
    answer = read(text)
    assert [call.arguments for call in answer.tool_calls] == ['{"n": five}', '{"a": ']
    assert [call.name for call in answer.tool_calls] == ["f", "g"]


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(st.characters(exclude_characters="<", codec="utf-8"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(arguments=st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=6), VALUES, max_size=4))
def test_any_arguments_survive(arguments: dict[str, Any]) -> None:
    """Written and read again, they are the same object."""
    call = ToolCall(id="functions.f:0", name="f", arguments=json.dumps(arguments))
    answer = read(TEMPLATE.written("x", [call], thinking=True))
    assert json.loads(answer.tool_calls[0].arguments) == arguments
