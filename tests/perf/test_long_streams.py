"""Hundreds of long streams at once, one token a chunk; run with `pytest -m perf -s tests/perf/test_long_streams.py`.

KVV_PERF_STREAMS, KVV_PERF_TOKENS and KVV_PERF_PACE choose other sizes: 500 streams of 100 000 tokens, 20 000 tokens
a second in all, take 44 minutes, and 19 of a processor.
"""

import asyncio
import os
import statistics
import time
from pathlib import Path

import pytest
import uvloop

from kvv_action.endpoint import ClientOptions, EndpointClient
from kvv_action.redact import Redactor
from tests.perf.test_client import KEY, STREAM, served

pytestmark = [pytest.mark.perf, pytest.mark.timeout(7200)]

STREAMS = int(os.environ.get("KVV_PERF_STREAMS", "200"))
TOKENS = int(os.environ.get("KVV_PERF_TOKENS", "1000"))
A_SECOND = int(os.environ.get("KVV_PERF_PACE", "5000"))
"""Tokens of all streams together in a second: less than one processor can follow, so that nothing waits."""
LATER = 0.020
"""Seconds by which a first token may come later than to an idle client."""
STREAM_BYTES, BYTES_A_TOKEN = 64 * 1024, 24
"""Memory that a stream may take, and for each of its tokens more, whose text has nine bytes."""
MOST = STREAM_BYTES + BYTES_A_TOKEN * TOKENS
COUNTED = 2 * MOST
"""What the client may count for a stream: it counts a text three times before it takes that."""


def resident() -> int:
    """Bytes of memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(values, n=20)[-1]


async def first_tokens(client: EndpointClient, busy: asyncio.Task[object] | None, count: int = 60) -> list[float]:
    """Seconds to the first token of short streams, one after the other, while others flow."""
    found: list[float] = []
    while len(found) < count and not (busy is not None and busy.done()):
        found.append((await client.complete(STREAM, stream=True)).first_token)
        await asyncio.sleep(0.05)
    return found


def test_long_streams() -> None:
    """Memory for each stream and first tokens of others are within their bounds; both are printed, with the CPU."""
    with served(TOKENS, 1000 * STREAMS / A_SECOND) as paced, served(4, 1) as short:
        print(uvloop.run(measured(f"{paced}/paced/v1", f"{short}/paced/v1")))


async def measured(paced: str, short: str) -> str:
    """The figures in words."""
    many = ClientOptions(
        base_url=paced, api_key=KEY, redactor=Redactor([KEY]), max_connections=STREAMS, max_memory=STREAMS * COUNTED
    )
    few = ClientOptions(base_url=short, api_key=KEY, redactor=Redactor([KEY]))
    async with EndpointClient(many) as client, EndpointClient(few) as other:
        idle = await first_tokens(other, None)
        before, cpu = resident(), time.process_time()
        streams = asyncio.gather(*(client.complete(STREAM, stream=True) for _ in range(STREAMS)))
        busy = asyncio.ensure_future(streams)
        await asyncio.sleep(min(1.0, TOKENS * STREAMS / A_SECOND / 4))
        beside = await first_tokens(other, busy)
        peak = resident()
        while not busy.done():
            await asyncio.sleep(0.2)
            peak = max(peak, resident())
        cpu, answers = time.process_time() - cpu, await busy
    assert all(answer.chunks == TOKENS for answer in answers)
    each = (peak - before) / STREAMS
    later = p95(beside) - p95(idle)
    assert each <= MOST
    assert later <= LATER
    return (
        f"\n{STREAMS} streams of {TOKENS} tokens: {each / 1024:.0f} KiB a stream at the peak, "
        f"{1e6 * cpu / (STREAMS * TOKENS):.1f} ms CPU for 1000 tokens, first tokens of others at p95 "
        f"{1000 * p95(idle):.1f} ms idle, {1000 * p95(beside):.1f} ms beside them"
    )
