"""A benchmark of another package is a benchmark like ours, and a broken one is nobody else's trouble."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.leaderboard.board import RULES
from tests.pipeline.command import Ran

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("seventh")]  # whole commands, and one run that all look at

PACKAGE = Path(__file__).with_name("seventh") / "sums"
ROWS = [{"a": a, "b": b} for a in range(1, 13) for b in (3, 7, 11, 15, 19)]
MODEL = ("--model", "kimi-k2.6", "--vendor", "Acme AI")
ALONE = ("--benchmarks", "sums", "--precheck", "off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where the package is installed, or not.

    Attributes:
        site: folder with what is installed beside kvv.
        data: a dataset of the benchmark.
    """

    site: Path
    data: Path

    def start(self, *arguments: object, **further: str) -> "subprocess.Popen[str]":
        """`kvv` as a process that finds what is installed there."""
        clean = {name: text for name, text in os.environ.items() if not name.startswith(("KVV_", "INPUT_", "GITHUB_"))}
        ours = {"PYTHONPATH": str(self.site), "KVV_API_KEY": "sk-canary-seventh-0001", "NO_PROXY": "*"}
        command = [sys.executable, "-m", "entrypoint.cli", *map(str, arguments)]
        env = clean | ours | further
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def kvv(self, *arguments: object, **further: str) -> Ran:
        """Run a command to its end."""
        process = self.start(*arguments, **further)
        out, err = process.communicate(timeout=100)
        return Ran(status=process.returncode, out=out, err=err)

    def ran(self, *arguments: object, status: int = 0) -> str:
        """What a command prints that ends as it must."""
        done = self.kvv(*arguments)
        assert done.status == status, done
        return done.out


def install(site: Path, name: str, value: str, package: str) -> None:
    """The metadata by which an installed package offers a benchmark."""
    info = site / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[kvv.benchmarks]\n{name} = {value}\n")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With the package."""
    folder = tmp_path_factory.mktemp("seventh")
    shutil.copytree(PACKAGE, folder / "site" / "sums")
    install(folder / "site", "sums", "sums.benchmark:Sums", "kvv-sums")
    (folder / "sums.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in ROWS))
    return Machine(site=folder / "site", data=folder / "sums.jsonl")


@pytest.fixture(scope="module")
def without(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """Without it."""
    return Machine(site=tmp_path_factory.mktemp("nothing"), data=machine.data)


@pytest.fixture(scope="module")
def endpoint(machine: Machine) -> Iterator[str]:
    """The embedded vendor, which knows the answers to both forms of the questions."""
    process = machine.start("simulate", "--port", 0, "--profile", "kimi-k2.6", "--dataset", f"sums={machine.data}",
                            "--sums-script", "roman")  # fmt: skip
    assert process.stdout is not None
    yield process.stdout.readline().split()[0]
    process.terminate()
    process.communicate(timeout=10)


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads((out / "report.json").read_bytes())
    return found


def verify(machine: Machine, endpoint: str, out: Path, *further: object) -> Path:
    """A run of the benchmark alone."""
    machine.ran("run", "--base-url", endpoint, *MODEL, *ALONE, "--dataset", f"sums={machine.data}", "--sums-script",
                "roman", "--tier", "full", "--out", out, *further)  # fmt: skip
    return out


@pytest.fixture(scope="module")
def run(machine: Machine, endpoint: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return verify(machine, endpoint, tmp_path_factory.mktemp("run") / "out")


def test_it_is_listed_and_its_option_is_explained(machine: Machine, without: Machine) -> None:
    """Among the benchmarks; in help below its title; nowhere on a machine without it."""
    assert "sums         Sums" in machine.ran("benchmarks")
    told = machine.ran("run", "--help")
    assert "\nSums:\n  --sums-script {decimal,roman}" in told
    assert "sums" not in without.ran("run", "--help")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--sums-script", "romn"], "'romn' is not valid. Use one of: decimal, roman. Did you mean 'roman'?"),
        (["--sum-script", "roman"], "There is no such option; --help lists them. Did you mean '--sums-script'?"),
        (["--benchmarks", "sms"], "Did you mean 'sums'?"),
    ],
)  # fmt: skip
def test_mistakes_get_the_nearest_spelling(machine: Machine, words: list[str], message: str) -> None:
    """Before anything is sent."""
    done = machine.kvv("plan", "--model", "kimi-k2.6", *ALONE, "--dataset", "sums=bundled", *words)
    assert done.status == 2
    assert message in done.err


@pytest.mark.parametrize("name", ["KVV_SUMS_SCRIPT", "INPUT_SUMS-SCRIPT"])
def test_its_option_is_a_variable_and_an_input(machine: Machine, name: str) -> None:
    """Read and judged like every other."""
    done = machine.kvv("plan", "--model", "kimi-k2.6", *ALONE, "--dataset", "sums=bundled", **{name: "romn"})
    assert done.status == 2
    assert "sums-script: 'romn' is not valid." in done.err


def test_it_is_asked_only_when_it_is_named(machine: Machine) -> None:
    """Where no profile knows it: an installed package changes no run that does not name it."""
    said = orjson.loads(machine.ran("plan", "--model", "kimi-k2.6", "--dataset", "aime2025=bundled", "--dataset",
                                    "toolcall=bundled", "--dataset", "ocrbench=bundled", "--dataset",
                                    "mmmu_pro=bundled", "--json"))  # fmt: skip
    assert "sums" not in [row["id"] for row in said["benchmarks"]]


def test_a_plan_counts_it(machine: Machine) -> None:
    """Its requests, and what can be decided by its reference and margin."""
    said = orjson.loads(
        machine.ran("plan", "--model", "kimi-k2.6", *ALONE, "--dataset", f"sums={machine.data}", "--json")
    )
    (row,) = said["benchmarks"]
    assert (row["id"], row["samples"], row["requests"]["expected"]) == ("sums", len(ROWS), len(ROWS))
    assert (row["reference"], row["margin"]) == (0.9, 0.2)


def test_a_demonstration_shows_its_faults(machine: Machine, tmp_path: Path) -> None:
    """Bundled samples, published and put another way: all are right, until the vendor answers wrongly."""
    given = ("demo", "--profile", "kimi-k2.6", *ALONE, "--holdout", "both")
    machine.ran(*given, "--out", tmp_path / "right")
    assert [result["id"] for result in report(tmp_path / "right")["benchmarks"]] == ["sums", "sums-varied"]
    machine.ran("audit", tmp_path / "right")
    machine.ran(*given, "--fault", "wrong-answers", "--out", tmp_path / "wrong", status=1)


def test_a_run_is_scored_by_its_own_rule(run: Path) -> None:
    """Its score, verdict and metrics; its option stands in the plan; its file is part of the manifest."""
    found = report(run)
    (result,) = found["benchmarks"]
    assert (result["score"], result["verdict"], result["aggregate"]) == (1.0, "pass", "points")
    assert result["metrics"]["points"] == sum(3 if row["a"] + row["b"] > 20 else 1 for row in ROWS)
    assert found["plan"]["choices"]["sums-script"] == "roman"
    assert "sums-asked.jsonl" in json.loads((run / "manifest.json").read_bytes())["files"]
    assert len((run / "sums-asked.jsonl").read_bytes().splitlines()) == len(ROWS)


def test_an_audit_asks_nothing_of_its_options_again(machine: Machine, without: Machine, run: Path) -> None:
    """The plan says them. Who has not installed it is told so by name."""
    given = ("audit", run, "--dataset", f"sums={machine.data}")
    assert "every score and every number of report.json was reached again" in machine.ran(*given)
    refused = without.kvv(*given)
    assert refused.status == 2
    assert refused.err == "kvv: this run used benchmark 'sums', which is not installed here\n"


def test_shards_merge_to_the_same(machine: Machine, without: Machine, endpoint: str, run: Path, tmp_path: Path) -> None:
    """Score and counts; the exported lines of all shards."""
    for number in (1, 2):
        verify(machine, endpoint, tmp_path / f"shard-{number}", "--shard", f"{number}/2")
    shards = (tmp_path / "shard-1", tmp_path / "shard-2")
    assert "'sums', which is not installed here" in without.kvv("merge", *shards, "--out", tmp_path / "none").err
    machine.ran("merge", *shards, "--out", tmp_path / "merged")
    whole, merged = report(run)["benchmarks"][0], report(tmp_path / "merged")["benchmarks"][0]
    assert [merged[name] for name in ("score", "interval", "counts")] == [
        whole[name] for name in ("score", "interval", "counts")
    ]
    assert (tmp_path / "merged" / "sums-asked.jsonl").exists()


def test_two_runs_compare(machine: Machine, endpoint: str, run: Path, tmp_path: Path) -> None:
    """The same vendor has not become worse."""
    other = verify(machine, endpoint, tmp_path / "other", "--seed", "5")
    told = machine.ran("compare", run, other, "--out", tmp_path / "compared")
    assert "Sums" in told
    assert "No" in told


def test_a_score_rule_that_is_not_here_is_told_by_name(without: Machine, run: Path, tmp_path: Path) -> None:
    """Nothing is made up where a score would have to be computed."""
    done = without.kvv("bundle", run, "--out", tmp_path / "evidence.tar.gz")
    assert done.status == 2
    assert done.err == "kvv: this run used benchmark 'sums', which is not installed here\n"


def test_evidence_goes_onto_a_leaderboard(machine: Machine, without: Machine, run: Path, tmp_path: Path) -> None:
    """Bundle, record and check; a machine without the package refuses by name instead of judging."""
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    machine.ran("bundle", folder)
    assert "every score" in machine.ran("audit", folder / "evidence.tar.gz", "--dataset", f"sums={machine.data}")
    dry = machine.ran("leaderboard", "submit", folder, "--leaderboard-repo", "a/b", "--leaderboard-dry-run",
                      "--leaderboard-allow-incomplete")  # fmt: skip
    content = next(json.loads(line.partition(": ")[2]) for line in dry.splitlines() if '"content": ' in line)
    place = next(json.loads(line.partition(": ")[2].rstrip(",")) for line in dry.splitlines() if '"path": ' in line)
    file = tmp_path / "board" / place
    file.parent.mkdir(parents=True)
    (tmp_path / "board" / "leaderboard.toml").write_bytes(RULES)
    file.write_text(content)
    assert json.loads(content)["setup"]["choices"] == {"sums-script": "roman"}
    assert "chosen-items" in json.loads(content)["marks"]
    given = ("leaderboard", "check", file, "--root", tmp_path / "board", "--evidence", folder / "evidence.tar.gz",
             "--dataset", f"sums={machine.data}")  # fmt: skip
    assert "every score and every number" in machine.ran(*given)
    refused = without.ran(*given, status=1)
    assert "this run used benchmark 'sums', which is not installed here" in refused


BROKEN = {
    "eighth": ("nowhere.benchmark:Sums", "ModuleNotFoundError: No module named 'nowhere'"),
    "ninth": ("broken:Sums", "RuntimeError: this package does not work"),
    "tenth": ("json:dumps", "json:dumps is no class derived from kvv_action.benchmark.BenchmarkBase"),
    "eleventh": ("sums.benchmark:Sums", "its class calls itself 'sums'"),
}
"""Benchmarks that cannot be used: their entry points, and why."""


@pytest.fixture(scope="module")
def broken(machine: Machine, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """With a package of each broken kind, and without the whole one."""
    site = tmp_path_factory.mktemp("broken") / "site"
    shutil.copytree(PACKAGE, site / "sums")
    (site / "broken.py").write_text("raise RuntimeError('this package does not work')\n")
    for name, (value, _) in BROKEN.items():
        install(site, name, value, f"kvv-{name}")
    return Machine(site=site, data=machine.data)


def test_broken_packages_are_told_of_only_where_they_are_asked_for(broken: Machine) -> None:
    """Help goes on; the list of benchmarks says of each why it cannot be used."""
    assert "commands:" in broken.ran("--help")
    assert "--sums-script" not in broken.ran("plan", "--help")
    listed = " ".join(broken.ran("benchmarks").split())
    for name, (_, why) in BROKEN.items():
        assert f"{name} the benchmark {name!r}, which kvv-{name} brings, cannot be used: {why}" in listed


@pytest.mark.parametrize("name", BROKEN)
def test_whoever_names_a_broken_package_is_told_why(broken: Machine, name: str) -> None:
    """Before anything is sent."""
    done = broken.kvv("plan", "--model", "kimi-k2.6", "--benchmarks", name)
    assert done.status == 2
    assert BROKEN[name][1] in done.err
