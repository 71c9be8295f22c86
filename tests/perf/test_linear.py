"""What reads a run is linear and flat; run with `pytest -m perf -s tests/perf/test_linear.py`.

Prints processor time, time on the clock and peak memory of every command at two sizes. Each command may take 3 s of
processor time and 0.27 ms a sample, which is 30 s for 100 000 samples, and 150 MB whatever the size.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from entrypoint.outputs import write_reports
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.verdict.report import build
from tests.perf.long_runs import problems, settings_of, write, write_short

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]

SIZES = tuple(int(size) for size in os.environ.get("KVV_PERF_SIZES", "10000,100000").split(","))
SHARDS = 16
START, EACH, MEGABYTES = 3.0, 0.00027, 150.0
"""Seconds of processor time for a command, and for each sample more; its peak of memory."""
REPORT, REPORT_SECONDS, REPORT_MEGABYTES = 50_000, 5.0, 90.0
"""Samples, and what their report may take: reading the journal, counting and writing every file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Seconds of processor time and on the clock, peak of memory in MB, of a command and its workers; exit status."""

    seconds: float
    clock: float
    megabytes: float
    status: int


INSIDE = """
import glob, json, os, resource, subprocess, sys, time

def tree(root):
    found, more = set(), [root]
    while more:
        pid = more.pop()
        found.add(pid)
        for path in glob.glob(f"/proc/{pid}/task/*/children"):
            more += map(int, open(path).read().split())
    return found

began, peak = time.perf_counter(), 0
command = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
while command.poll() is None:
    try:
        pages = sum(int(open(f"/proc/{pid}/statm").read().split()[1]) for pid in tree(command.pid))
        peak = max(peak, pages * resource.getpagesize() / 2**20)
    except OSError:
        pass
    time.sleep(0.05)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
megabytes = max(peak, used.ru_maxrss / 1024)
print(json.dumps([used.ru_utime + used.ru_stime, time.perf_counter() - began, megabytes, command.returncode]))
"""
"""A small process in between: the peak of a process counts from that of the one that starts it.

Twenty times a second it adds up what all processes of the command hold in memory (pages that they share count more than
once); the peak of the largest one alone is exact.
"""


def measured(*words: object) -> Measured:
    """Run `kvv` as a process of its own."""
    command = (sys.executable, "-S", "-c", INSIDE, sys.executable, "-m", "entrypoint.cli", *map(str, words))
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, clock, megabytes, status = json.loads(done.stdout)
    assert status in (0, 1, 3), done.stderr[-2000:]
    return Measured(seconds=seconds, clock=clock, megabytes=megabytes, status=status)


def flags(out: Path, data: Path) -> Sequence[str]:
    """The settings of a run on the command line."""
    settings = settings_of(out, data)
    return [
        word for name, value in settings.items() if name != "api_key" for word in (f"--{name.replace('_', '-')}", value)
    ]


def commands(folder: Path, size: int) -> dict[str, Sequence[object]]:
    """Every command that reads a run, with what it reads."""
    data = problems(folder / "problems.jsonl", size)
    out, open_, board = folder / "out", folder / "open", folder / "board"
    write(out, data)
    write(open_, data, leave=3)
    shards = [folder / f"shard{number}" for number in range(1, SHARDS + 1)]
    for number, shard in enumerate(shards, 1):
        write(shard, data, shard=f"{number}/{SHARDS}")
    submit = (
        "--leaderboard-repo",
        "kvv/board",
        "--leaderboard-allow-incomplete",
        "true",
        "--leaderboard-dry-run",
        "true",
    )
    return {
        "plan of the run, and what it holds": ("run", *flags(out, data)),
        "resume": ("run", *flags(open_, data), "--retry-attempts", "1", "--stop-after-failures", "1"),
        "audit": ("audit", out, "--dataset", f"aime2025={data}"),
        "render": ("render", out),
        "bundle": ("bundle", out, "--out", board.with_suffix(".zip")),
        "redacted bundle": ("bundle", out, "--redact", "--out", board.with_name("redacted.zip")),
        f"merge of {SHARDS} shards": ("merge", *shards, "--out", folder / "merged"),
        "compare": ("compare", out, folder / "merged", "--out", folder / "compared"),
        "submit": ("leaderboard", "submit", *submit, out),
    }


def test_everything_that_reads_a_run(tmp_path: Path) -> None:
    """The table; whatever takes more than it may is named."""
    os.environ["KVV_API_KEY"] = "sk-perf-0123456789abcdef"
    print(f"\n{'':36}{'samples':>9}{'CPU s':>8}{'clock s':>8}{'MB':>7}  status")
    too_much: list[str] = []
    for size in SIZES:
        folder = tmp_path / str(size)
        folder.mkdir()
        for name, words in commands(folder, size).items():
            found = measured(*words)
            line = f"{name:36}{size:>9}{found.seconds:>8.1f}{found.clock:>8.1f}{found.megabytes:>7.0f}  {found.status}"
            print(line, flush=True)
            if found.seconds > START + EACH * size or found.megabytes > MEGABYTES:
                too_much.append(line)
    assert too_much == []


def report_of(out: Path) -> None:
    """Read the journal of a folder and write its reports; print seconds of processor time, and the peak in MB."""
    began = time.process_time()
    write_reports(out, build(out / JOURNAL), Redactor())
    seconds, peak = time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sys.stdout.write(json.dumps([seconds, peak]))


def test_the_report_of_a_run(tmp_path: Path) -> None:
    """Of short answers to a plan without checks, as `test_pipeline` asks them, and of long ones with all checks."""
    write(tmp_path / "long", problems(tmp_path / "problems.jsonl", REPORT))
    write_short(tmp_path / "short", REPORT)
    for name in ("short", "long"):
        program = f"from tests.perf.test_linear import *; report_of(Path({str(tmp_path / name)!r}))"
        command = (sys.executable, "-c", PEAK, sys.executable, "-c", program)
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds, peak = json.loads(done.stdout)
        print(f"\nreport of {REPORT} samples, {name} answers: {seconds:.1f} s, {peak:.0f} MB", end="")
        assert name == "long" or (seconds < REPORT_SECONDS and peak < REPORT_MEGABYTES)


PEAK = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
"""A small process in between, as above."""
