"""What goes out: who wins over whom in a body, and what the key of an answer covers."""

from dataclasses import replace
from typing import Any

import orjson
import pytest

from kvv_action.plan.request import answer_key, compose
from kvv_action.schema import Json, Request, RunPlan, Thinking
from tests.ask.fakes import Quiz, asking, fake_profile, load_quiz, plan_of

LOADED = [load_quiz(Quiz())]
PLANNED = LOADED[0].planned
PLAN = plan_of(LOADED)


def body(request: Request, plan: RunPlan = PLAN, **planned: Any) -> dict[str, Json]:
    content, stream = compose(request, plan, replace(PLANNED, **planned), fake_profile())
    found: dict[str, Json] = orjson.loads(content)
    assert found["stream"] is stream
    return found


def test_the_whole_body_of_a_plain_request() -> None:
    """Model, messages, the profile's sampling, thinking, stream with usage."""
    assert body(asking("hi")) == {
        "model": "fake-model",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 1.0,
        "max_tokens": 100,
        "thinking": {"type": "enabled"},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_white_space_makes_a_body_large() -> None:
    """It stands before the end of the body, which means the same."""
    plain, padded = (
        compose(replace(asking("hi"), padding=size), PLAN, PLANNED, fake_profile())[0] for size in (0, 900)
    )
    assert len(padded) == len(plain) + 900
    assert padded.endswith(b" }")
    assert orjson.loads(padded) == orjson.loads(plain)


def test_the_request_wins_over_everything() -> None:
    """A probe tests exactly the field that it sends."""
    plan = plan_of(LOADED, extra_body={"temperature": 0.3})
    assert body(asking("hi", body={"temperature": 0.5}), plan)["temperature"] == 0.5


def test_extra_body_wins_over_the_profile() -> None:
    """The user knows what the endpoint needs."""
    assert body(asking("hi"), plan_of(LOADED, extra_body={"temperature": 0.3}))["temperature"] == 0.3


def test_extra_body_is_merged_into_nested_objects() -> None:
    """A further template argument does not turn thinking off."""
    plan = plan_of(LOADED, think_mode="opensource", extra_body={"chat_template_kwargs": {"tool_style": "x"}})
    assert body(asking("hi"), plan)["chat_template_kwargs"] == {"thinking": True, "tool_style": "x"}


def test_extra_body_replaces_what_is_not_an_object() -> None:
    """Lists and texts are not merged."""
    plan = plan_of(LOADED, extra_body={"thinking": None, "stop": ["a"]})
    found = body(asking("hi"), plan)
    assert (found["thinking"], found["stop"]) == (None, ["a"])


def test_a_request_without_sampling_sends_none() -> None:
    """Only what the probe itself names."""
    found = body(asking("hi", sampling=False, thinking=Thinking.UNSET, body={"n": 1}))
    assert set(found) == {"model", "messages", "n", "stream", "stream_options"}


@pytest.mark.parametrize(
    ("mode", "thinking", "fields"),
    [
        ("kimi", Thinking.PROFILE, {"thinking": {"type": "enabled"}}),
        ("kimi", Thinking.ON, {"thinking": {"type": "enabled"}}),
        ("kimi", Thinking.OFF, {"thinking": {"type": "disabled"}}),
        ("kimi", Thinking.UNSET, {}),
        ("opensource", Thinking.PROFILE, {"chat_template_kwargs": {"thinking": True}}),
        ("opensource", Thinking.OFF, {"chat_template_kwargs": {"thinking": False}}),
        ("none", Thinking.PROFILE, {}),
        ("none", Thinking.OFF, {}),
    ],
)
def test_thinking_is_asked_for_in_the_way_of_the_mode(mode: str, thinking: Thinking, fields: dict[str, Json]) -> None:
    """The official field, the template argument, or nothing."""
    found = body(asking("hi", thinking=thinking), plan_of(LOADED, think_mode=mode))
    assert {name: found[name] for name in ("thinking", "chat_template_kwargs") if name in found} == fields


@pytest.mark.parametrize(
    ("thinking", "temperature"),
    [(Thinking.PROFILE, 1.0), (Thinking.ON, 1.0), (Thinking.OFF, 0.6), (Thinking.UNSET, 1.0)],
)
def test_sampling_follows_thinking(thinking: Thinking, temperature: float) -> None:
    """A request that turns thinking off gets the temperature of the instant mode."""
    assert body(asking("hi", thinking=thinking))["temperature"] == temperature


def test_without_streaming_no_stream_options_are_sent() -> None:
    """They are an error at some endpoints."""
    found = body(asking("hi"), plan_of(LOADED, stream=False))
    assert found["stream"] is False
    assert "stream_options" not in found


def test_stream_options_of_the_request_stay() -> None:
    """A probe may ask for a stream without usage."""
    found = body(asking("hi", body={"stream_options": {"include_usage": False}}))
    assert found["stream_options"] == {"include_usage": False}


def test_control_characters_go_out_as_they_are() -> None:
    """A problem is not repaired on its way."""
    assert body(asking("a\x0c\x00b"))["messages"][0]["content"] == "a\x0c\x00b"


KEY = {"sample": "q0", "epoch": 0, "call": 0}


def key(content: bytes = b"{}", plan: RunPlan = PLAN, place: dict[str, Any] | None = None, **planned: Any) -> str:
    return answer_key(content, plan, replace(PLANNED, **planned), **{**KEY, **(place or {})})[1]


@pytest.mark.parametrize(
    "changed",
    [
        key(b'{"temperature":1}'),
        key(plan=plan_of(LOADED, base_url="https://other.example/v1")),
        key(plan=plan_of(LOADED, extra_headers=("X-Tier",))),
        key(id="other"),
        key(version="2"),
        key(place={"sample": "q1"}),
        key(place={"epoch": 1}),
        key(place={"call": 1}),
    ],
    ids=["body", "endpoint", "headers", "benchmark", "version", "sample", "epoch", "call"],
)
def test_the_key_changes_with_everything_that_could_change_the_answer(changed: str) -> None:
    """Each part by itself."""
    assert changed != key()


@pytest.mark.parametrize(
    "changes", [{"model": "other"}, {"extra_body": {"top_k": 1}}, {"think_mode": "none"}, {"stream": False}]
)
def test_settings_of_the_endpoint_reach_the_key_through_the_body(changes: dict[str, Any]) -> None:
    """They are part of what is sent."""
    one, other = (
        compose(asking("hi"), plan, PLANNED, fake_profile())[0] for plan in (PLAN, plan_of(LOADED, **changes))
    )
    assert key(one) != key(other)


def test_the_key_is_the_same_for_the_same_question() -> None:
    """Resuming depends on it; the pinned value shows a change that would make old journals worthless."""
    assert key() == key() == "d5a195ef684fc1a68a16dcc6a48c319d"
