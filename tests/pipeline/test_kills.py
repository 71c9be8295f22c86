"""Killed at random moments, again and again: the same command goes on and ends where an undisturbed run ends."""

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.pipeline.command import comparable, fork, kill, kvv, problems, report, size, vendor, wait_until

pytestmark = pytest.mark.pipeline

RUNS, KILLS = 5, 10
SAMPLES, EPOCHS = 60, 3
GROWTHS = (10_000, 50_000)
"""Bytes that a journal grows by at most before the next kill: some hit before the first score, some after many."""


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return problems(tmp_path_factory.mktemp("data") / "sums.jsonl", SAMPLES)


@pytest.fixture(scope="module")
def base_url(dataset: Path) -> Iterator[str]:
    fault = ("--fault", "wrong-answers=0.3", "--latency", "0.02")
    with vendor("--dataset", f"aime2025={dataset}", *fault) as url:
        yield url


def command(base_url: str, dataset: Path, out: Path) -> tuple[str, ...]:
    """The one command of these tests."""
    return (
        "run", "--benchmarks", "aime2025",
        "--base-url", base_url, "--model", "kimi-k2.6", "--dataset", f"aime2025={dataset}",
        "--epochs", str(EPOCHS), "--max-connections", "8", "--precheck", "warn",
        "--probes", "endpoint,parameters,tools.round-trip.*,tokens.usage.*", "--out", str(out),
    )  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(base_url: str, dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    out = tmp_path_factory.mktemp("undisturbed")
    kvv(*command(base_url, dataset, out))
    return report(out)


@pytest.mark.parametrize("seed", range(RUNS))
def test_kills_cost_nothing(
    seed: int, base_url: str, dataset: Path, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    """After ten kills scores, counts and tokens are those of an undisturbed run, and the evidence holds."""
    chance, journal = random.Random(seed), tmp_path / "journal.jsonl"
    for _ in range(KILLS):
        process = fork(*command(base_url, dataset, tmp_path))
        goal = size(journal) + chance.randrange(chance.choice(GROWTHS))
        wait_until(lambda goal=goal, process=process: size(journal) > goal or not process.is_alive(), pause=0.001)
        time.sleep(chance.random() * 0.02)
        assert process.is_alive(), "the run was over before it could be killed"
        kill(process, journal)
    last = kvv(*command(base_url, dataset, tmp_path))

    found = report(tmp_path)
    assert last.status == 3, "wrong answers, and no reference to judge them by"
    assert (found["state"], found["verdict"]) == ("complete", undisturbed["verdict"])
    assert 0 < found["benchmarks"][1]["score"] < 1
    assert found["timing"]["sessions"] > 1
    assert comparable(found) == comparable(undisturbed)
    assert found["usage"] == undisturbed["usage"]
    assert times_scored(journal) == Counter(
        {("aime2025", index, epoch): 1 for index in range(SAMPLES) for epoch in range(EPOCHS)}
        | {("precheck", index, 0): 1 for index in range(len(undisturbed["benchmarks"][0]["cases"]))}
    )
    audit = kvv("audit", tmp_path, "--dataset", f"aime2025={dataset}")
    assert audit.status == 0, audit.out


def times_scored(journal: Path) -> Counter[tuple[str, int, int]]:
    """How often each sample and epoch has a score."""
    records = map(orjson.loads, journal.read_bytes().splitlines())
    return Counter(
        (record["benchmark"], record["index"], record["epoch"]) for record in records if record["kind"] == "score"
    )


def test_a_journal_cut_at_any_byte_goes_on(tmp_path: Path) -> None:
    """Whatever byte the journal ends at, the same command completes it to the same scores."""
    whole = tmp_path / "whole"
    arguments = ("--benchmarks", "precheck", "--profile", "kimi-k2-0905")
    kvv("demo", "--out", whole, *arguments)
    expected, data = report(whole), (whole / "journal.jsonl").read_bytes()
    chance = random.Random(7)
    first = data.index(b"\n") + 1
    cuts = [0, 1, first - 1, first, first + 1, *(chance.randrange(len(data)) for _ in range(15)), len(data) - 1]
    for number, cut in enumerate(cuts):
        out = tmp_path / str(number)
        out.mkdir()
        (out / "journal.jsonl").write_bytes(data[:cut])
        ran = kvv("demo", "--out", out, *arguments)
        assert ran.status == 0, (cut, ran.err)
        assert comparable(report(out)) == comparable(expected), cut
        assert report(out)["usage"] == expected["usage"], cut


def test_a_torn_line_is_mended_and_reported(tmp_path: Path) -> None:
    """Half a line at the end of a journal is removed; log, journal and summary say so."""
    kvv("demo", "--out", tmp_path, "--benchmarks", "precheck")
    journal = tmp_path / "journal.jsonl"
    journal.write_bytes(journal.read_bytes()[:-40])
    ran = kvv("demo", "--out", tmp_path, "--benchmarks", "precheck")
    mended = report(tmp_path)["journal"]["mended_bytes"]
    assert mended > 0
    assert f"a torn journal line of {mended} bytes was removed" in ran.err
    assert f"a torn journal line of {mended} bytes was removed" in (tmp_path / "summary.md").read_text()
    assert kvv("audit", tmp_path).status == 0
