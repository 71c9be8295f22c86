"""What is answered: exemplars, rules, thinking, tools, formats, limits and usage."""

import orjson
import pytest

from benchmarks.precheck.picture import data_url, draw
from kvv_action.schema import Answer, Json, Sample
from kvv_action.simulator import AnswerBook
from kvv_action.simulator.tokens import count
from tests.simulator.visitor import CALLS, CLOCK, SUM, WEATHER, FakeBenchmark, Serve, fake_profile, said, user

QUESTION = "What is 69 + 1?"
FORECAST = "How is the weather in Riga?"
RESULT = {"role": "tool", "tool_call_id": "functions.weather:0", "content": "5 degrees"}
CALLED = {
    "role": "assistant",
    "content": "",
    "tool_calls": [
        {"id": "functions.weather:0", "type": "function", "function": {"name": "weather", "arguments": "{}"}}
    ],
}


async def test_exemplar(serve: Serve) -> None:
    """A known conversation gets its exemplar, whole."""
    choice = await (await serve()).choice(QUESTION)
    assert choice == {
        "index": 0,
        "message": {
            "role": "assistant",
            "content": "Adding one to 69 gives \\boxed{70}.",
            "reasoning_content": "69 and 1 make 70.",
        },
        "finish_reason": "stop",
    }


def test_lookup_by_opening() -> None:
    """A conversation is known by what comes before the first assistant message, keys in any order."""
    book = AnswerBook([(FakeBenchmark(), [SUM])])
    later = [{"content": QUESTION, "role": "user"}, {"role": "assistant", "content": "70"}, user("Sure?")]
    known = book.lookup(later)
    assert known is not None
    assert known[1] == SUM
    assert book.lookup([user(QUESTION), user("Sure?")]) is None


def test_lookup_prefers_the_longest_opening() -> None:
    """A sample that brings a history along wins over one that only opens like it."""
    history = Sample(id="history", input=[user(QUESTION), {"role": "assistant", "content": "70"}, user("Sure?")])
    book = AnswerBook([(FakeBenchmark(), [SUM, history])])
    known = book.lookup(history.input)
    assert known is not None
    assert known[1] == history
    assert len(book) == 2


def test_answer_from_the_book() -> None:
    """The book answers with the exemplar, or leaves it to the vendor."""
    book = AnswerBook([(FakeBenchmark(answers={"sum": Answer(content="70")}), [SUM, CALLS])])
    assert book.answer(SUM.input) == Answer(content="70")
    assert book.answer(CALLS.input) is None
    assert book.answer([user("Who?")]) is None


@pytest.mark.parametrize("text", ["Reply with exactly: A b.", "Please reply WITH exactly:  A b. \nThanks"])
async def test_reply_with_exactly(serve: Serve, text: str) -> None:
    """A text that is asked for word by word is given."""
    assert (await (await serve()).message(text))["content"] == "A b."


async def test_fallback_sentence(serve: Serve) -> None:
    """Anything else gets a short sentence."""
    assert 3 < count((await (await serve()).message("Nobody knows this."))["content"]) < 20


async def test_tool_result_is_quoted(serve: Serve) -> None:
    """After a tool's result the answer is text that quotes it."""
    message = await (await serve()).message(messages=[user("x"), CALLED, RESULT], tools=[WEATHER])
    assert "5 degrees" in message["content"]
    assert "tool_calls" not in message


@pytest.mark.parametrize("body", [{"thinking": {"type": "disabled"}}, {"chat_template_kwargs": {"thinking": False}}])
async def test_no_reasoning_without_thinking(serve: Serve, body: dict[str, Json]) -> None:
    """Thinking turned off leaves no reasoning, in either format."""
    assert "reasoning_content" not in await (await serve()).message(QUESTION, **body)


@pytest.mark.parametrize(
    "body", [{"thinking": {"type": "enabled", "keep": "all"}}, {"chat_template_kwargs": {"thinking": True}}]
)
async def test_reasoning_when_asked_for(serve: Serve, body: dict[str, Json]) -> None:
    """Thinking turned on gives reasoning where the default is off."""
    visitor = await serve(profile=fake_profile(default=False))
    assert "reasoning_content" not in await visitor.message()
    assert (await visitor.message(**body))["reasoning_content"]


async def test_no_reasoning_from_a_model_that_cannot_think(serve: Serve) -> None:
    """A model that cannot think ignores the wish."""
    visitor = await serve(profile=fake_profile(supported=False))
    assert "reasoning_content" not in await visitor.message(thinking={"type": "enabled"})


async def test_effort_scales_reasoning(serve: Serve) -> None:
    """More effort, more reasoning; the default is the profile's."""
    visitor = await serve()
    lengths = [
        len((await visitor.message(reasoning_effort=effort))["reasoning_content"]) for effort in ("low", "high", "max")
    ]
    assert lengths == sorted(set(lengths))
    assert len((await visitor.message())["reasoning_content"]) == lengths[-1]


async def test_exemplar_calls_a_tool(serve: Serve) -> None:
    """With tool_choice auto a tool is called when the exemplar says so."""
    choice = await (await serve()).choice(FORECAST, tools=[WEATHER])
    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"] == [
        {
            "id": "functions.weather:0",
            "type": "function",
            "function": {"name": "weather", "arguments": '{"city":"Riga","days":3}'},
        }
    ]


async def test_auto_does_not_call_by_itself(serve: Serve) -> None:
    """With tool_choice auto an unknown conversation is answered in text."""
    assert "tool_calls" not in await (await serve()).message(tools=[WEATHER], tool_choice="auto")


async def test_none_never_calls(serve: Serve) -> None:
    """With tool_choice none even an exemplar's call becomes text."""
    choice = await (await serve()).choice(FORECAST, tools=[WEATHER], tool_choice="none")
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"]
    assert "tool_calls" not in choice["message"]


@pytest.mark.parametrize(
    ("choice", "text", "name"),
    [
        ("required", "Hello", "weather"),
        ("required", "Use the clock please", "clock"),
        ({"type": "function", "function": {"name": "clock"}}, "Hello", "clock"),
    ],
)
async def test_required_calls(serve: Serve, choice: Json, text: str, name: str) -> None:
    """A required call goes to the named tool, the one that is spoken of, or the first."""
    made = await (await serve()).choice(text, tools=[WEATHER, CLOCK], tool_choice=choice)
    assert made["finish_reason"] == "tool_calls"
    assert [call["function"]["name"] for call in made["message"]["tool_calls"]] == [name]


async def test_generated_arguments_fit(serve: Serve) -> None:
    """Arguments that are made up follow the tool's schema."""
    message = await (await serve()).message(tools=[WEATHER], tool_choice="required")
    assert orjson.loads(message["tool_calls"][0]["function"]["arguments"]) == {"city": "text", "days": 2}


async def test_ids_are_counted_over_the_conversation(serve: Serve) -> None:
    """A later call's id goes on counting."""
    messages = [user("x"), CALLED, RESULT, user("again")]
    message = await (await serve()).message(messages=messages, tools=[WEATHER], tool_choice="required")
    assert message["tool_calls"][0]["id"] == "functions.weather:1"


async def test_dynamic_tool_is_called(serve: Serve) -> None:
    """A tool that a system message brings can be called."""
    messages = [{"role": "system", "content": "", "tools": [CLOCK]}, user("x")]
    message = await (await serve()).message(messages=messages, tool_choice="required")
    assert message["tool_calls"][0]["function"]["name"] == "clock"


async def test_json_object(serve: Serve) -> None:
    """json_object gives an object."""
    message = await (await serve()).message(response_format={"type": "json_object"})
    assert isinstance(orjson.loads(message["content"]), dict)


async def test_json_schema(serve: Serve) -> None:
    """json_schema gives compact JSON of that schema."""
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    wanted = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
    assert (await (await serve()).message(response_format=wanted))["content"] == '{"ok":true}'


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
async def test_max_tokens(serve: Serve, name: str) -> None:
    """Reasoning and content together keep to the limit."""
    response = await (await serve()).post(QUESTION, **{name: 10})
    choice = response.json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert choice["message"]["reasoning_content"] == "69 and 1 make 70."
    assert choice["message"]["content"] == "Adding one to 69"
    assert response.json()["usage"]["completion_tokens"] == 10


async def test_limit_cuts_tool_arguments(serve: Serve) -> None:
    """A limit inside a tool call leaves its arguments unfinished."""
    choice = await (await serve()).choice(FORECAST, tools=[WEATHER], max_tokens=4, thinking={"type": "disabled"})
    assert choice["finish_reason"] == "length"
    assert choice["message"]["tool_calls"][0]["function"]["arguments"] == '{"city'


@pytest.mark.parametrize("stop", ["gives", ["nothing", "gives"]])
async def test_stop(serve: Serve, stop: Json) -> None:
    """Content ends before a stop text."""
    choice = await (await serve()).choice(QUESTION, stop=stop)
    assert choice["message"]["content"] == "Adding one to 69 "
    assert choice["finish_reason"] == "stop"


async def test_usage(serve: Serve) -> None:
    """Usage counts the prompt, and reasoning with content."""
    usage = (await (await serve()).post(QUESTION)).json()["usage"]
    assert usage == {
        "prompt_tokens": 10,
        "completion_tokens": 17,
        "total_tokens": 27,
        "completion_tokens_details": {"reasoning_tokens": 6},
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_usage_counts_tools_and_images(serve: Serve) -> None:
    """Tools count as their JSON, an image as 256 tokens."""
    visitor = await serve()
    image = {"type": "image_url", "image_url": {"url": data_url(draw("1234"), "png")}}
    parts = [{"role": "user", "content": [{"type": "text", "text": "Look"}, image]}]
    assert (await visitor.post(messages=parts)).json()["usage"]["prompt_tokens"] == 4 + 1 + 256
    tools = (await visitor.post("Look", tools=[CLOCK])).json()["usage"]["prompt_tokens"]
    assert tools == 4 + 1 + count(orjson.dumps([CLOCK]).decode())


async def test_stream_says_the_same(serve: Serve) -> None:
    """A stream adds up to the answer that is not streamed."""
    visitor = await serve(chunk_tokens=1)
    events = await visitor.events(QUESTION)
    message = await visitor.message(QUESTION)
    assert said(events) == message["content"]
    assert said(events, "reasoning_content") == message["reasoning_content"]
    assert events[-1]["choices"][0]["finish_reason"] == "stop"


async def test_stream_reasons_first(serve: Serve) -> None:
    """Reasoning comes in chunks of its own, all before the content."""
    events = await (await serve(chunk_tokens=1)).events(QUESTION)
    fields = [
        name for event in events for name, text in event["choices"][0]["delta"].items() if name != "role" and text
    ]
    assert fields == ["reasoning_content"] * 6 + ["content"] * 11
    assert all(len(event["choices"][0]["delta"]) < 2 for event in events[1:])


async def test_stream_usage_in_the_last_choice(serve: Serve) -> None:
    """Unasked, usage stands in the last choice, as the official API has it."""
    visitor = await serve()
    events = await visitor.events(QUESTION)
    assert events[-1]["choices"][0]["usage"] == (await visitor.post(QUESTION)).json()["usage"]
    assert all("usage" not in event for event in events)


async def test_stream_usage_when_asked_for(serve: Serve) -> None:
    """include_usage gives a last chunk without choices."""
    events = await (await serve()).events(QUESTION, stream_options={"include_usage": True})
    assert events[-1]["choices"] == []
    assert events[-1]["usage"]["total_tokens"] == 27
    assert all("usage" not in choice for event in events for choice in event["choices"])


async def test_stream_tool_call(serve: Serve) -> None:
    """A streamed call opens with id and name, then its arguments come in pieces."""
    events = await (await serve(chunk_tokens=2)).events(FORECAST, tools=[WEATHER])
    parts = [call for event in events for call in event["choices"][0]["delta"].get("tool_calls", [])]
    assert parts[0] == {
        "index": 0,
        "id": "functions.weather:0",
        "type": "function",
        "function": {"name": "weather", "arguments": ""},
    }
    assert len(parts) > 3
    assert "".join(part["function"]["arguments"] for part in parts) == '{"city":"Riga","days":3}'
    assert events[-1]["choices"][0]["finish_reason"] == "tool_calls"


async def test_stream_of_several_choices(serve: Serve) -> None:
    """Every choice of a stream is complete."""
    visitor = await serve(profile=fake_profile(parameters=()))
    events = await visitor.events(QUESTION, n=2)
    ends = [event["choices"][0] for event in events if event["choices"][0]["finish_reason"]]
    assert [end["index"] for end in ends] == [0, 1]
