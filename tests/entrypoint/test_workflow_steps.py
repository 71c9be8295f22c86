"""The steps of the reusable workflow, one after the other: plan, first shard, other shards, merge, submission."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint.shard_plan import shard_plan
from tests.entrypoint.test_action import KEY, Step, job, step  # noqa: F401 - fixtures
from tests.pipeline.command import kvv, problems, vendor

COMMON = {
    "MODEL": "kimi-k2.6",
    "DATASET": "aime2025=bundled\nocrbench=bundled",
    "BENCHMARKS": "aime2025,ocrbench",
    "PROBES": "endpoint,parameters",
}


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with vendor("--profile", "kimi-k2.6") as url:
        yield url


@pytest.fixture
def inputs(monkeypatch: pytest.MonkeyPatch, job: Path, base_url: str) -> Any:  # noqa: F811
    """Set the inputs of the next step; those of the one before are gone."""

    def give(**values: str) -> None:
        for name in [name for name in os.environ if name.startswith("INPUT_")]:
            monkeypatch.delenv(name)
        for name, value in {**COMMON, "BASE-URL": base_url, **values}.items():
            monkeypatch.setenv(f"INPUT_{name.replace('_', '-')}", value)
        for file in ("output", "summary"):
            (job.parent / file).unlink(missing_ok=True)

    return give


def test_a_plan_divides_and_sends_nothing(inputs: Any, step: Step) -> None:  # noqa: F811
    """Without a key and without an endpoint; there is no verdict."""
    inputs(COMMAND="plan", BASE_URL="", SHARD_MINUTES="1", MAX_SHARDS="3")
    status, log, outputs, summary = step()
    assert status == 0
    assert (outputs["gate"], orjson.loads(outputs["shards"]), outputs["of"]) == ("true", [2, 3, 4], "4")
    assert outputs["verdict"] == ""
    assert "Pre-Verification first, then 3 shards" in summary
    assert "Nothing was sent." in "\n".join(log.shown)


def test_a_plan_promises_no_early_end(inputs: Any, step: Step, job: Path) -> None:  # noqa: F811
    """Shards ask everything, whatever `sequential` is."""
    given = {"MODEL": "kimi-k2.5", "BENCHMARKS": "aime2025", "ALLOW_DATASET_DRIFT": "true", "TIER": "standard"}
    inputs(COMMAND="plan", SEQUENTIAL="true", DATASET=f"aime2025={problems(job / 'sums.jsonl', 200)}", **given)
    status, log, _, summary = step()
    shown = "\n".join(log.shown)
    assert (status, "Nothing was sent." in shown) == (0, True), summary
    assert "end early" not in shown


@pytest.mark.parametrize(
    ("expected", "minutes", "gates", "result"),
    [
        (10.0, 60, {True, False}, (2, True, (2,))),
        (3 * 3600.0, 60, {True, False}, (4, True, (2, 3, 4))),
        (3 * 3600.0, 60, {False}, (3, False, (1, 2, 3))),
        (1e9, 1, {True, False}, (17, True, tuple(range(2, 18)))),
        (600.0, 60, {True}, (1, True, ())),
        (0.0, 60, {False}, (1, False, (1,))),
    ],
)
def test_shard_plan(expected: float, minutes: int, gates: set[bool], result: tuple[Any, ...]) -> None:
    """As many shards as the time asks for, at most as many as are allowed, and one for Pre-Verification."""
    found = shard_plan(expected, minutes, 16, gates=gates)
    assert (found.of, found.gate, found.shards) == result


def test_the_whole_workflow(inputs: Any, step: Step, job: Path) -> None:  # noqa: F811
    """Every step's status and outputs are what the next one needs; the submission names the bundle."""
    inputs(COMMAND="plan", SHARD_MINUTES="1", MAX_SHARDS="2")
    of = step()[2]["of"]
    for number in (1, 2, 3):
        inputs(API_KEY=KEY, SHARD=f"{number}/{of}", OUT=f"kvv-shards/kvv-shard-{number}")
        status, _, outputs, summary = step()
        assert (status, outputs["verdict"]) == (0, "inconclusive"), outputs
        assert f"shard {number} of 3 is done" in outputs["reason"]
        assert "inconclusive" in summary
    inputs(COMMAND="merge", OUT="kvv-out", BUNDLE="full")
    status, _, outputs, summary = step()
    assert (status, outputs["verdict"], outputs["score-aime2025"]) == (0, "pass", "1.0000")
    assert outputs["bundle-path"] == "kvv-out/evidence.tar.gz"
    assert "pass" in summary
    assert kvv("audit", job / "kvv-out/evidence.tar.gz").status == 0

    inputs(
        COMMAND="submit", OUT="kvv-out", LEADERBOARD_REPO="example/board", LEADERBOARD_DRY_RUN="true",
        LEADERBOARD_ALLOW_INCOMPLETE="true", LEADERBOARD_ATTESTED="true", LEADERBOARD_VENDOR="acme",
    )  # fmt: skip
    sha256 = outputs["bundle-sha256"]
    status, log, outputs, _ = step()
    assert (status, outputs["leaderboard-operation"], outputs["verdict"]) == (0, "none", "pass")
    assert sha256 in "\n".join(log.shown)
    assert KEY not in "\n".join(log.shown)


def test_a_closed_gate_fails_the_first_step(inputs: Any, step: Step) -> None:  # noqa: F811
    """So that the others do not begin; the merge of the first shard alone is the whole report."""
    with vendor("--profile", "kimi-k2.6", "--fault", "accepts-any-parameter") as broken:
        inputs(API_KEY=KEY, BASE_URL=broken, SHARD="1/3", OUT="kvv-shards/kvv-shard-1")
        status, _, outputs, _ = step()
    assert (status, outputs["verdict"]) == (1, "fail")
    inputs(COMMAND="merge")
    status, _, outputs, _ = step()
    assert (status, outputs["verdict"]) == (1, "fail")


def test_a_merge_without_shards_is_explained(inputs: Any, step: Step) -> None:  # noqa: F811
    """Which folder, and what belongs there."""
    inputs(COMMAND="merge")
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (2, "inconclusive")
    assert "Holds no journal.jsonl" in log.of("error")[0].data


def test_a_submission_needs_a_repository(inputs: Any, step: Step, job: Path) -> None:  # noqa: F811
    """Else it would silently do nothing."""
    kvv("demo", "--benchmarks", "aime2025", "--precheck", "off", "--out", job / "kvv-out")
    inputs(COMMAND="submit")
    status, log, _, _ = step()
    assert status == 2
    assert "leaderboard-repo" in log.of("error")[0].data


def test_evidence_that_cannot_be_packed_fails_the_step(inputs: Any, step: Step, job: Path) -> None:  # noqa: F811
    """The verdict stands; the annotation says why there is no bundle."""
    out = job / "kvv-shards/1"
    kvv("demo", "--benchmarks", "aime2025", "--precheck", "off", "--shard", "1/1", "--out", out)
    (job / "kvv-out").mkdir()
    (job / "kvv-out/k2vv-summary.json").write_text("ghp_" + "a1B2" * 9)
    inputs(COMMAND="merge", BUNDLE="full")
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"], outputs["bundle-path"]) == (2, "pass", "")
    assert "looks like a GitHub token" in log.of("error")[0].data


def test_a_run_is_bundled_on_request(tmp_path: Path) -> None:
    """Also on the command line, in one go."""
    ran = kvv("demo", "--benchmarks", "aime2025", "--precheck", "off", "--bundle", "redacted", "--out", tmp_path)
    assert ran.status == 0
    assert "evidence-redacted.tar.gz, sha256:" in ran.out
    assert (tmp_path / "evidence-redacted.tar.gz").is_file()


def test_the_reason_begins_with_the_cause(inputs: Any, step: Step) -> None:  # noqa: F811
    """As the annotation and the summary do; which answers were wrong comes after it."""
    with vendor("--profile", "kimi-k2.6", "--fault", "caps-output") as broken:
        inputs(API_KEY=KEY, BASE_URL=broken, PRECHECK="off")
        status, log, outputs, summary = step()
    cause = "answers end with finish_reason length long before max_tokens"
    assert (status, outputs["verdict"]) == (1, "fail")
    assert outputs["reason"].startswith(f"{cause}; OCRBench: 36 of 36 answers wrong")
    assert log.of("error")[0].data.startswith(f"kimi-k2.6 at 127.0.0.1: {cause}\n")
    assert summary.split("**")[1].replace("`", "") == cause
