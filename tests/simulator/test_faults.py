"""Every fault, as a client meets it."""

import asyncio
import logging
import time

import httpx
import orjson
import pytest

from kvv_action.errors import UsageError
from kvv_action.simulator import FAULTS, EmbeddedVendor, FaultSpec, VendorOptions, parse_fault
from kvv_action.simulator.coins import Occurrences, toss
from tests.simulator.visitor import MODEL, WEATHER, Serve, data_lines, fake_profile, said, user

QUESTION = "What is 69 + 1?"
FORECAST = "How is the weather in Riga?"
NAMES = {
    "accepts-any-parameter",
    "caps-output",
    "control-characters",
    "disconnects",
    "drops-reasoning",
    "drops-usage",
    "error-echoes-key",
    "hangs",
    "html-error",
    "huge-response",
    "invalid-json",
    "overcounts-prompt-tokens",
    "rate-limits",
    "rejects-defaults",
    "server-errors",
    "slow",
    "truncates-stream",
    "unauthorized",
    "workflow-commands-in-content",
    "wrong-answers",
}


def test_registry() -> None:
    """Every fault is there under its name, and says what it does and what it proves."""
    assert set(FAULTS) >= NAMES
    for name, fault in FAULTS.items():
        assert fault.name == name
        assert fault.summary
        assert fault.conclusion


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("slow", FaultSpec(name="slow", rate=1.0)),
        (" slow=0.25 ", FaultSpec(name="slow", rate=0.25)),
        ("slow=1", FaultSpec(name="slow", rate=1.0)),
    ],
)
def test_parse(text: str, spec: FaultSpec) -> None:
    """A fault is a name, or a name and a rate."""
    assert parse_fault(text) == spec


def test_parse_unknown() -> None:
    """An unknown fault is named, with the nearest spelling and where all are listed."""
    with pytest.raises(UsageError) as caught:
        parse_fault("wrong-answer")
    problem = caught.value.problems[0]
    assert problem.nearest == "wrong-answers"
    assert "`kvv faults`" in problem.allowed


@pytest.mark.parametrize("text", ["slow=0", "slow=1.5", "slow=-1", "slow=", "slow=often", "slow=nan"])
def test_parse_rate(text: str) -> None:
    """A rate outside (0, 1] is refused."""
    with pytest.raises(UsageError, match="rate"):
        parse_fault(text)


async def test_accepts_any_parameter(serve: Serve) -> None:
    """Locked parameters are taken with any value; ranges still hold."""
    visitor = await serve("accepts-any-parameter")
    assert (await visitor.post(temperature=0.5)).status_code == 200
    assert len((await visitor.post(n=2)).json()["choices"]) == 2
    assert (await visitor.post(temperature=9)).status_code == 400


@pytest.mark.parametrize("name", ["temperature", "top_p", "presence_penalty", "frequency_penalty", "n"])
async def test_rejects_defaults(serve: Serve, name: str) -> None:
    """Decoding parameters are refused even at the model's own value."""
    visitor = await serve("rejects-defaults")
    assert name in await visitor.refusal(**{name: 1})
    assert (await visitor.post()).status_code == 200


async def test_drops_reasoning(serve: Serve) -> None:
    """The model thinks and hands nothing over."""
    visitor = await serve("drops-reasoning")
    assert "reasoning_content" not in await visitor.message(QUESTION)
    assert said(await visitor.events(QUESTION), "reasoning_content") == ""


async def test_drops_usage(serve: Serve) -> None:
    """No usage in any form of answer."""
    visitor = await serve("drops-usage")
    assert "usage" not in (await visitor.post()).json()
    asked = await visitor.post(stream=True, stream_options={"include_usage": True})
    assert "usage" not in asked.text
    assert "usage" not in (await visitor.post(stream=True)).text


async def test_overcounts_prompt_tokens(serve: Serve) -> None:
    """Three times the prompt, and a total that fits."""
    usage = (await (await serve("overcounts-prompt-tokens")).post(QUESTION)).json()["usage"]
    assert usage == {"prompt_tokens": 30, "completion_tokens": 17, "total_tokens": 47}


async def test_truncates_stream(serve: Serve) -> None:
    """A stream ends cleanly half-way, without finish reason and [DONE]."""
    response = await (await serve("truncates-stream")).post(QUESTION, stream=True)
    events = [orjson.loads(line) for line in data_lines(response.text)]
    assert events
    assert all(event["choices"][0]["finish_reason"] is None for event in events)


async def test_truncates_document(serve: Serve) -> None:
    """A document ends cleanly half-way."""
    response = await (await serve("truncates-stream")).post(QUESTION)
    assert response.status_code == 200
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(response.content)


async def test_caps_output(serve: Serve) -> None:
    """Answers end after 16 tokens."""
    response = await (await serve("caps-output")).post(QUESTION, max_tokens=500)
    assert response.json()["choices"][0]["finish_reason"] == "length"
    assert response.json()["usage"]["completion_tokens"] == 16


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("so \\boxed{70}.", "so \\boxed{71}."),
        ("Answer: B", "Answer: A"),
        ("Answer: A", "Answer: B"),
        ("centre", "dfousf"),
        ('{"n": 70}', '{"n":69}'),
        ("[1, 2", "[2, 3"),
    ],
)
async def test_wrong_answers(serve: Serve, right: str, wrong: str) -> None:
    """Numbers, option letters, texts and JSON values change, their form stays."""
    message = await (await serve("wrong-answers")).message(f"Reply with exactly: {right}")
    assert message["content"] == wrong


async def test_wrong_tool_arguments(serve: Serve) -> None:
    """A tool call loses a required argument and changes the others."""
    message = await (await serve("wrong-answers")).message(FORECAST, tools=[WEATHER])
    assert message["tool_calls"][0]["function"]["arguments"] == '{"days":2}'


async def test_rate_limits(serve: Serve) -> None:
    """429 with the time to wait."""
    response = await (await serve("rate-limits", retry_after=2)).post()
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "2"


async def test_server_errors(serve: Serve) -> None:
    """500 and 503, both in JSON."""
    visitor = await serve("server-errors")
    responses = [await visitor.post() for _ in range(20)]
    assert {response.status_code for response in responses} == {500, 503}
    assert all(response.json()["error"]["message"] for response in responses)


@pytest.mark.parametrize("stream", [False, True])
async def test_slow(serve: Serve, stream: bool) -> None:
    """The first token comes late."""
    visitor = await serve("slow", slow_seconds=0.15)
    start = time.perf_counter()
    assert (await visitor.post(stream=stream)).status_code == 200
    assert time.perf_counter() - start >= 0.15


async def test_hangs(serve: Serve) -> None:
    """No answer comes at all."""
    visitor = await serve("hangs")
    visitor.client.timeout = httpx.Timeout(0.2)
    with pytest.raises(httpx.ReadTimeout):
        await visitor.post()


@pytest.mark.parametrize("fault", ["hangs", "slow", "huge-response"])
async def test_shutdown_does_not_wait(fault: str, caplog: pytest.LogCaptureFixture) -> None:
    """A vendor with unfinished answers shuts down at once and without complaint."""
    options = VendorOptions(
        profile=fake_profile(), model=MODEL, faults=(parse_fault(fault),), slow_seconds=60, huge_bytes=2**40
    )
    body = {"model": MODEL, "messages": [user("x")], "stream": True}
    async with httpx.AsyncClient(timeout=30, verify=False) as client:
        async with EmbeddedVendor(options) as vendor:
            waiting = asyncio.create_task(client.post(f"{vendor.base_url}/chat/completions", json=body))
            await asyncio.sleep(0.1)
            start = time.perf_counter()
        assert time.perf_counter() - start < 20, "the answer takes a minute"
        with pytest.raises(httpx.TransportError):
            await waiting
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


@pytest.mark.parametrize("stream", [False, True])
async def test_disconnects(serve: Serve, stream: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The connection closes in the middle of the body."""
    visitor = await serve("disconnects")
    body = {"model": MODEL, "messages": [user(QUESTION)], "stream": stream}
    async with visitor.client.stream("POST", "/chat/completions", json=body) as response:
        chunks = response.aiter_raw()
        assert b"chatcmpl" in await anext(chunks)
        with pytest.raises(httpx.RemoteProtocolError):
            await anext(chunks)
    assert response.status_code == 200
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_invalid_json_in_a_chunk(serve: Serve) -> None:
    """One chunk of a stream cannot be read; the rest can."""
    response = await (await serve("invalid-json")).post(QUESTION, stream=True)
    lines = data_lines(response.text)
    broken = [line for line in lines[:-1] if not _is_json(line)]
    assert len(broken) == 1
    assert lines[-1] == "[DONE]"


async def test_invalid_json_in_a_document(serve: Serve) -> None:
    """The document cannot be read."""
    response = await (await serve("invalid-json")).post(QUESTION)
    assert response.status_code == 200
    assert not _is_json(response.text)


async def test_html_error(serve: Serve) -> None:
    """A page comes back, as 502 or as 200."""
    visitor = await serve("html-error")
    responses = [await visitor.post() for _ in range(20)]
    assert {response.status_code for response in responses} == {200, 502}
    assert all(response.headers["Content-Type"] == "text/html" for response in responses)
    assert all("<html>" in response.text for response in responses)


async def test_error_echoes_key(serve: Serve) -> None:
    """The key comes back in message and header."""
    response = await (await serve("error-echoes-key")).post()
    assert response.status_code == 500
    assert "sk-visitor" in response.json()["error"]["message"]
    assert response.headers["x-request-id"] == "Bearer sk-visitor"


@pytest.mark.parametrize(
    "text",
    [
        "::error::pwned",
        "::set-output name=x::y",
        "##[error]pwned",
        "::add-mask::",
        "::stop-commands::x",
        "<script>alert(1)</script>",
        "| a |",
        "```",
    ],
)
async def test_workflow_commands(serve: Serve, text: str) -> None:
    """The content is full of commands and markup."""
    visitor = await serve("workflow-commands-in-content")
    assert text in (await visitor.message(QUESTION))["content"]
    assert text in said(await visitor.events(QUESTION))


@pytest.mark.parametrize("character", ["\x00", "\x1b[", "\x07", "\rover", "\u202e", "\ufffe"])
async def test_control_characters(serve: Serve, character: str) -> None:
    """The content is full of characters that terminals and XML cannot take."""
    response = await (await serve("control-characters")).post(QUESTION)
    assert character in response.json()["choices"][0]["message"]["content"]


@pytest.mark.parametrize("stream", [False, True])
async def test_lone_surrogate(serve: Serve, stream: bool) -> None:
    """An escaped lone surrogate stands in the JSON."""
    response = await (await serve("control-characters")).post(QUESTION, stream=stream)
    assert b"\\ud800" in response.content


@pytest.mark.parametrize("stream", [False, True])
async def test_huge_response(serve: Serve, stream: bool) -> None:
    """Content goes on for the given size, and is valid to its end."""
    visitor = await serve("huge-response", huge_bytes=1024 * 1024)
    response = await visitor.post(QUESTION, stream=stream)
    assert 900 * 1024 < len(response.content) < 1100 * 1024
    if stream:
        lines = data_lines(response.text)
        assert lines[-1] == "[DONE]"
        assert len(said([orjson.loads(line) for line in lines[:-1]])) > 900 * 1024
    else:
        assert len(response.json()["choices"][0]["message"]["content"]) > 900 * 1024


async def test_huge_response_stops_when_the_client_leaves(serve: Serve) -> None:
    """Nobody reads, nothing is sent any more, and the vendor goes on."""
    visitor = await serve("huge-response=0.5", huge_bytes=2**40)
    for number in range(8):
        body = {"model": MODEL, "messages": [user(f"x{number}")], "stream": True}
        async with visitor.client.stream("POST", "/chat/completions", json=body) as response:
            async for _ in response.aiter_raw():
                break
    assert (await visitor.client.get("/models")).status_code == 200


async def test_unauthorized(serve: Serve) -> None:
    """A good key is refused."""
    response = await (await serve("unauthorized", api_key="sk-visitor")).post()
    assert response.status_code == 401
    assert response.json()["error"] == {
        "message": "Invalid Authentication",
        "type": "invalid_authentication_error",
    }


async def test_faults_combine(serve: Serve) -> None:
    """Faults of different stages work on the same answer."""
    visitor = await serve("wrong-answers", "drops-reasoning", "drops-usage")
    document = (await visitor.post(QUESTION)).json()
    assert "\\boxed{71}" in document["choices"][0]["message"]["content"]
    assert "reasoning_content" not in document["choices"][0]["message"]
    assert "usage" not in document


async def test_transport_faults_hit_refusals(serve: Serve) -> None:
    """A request that would be refused is cut off as well."""
    visitor = await serve("disconnects")
    with pytest.raises(httpx.RemoteProtocolError):
        await visitor.post(temperature=0.5)


async def test_rate_of_a_content_fault(serve: Serve) -> None:
    """A share of conversations is hit, the same ones in every retry and by every vendor."""
    first, second = await serve("drops-reasoning=0.3", seed=7), await serve("drops-reasoning=0.3", seed=7)
    texts = [f"Question {number}" for number in range(200)]
    hits = [
        ["reasoning_content" not in await visitor.message(text) for text in texts] for visitor in (first, first, second)
    ]
    assert hits[0] == hits[1] == hits[2]
    assert 35 < sum(hits[0]) < 85


async def test_rate_of_a_transport_fault(serve: Serve) -> None:
    """A retry of the same conversation may succeed; another vendor repeats the sequence."""
    first, second = await serve("rate-limits=0.5"), await serve("rate-limits=0.5")
    rows = [[(await visitor.post()).status_code for _ in range(40)] for visitor in (first, second)]
    assert rows[0] == rows[1]
    assert set(rows[0]) == {200, 429}


async def test_seed_changes_the_coins(serve: Serve) -> None:
    """Another seed hits other conversations."""
    first, second = await serve("rate-limits=0.5", seed=1), await serve("rate-limits=0.5", seed=2)
    rows = [[(await visitor.post()).status_code for _ in range(40)] for visitor in (first, second)]
    assert rows[0] != rows[1]


def test_coins_are_even() -> None:
    """Coins fill the unit interval evenly."""
    values = [toss(0, "x", str(number).encode()) for number in range(2000)]
    assert 0 <= min(values) < 0.01
    assert 0.99 < max(values) < 1
    assert 0.47 < sum(values) / len(values) < 0.53


def test_occurrences_are_bounded() -> None:
    """Only the conversations seen last are remembered."""
    seen = Occurrences(limit=2)
    assert [seen.next(digest) for digest in (b"a", b"a", b"b", b"a", b"c", b"b")] == [1, 2, 1, 3, 1, 1]
    assert len(seen) == 2


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
