"""How long a smoke run of all benchmarks takes at the speed of a usual vendor.

Run with `pytest -m perf -s tests/perf/test_smoke_path.py`. The embedded vendor writes 40 tokens a second, the first one
after half a second; samples are the bundled ones. Benchmarks that work in containers are none of it.
"""

import subprocess
from pathlib import Path

import pytest

from kvv_action.journal.reading import JournalReading
from kvv_action.report.files import JOURNAL
from tests.perf.test_precheck_path import KVV, vendor

pytestmark = [pytest.mark.perf, pytest.mark.timeout(900)]

LONGEST = 300.0
"""Seconds."""
BUNDLED = ("ocrbench", "mmmu_pro", "aime2025", "aime2026", "toolcall")
BENCHMARKS = ("precheck", *BUNDLED, "toolload")
CONNECTIONS = 16


def test_smoke_run(tmp_path: Path) -> None:
    """It ends in time; when the first and the last request of each benchmark were sent is printed."""
    with vendor("--latency", "0.5", "--tokens-per-second", "40") as url:
        samples = (word for name in BUNDLED for word in ("--dataset", f"{name}=bundled"))
        command = (
            *KVV, "run", "--base-url", url, "--model", "kimi-k2.6", "--tier", "smoke", *samples, "--load", "1,8,16",
            "--benchmarks", ",".join(BENCHMARKS), "--max-connections", str(CONNECTIONS), "--out", str(tmp_path / "out"),
        )  # fmt: skip
        said = subprocess.run(command, capture_output=True, text=True, env={"KVV_API_KEY": "EMPTY", "PATH": ""})
    assert said.returncode == 0, said.stderr[-2000:]
    spans: dict[str, list[tuple[float, float]]] = {}
    for sent in JournalReading(tmp_path / "out" / JOURNAL).sent():
        answer = sent.exchange and (sent.exchange.completion or sent.exchange.rejection)
        for one in answer.attempts if answer else sent.attempts:
            spans.setdefault(sent.place.benchmark, []).append((one.started, one.started + one.duration))
    first = min(start for times in spans.values() for start, _ in times)
    whole = max(end for times in spans.values() for _, end in times) - first
    asked = sum(end - start for times in spans.values() for start, end in times)
    print(f"\nsmoke, {CONNECTIONS} connections: {whole:.0f} s for {asked:.0f} s of requests")
    for name, times in spans.items():
        print(
            f"  {name:<12}{min(times)[0] - first:>6.1f} to {max(end for _, end in times) - first:>5.1f} s, {len(times)}"
        )
    assert set(spans) == set(BENCHMARKS)
    assert whole <= LONGEST
