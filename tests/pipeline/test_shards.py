"""A run in shards, as people and workflows run it: the same report, also after a kill, and clear refusals."""

import shutil
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.pipeline.command import (
    benchmark,
    comparable,
    demo,
    fork,
    kill,
    kvv,
    problems,
    report,
    size,
    vendor,
    wait_until,
)
from tests.sharing import made_once

pytestmark = pytest.mark.pipeline

FAULTS = ("--fault", "wrong-answers=0.3", "--fault", "rate-limits=0.1")
OF = 4


@pytest.fixture(scope="module")
def undivided(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    asked = (*FAULTS, "--precheck", "warn", "--sequential", "false")
    return report(made_once(tmp_path_factory, "undivided-run", lambda out: demo(out, *asked)))


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four shards, counted from 0 as Kubernetes does."""

    def make(folder: Path) -> None:
        for out in folders(folder):
            ran, _ = demo(out, *FAULTS, "--precheck", "warn", "--shard", f"{out.parent.name[-1]}/{OF}")
            assert ran.status == 0, ran

    return made_once(tmp_path_factory, "four-shards", make)


def folders(shards: Path) -> list[Path]:
    return [shards / f"artifact-{index}" / "kvv-out" for index in range(OF)]


def test_shards_and_one_run_say_the_same(shards: Path, undivided: dict[str, Any], tmp_path: Path) -> None:
    """Verdict, reason, scores, intervals, counts, failures and cases; given as folders, in any order, or as one."""
    out = tmp_path / "merged"
    ran = kvv("merge", *reversed(folders(shards)), "--out", out)
    assert (ran.status, ran.err) == (1, "")
    found = report(out)
    assert comparable(found) == comparable(undivided)
    for name in ("verdict", "reason", "state", "plan", "plan_digest", "endpoint", "profile"):
        assert found[name] == undivided[name]
    assert found["usage"]["completion_tokens"] == undivided["usage"]["completion_tokens"]
    again = kvv("merge", shards, "--out", out)
    assert again.status == 1
    assert report(out) == found
    assert kvv("audit", out).status == 0


def test_what_benchmarks_leave_is_gathered(shards: Path, tmp_path: Path) -> None:
    """Rows of all shards; a text of a shard as it is; no summary of a part."""
    (folders(shards)[2] / "trajectories").mkdir(exist_ok=True)
    (folders(shards)[2] / "trajectories/one.txt").write_text("a trajectory")
    kvv("merge", shards, "--out", tmp_path)
    rows = [(folder / "k2vv-results.jsonl").read_bytes() for folder in folders(shards)]
    assert sorted((tmp_path / "k2vv-results.jsonl").read_bytes().splitlines()) == sorted(b"".join(rows).splitlines())
    assert (tmp_path / "trajectories/one.txt").read_text() == "a trajectory"
    assert not (tmp_path / "k2vv-summary.json").exists()
    manifest = orjson.loads((tmp_path / "manifest.json").read_bytes())
    assert {"k2vv-results.jsonl", "trajectories/one.txt"} <= manifest["files"].keys()


def test_a_shard_is_audited_like_a_run(shards: Path) -> None:
    """Its evidence stands on its own."""
    assert [kvv("audit", folder).status for folder in folders(shards)] == [0] * OF


def test_a_missing_shard_is_named(shards: Path, tmp_path: Path) -> None:
    """The merge is inconclusive, or failed where nothing could change that; it can be audited all the same."""
    ran = kvv("merge", *folders(shards)[1:], "--out", tmp_path)
    assert ran.status == 1
    assert "shard 4 of 4 is missing; go on with what is missing, then merge again" in ran.out
    assert report(tmp_path)["state"] == "stopped"
    assert kvv("audit", tmp_path).status == 0
    assert kvv("merge", shards, "--out", tmp_path).status == 1, "more shards take the place of fewer"
    assert report(tmp_path)["state"] == "complete"


def test_another_folder_is_never_overwritten(shards: Path, tmp_path: Path) -> None:
    """A merge of fewer shards does not replace one of more; --fresh moves it aside."""
    assert kvv("merge", shards, "--out", tmp_path / "out").status == 1
    before = report(tmp_path / "out")
    ran = kvv("merge", *folders(shards)[1:], "--out", tmp_path / "out")
    assert ran.status == 2
    assert "a merge of other shards" in ran.err
    assert report(tmp_path / "out") == before
    assert kvv("merge", *folders(shards)[1:], "--out", tmp_path / "out", "--fresh").status == 1
    assert report(tmp_path / "out.1") == before


def test_a_merged_folder_is_not_gone_on_with(shards: Path, tmp_path: Path) -> None:
    """Its shards are."""
    kvv("merge", shards, "--out", tmp_path)
    ran = kvv("demo", "--out", tmp_path, *FAULTS, "--precheck", "warn")
    assert ran.status == 2
    assert "Holds merged shards; go on in the folders of the shards" in ran.err


def test_what_cannot_be_merged_is_told(shards: Path, tmp_path: Path) -> None:
    """One line each, and nothing is written."""
    (tmp_path / "empty").mkdir()
    demo(tmp_path / "other", "--shard", "2/4", "--benchmarks", "aime2025")
    demo(tmp_path / "single", "--benchmarks", "aime2025")
    one, two = folders(shards)[:2]
    for given, said in (
        ([tmp_path / "empty"], "Holds no journal.jsonl"),
        ([one, two, tmp_path / "other"], "are shards of different plans"),
        ([one, tmp_path / "single"], "is not the journal of a shard"),
        ([tmp_path / "nowhere"], "Holds no journal.jsonl"),
    ):
        ran = kvv("merge", *given, "--out", tmp_path / "out")
        assert (ran.status, ran.out) == (2, "")
        assert said in ran.err
        assert len(ran.err.splitlines()) == 1
        assert not (tmp_path / "out").exists()


def test_a_shard_that_was_begun_again_stands_for_the_one_moved_aside(shards: Path, tmp_path: Path) -> None:
    """`--fresh` leaves the first try beside the second; a folder of another shard with such a name is merged."""
    for number, folder in enumerate(folders(shards)):
        shutil.copytree(folder, tmp_path / "all" / ("kvv-out.7" if number == 3 else f"kvv-out-{number}"))
    shutil.copytree(tmp_path / "all" / "kvv-out-2", tmp_path / "all" / "kvv-out")
    shutil.move(tmp_path / "all" / "kvv-out-2", tmp_path / "all" / "kvv-out.1")
    ran = kvv("merge", tmp_path / "all", "--out", tmp_path / "out")
    assert (ran.status, ran.err) == (1, "")
    assert report(tmp_path / "out")["state"] == "complete"


def test_the_same_folder_named_twice_is_one_shard(shards: Path, tmp_path: Path) -> None:
    """As happens with patterns of a shell."""
    ran = kvv("merge", shards, shards / "artifact-1", "--out", tmp_path)
    assert ran.status == 1
    assert report(tmp_path)["state"] == "complete"


def test_a_killed_shard_goes_on(tmp_path: Path) -> None:
    """The merge of before names it; the merge of after is that of an undisturbed run."""
    dataset = problems(tmp_path / "sums.jsonl", 60)
    with vendor("--dataset", f"aime2025={dataset}", "--fault", "wrong-answers=0.3", "--latency", "0.02") as base_url:

        def command(out: Path, *more: object) -> tuple[object, ...]:
            return (
                "run", "--benchmarks", "aime2025", "--base-url", base_url, "--model", "kimi-k2.6",
                "--dataset", f"aime2025={dataset}", "--epochs", 3, "--max-connections", 4, "--precheck", "off",
                "--out", out, *more,
            )  # fmt: skip

        kvv(*command(tmp_path / "one"))
        for number in (1, 3):
            assert kvv(*command(tmp_path / f"shards/{number}", "--shard", f"{number}/3")).status == 0
        process = fork(*command(tmp_path / "shards/2", "--shard", "2/3"))
        wait_until(lambda: size(tmp_path / "shards/2/journal.jsonl") > 20_000)
        kill(process, tmp_path / "shards/2/journal.jsonl")
        before = kvv("merge", tmp_path / "shards", "--out", tmp_path / "merged")
        assert before.status == 3
        assert "shard 2 of 3 was killed or is still going" in before.out
        assert kvv(*command(tmp_path / "shards/2", "--shard", "2/3")).status == 0
    kvv("merge", tmp_path / "shards", "--out", tmp_path / "merged")
    assert comparable(report(tmp_path / "merged")) == comparable(report(tmp_path / "one"))
    assert report(tmp_path / "merged")["state"] == "complete"
    assert kvv("audit", tmp_path / "merged", "--dataset", f"aime2025={dataset}").status == 0


def test_shards_are_a_run_that_ends_nothing_early(tmp_path: Path) -> None:
    """Where there are a reference and a margin, the merge of shards is one run with `sequential: false`."""
    dataset = problems(tmp_path / "sums.jsonl", 200)
    with vendor(
        "--profile", "kimi-k2.5", "--dataset", f"aime2025={dataset}", "--fault", "wrong-answers=0.9"
    ) as base_url:
        common = (
            "run", "--benchmarks", "aime2025", "--base-url", base_url, "--model", "kimi-k2.5", "--tier", "standard",
            "--dataset", f"aime2025={dataset}", "--allow-dataset-drift", "--epochs", 2, "--max-connections", 4,
            "--precheck", "off",
        )  # fmt: skip
        early, whole = tmp_path / "early", tmp_path / "whole"
        assert kvv(*common, "--out", early).status == 1
        assert kvv(*common, "--sequential", "false", "--out", whole).status == 1
        for number in range(1, OF + 1):
            kvv(*common, "--out", tmp_path / f"shards/{number}", "--shard", f"{number}/{OF}")
    assert kvv("merge", tmp_path / "shards", "--out", tmp_path / "merged").status == 1
    found, wanted = report(tmp_path / "merged"), report(whole)
    assert benchmark(wanted, "aime2025")["reference"] is not None
    assert comparable(found) == comparable(wanted)
    for name in ("verdict", "reason", "state", "plan", "plan_digest"):
        assert found[name] == wanted[name]
    assert benchmark(found, "aime2025")["counts"]["scored"] == 400
    assert benchmark(report(early), "aime2025")["counts"]["scored"] < 400, "else the test shows nothing"


def test_a_failed_gate_needs_no_other_shard(tmp_path: Path) -> None:
    """The first shard fails by its exit status, so that a workflow stops; merged alone, it is the whole run."""
    # without SWE-bench: a whole run without an engine says that before it says that the gate closed
    asked = ("--fault", "accepts-any-parameter", "--benchmarks", "precheck,ocrbench,mmmu_pro,aime2025,toolcall")
    ran, _ = demo(tmp_path / "1", "--shard", "1/3", *asked)
    assert ran.status == 1
    _, whole = demo(tmp_path / "one", *asked)
    assert kvv("merge", tmp_path / "1", "--out", tmp_path / "merged").status == 1
    assert comparable(report(tmp_path / "merged")) == comparable(whole)
    assert report(tmp_path / "merged")["reason"] == whole["reason"]


def test_a_live_reference_is_divided_too(tmp_path: Path) -> None:
    """F1 against answers that a second endpoint gave in the shards is F1 of one run."""
    with vendor("--fault", "triggers-differently=0.2") as base_url, vendor() as reference:
        common = (
            "--benchmarks", "toolcall", "--base-url", base_url, "--model", "kimi-k2.6", "--dataset", "toolcall=bundled",
            "--precheck", "off", "--reference-base-url", reference,
        )  # fmt: skip
        kvv("run", *common, "--out", tmp_path / "one")
        for number in (1, 2, 3):
            kvv("run", *common, "--out", tmp_path / f"shards/{number}", "--shard", f"{number}/3")
    kvv("merge", tmp_path / "shards", "--out", tmp_path / "merged")
    assert comparable(report(tmp_path / "merged")) == comparable(report(tmp_path / "one"))


def test_a_shard_has_no_baseline(tmp_path: Path) -> None:
    """What is compared is the whole run."""
    ran = kvv("demo", "--shard", "1/2", "--baseline", tmp_path, "--out", tmp_path / "out")
    assert ran.status == 2
    assert "compare what kvv merge makes" in ran.err
