"""Runs `kvv`: in this process where that is enough, as a process of its own where signals and streams matter."""

import contextlib
import fcntl
import io
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint import cli
from kvv_action.anomalies import TIMED
from tests.patience import SECONDS, about_time, program, unhurried

IMPATIENT = ("--first-token-timeout", "0.3", "--silence-timeout", "0.3", "--total-timeout", "0.6")
"""Deadlines for faults that never answer."""
PATIENT = tuple(word for name, most in SECONDS.items() for word in (f"--{name.replace('_', '-')}", str(most)))
"""Deadlines of demonstrations whose vendor answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended and what it printed."""

    status: int
    out: str
    err: str


def kvv(*arguments: object) -> Ran:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="") for _ in range(2))
    words = _patient(arguments)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), unhurried(words):
        status = cli.main(words)
    return Ran(status=status, out=_text(out), err=_text(err))


def _patient(arguments: Sequence[object]) -> list[str]:
    """The command line, with time for a demonstration's vendor unless it has a fault that is about time."""
    words = [str(argument) for argument in arguments]
    if words[:1] != ["demo"] or about_time(words):
        return words
    return ["demo", *PATIENT, *words[1:]]


def _text(stream: io.TextIOWrapper) -> str:
    stream.flush()
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()


def demo(out: Path, *arguments: object) -> tuple[Ran, dict[str, Any]]:
    """`kvv demo` with quick retries; its end and its report."""
    ran = kvv("demo", "--out", out, "--retry-base", "0.01", *arguments)
    assert (out / "report.json").is_file(), ran
    return ran, report(out)


def report(out: Path) -> dict[str, Any]:
    """The report of a run."""
    found: dict[str, Any] = orjson.loads((out / "report.json").read_bytes())
    return found


def benchmark(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    """One benchmark of a report."""
    (result,) = [result for result in found["benchmarks"] if result["id"] == name]
    return dict(result)


def comparable(found: Mapping[str, Any]) -> bytes:
    """The benchmarks of a report as bytes, without what differs between two runs of one vendor.

    That is how long an answer took, what the endpoint called the request, and what depends on the order of requests:
    the tokens that its cache had, and, where some answers came at a later try, how many.
    """
    benchmarks = [
        {
            **result,
            "anomalies": {name: count for name, count in result["anomalies"].items() if name not in TIMED},
            "cases": [_timeless(case) for case in result["cases"]],
            "distributions": {name: bins for name, bins in result["distributions"].items() if "tokens" in name},
            "metrics": {
                name: value
                for name, value in result["metrics"].items()
                if "seconds" not in name and (name != "first_try_rate" or value == 1)
            },
        }
        for result in found["benchmarks"]
    ]
    return orjson.dumps(benchmarks, option=orjson.OPT_SORT_KEYS)


def _timeless(case: Mapping[str, Any]) -> dict[str, Any]:
    evidence = [{**one, "request_id": "", "response": _untimed(one["response"])} for one in case["evidence"]]
    return {**case, "seconds": 0, "evidence": evidence}


def _untimed(response: str) -> str:
    """What an answer was, without what depends on when it was asked for and read; a text that was cut short stays."""
    with contextlib.suppress(orjson.JSONDecodeError):
        shown = orjson.loads(response)
        if shown.get("usage"):
            shown["usage"].pop("prompt_tokens_details", None)
        shown["anomalies"] = [name for name in shown.get("anomalies", ()) if name not in TIMED]
        return orjson.dumps(shown).decode()
    return response


def start(*arguments: object, **options: Any) -> "subprocess.Popen[str]":
    """A `kvv` process with captured output."""
    words = _patient(arguments)
    command = [sys.executable, *program(words), *words]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options}
    return subprocess.Popen(command, env={**os.environ, "PYTHONFAULTHANDLER": "1", **options.pop("env", {})}, **options)


def fork(*arguments: object) -> BaseProcess:
    """A silent `kvv` process that has its imports done; for tests that need many."""
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(
        [
            "entrypoint.commands.run", "entrypoint.usecases.finish", "kvv_action.endpoint.client",
            "kvv_action.report.html", "kvv_action.report.junit", "kvv_action.report.markdown",
            "kvv_action.verdict.report", "structlog", "uvloop",
        ]
    )  # fmt: skip
    process = server.Process(target=_silent, args=([str(argument) for argument in arguments],), daemon=True)
    process.start()
    return process


def kill(process: BaseProcess, journal: Path) -> None:
    """Kill a process that writes a journal; a child that it was just starting may hold that for a moment longer."""
    process.kill()
    process.join()
    wait_until(lambda: _is_free(journal))


def _is_free(journal: Path) -> bool:
    """Whether no process has a journal open for writing."""
    if not journal.is_file():
        return True
    with journal.open("rb") as stream, contextlib.suppress(BlockingIOError):
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def _silent(arguments: list[str]) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)
    with unhurried(arguments):
        sys.exit(cli.main(arguments))


def finish(process: "subprocess.Popen[str]", seconds: float = 240.0) -> Ran:
    """Wait for a process; one that takes longer waits for something that does not come, and says where."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        out, err = process.communicate(timeout=seconds)
        pytest.fail(f"it did not end in {seconds:g} s:\n{out}\n{err}")
    return Ran(status=process.returncode, out=out or "", err=err or "")


def wait_until(holds: Callable[[], bool], seconds: float = 200.0, pause: float = 0.005) -> None:
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(pause)


def size(path: Path) -> int:
    """Bytes of a file, 0 when there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


@contextlib.contextmanager
def vendor(*arguments: object, **env: str) -> Iterator[str]:
    """`kvv simulate` as a process of its own; its base URL."""
    process = start("simulate", "--port", 0, *arguments, stderr=subprocess.DEVNULL, env=env)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0]
    finally:
        process.terminate()
        process.communicate(timeout=60)


def problems(path: Path, count: int) -> Path:
    """A dataset of small sums in the form of AIME 2025."""
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + {2 * n}?", "answer": str(3 * n)} for n in range(count)]
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    return path
