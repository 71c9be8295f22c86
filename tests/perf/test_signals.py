"""How long a run takes to end after a signal; run with `-m perf -s`."""

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.pipeline.command import finish, start, wait_until
from tests.pipeline.servers import served
from tests.pipeline.test_signals import BOTH, asked, base_url, command, dataset, never_answering, waiting  # noqa: F401

pytestmark = pytest.mark.perf
QUICKLY = 6.0
"""Seconds; GitHub's runner kills a step 7.5 s after it asked it to end."""


def ended(process: "subprocess.Popen[str]", number: signal.Signals) -> float:
    """Seconds from a signal to the end of a process, reports included."""
    signalled = time.monotonic()
    process.send_signal(number)
    assert finish(process).status == 130
    return time.monotonic() - signalled


@pytest.mark.parametrize("number", BOTH)
def test_a_run_at_work(number: signal.Signals, base_url: str, dataset: Path, tmp_path: Path) -> None:  # noqa: F811
    """With answers on their way."""
    process = start(*command(base_url, dataset, tmp_path / "out"))
    wait_until(lambda: asked(tmp_path / "out"))
    took = ended(process, number)
    print(f"\n{number.name} at work: {took:.2f} s")
    assert took < QUICKLY


@pytest.mark.parametrize("number", BOTH)
def test_a_run_that_waits(number: signal.Signals, tmp_path: Path) -> None:
    """With a vendor that never answers."""
    was_asked = threading.Event()
    with served(never_answering(was_asked)) as url:
        process = start(*waiting(url, tmp_path / "out"))
        assert was_asked.wait(60)
        took = ended(process, number)
    print(f"\n{number.name} while waiting: {took:.2f} s")
    assert took < QUICKLY
