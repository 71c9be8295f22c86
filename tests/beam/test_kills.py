"""A run that is killed goes on without asking the judge again for what its journal has."""

import contextlib
import random
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx
import pytest

from kvv_action.journal.file import Reader
from tests.pipeline.command import benchmark, fork, kill, kvv, report, size, vendor, wait_until

pytestmark = pytest.mark.pipeline

KILLS = 3
Asked = Counter[str]
"""How often each body came, by its SHA-256."""
GREETING = b"Say hello."
"""Each session asks this first, to learn whether the judge answers at all."""


@pytest.fixture(scope="module")
def vendor_url() -> Iterator[str]:
    with vendor("--profile", "kimi-k3", "--latency", "0.02") as url:
        yield url


@pytest.fixture
def judge(vendor_url: str) -> Iterator[tuple[str, Asked]]:
    """The base URL of a judge, which is the embedded vendor behind a server that counts; and what it has counted."""
    asked: Asked = Counter()

    class Counting(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            asked[sha256(body).hexdigest()] += GREETING not in body
            headers = {"content-type": "application/json"}
            answer = httpx.post(vendor_url + self.path.removeprefix("/v1"), content=body, headers=headers)
            self.send_response(answer.status_code)
            self.send_header("content-type", answer.headers["content-type"])
            self.send_header("content-length", str(len(answer.content)))
            with contextlib.suppress(ConnectionError):  # who asked was killed
                self.end_headers()
                self.wfile.write(answer.content)

        def log_message(self, *arguments: object) -> None:
            """Nothing is written."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Counting) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/v1", asked
        server.shutdown()


def command(vendor_url: str, judge_url: str, out: Path) -> tuple[str, ...]:
    """The one command of these tests."""
    return (
        "run", "--profile", "kimi-k3", "--benchmarks", "beam", "--precheck", "off", "--dataset", "beam=bundled",
        "--base-url", vendor_url, "--model", "kimi-k3", "--judge-base-url", judge_url, "--judge-model", "kimi-k3",
        "--out", str(out),
    )  # fmt: skip


def kept(journal: Path) -> Asked:
    """The judge's answers that a journal has."""
    return Counter(line["request"] for line in Reader(journal) if line.get("endpoint") == "judge")


def test_a_kill_asks_no_judge_twice(vendor_url: str, judge: tuple[str, Asked], tmp_path: Path) -> None:
    """After each kill only those judgements are asked for that the journal does not have."""
    url, asked = judge
    kvv(*command(vendor_url, url, tmp_path / "whole"))
    wanted, out = asked.copy(), tmp_path / "killed"
    whole, chance, journal = size(tmp_path / "whole/journal.jsonl"), random.Random(3), out / "journal.jsonl"
    assert wanted == kept(tmp_path / "whole/journal.jsonl")
    had: Asked = Counter()
    for number in range(KILLS + 1):
        asked.clear()
        process = fork(*command(vendor_url, url, out))
        if number < KILLS:
            goal = (number + chance.random()) * whole / (KILLS + 1)
            wait_until(lambda goal=goal, process=process: size(journal) > goal or not process.is_alive(), pause=0.001)
            assert process.is_alive(), "the run was over before it could be killed"
            kill(process, journal)
        process.join()
        assert asked <= wanted - had, "the judge was asked for a judgement that the journal had"
        had = kept(journal)
    assert had == wanted
    found = report(out)
    assert (found["state"], benchmark(found, "beam")["score"]) == ("complete", 1.0)
    assert kvv("audit", out).status == 0
