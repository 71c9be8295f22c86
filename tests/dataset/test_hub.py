"""`kvv datasets` against a hub on this machine, each command in a process of its own, as a user runs it."""

import os
import resource
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import datasets
import pytest

from benchmarks.mmmu_pro.benchmark import PIN
from entrypoint.settings import load
from entrypoint.usecases.simulate import answers
from kvv_action.dataset import pins
from tests.dataset.hub_server import serving
from tests.dataset.test_load import parquet, picture, record

pytestmark = pytest.mark.slow  # the library that reads hubs takes seconds to start

ROOT = Path(__file__).parents[2]
OCR_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


def kvv(
    tmp_path: Path, endpoint: str, *arguments: str, largest: int = resource.RLIM_INFINITY, **variables: str
) -> subprocess.CompletedProcess[str]:
    """One command, with a home of its own and the given hub; no file may get larger than `largest` bytes."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT), "HF_ENDPOINT": endpoint,
        **variables,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "entrypoint.cli", *arguments, "--dataset-cache", str(tmp_path / "cache")],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest, resource.RLIM_INFINITY)),
    )  # fmt: skip


def test_fetch_verify_and_run_without_network(tmp_path: Path) -> None:
    """What was fetched is enough for a machine without network; what is missing there is an error."""
    rows = [record(number, image={"bytes": picture(number), "path": None}) for number in range(1000)]
    parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", rows)
    with serving("echo840/OCRBench", tmp_path / "hub", OCR_COMMIT) as endpoint:
        fetched = kvv(tmp_path, endpoint, "datasets", "fetch", "--benchmarks", "ocrbench")
        assert fetched.returncode == 0, fetched.stdout + fetched.stderr
        assert f"echo840/OCRBench@{OCR_COMMIT[:12]}, 1000 rows" in fetched.stdout
        assert "not pinned: only the number of rows was compared" in fetched.stdout
        other = kvv(tmp_path, endpoint, "datasets", "fetch", "--benchmarks", "aime2025")
        assert "404" in other.stdout, "what the hub said, and not that nobody asked it"
    nowhere = "http://127.0.0.1:9"
    verified = kvv(tmp_path, nowhere, "datasets", "verify", "--benchmarks", "ocrbench,mmmu_pro")
    assert verified.returncode == 1
    assert "ocrbench   verified: " in verified.stdout
    assert "mmmu_pro   error: MMMU/MMMU_Pro: cannot be loaded" in verified.stdout
    assert not list((tmp_path / "cache").rglob("*.arrow"))
    bundled = answers(load({"profile": "kimi-k2.6"}))
    cached = answers(load({"profile": "kimi-k2.6", "dataset_cache": str(tmp_path / "cache")}))
    assert len(cached) == len(bundled) + 1000, "the embedded vendor answers from the same folder"
    run = kvv(
        tmp_path, nowhere, "run", "--base-url", nowhere + "/v1", "--model", "kimi-k2.6", "--benchmarks", "ocrbench",
        "--precheck", "off", "--limit", "3", "--retry-attempts", "1", "--out", str(tmp_path / "out"),
        HF_HUB_OFFLINE="1",
    )  # fmt: skip
    assert run.returncode == 3, run.stdout + run.stderr
    summary = (tmp_path / "out" / "summary.md").read_text()
    assert f"hub `echo840/OCRBench` at {OCR_COMMIT[:12]}, 1000 rows" in summary
    assert "**not pinned**: neither a commit nor a digest is known; only the number of rows was compared" in summary


def test_a_dataset_is_pinned_by_a_file(tmp_path: Path) -> None:
    """Written on a machine with network, it holds on one without; another content is refused."""
    rows = [record(number, image={"bytes": picture(number), "path": None}) for number in range(1000)]
    parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", rows)
    nowhere = "http://127.0.0.1:9"
    with serving("echo840/OCRBench", tmp_path / "hub", OCR_COMMIT) as endpoint:
        written = ("--dataset-pins", str(tmp_path / "pins.json"))
        told = kvv(tmp_path, endpoint, "datasets", "pin", "--benchmarks", "ocrbench", *written)
        assert told.returncode == 0, told.stdout + told.stderr
        assert f"pinned: echo840/OCRBench@{OCR_COMMIT}, 1000 rows, SHA-256 " in told.stdout
    (known,) = pins.read(tmp_path / "pins.json")
    assert known.download > 1000, "`kvv plan` tells it where the data is not here"
    assert (known.dataset, known.revision, known.rows) == ("echo840/OCRBench", OCR_COMMIT, 1000)
    verified = kvv(tmp_path, nowhere, "datasets", "verify", "--benchmarks", "ocrbench", *written)
    assert (verified.returncode, "pinned by digest" in verified.stdout) == (0, True)
    other = pins.with_added(tmp_path / "pins.json", [replace(known, digest="0" * 64)])
    (tmp_path / "pins.json").write_bytes(other)
    refused = kvv(tmp_path, nowhere, "datasets", "verify", "--benchmarks", "ocrbench", *written)
    assert (refused.returncode, f"expected 1000 with {'0' * 16}" in refused.stdout) == (1, True)


def test_a_file_of_pins_that_cannot_be_written_is_refused_before_a_download(tmp_path: Path) -> None:
    """In one sentence; a file that holds something else is not replaced."""
    nowhere = "http://127.0.0.1:9"
    (tmp_path / "other.json").write_text("mine")
    for name, words in (("gone/pins.json", "There is no folder"), ("other.json", "is no file of dataset pins")):
        done = kvv(
            tmp_path, nowhere, "datasets", "pin", "--benchmarks", "ocrbench", "--dataset-pins", str(tmp_path / name)
        )
        assert done.returncode == 2
        assert words in done.stderr
        assert (done.stdout, "Traceback" in done.stderr) == ("", False)
    assert (tmp_path / "other.json").read_text() == "mine"


def test_an_incomplete_cache_is_found_out(tmp_path: Path) -> None:
    """Rows that are missing are a mismatch with the pin, with the way to accept it."""
    folder = tmp_path / "hub" / "vision"
    parquet(folder / "test-00000-of-00001.parquet", [record(1, image={"bytes": picture(), "path": None})])
    with serving(PIN.hub_id, tmp_path / "hub", PIN.revision) as endpoint:
        listed = kvv(tmp_path, endpoint, "datasets", "list")
        fetched = kvv(
            tmp_path, endpoint, "datasets", "fetch", "--benchmarks", "mmmu_pro", "--mmmu-parts", "vision",
        )  # fmt: skip
    assert f"MMMU/MMMU_Pro (standard10, vision), 3460 rows, commit {PIN.revision[:12]}" in listed.stdout
    assert fetched.returncode == 1
    assert "mmmu_pro: record 1 of MMMU/MMMU_Pro has no column 'options'" in fetched.stdout


def test_a_disk_that_takes_no_more(tmp_path: Path) -> None:
    """The folder and the next step are told, what was begun is not taken for whole, and the same command goes on."""
    rows = [record(number, image={"bytes": picture(number) + bytes(3000), "path": None}) for number in range(1000)]
    parquet(tmp_path / "hub" / "data" / "test-00000-of-00001.parquet", rows)
    of, cache = ("--benchmarks", "ocrbench"), tmp_path / "cache"
    with serving("echo840/OCRBench", tmp_path / "hub", OCR_COMMIT) as endpoint:
        full = kvv(tmp_path, endpoint, "datasets", "fetch", *of, largest=20_000)
        assert (full.returncode, full.stderr) == (1, "")
        assert f"The disk of {cache} is full, or holds no file so large: make room there" in full.stdout
        verified = kvv(tmp_path, endpoint, "datasets", "verify", *of)
        assert verified.returncode == 1
        assert "only a part of it is in the cache" in verified.stdout
        assert "not cached" in kvv(tmp_path, endpoint, "datasets", "list", *of).stdout
        again = kvv(tmp_path, endpoint, "datasets", "fetch", *of)
        assert again.returncode == 0, again.stdout
    assert "ocrbench   verified: " in kvv(tmp_path, "http://127.0.0.1:9", "datasets", "verify", *of).stdout


def test_an_unreachable_hub(tmp_path: Path) -> None:
    """One sentence, with what to do; no traceback."""
    done = kvv(tmp_path, "http://127.0.0.1:9", "datasets", "fetch", "--benchmarks", "ocrbench")
    assert done.returncode == 1
    assert "echo840/OCRBench: cannot be loaded" in done.stdout
    assert "Give a local copy with dataset" in done.stdout
    assert "Traceback" not in done.stderr


def test_an_unreachable_hub_is_explained_once(tmp_path: Path) -> None:
    """A line for each dataset, and what to do below all of them."""
    done = kvv(tmp_path, "http://127.0.0.1:9", "datasets", "verify", "--benchmarks", "ocrbench,mmmu_pro,aime2025")
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["ocrbench", "mmmu_pro", "aime2025"]
    assert lines[3] == ""
    assert done.stdout.count("Give a local copy with dataset") == 1
    assert lines[4].startswith("Give a local copy with dataset")


def test_an_unknown_benchmark(tmp_path: Path) -> None:
    """The nearest spelling is offered."""
    done = kvv(tmp_path, "http://127.0.0.1:9", "datasets", "list", "--benchmarks", "ocrbenhc")
    assert done.returncode == 2
    assert "Did you mean 'ocrbench'?" in done.stderr


def test_a_further_year_of_aime_comes_from_the_hub(tmp_path: Path) -> None:
    """Read by the real library; neither commit nor content could be confirmed, which is said."""
    rows = [{"id": number, "problem": f"What is {number} + 1?", "answer": number + 1} for number in range(30)]
    path = tmp_path / "hub" / "data" / "test-00000-of-00001.parquet"
    path.parent.mkdir(parents=True)
    datasets.Dataset.from_list(rows).to_parquet(path)
    with serving("math-ai/aime26", tmp_path / "hub", OCR_COMMIT) as endpoint:
        fetched = kvv(tmp_path, endpoint, "datasets", "fetch", "--benchmarks", "aime2026")
    assert fetched.returncode == 0, fetched.stdout + fetched.stderr
    assert f"math-ai/aime26@{OCR_COMMIT[:12]}, 30 rows" in fetched.stdout
    assert "not pinned: only the number of rows was compared" in fetched.stdout
