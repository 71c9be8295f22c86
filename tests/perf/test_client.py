"""How much processor time the client takes, beside the OpenAI SDK. `pytest -m perf -s tests/perf/test_client.py`."""

import asyncio
import gc
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import openai
import orjson
import pytest
import uvloop

from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.redact import Redactor

pytestmark = [pytest.mark.perf, pytest.mark.timeout(300)]

KEY = "sk-perf-0123456789"
CHUNKS = 5000
TIMES = 5
MESSAGES = [{"role": "user", "content": "What is six times seven? " * 20}]
PLAIN = orjson.dumps({"model": "m", "messages": MESSAGES})
STREAM = orjson.dumps({"model": "m", "messages": MESSAGES, "stream": True})


@pytest.fixture(autouse=True)
def seldom_collected() -> Iterator[None]:
    """Garbage is collected as often as in a run of kvv, for both sides."""
    before = gc.get_threshold()
    gc.collect()
    gc.set_threshold(50_000, 20, 100)
    yield
    gc.set_threshold(*before)


@contextmanager
def served(chunks: int = CHUNKS, interval_ms: float = 0) -> Iterator[str]:
    """The static server in a process of its own; gives its address."""
    script = Path(__file__).with_name("static_server.py")
    command = [sys.executable, str(script), str(chunks), str(interval_ms)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


async def rate(one: Callable[[], Awaitable[object]], requests: int, connections: int) -> tuple[float, float]:
    """Requests per second of this process's own processor time, and per second of the wall."""
    left = iter(range(requests))

    async def worker() -> None:
        for _ in left:
            await one()

    cpu, wall = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(worker())
    return requests / (time.process_time() - cpu), requests / (time.perf_counter() - wall)


def measured(url: str, content: bytes, *, stream: bool, requests: int, connections: int) -> tuple[float, float]:
    """Our client's rates, after a warm-up that opens the connections."""
    options = ClientOptions(base_url=url, api_key=KEY, redactor=Redactor([KEY]), max_connections=connections)

    async def main() -> tuple[float, float]:
        async with EndpointClient(options) as client:
            if not stream:
                await rate(lambda: client.complete(content, stream=stream), connections, connections)
            return await rate(lambda: client.complete(content, stream=stream), requests, connections)

    return uvloop.run(main())


def peer(url: str, *, stream: bool, requests: int, connections: int) -> tuple[float, float]:
    """The OpenAI SDK's rates for the same work."""

    async def main() -> tuple[float, float]:
        async with openai.AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0, timeout=600) as client:

            async def one() -> None:
                answer = await client.chat.completions.create(model="m", messages=MESSAGES, stream=stream)
                if stream:
                    async for _ in answer:
                        pass

            if not stream:
                await rate(one, connections, connections)
            return await rate(one, requests, connections)

    return uvloop.run(main())


def row(name: str, unit: str, rates: tuple[float, float], factor: int = 1) -> None:
    print(f"{name:<44} {rates[0] * factor:>10.0f} {unit}/CPU-s {rates[1] * factor:>10.0f} {unit}/s")


@pytest.mark.parametrize("connections", [50, 500])
def test_documents(connections: int) -> None:
    """Requests for whole documents cost well under a millisecond each, at any number of connections; both in turn."""
    sdk, ours = list[tuple[float, float]](), list[tuple[float, float]]()
    with served() as url:
        for _ in range(TIMES):
            sdk.append(peer(f"{url}/plain/v1", stream=False, requests=4 * connections, connections=connections))
            ours.append(measured(f"{url}/plain/v1", PLAIN, stream=False, requests=8000, connections=connections))
    ratios = sorted(own[0] / other[0] for own, other in zip(ours, sdk, strict=True))
    print()
    row(f"documents, {connections} connections, OpenAI SDK", "requests", sorted(sdk)[TIMES // 2])
    row(f"documents, {connections} connections, kvv", "requests", sorted(ours)[TIMES // 2])
    print(f"kvv takes {ratios[TIMES // 2]:.1f} times less ({ratios[0]:.1f} to {ratios[-1]:.1f})")
    assert ratios[TIMES // 2] >= (10 if connections == 500 else 5)


def test_bursts() -> None:
    """A stream that arrives faster than it is read costs microseconds a chunk."""
    with served() as url:
        sdk = peer(f"{url}/burst/v1", stream=True, requests=4, connections=4)
        ours = measured(f"{url}/burst/v1", STREAM, stream=True, requests=200, connections=10)
    print()
    row("bursts of 5000 chunks, OpenAI SDK", "chunks", sdk, CHUNKS)
    row("bursts of 5000 chunks, kvv", "chunks", ours, CHUNKS)
    assert ours[0] * CHUNKS >= 150_000


@pytest.mark.parametrize("streams", [100, 500])
def test_paced_streams(streams: int) -> None:
    """Hundreds of streams with one chunk per write are followed by one thread."""
    interval = streams / 10  # milliseconds, so that about 10 000 chunks a second arrive in all
    chunks = 400 if streams == 100 else 100
    with served(chunks, interval) as url:
        ours = measured(f"{url}/paced/v1", STREAM, stream=True, requests=streams, connections=streams)
    with served(100, 10 * interval) as url:
        sdk = peer(f"{url}/paced/v1", stream=True, requests=streams, connections=streams)
    print()
    row(f"{streams} paced streams, OpenAI SDK", "chunks", sdk, 100)
    row(f"{streams} paced streams, kvv", "chunks", ours, chunks)
    assert ours[0] * chunks >= (20_000 if streams == 100 else 15_000)
