"""The whole client against a scripted vendor."""

import asyncio
import base64
import hashlib
import time
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any

import aiohttp
import orjson
import pytest

from kvv_action.endpoint.failures import status_failure, transport_failure
from kvv_action.errors import EndpointError, Rejected, RunStopped
from kvv_action.schema import FailureKind


async def test_an_answer_carries_its_evidence(bench, wire) -> None:
    """Digest, size, times, chunks and the attempt with its request id."""
    b = await bench(wire.http_stream(wire.HELLO, "X-Request-Id: r-1"))
    answer = await b.ask()
    assert (answer.content, answer.finish_reason, answer.streamed, answer.chunks) == ("hello", "stop", True, 3)
    assert (answer.raw_bytes, answer.raw_sha256) == (len(wire.HELLO), hashlib.sha256(wire.HELLO).hexdigest())
    assert 0 < answer.first_token <= answer.total
    (attempt,) = answer.attempts
    assert (attempt.number, attempt.started, attempt.status, attempt.failure) == (1, 1000.0, 200, None)
    assert (attempt.request_id, attempt.waited) == ("r-1", 0.0)
    assert attempt.duration >= answer.total
    assert answer.anomalies == ()


async def test_a_document_is_an_answer_too(bench, wire) -> None:
    """Not streamed: one chunk, and the first text is there at the end."""
    b = await bench(wire.http(200, wire.document()))
    answer = await b.ask(stream=False)
    assert (answer.content, answer.streamed, answer.chunks, answer.anomalies) == ("hello", False, 1, ())
    assert answer.usage == {"prompt_tokens": 3}
    assert answer.first_token == answer.total > 0


async def test_what_is_sent(bench, wire) -> None:
    """The body goes out as it is, with the key, and compression is not asked for."""
    b = await bench(wire.http_stream(), extra_headers={"X-Team": "blue"}, user_agent="kvv-test")
    await b.ask()
    assert b.vendor.bodies == [b'{"model":"m"}']
    head = b.vendor.heads[0].lower()
    assert head.startswith("post /v1/chat/completions http/1.1\r\n")
    sent = [f"authorization: bearer {wire.KEY}".lower(), "accept-encoding: identity", "content-type: application/json"]
    for line in (*sent, "x-team: blue", "user-agent: kvv-test"):
        assert line in head


async def test_an_empty_key_sends_no_authorization(bench, wire) -> None:
    """Local servers need none."""
    b = await bench(wire.http_stream(), api_key="")
    await b.ask()
    assert "authorization" not in b.vendor.heads[0].lower()


async def test_large_bodies_arrive_whole(bench, wire) -> None:
    """Bodies with images go out in pieces, with their length."""
    b = await bench(wire.http_stream())
    content = orjson.dumps({"image": "x" * 3_000_000})
    await b.client.complete(content, stream=True)
    assert b.vendor.bodies == [content]
    assert "transfer-encoding" not in b.vendor.heads[0].lower()


async def test_connections_are_kept_and_cookies_are_not(bench, wire) -> None:
    """A cookie would tie the run to one server behind a balancer."""
    b = await bench(wire.http_stream(wire.HELLO, "Set-Cookie: lb=1; Path=/"))
    named = await bench(b"", base_url=b.vendor.base_url.replace("127.0.0.1", "localhost"))
    await named.ask()
    await named.ask()
    assert b.vendor.open == 1
    assert "cookie" not in b.vendor.heads[1].lower()


async def test_five_hundred_connections_are_held(bench, wire) -> None:
    """All streams are open at once."""
    held, gate = asyncio.Event(), asyncio.Event()

    async def wait(writer: asyncio.StreamWriter) -> None:
        if len(b.vendor.heads) == 500:
            held.set()
        await gate.wait()
        writer.write(wire.STREAM_HEAD + wire.HELLO)
        await writer.drain()

    b = await bench(wait, max_connections=500)
    tasks = [asyncio.create_task(b.ask()) for _ in range(510)]
    await asyncio.wait_for(held.wait(), 10)
    assert (b.vendor.open, b.client.limiter.state.in_flight, b.client.limiter.state.waiting) == (500, 500, 10)
    gate.set()
    assert {answer.content for answer in await asyncio.gather(*tasks)} == {"hello"}


async def test_stream_ignored(bench, wire) -> None:
    """A server that cannot stream is tolerated and named."""
    answer = await (await bench(wire.http(200, wire.document()))).ask()
    assert (answer.content, answer.streamed, answer.anomalies) == ("hello", False, ("stream-ignored",))


async def test_stream_unasked(bench, wire) -> None:
    """So is one that always streams."""
    answer = await (await bench(wire.http_stream())).ask(stream=False)
    assert (answer.content, answer.streamed, answer.anomalies) == ("hello", True, ("stream-unasked",))


@pytest.mark.parametrize("stream", [True, False])
async def test_content_type_lies_are_tolerated(bench, wire, stream: bool) -> None:
    """The body decides; the lie is named."""
    body = wire.HELLO if stream else wire.document()
    answer = await (await bench(wire.http(200, body, kind="text/html"))).ask(stream=stream)
    assert (answer.content, answer.anomalies) == ("hello", ("content-type-wrong",))


@pytest.mark.parametrize(
    ("header", "anomalies"),
    [
        ("X-Msh-Usage-Prompt-Tokens: 3", ()),
        ("X-Msh-Usage-Prompt-Tokens: 4", ("usage-headers-differ",)),
        ("X-Msh-Usage-Prompt-Tokens: three", ("usage-headers-differ",)),
        ("X-Msh-Usage-Cached-Tokens: 2", ()),  # usage says nothing about them
    ],
)
async def test_headers_that_contradict_usage_are_named(bench, wire, header: str, anomalies: tuple[str, ...]) -> None:
    """Moonshot repeats the counts of a prompt there."""
    answer = await (await bench(wire.http(200, wire.document(), header))).ask(stream=False)
    assert answer.anomalies == anomalies


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        (lambda w: w.http(500, b'{"error":{"message":"oops"}}'), "server-error"),
        (lambda w: w.http(503), "server-error"),
        (lambda w: w.http(408), "server-error"),
        (lambda w: w.http(429, b"slow down"), "rate-limited"),
        (lambda w: w.http(200, b"<html>busy</html>", kind="text/html"), "bad-response"),
        (lambda w: w.http(204), "empty-stream"),
        (lambda w: w.http_stream(w.events(w.chunk(content="a"))), "truncated"),
        (lambda w: w.http_stream(w.events({"error": {"message": "oops"}})), "stream-error"),
        (lambda w: w.hang(close=True), "disconnected"),
        (lambda w: w.hang(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{", close=True), "disconnected"),
        (lambda w: w.hang(w.CHUNKED_HEAD, b"5\r\ndata:", close=True), "disconnected"),
        (lambda w: w.hang(b"SSH-2.0-OpenSSH_9.6\r\n", close=True), "bad-response"),
        (lambda w: w.hang(w.CHUNKED_HEAD + b"zz\r\n"), "bad-response"),
    ],
)  # fmt: skip
async def test_passing_failures_are_retried_and_recorded(bench, wire, bad, kind: str) -> None:
    """The answer of the second try comes with the record of the first."""
    b = await bench(bad(wire), wire.http_stream())
    answer = await b.ask()
    first, second = answer.attempts
    assert (answer.content, first.failure, second.failure) == ("hello", kind, None)
    assert (first.number, second.number, first.waited) == (1, 2, b.sleeps[0])
    assert first.message
    assert b.client.counters.failed_tries == {kind: 1}


@pytest.mark.parametrize(
    "body",
    [
        '{"error":{"message":"余额不足"}}',
        '{"error":{"message":"\\u4f59\\u989d\\u4e0d\\u8db3"}}',
        '{"error":{"type":"exceeded_current_quota_error","message":"Your account is suspended"}}',
        '{"error":{"code":"billing_not_active"}}',
    ],
)
def test_a_spent_quota_is_no_rate_limit(body: str) -> None:
    """In English or Chinese, in the sentence or the code: waiting does not help."""
    assert status_failure(429, body.encode(), url="http://h/v1/chat/completions").kind is FailureKind.AUTH


async def test_a_try_that_was_cut_off_says_how_much_had_come(bench, wire) -> None:
    """Characters of content, thinking and arguments; a refusal, and the answer itself, say nothing."""
    call = {"index": 0, "id": "f:0", "function": {"name": "f", "arguments": '{"a"'}}
    cut = wire.events(
        wire.chunk(reasoning_content="so"), wire.chunk(content="hel"), wire.chunk(content="lo"),
        wire.chunk(tool_calls=[call]),
    )  # fmt: skip
    b = await bench(wire.http_stream(cut), wire.http(503, b"busy"), wire.http_stream())
    answer = await b.ask()
    assert [attempt.characters for attempt in answer.attempts] == [2 + 5 + 4, 0, 0]


async def test_a_closed_port_is_a_connect_failure(bench, wire, failure) -> None:
    """Refused connections are retried, then lost with every attempt on record."""
    b = await bench(b"")
    closed = await asyncio.start_server(lambda r, w: None, "127.0.0.1", 0)
    port = closed.sockets[0].getsockname()[1]
    closed.close()
    b = await bench(b"", base_url=f"http://127.0.0.1:{port}/v1")
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, len(error.attempts), len(b.sleeps)) == ("connect", 5, 4)
    assert "gave up after 5 tries" in error.message
    assert error.attempts[-1].waited == 0


async def test_a_name_that_does_not_exist_is_a_connect_failure(bench, failure, monkeypatch) -> None:
    """DNS errors are connect failures."""

    async def unknown(self, *args, **kwargs):
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("aiohttp.connector.DefaultResolver.resolve", unknown)
    b = await bench(b"", base_url="http://vendor.invalid/v1", retry_attempts=1)
    assert (await failure(b.ask(), EndpointError)).kind == "connect"


async def test_a_stream_that_breaks_after_done_is_complete(bench, wire) -> None:
    """A missing end of the HTTP encoding loses nothing."""
    body = b"%x\r\n%b\r\n" % (len(wire.HELLO), wire.HELLO)
    answer = await (await bench(wire.hang(wire.CHUNKED_HEAD, body, close=True))).ask()
    assert (answer.content, answer.anomalies) == ("hello", ("unclean-end-after-done",))


async def test_failed_answers_show_the_beginning_of_their_body(bench, wire, failure) -> None:
    """For diagnosis, cut to size."""
    b = await bench(wire.http(502, b"oops " + b"x" * 9000), retry_attempts=1)
    error = await failure(b.ask(), EndpointError)
    assert (error.status, len(error.body), len(error.attempts[0].message)) == (502, 2048, 500)
    assert error.body.startswith("oops x")


@pytest.mark.parametrize(
    ("sizes", "noted"),
    [
        ((3971, 4096, 4096, 700), True),  # nginx: its first buffer holds the head of the response, too
        ((8067, 8192, 8192, 8192, 99), True),
        ((3971, 4096, 1200, 700), False),
        ((900, 4100, 4090, 700), False),
        ((16384, 16384, 16384, 16384, 99), False),  # as much as the transport hands over at once
    ],
)
async def test_blocks_that_come_after_pauses_show_a_buffer(bench, wire, sizes: tuple[int, ...], noted: bool) -> None:
    """Two full ones suffice where most reads after a pause are full."""
    comment = b": " + b"x" * 98 + b"\n\n"
    body = b": " + (comment * sum(sizes))[len(wire.HELLO) + 2 - sum(sizes) :] + wire.HELLO
    ends = [sum(sizes[: number + 1]) for number in range(len(sizes))]
    parts = [body[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    b = await bench(wire.hang(wire.STREAM_HEAD + parts[0], *parts[1:], every=0.4, close=True))
    answer = await b.ask()
    assert answer.content == "hello"
    assert ("reads-buffered" in answer.anomalies) is noted


async def test_a_process_that_was_late_itself_is_noted(bench, wire) -> None:
    """Its times say nothing about the endpoint."""
    parts = (wire.STREAM_HEAD + wire.HELLO[:20], wire.HELLO[20:])
    b = await bench(wire.hang(*parts, every=0.2, close=True), lag=True)
    asking = asyncio.ensure_future(b.ask())
    await asyncio.sleep(0.05)
    time.sleep(0.4)  # noqa: ASYNC251 - what a busy processor does to the loop
    assert "client-late" in (await asking).anomalies
    on_time = await bench(wire.hang(*parts, every=0.2, close=True), lag=True)
    while "client-late" in (await on_time.ask()).anomalies:
        pass  # the machine is busy


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"<html><head><title>Sign in</title></head></html>", "the answer is a web page titled 'Sign in'"),
        (b'{"code": 401, "msg": "no such key"}', "the answer has no choices: no such key"),
        (b'{"error": {"error": {"message": "deep"}}}', "the endpoint answered 200 with an error: deep"),
        (b'{"error": true}', "the endpoint answered 200 with an error: without a message"),
    ],
)
async def test_what_a_200_without_an_answer_says(bench, wire, failure, body: bytes, told: str) -> None:
    """The endpoint's own words."""
    b = await bench(wire.http(200, body), retry_attempts=1)
    assert (await failure(b.ask(), EndpointError)).attempts[0].message == told


async def test_a_kept_connection_that_the_server_had_closed_is_no_failure(bench, wire) -> None:
    """llama.cpp hangs up after streams without saying so: the request goes over another connection at once."""
    b = await bench(wire.http_stream(), wire.hang(close=True), wire.http_stream())
    first, second = await b.ask(), await b.ask()
    assert [len(answer.attempts) for answer in (first, second)] == [1, 1]
    assert (len(b.vendor.bodies), b.sleeps, b.client.counters.failed_tries) == (3, [], {})


async def test_a_server_that_drops_requests_does_not_pass_for_one_that_closes_kept_connections(bench, wire) -> None:
    """After the first time each request has a connection of its own, and one that is dropped has failed."""
    dropped = wire.hang(close=True)
    b = await bench(wire.http_stream(), dropped, wire.http_stream(), *(dropped, wire.http_stream()) * 3)
    answers = [await b.ask() for _ in range(5)]
    assert [len(answer.attempts) for answer in answers] == [1, 1, 2, 2, 2]


async def test_a_server_that_hangs_up_on_a_new_connection_fails(bench, wire) -> None:
    """Also after a kept one was closed: then it has taken the request."""
    b = await bench(wire.http_stream(), wire.hang(close=True), wire.hang(close=True), wire.http_stream())
    await b.ask()
    answer = await b.ask()
    assert [attempt.failure for attempt in answer.attempts] == ["disconnected", None]


async def test_a_server_that_works_on_a_request_before_it_hangs_up_fails(bench, wire, monkeypatch) -> None:
    """It has taken the request, whatever connection it came on."""
    monkeypatch.setattr("kvv_action.endpoint.transport.STALE", 0.05)
    b = await bench(wire.http_stream(), wire.hang(b"", every=0.2, close=True), wire.http_stream())
    await b.ask()
    assert [attempt.failure for attempt in (await b.ask()).attempts] == ["disconnected", None]


async def test_a_cut_answer_is_told_without_jargon(bench, wire, failure) -> None:
    """aiohttp speaks of a transfer length header."""
    b = await bench(wire.hang(wire.CHUNKED_HEAD, b"5\r\ndata:", close=True), retry_attempts=1)
    assert (await failure(b.ask(), EndpointError)).attempts[0].message == "the connection broke inside the answer"


def test_a_reset_without_words_is_told_in_words() -> None:
    """As when a proxy hangs up inside the handshake: no name of a class."""
    where: Any = SimpleNamespace(host="h.example", port=443, ssl=True)
    error = transport_failure(aiohttp.ClientConnectorError(where, ConnectionResetError()))
    assert error.message == "cannot connect to h.example:443: connection reset error"


async def test_a_cut_head_is_told_without_objects(bench, wire, failure) -> None:
    """aiohttp puts its half-read message into the error."""
    b = await bench(wire.hang(b"HTTP/1.1 200 OK\r\nContent-Ty", close=True), retry_attempts=1)
    message = (await failure(b.ask(), EndpointError)).attempts[0].message
    assert message == "the connection broke inside the head of the answer"


@pytest.mark.parametrize("status", [400, 404, 413, 422])
async def test_other_4xx_are_rejections(bench, wire, failure, status: int) -> None:
    """The endpoint said no: not retried, status and body kept."""
    b = await bench(wire.http(status, b'{"error":{"message":"top_p is fixed"}}', "cf-ray: r-9"))
    error = await failure(b.ask(), Rejected)
    assert (error.kind, error.status, len(error.attempts)) == ("rejected", status, 1)
    assert error.message == f"HTTP {status}: top_p is fixed"
    assert "top_p is fixed" in error.body
    assert error.attempts[0].request_id == "r-9"


async def test_redirects_are_not_followed_and_do_not_leak(bench, wire, failure) -> None:
    """The key stays here; only the other host is named."""
    other = await bench(wire.http_stream())
    target = f"{other.vendor.base_url}/x?token=t0k3n".replace("127.0.0.1", "localhost")
    b = await bench(wire.http(307, b"", f"Location: {target}"))
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, len(error.attempts), other.vendor.heads) == ("redirect", 1, [])
    assert "localhost" in error.message
    assert "t0k3n" not in error.message


@pytest.mark.parametrize("location", ["", "http://[", "//", "/login", "http://a b/"])
async def test_odd_redirects_are_redirects(bench, wire, failure, location: str) -> None:
    """A Location that cannot be read does not crash."""
    b = await bench(wire.http(302, b"", f"Location: {location}"))
    assert (await failure(b.ask(), EndpointError)).kind == "redirect"


@pytest.mark.parametrize("spelling", [lambda key: key, lambda key: base64.b64encode(key.encode()).decode()])
async def test_an_echoed_key_is_masked_in_answers(bench, wire, spelling) -> None:
    """Also when it is cut over several chunks."""
    key = spelling(wire.KEY)
    call = {"index": 0, "id": key, "function": {"name": key, "arguments": key}}
    chunks = [
        wire.chunk(content=key[:7]), wire.chunk(content=key[7:]), wire.chunk(reasoning=key),
        wire.chunk(tool_calls=[call]),
        {"id": key, "model": key, "system_fingerprint": key, "choices": [], "usage": {"note": key}}, wire.chunk("stop"),
    ]  # fmt: skip
    answer = await (await bench(wire.http_stream(wire.events(*chunks), f"X-Request-Id: {key}"))).ask()
    assert (answer.content, answer.reasoning, answer.tool_calls[0].arguments) == ("***", "***", "***")
    assert key not in repr(answer)


@pytest.mark.parametrize("status", [200, 307, 400, 401, 429, 500])
async def test_an_echoed_key_is_masked_in_failures(bench, wire, failure, status: int) -> None:
    """No message, body, attempt or cause holds it, also where texts are cut."""
    echo = (b"x" * 2040 + wire.KEY.encode()) if status == 500 else b"your key is " + wire.KEY.encode()
    b = await bench(wire.http(status, echo, f"Location: http://{wire.KEY}/"), retry_attempts=1)
    error = await failure(b.ask(), Exception)
    while error is not None:
        assert "sk-secre" not in f"{error} {error!r} {vars(error)}".lower()
        error = error.__cause__


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("retry-after-ms: 250", 0.25),
        (f"Retry-After: {formatdate(1090, usegmt=True)}", 90),
    ],
)
async def test_retry_after_is_waited_for(bench, wire, header: str, seconds: float) -> None:
    """Seconds, milliseconds or a date: the wait is kept, and recorded."""
    b = await bench(wire.http(429, b"", header), wire.http_stream())
    answer = await b.ask()
    assert seconds <= b.sleeps[0] <= seconds + 1
    assert answer.attempts[0].waited == b.sleeps[0]


async def test_a_retry_after_that_is_too_long_gives_up(bench, wire, failure) -> None:
    """And says what was asked for."""
    b = await bench(wire.http(429, b"", "Retry-After: 86400"))
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, b.sleeps) == ("rate-limited", [])
    assert "86400 s" in error.message


async def test_429_lowers_the_limit_and_success_raises_it(bench, wire) -> None:
    """The limit follows the endpoint."""
    b = await bench(wire.http(429), wire.http_stream(), max_connections=8)
    await b.ask()
    assert b.client.limiter.state.limit == 4
    for _ in range(40):
        await b.ask()
    assert b.client.limiter.state.limit == 8


async def test_messages_can_always_be_written_down(bench, wire, failure) -> None:
    """Lone surrogates in an error's text do not break the journal."""
    b = await bench(wire.http(400, b'{"error":{"message":"bad \\ud800 text"}}'))
    error = await failure(b.ask(), Rejected)
    assert error.attempts[0].message.encode() == "HTTP 400: bad \ufffd text".encode()


async def test_no_slot_is_held_while_waiting(bench, wire) -> None:
    """A request that backs off lets others go."""
    b = await bench(wire.http(503), wire.http_stream(), max_connections=1)
    held = []

    async def sleep(seconds: float) -> None:
        held.append(b.client.limiter.state.in_flight)

    b.client._sleep = sleep
    await b.ask()
    assert held == [0]


async def test_a_refused_key_stops_the_run_at_once(bench, wire, failure) -> None:
    """One refusal, no retry, no further request."""
    b = await bench(wire.http(401, b'{"error":"bad key"}'))
    error = await failure(b.ask(), RunStopped)
    assert (error.__cause__.kind, len(error.__cause__.attempts)) == ("auth", 1)
    await failure(b.ask(), RunStopped)
    assert len(b.vendor.heads) == 1


async def test_an_endpoint_that_is_down_stops_the_run(bench, wire, failure) -> None:
    """After so many lost requests in a row, those that wait are not sent."""
    b = await bench(wire.http(500), retry_attempts=2, stop_after_failures=3)
    for _ in range(2):
        await failure(b.ask(), EndpointError)
    await failure(b.ask(), RunStopped)
    await failure(b.ask(), RunStopped)
    assert len(b.vendor.heads) == 6


async def test_too_large_answers_are_not_retried(bench, wire, failure) -> None:
    """The bound holds over HTTP."""
    b = await bench(wire.http_stream(wire.HELLO * 100), max_response_bytes=1000)
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, len(error.attempts)) == ("too-large", 1)


async def test_counters(bench, wire, failure) -> None:
    """For reports."""
    b = await bench(wire.http(503), wire.http_stream(), wire.http(400))
    await b.ask()
    await failure(b.ask(), Rejected)
    counters = b.client.counters
    assert (counters.requests, counters.tries, counters.completions, counters.lost) == (2, 3, 1, 1)
    assert counters.bytes_received == len(wire.HELLO)
    assert counters.seconds_waited == sum(b.sleeps)


async def test_proxies_of_the_environment_are_used(bench, wire, monkeypatch) -> None:
    """Corporate runners reach endpoints only this way."""
    b = await bench(wire.http_stream())
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{b.vendor.port}")
    through = await bench(b"", base_url="http://vendor.invalid/v1")
    assert (await through.ask()).content == "hello"
    assert b.vendor.heads[0].startswith("POST http://vendor.invalid/v1/chat/completions ")
