"""Starts real servers for tests: each on a free port, with a log, waited for, and ended with all that it started."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

ENDED = 15.0
"""Seconds that a server has to end by itself."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: Sequence[object], log: Path, ready: str, *, seconds: float = 60.0, env: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server until the end of the block.

    Args:
        command: how it is started.
        log: file of all that it prints.
        ready: a URL that answers, with whatever status, as soon as the server does.
        seconds: it may take to start.
        env: variables beside our own.

    Raises:
        AssertionError: it ended or did not answer in time; the end of its log is in the message.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [str(word) for word in command], stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            start_new_session=True, env={**os.environ, **(env or {})}, cwd=log.parent,
        )  # fmt: skip
        try:
            _wait(process, ready, log, seconds)
            yield
        finally:
            _end(process)


def _wait(process: "subprocess.Popen[bytes]", url: str, log: Path, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not _answers(url):
        assert process.poll() is None, f"the server ended: {_tail(log)}"
        assert time.monotonic() < deadline, f"the server did not answer within {seconds:g} s: {_tail(log)}"
        time.sleep(0.1)


def _answers(url: str) -> bool:
    """Whether anything comes back, whatever it is; redirects are not followed."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
    try:
        connection.request("GET", address.path)
        connection.getresponse()
    except http.client.HTTPException:
        return True
    except OSError:
        return False
    finally:
        connection.close()
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the whole group: engines start workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(ENDED)


def _tail(log: Path) -> str:
    return log.read_text(errors="replace")[-3000:]
