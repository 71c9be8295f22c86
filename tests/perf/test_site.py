"""The leaderboard's site from 10 000 records; run with `-m perf -s`."""

import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.leaderboard.record import dump, path_of
from tests.leaderboard.site.repository import result, score

pytestmark = pytest.mark.perf
VENDORS, EACH = 500, 20
SECONDS, MEBIBYTES = 30, 500 * 10**6 // 2**20
WORKER = """
import sys, time
from datetime import date
from pathlib import Path
from kvv_action.leaderboard.site.build import build

start = time.process_time()
print(build(Path(sys.argv[1]), Path(sys.argv[2]), today=date(2026, 6, 1)))
status = Path("/proc/self/status").read_text()
peak = int(status.partition("VmHWM:")[2].split()[0]) // 1024
print(f"{time.process_time() - start:.1f} CPU-seconds, {peak} MiB at most")
"""


def test_ten_thousand_records(tmp_path: Path) -> None:
    """500 vendors with 20 results of five benchmarks each."""
    names = ("ocrbench", "mmmu_pro", "aime2025", "toolcall", "swebench")
    for vendor in range(VENDORS):
        for number in range(EACH):
            scores = [
                score(0.5 + (vendor * 7 + number * 3 + place) % 400 / 1000, name) for place, name in enumerate(names)
            ]
            day = f"2026-{1 + number % 5:02d}-{1 + number:02d}"
            one = replace(result(f"v{vendor}", day, *scores, model=f"model-{number % 4}"), reason=f"run {number}")
            path = tmp_path / "repository" / path_of(one)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(dump(one))
    worker = [sys.executable, "-c", WORKER, str(tmp_path / "repository"), str(tmp_path / "site")]
    start = time.perf_counter()
    ran = subprocess.run(worker, capture_output=True, text=True, check=True)
    took = time.perf_counter() - start
    peak = int(re.search(r"(\d+) MiB at most", ran.stdout)[1])  # type: ignore[index]
    sizes = [path.stat().st_size for path in (tmp_path / "site").rglob("*.html")]
    largest = max(sizes) // 1024
    print(f"\n{ran.stdout}{took:.1f} s in all; {len(sizes)} pages, largest {largest} KiB")
    assert len(sizes) > VENDORS
    assert took < SECONDS
    assert peak < MEBIBYTES
