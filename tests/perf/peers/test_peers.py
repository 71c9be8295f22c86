"""kvv beside inspect-ai and the OpenAI SDK: the same static server, the same records, in turn, five times.

    KVV_PEERS_DIR=~/kvv-peers pytest -m perf -s tests/perf/peers

Each side is a whole process, from its start to its last file: it reads the records, asks 50 at a time for whole
documents, judges the boxes with math-verify 0.8.0 (kvv by its own rule where that says the same) and writes what it
writes. kvv also keeps a journal with its chain of digests, and makes its reports. Figures are processor time, of the
process and its workers.
"""

import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson
import pytest

from tests.perf.peers.install import VARIABLE, python_in
from tests.perf.test_client import served

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]

TIMES = 5
SAMPLES = int(os.environ.get("KVV_PEERS_SAMPLES", "1000"))
CONNECTIONS = 50
HERE = Path(__file__).parent
Command = Callable[[str, Path, Path], Sequence[object]]


def records(path: Path, count: int = SAMPLES) -> Path:
    """Problems of which half have the answer that the server gives."""
    rows = (
        {"id": f"p{number}", "problem": f"Problem {number}: what is six times seven? Think it over.", "answer": answer}
        for number, answer in enumerate(["42", "41"] * (count // 2))
    )
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path


def kvv(url: str, data: Path, out: Path) -> Sequence[object]:
    """Our side."""
    return (
        sys.executable, "-m", "entrypoint.cli", "run", "--base-url", f"{url}/worked/v1", "--model", "kimi-k2.6",
        "--benchmarks", "aime2025", "--precheck", "off", "--dataset", f"aime2025={data}", "--tier", "full",
        "--epochs", "1", "--sequential", "false", "--stream", "false", "--max-connections", CONNECTIONS, "--out", out,
    )  # fmt: skip


def beside(program: str) -> Command:
    """A peer's side."""
    python = python_in(Path(os.environ.get(VARIABLE, "/nonexistent")).expanduser())
    return lambda url, data, out: (python, HERE / program, url, data, out, CONNECTIONS)


SIDES: dict[str, Command] = {
    "kvv": kvv, "inspect-ai": beside("inspect_side.py"), "OpenAI SDK": beside("sdk_side.py"),
}  # fmt: skip


def cpu(words: Sequence[object], log: Path) -> float:
    """Seconds of processor time of a whole process and its workers."""
    with log.open("wb") as said:
        process = subprocess.Popen([str(word) for word in words], stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 1), log.read_text(errors="replace")[-3000:]  # 1: half of the answers are wrong
    return used.ru_utime + used.ru_stime


def told(name: str, values: Sequence[float], unit: str) -> str:
    """A median with its range."""
    return f"{name:<30}{statistics.median(values):>8.2f} {unit} ({min(values):.2f} to {max(values):.2f})"


@pytest.mark.skipif(VARIABLE not in os.environ, reason=f"{VARIABLE} names no folder; see install.py")
def test_side_by_side(tmp_path: Path) -> None:
    """kvv takes less processor time than each peer; times for a record and ratios of each round are printed."""
    os.environ["KVV_API_KEY"] = "EMPTY"
    data, found = records(tmp_path / "records.jsonl"), {name: list[float]() for name in SIDES}
    with served() as url:
        for number in range(TIMES):
            names = list(SIDES)
            for name in names[number % 3 :] + names[: number % 3]:
                out = tmp_path / "out"
                shutil.rmtree(out, ignore_errors=True)
                out.mkdir()
                found[name].append(cpu(SIDES[name](url, data, out), tmp_path / "log"))
    print(f"\n{SAMPLES} records, {CONNECTIONS} connections, {TIMES} rounds, start and reports included:")
    for name, seconds in found.items():
        print("  " + told(name, [1000 * one / SAMPLES for one in seconds], "ms CPU a record"))
    ratios = {
        name: [other / own for other, own in zip(found[name], found["kvv"], strict=True)] for name in list(SIDES)[1:]
    }
    for name, times in ratios.items():
        print("  " + told(f"{name} / kvv", times, "times"))
    assert all(statistics.median(times) > 1 for times in ratios.values())
