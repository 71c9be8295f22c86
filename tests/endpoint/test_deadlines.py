"""Each deadline has its own failure."""

import asyncio
import socket
from dataclasses import replace

import pytest
import uvloop

from kvv_action.endpoint.deadlines import Deadlines
from kvv_action.errors import EndpointError
from tests.endpoint.test_retry import OPTIONS

ONCE = {"retry_attempts": 1}


async def test_first_token(bench, wire, failure) -> None:
    """A stream that says nothing runs into the first-token deadline."""
    b = await bench(wire.hang(wire.STREAM_HEAD), first_token_timeout=0.8, **ONCE)
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, error.status) == ("timeout-first-token", 200)
    assert "0.8 s" in error.message


async def test_keep_alives_do_not_count_as_text(bench, wire, failure) -> None:
    """Neither comments nor chunks without text move the first-token deadline."""
    parts = [b": keep-alive\n\n", wire.events(wire.chunk(role="assistant", content=""))] * 100
    b = await bench(wire.hang(wire.STREAM_HEAD, *parts, every=0.01), first_token_timeout=0.15, **ONCE)
    assert (await failure(b.ask(), EndpointError)).kind == "timeout-first-token"


async def test_first_token_before_any_header(bench, wire, failure) -> None:
    """The deadline runs from sending, not from the headers."""
    b = await bench(wire.hang(), first_token_timeout=0.1, **ONCE)
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, error.status) == ("timeout-first-token", None)


async def test_silence(bench, wire, failure) -> None:
    """A stream that stops speaking runs into the silence deadline; comments do not break silence."""
    parts = [wire.events(wire.chunk(content="a")), *[b": keep-alive\n\n"] * 100]
    b = await bench(wire.hang(wire.STREAM_HEAD, *parts, every=0.01), silence_timeout=0.15, **ONCE)
    assert (await failure(b.ask(), EndpointError)).kind == "timeout-silence"


async def test_a_slow_stream_is_not_silent(bench, wire) -> None:
    """Every event moves the silence deadline, also beyond the first-token one."""
    parts = [wire.events(wire.chunk(content="a"))] * 40
    script = wire.hang(wire.STREAM_HEAD, *parts, wire.HELLO, every=0.05, close=True)
    b = await bench(script, silence_timeout=1.5, first_token_timeout=1.5, **ONCE)
    answer = await b.ask()
    assert answer.content == "a" * 40 + "hello"
    assert answer.first_token < 1.5 < answer.total


async def test_total(bench, wire, failure) -> None:
    """A stream that never ends runs into the total deadline, which is not retried."""
    parts = [wire.events(wire.chunk(content="a"))] * 200
    b = await bench(wire.hang(wire.STREAM_HEAD, *parts, every=0.01), total_timeout=0.2)
    error = await failure(b.ask(), EndpointError)
    assert (error.kind, len(error.attempts)) == ("timeout-total", 1)


async def test_documents_have_only_the_total_deadline(bench, wire, failure) -> None:
    """A document's text comes all at once, at the end."""
    answer = wire.http(200, wire.document(), "Connection: close")
    late = wire.hang(answer[:60], answer[60:], every=0.2, close=True)
    b = await bench(late, wire.hang(), first_token_timeout=0.05, silence_timeout=0.05, total_timeout=2.0, **ONCE)
    assert (await b.ask(stream=False)).content == "hello"
    assert (await failure(b.ask(stream=False), EndpointError)).kind == "timeout-total"


async def test_connect(bench, failure) -> None:
    """A listener that does not take connections runs into the connect deadline."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        waiting = [asyncio.create_task(asyncio.open_connection(*address)) for _ in range(3)]
        await asyncio.sleep(0.05)
        b = await bench(b"", base_url=f"http://127.0.0.1:{address[1]}/v1", connect_timeout=0.1, **ONCE)
        assert (await failure(b.ask(), EndpointError)).kind == "timeout-connect"
        for task in waiting:
            task.cancel()
        for opened in await asyncio.gather(*waiting, return_exceptions=True):
            if isinstance(opened, tuple):
                opened[1].close()


async def test_a_name_that_is_not_resolved_in_time(bench, failure, monkeypatch) -> None:
    """Name resolution is part of connecting."""

    async def never(self, *args, **kwargs):
        await asyncio.sleep(30)

    monkeypatch.setattr("aiohttp.resolver.ThreadedResolver.resolve", never)
    monkeypatch.setattr("aiohttp.connector.DefaultResolver.resolve", never)
    b = await bench(b"", base_url="http://vendor.invalid/v1", connect_timeout=0.1, **ONCE)
    assert (await failure(b.ask(), EndpointError)).kind == "timeout-connect"


async def test_a_stream_held_open_after_done_is_complete(bench, wire) -> None:
    """[DONE] is the end even if the server forgets to close."""
    b = await bench(wire.hang(wire.STREAM_HEAD, wire.HELLO), silence_timeout=1.0)
    answer = await b.ask()
    assert (answer.content, answer.anomalies) == ("hello", ("held-open-after-done",))
    assert answer.total < 1.0


@pytest.mark.parametrize("stream", [True, False])
async def test_cancellation_propagates_and_closes_the_response(bench, wire, stream: bool) -> None:
    """A cancelled request leaves no connection and no slot behind."""
    b = await bench(wire.hang(wire.STREAM_HEAD, wire.events(wire.chunk(content="a"))))
    task = asyncio.create_task(b.ask(stream=stream))
    async with asyncio.timeout(60):
        while (b.vendor.open, b.client.limiter.state.in_flight) != (1, 1):  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait([task])
    assert task.cancelled()
    await asyncio.wait_for(b.vendor.closed.wait(), 60)
    assert b.client.limiter.state.in_flight == 0


async def test_an_expired_attempt_closes_its_connection(bench, wire, failure) -> None:
    """Deadlines leave nothing open."""
    b = await bench(wire.hang(wire.STREAM_HEAD), first_token_timeout=0.05, **ONCE)
    async with asyncio.timeout(60):  # the vendor itself would hold the connection for ever
        await failure(b.ask(), EndpointError)
        await b.vendor.closed.wait()


async def test_a_deadline_passes_once() -> None:
    """Text that is read after a deadline, while the answer is being closed, sets no second one."""
    loop, complaints = asyncio.get_running_loop(), list[dict[str, object]]()
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    with pytest.raises(EndpointError, match="not complete"):
        await _slowly_closed(Deadlines(replace(OPTIONS, total_timeout=0.01), stream=True))
    assert not complaints


async def _slowly_closed(deadlines: Deadlines) -> None:
    async with deadlines:
        try:
            await asyncio.sleep(60)
        finally:
            deadlines.first_token()
            await asyncio.sleep(0.05)


def test_text_that_comes_just_before_a_deadline() -> None:
    """It ends that deadline; uvloop gives a handle without a time for what is due within half a millisecond."""

    async def in_time() -> float:
        async with Deadlines(replace(OPTIONS, first_token_timeout=0.0001), stream=True) as deadlines:
            deadlines.first_token()
            await asyncio.sleep(0.01)
            return deadlines.elapsed()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(in_time()) > 0.001
