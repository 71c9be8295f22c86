"""What a whole run costs, and what each further sample adds; `pytest -m perf -s tests/perf/test_further_samples.py`.

Answers of AIME's kind as whole documents, 50 connections; a process with its workers, from its start to its reports.
"""

import os
import shutil
import statistics
from pathlib import Path

import pytest

from tests.perf.peers.test_peers import cpu, kvv, records
from tests.perf.test_client import served

pytestmark = [pytest.mark.perf, pytest.mark.timeout(900)]

TIMES = 5
FEW, MANY = 20, 3000
MOST_FIXED, MOST_EACH = 1.2, 0.001
"""Seconds of processor time: of a run with few samples, and of each further one."""


def taken(url: str, count: int, folder: Path) -> float:
    """Seconds of a run of so many samples."""
    data, out = records(folder / f"{count}.jsonl", count), folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    return cpu(kvv(url, data, out), folder / "log")


def test_each_further_sample(tmp_path: Path) -> None:
    """The median of five, in turn."""
    os.environ["KVV_API_KEY"] = "EMPTY"
    few, many = list[float](), list[float]()
    with served(4) as url:
        for _ in range(TIMES):
            few.append(taken(url, FEW, tmp_path))
            many.append(taken(url, MANY, tmp_path))
    fixed = statistics.median(few)
    each = (statistics.median(many) - fixed) / (MANY - FEW)
    for count, seconds in ((FEW, few), (MANY, many)):
        told = f"{statistics.median(seconds):.2f} s CPU ({min(seconds):.2f} to {max(seconds):.2f})"
        print(f"\n{count} samples: {told}", end="")
    print(f"; each further sample {1000 * each:.2f} ms")
    assert fixed <= MOST_FIXED
    assert each <= MOST_EACH
