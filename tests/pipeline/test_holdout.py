"""Holdout through the whole command, against a vendor that is honest and one that recognises the benchmark."""

from pathlib import Path

import orjson
import pytest
from aiohttp import web

from tests.pipeline.command import benchmark, demo, kvv, report, vendor
from tests.pipeline.servers import completion, served

pytestmark = pytest.mark.pipeline

BENCHMARKS = ("ocrbench", "mmmu_pro", "aime2025", "toolcall")


def test_without_holdout_a_vendor_that_recognises_the_benchmark_passes(tmp_path: Path) -> None:
    """Which is why there is one."""
    ran, _ = demo(tmp_path, "--fault", "recognises-benchmark")
    assert ran.status == 0


def test_the_gap_reveals_it(tmp_path: Path) -> None:
    """In every benchmark; the run neither passes nor fails, and the words claim no more than what was seen."""
    ran, found = demo(tmp_path, "--fault", "recognises-benchmark", "--holdout", "both")
    assert (ran.status, found["verdict"]) == (3, "inconclusive")
    assert {gap["benchmark"]: gap["clear"] for gap in found["gaps"]} == dict.fromkeys(BENCHMARKS, True)
    for gap in found["gaps"]:
        assert gap["gap"] > 0.5
        assert 0 < gap["interval"][0] < gap["gap"] <= gap["interval"][1]
        assert benchmark(found, gap["benchmark"])["verdict"] == "pass"
        assert "behaviour observed" in benchmark(found, f"{gap['benchmark']}-varied")["reason"]
    summary = (tmp_path / "summary.md").read_text()
    assert "### Published and varied items" in summary
    assert "options re-ordered" in summary
    assert kvv("audit", tmp_path).status == 0


def test_an_honest_vendor_has_none(tmp_path: Path) -> None:
    """It answers every variation, passes, and the audit reaches the same gaps."""
    ran, found = demo(tmp_path, "--holdout", "both", "--seed", 4)
    assert (ran.status, found["verdict"]) == (0, "pass")
    assert [gap["gap"] for gap in found["gaps"]] == [0.0] * 4
    assert not any(result["diagnosis"] for result in found["benchmarks"])
    assert kvv("audit", tmp_path).status == 0


def test_varied_items_instead_are_a_benchmark_like_any_other(tmp_path: Path) -> None:
    """All right by an honest vendor, wrong by one that knows only what is published; ids and outputs stay."""
    chosen = ("--holdout", "vary", "--benchmarks", ",".join(BENCHMARKS))
    ran, found = demo(tmp_path / "a", *chosen)
    assert (ran.status, found["gaps"]) == (0, [])
    assert [result["id"] for result in found["benchmarks"]] == ["precheck", *BENCHMARKS]
    ran, found = demo(tmp_path / "b", *chosen, "--fault", "recognises-benchmark")
    assert (ran.status, benchmark(found, "aime2025")["verdict"]) == (1, "fail")


def test_a_vendor_in_another_process_knows_the_variations_of_its_seed(tmp_path: Path) -> None:
    """`kvv simulate --holdout both --seed N` answers what `kvv run` with the same two asks."""
    options = ("--model", "kimi-k2.6", "--benchmarks", "aime2025,toolcall", "--dataset=aime2025=bundled",
               "--dataset=toolcall=bundled", "--holdout", "both", "--seed", 3)  # fmt: skip
    with vendor("--holdout", "both", "--seed", 3) as url:
        ran = kvv("run", "--base-url", url, "--out", tmp_path, *options)
    assert (ran.status, report(tmp_path)["verdict"]) == (0, "pass")
    (planned,) = [
        row["requests"]["expected"]
        for row in orjson.loads(kvv("plan", "--json", *options).out)["benchmarks"]
        if row["id"] == "toolcall-varied"
    ]
    assert planned == benchmark(report(tmp_path), "toolcall-varied")["counts"]["planned"]


@pytest.mark.parametrize("mode", ["off", "both"])
def test_the_user_agent_says_nothing_of_us(tmp_path: Path, mode: str) -> None:
    """With holdout no header of a request names the verifier; without, the user agent does."""
    headers: list[dict[str, str]] = []
    order: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        headers.append({name.lower(): value for name, value in request.headers.items()})
        order.append(orjson.loads(await request.read())["messages"][0]["content"])
        return web.json_response(completion("\\boxed{1}"))

    data = tmp_path / "sums.jsonl"
    rows = [{"id": f"s{n:02}", "problem": f"Problem {n:02}", "answer": "1"} for n in range(40)]
    data.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    with served(answer) as url:
        kvv("run", "--base-url", url, "--model", "kimi-k2.6", "--precheck", "off", "--benchmarks", "aime2025",
            "--dataset", f"aime2025={data}", "--stream", "false", "--max-connections", 1, "--out", tmp_path / "out",
            "--holdout", mode)  # fmt: skip
    text = str(headers).lower()
    assert ("kvv" in text) == (mode == "off")
    asked = [content[content.index("Problem") :][:10] for content in order[1:]]  # after first contact
    assert len(asked) == (40 if mode == "off" else 80)
    assert (asked == sorted(asked)) == (mode == "off")
