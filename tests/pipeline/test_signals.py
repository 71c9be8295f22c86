"""SIGINT and SIGTERM: stop, keep what came, report it as interrupted, go on with the same command."""

import asyncio
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import junitparser
import pytest
from aiohttp import web

from tests.pipeline.command import benchmark, finish, kvv, problems, report, size, start, vendor, wait_until
from tests.pipeline.servers import Handler

pytestmark = pytest.mark.pipeline

FILES = {"report.json", "junit.xml", "summary.md", "manifest.json", "journal.jsonl", "report.html"}
BOTH = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problems(tmp_path_factory.mktemp("data") / "sums.jsonl", 100)


@pytest.fixture(scope="module")
def base_url(dataset: Path) -> Iterator[str]:
    with vendor("--dataset", f"aime2025={dataset}", "--latency", "0.05") as url:
        yield url


def command(base_url: str, dataset: Path, out: Path, *more: str) -> tuple[str, ...]:
    """A run of a second or two that passes when it is let."""
    data = ("--dataset", f"aime2025={dataset}", "--epochs", "1", "--max-connections", "4", "--sequential", "false")
    profile = out.parent / "sums.toml"
    profile.write_text(
        'extends = "kimi-k2.6"\n[benchmarks.aime2025]\nmargin = 0.05\n'
        '[benchmarks.aime2025.reference]\nvalue = 0.95\nsource = "these tests"\ndate = 2026-01-01\n'
    )
    return ("run", "--benchmarks", "aime2025",
        "--base-url", base_url, "--model", "kimi-k2.6", "--profile", str(profile), "--out", str(out),
            *data, *more)  # fmt: skip


def asked(out: Path) -> bool:
    """Whether the journal has the score of a problem, Pre-Verification being over."""
    journal = out / "journal.jsonl"
    return journal.is_file() and b'"kind":"score","benchmark":"aime2025"' in journal.read_bytes()


def never_answering(was_asked: threading.Event) -> Handler:
    """A vendor that takes questions and says nothing."""

    async def take(request: web.Request) -> web.StreamResponse:
        was_asked.set()
        await asyncio.sleep(3600)
        raise AssertionError("somebody waited for an hour")

    return take


def waiting(base_url: str, out: Path) -> tuple[object, ...]:
    """A run that waits an hour for each answer."""
    patience = ("--first-token-timeout", 3600, "--silence-timeout", 3600, "--total-timeout", 3600)
    return ("run", "--benchmarks", "aime2025", "--base-url", base_url, "--model", "kimi-k2.6", "--dataset",
            "aime2025=bundled", "--out", out, *patience)  # fmt: skip


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_ends_a_run_in_order(number: signal.Signals, base_url: str, dataset: Path, tmp_path: Path) -> None:
    """Status 130, all reports, state interrupted; then the same command completes to a pass."""
    out = tmp_path / "out"
    arguments = command(base_url, dataset, out)
    process = start(*arguments)
    wait_until(lambda: asked(out))
    process.send_signal(number)
    ran = finish(process)

    assert ran.status == 130
    assert {path.name for path in out.iterdir()} == FILES
    early = report(out)
    assert early["state"] == "interrupted"
    assert early["verdict"] == "inconclusive"
    assert number.name in early["state_reason"]
    assert 0 < benchmark(early, "aime2025")["counts"]["skipped"] < 100
    assert junitparser.JUnitXml.fromfile(str(out / "junit.xml")).tests > 0

    last = kvv(*arguments)
    assert last.status == 0, last.out
    assert report(out)["timing"]["sessions"] == 2
    assert benchmark(report(out), "aime2025")["counts"]["scored"] == 100


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_does_not_wait_for_an_answer(number: signal.Signals, tmp_path: Path) -> None:
    """A vendor that never answers does not hold up the end, however long the run would wait for it."""
    out = tmp_path / "out"
    with vendor("--fault", "hangs") as url:
        process = start(*waiting(url, out), "--connect-timeout", "1")
        wait_until(lambda: size(out / "journal.jsonl") > 0)
        process.send_signal(number)
        ran = finish(process)
    assert ran.status == 130
    assert report(out)["state"] == "interrupted"


def test_more_signals_do_not_cost_the_reports(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """An impatient second and third signal changes nothing."""
    out = tmp_path / "out"
    process = start(*command(base_url, dataset, out))
    wait_until(lambda: size(out / "journal.jsonl") > 50_000)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGINT):
        process.send_signal(number)
    ran = finish(process)
    assert ran.status == 130
    assert "Traceback" not in ran.err
    assert {path.name for path in out.iterdir()} >= FILES
    assert report(out)["state"] == "interrupted"


@pytest.mark.parametrize("number", BOTH)
def test_a_signal_at_the_very_start_is_reported_too(number: signal.Signals, tmp_path: Path) -> None:
    """Between the first journal line and the first request there is no moment at which a signal leaves no report."""
    out = tmp_path / "out"
    process = start("demo", "--fault", "hangs", "--out", out)
    wait_until(lambda: size(out / "journal.jsonl") > 0, pause=0.0005)
    process.send_signal(number)
    ran = finish(process)
    assert ran.status == 130
    assert "Traceback" not in ran.err
    assert report(out)["state"] == "interrupted"


@pytest.mark.parametrize("number", BOTH)
def test_the_embedded_vendor_leaves_quietly(number: signal.Signals) -> None:
    """`kvv simulate` ends with status 0 and without a word."""
    process = start("simulate", "--port", 0)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    ran = finish(process)
    assert (ran.status, ran.err) == (0, "")


def test_an_interrupted_run_says_how_to_go_on(base_url: str, dataset: Path, tmp_path: Path) -> None:
    """Terminal and summary name the signal and the next step; audit agrees with what there is."""
    out = tmp_path / "out"
    process = start(*command(base_url, dataset, out))
    wait_until(lambda: size(out / "journal.jsonl") > 50_000)
    process.send_signal(signal.SIGINT)
    ran = finish(process)
    assert "interrupted by SIGINT; the same command goes on" in ran.out
    assert "**Interrupted**" in (out / "summary.md").read_text()
    profile = ("--profile", out.parent / "sums.toml")
    assert kvv("audit", out, "--dataset", f"aime2025={dataset}", *profile).status == 0
