"""CPU of `kvv run` up to its first request; run with `pytest -m perf -s tests/perf/test_start.py`."""

import os
import socket
import statistics
import sys
from pathlib import Path

import pytest

from tests.dataset.hub_server import serving
from tests.dataset.test_load import parquet, picture, record
from tests.pipeline.command import finish, start

pytestmark = pytest.mark.perf

TIMES = 9
COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


def cpu(process: int) -> float:
    """Seconds of processor time that a process has taken so far, its threads included."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def first_request(out: Path, *arguments: object, **env: str) -> float:
    """CPU of a run when an endpoint on this machine receives its first bytes."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/v1"
        process = start(
            "run", "--base-url", url, "--model", "kimi-k2.6", "--out", out, *arguments,
            env={"KVV_API_KEY": "EMPTY", **env},
        )  # fmt: skip
        try:
            connection, _ = server.accept()
            with connection:
                assert connection.recv(1)
                return cpu(process.pid)
        finally:
            process.kill()
            finish(process)


def told(name: str, found: list[float]) -> None:
    """Print the median and the range."""
    sys.stdout.write(
        f"\n{name}: {statistics.median(found):.2f} s of CPU to the first request "
        f"(median of {len(found)}, {min(found):.2f} to {max(found):.2f})\n"
    )


def test_bundled_samples(tmp_path: Path) -> None:
    """Nothing but imports, the plan and the journal's first line."""
    asked = ("--benchmarks", "aime2025", "--dataset", "aime2025=bundled")
    told("bundled samples", [first_request(tmp_path / str(number), *asked) for number in range(TIMES)])


def test_a_hub_dataset(tmp_path: Path) -> None:
    """A thousand rows with pictures, from the cache of the hub."""
    rows = [record(number, image={"bytes": picture(number), "path": None}) for number in range(1000)]
    parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", rows)
    cache = tmp_path / "cache"
    with serving("echo840/OCRBench", tmp_path / "hub", COMMIT) as hub:
        fetched = finish(
            start("datasets", "fetch", "--benchmarks", "ocrbench", "--dataset-cache", cache, env={"HF_ENDPOINT": hub})
        )
    assert fetched.status == 0, fetched.out
    asked = ("--benchmarks", "ocrbench", "--dataset-cache", cache)
    found = [first_request(tmp_path / str(number), *asked, HF_HUB_OFFLINE="1") for number in range(TIMES)]
    told("a hub dataset", found)
