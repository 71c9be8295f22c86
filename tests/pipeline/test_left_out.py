"""What takes longer than a tier is meant to: left out and told, in the plan, the run, its shards and the audit."""

from pathlib import Path

import orjson
import pytest

from tests.pipeline.command import benchmark, demo, kvv, report, vendor

pytestmark = pytest.mark.pipeline

SHORT = ("--dataset=ocrbench=bundled", "--dataset=mmmu_pro=bundled", "--dataset=toolcall=bundled")
LONG = ("aime2025", "swebench")
REASON = (
    "left out of the tier smoke, because a single answer takes longer than the tier is meant to; standard and full ask "
    "it, and so does smoke when benchmarks names it"
)


def test_it_is_skipped_with_the_reason_and_its_dataset_is_not_read(tmp_path: Path) -> None:
    """No network is there to read it from; the others decide, and an audit agrees."""
    with vendor() as url:
        ran = kvv("run", "--base-url", url, "--model", "kimi-k2.6", "--out", tmp_path, *SHORT)
    found = report(tmp_path)
    assert (ran.status, found["verdict"], found["state"]) == (0, "pass", "complete")
    for name in LONG:
        one = benchmark(found, name)
        assert (one["verdict"], one["reason"], one["counts"]["sent"]) == ("skipped", REASON, 0)
        assert one["skips"] == {REASON: one["counts"]["planned"]}
        assert f"{one['title']} skipped ({REASON})" in found["reason"]
    assert kvv("audit", tmp_path).status == 0


def test_shards_merge_without_it(tmp_path: Path) -> None:
    """Nobody asks it, and it is not missed."""
    folders = [tmp_path / f"{number}" for number in (1, 2)]
    with vendor() as url:
        for number, folder in enumerate(folders, 1):
            asked = ("run", "--base-url", url, "--model", "kimi-k2.6", "--shard", f"{number}/2", "--out", folder)
            assert kvv(*asked, *SHORT).status == 0
    assert kvv("merge", *folders, "--out", tmp_path / "merged").status == 0
    assert report(tmp_path / "merged")["state"] == "complete"
    assert kvv("audit", tmp_path / "merged").status == 0


def test_a_closed_gate_does_not_wait_for_shards_that_would_ask_it(tmp_path: Path) -> None:
    """The first shard alone is the whole run then."""
    with vendor("--fault", "wrong-answers") as url:
        asked = ("run", "--base-url", url, "--model", "kimi-k2.6", "--shard", "1/2", "--out", tmp_path / "1")
        assert kvv(*asked, *SHORT).status == 1
    kvv("merge", tmp_path / "1", "--out", tmp_path / "merged")
    assert report(tmp_path / "merged")["state"] == "complete"


def test_a_plan_says_so(tmp_path: Path) -> None:
    """In the row, below the table, and as no part of the sums; named, it is asked."""
    said = orjson.loads(kvv("plan", "--json", "--model", "kimi-k2.6", *SHORT).out)
    assert {row["id"]: row["skip"] for row in said["benchmarks"] if row["skip"]} == dict.fromkeys(LONG, REASON)
    assert said["wall"]["expected"] < 600
    assert f"AIME 2025: {REASON}." in kvv("plan", "--model", "kimi-k2.6", *SHORT).out
    data = tmp_path / "sums.jsonl"
    data.write_bytes(orjson.dumps({"id": "sum", "problem": "What is 1 + 1?", "answer": "2"}) + b"\n")
    named = ("--benchmarks", "aime2025", f"--dataset=aime2025={data}")
    asked = orjson.loads(kvv("plan", "--json", "--model", "kimi-k2.6", *named).out)["benchmarks"][1]
    assert (asked["id"], asked["skip"], asked["requests"]["expected"]) == ("aime2025", "", 1.0)


def test_a_demonstration_asks_it(tmp_path: Path) -> None:
    """Bundled samples are few."""
    _, found = demo(tmp_path, "--benchmarks", "ocrbench,aime2025")
    assert benchmark(found, "aime2025")["verdict"] == "pass"
