"""A run against the reference, to compare with sample by sample, on real runs against the embedded vendor."""

from pathlib import Path

import orjson
import pytest

from tests.pipeline.command import Ran, benchmark, demo, kvv
from tests.sharing import made_once

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def sums(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + 0?", "answer": str(n)} for n in range(600)]
    data = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    return made_once(tmp_path_factory, "sums", lambda folder: (folder / "sums.jsonl").write_bytes(data)) / "sums.jsonl"


def run(out: Path, sums: Path, wrong: float, *options: object) -> tuple[Ran, dict[str, object]]:
    ran, report = demo(
        out, "--benchmarks", "aime2025", "--probes", "endpoint.models", "--dataset", f"aime2025={sums}", "--epochs", 1,
        "--fault", f"wrong-answers={wrong}", *options,
    )  # fmt: skip
    return ran, benchmark(report, "aime2025")


@pytest.fixture(scope="module")
def official(sums: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    def make(out: Path) -> None:
        ran, result = run(out, sums, 0.1)
        assert (ran.status, result["orientation"]) == (3, True), "without anything to compare with there is no verdict"

    return made_once(tmp_path_factory, "official-run", make)


@pytest.mark.parametrize(("wrong", "verdict", "status"), [(0.1, "pass", 0), (0.4, "fail", 1)])
def test_scores_without_a_published_reference_get_a_verdict(
    wrong: float, verdict: str, status: int, sums: Path, official: Path, tmp_path: Path
) -> None:
    """As good as the reference is a pass, clearly worse a fail; the report says what it was compared with."""
    ran, result = run(tmp_path, sums, wrong, "--reference", official)
    assert (ran.status, result["verdict"]) == (status, verdict)
    assert "against the reference on the same samples" in str(result["reason"])
    assert "run of kimi-k2.6 at embedded vendor, journal " in str(result["reference_source"])
    assert result["margin"] == 0.05
    assert kvv("audit", tmp_path, "--dataset", f"aime2025={sums}").status == 0


def test_what_cannot_be_compared_with_is_refused(sums: Path, official: Path, tmp_path: Path) -> None:
    """Other samples, another profile, another way of asking: before anything is sent."""
    other = tmp_path / "other.jsonl"
    other.write_bytes(sums.read_bytes()[: len(sums.read_bytes()) // 2].rsplit(b"\n", 1)[0] + b"\n")
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "report.json").write_bytes((official / "report.json").read_bytes())
    common = ("--benchmarks", "aime2025", "--out", tmp_path / "out")
    mine = ("--dataset", f"aime2025={sums}")
    for reference, options, words in (
        (official, ("--dataset", f"aime2025={other}"), "its samples "),
        (official, (*mine, "--profile", "kimi-k3"), "It is a run by profile kimi-k2.6"),
        (official, (*mine, "--holdout", "vary"), "The reference answered the published items"),
        (tmp_path / "mistyped", mine, "There is no report.json in it"),
        (bare, mine, "It has no journal beside its report"),
    ):
        ran = kvv("demo", *common, "--reference", reference, *options)
        assert (ran.status, words in ran.err) == (2, True), ran.err
        assert not (tmp_path / "out" / "journal.jsonl").exists()
    ran = kvv("plan", "--model", "kimi-k2.6", "--benchmarks", "aime2025", "--reference", official, *mine)
    assert (ran.status, "is a demonstration with the embedded vendor" in ran.err) == (2, True), ran.err
