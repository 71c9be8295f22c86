"""`kvv compare` and `baseline` on real runs against the embedded vendor."""

import os
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import orjson
import pytest

from kvv_action.compare.judge import compare
from kvv_action.compare.records import Regression, RunComparison
from kvv_action.compare.side import of_report, read
from tests.e2e.runner import read_outputs
from tests.pipeline.command import Ran, demo, kvv, problems, vendor
from tests.sharing import made_once
from writers.schemas import schema_of
from writers.tables import ROOT

pytestmark = pytest.mark.pipeline

QUICK = ("--benchmarks", "aime2025,ocrbench", "--probes", "endpoint,parameters")


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "good-run", lambda out: demo(out, *QUICK))


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "bad-run", lambda out: demo(out, *QUICK, "--fault", "wrong-answers=0.3"))


def compared(base: Path, new: Path, out: Path, *options: str) -> tuple[Ran, dict[str, object]]:
    ran = kvv("compare", base, new, "--out", out, *options)
    path = out / "compare.json"
    return ran, orjson.loads(path.read_bytes()) if path.is_file() else {}


def test_a_run_is_unchanged_against_itself(good: Path, tmp_path: Path) -> None:
    """Exit 0 and a plain no."""
    ran, found = compared(good, good, tmp_path)
    assert (ran.status, found["regression"]) == (0, "none")
    same = "nothing that was right is wrong now (Pre-Verification, OCRBench, AIME 2025)"
    assert ran.out.startswith(f"Did this change break the model? No: {same}")


def test_a_regression_has_its_evidence(good: Path, bad: Path, tmp_path: Path) -> None:
    """Exit 1; each flip with request and both answers out of the journals; valid against the published schema."""
    import jsonschema

    ran, found = compared(good, bad, tmp_path)
    assert ran.status == 1
    assert ran.out.startswith("Did this change break the model? Yes: OCRBench: 14 of 36 answers are no longer right")
    jsonschema.validate(found, schema_of(RunComparison))
    aime = next(part for part in found["parts"] if part["id"] == "aime2025")  # type: ignore[attr-defined]
    for flip in aime["flips"]:
        assert flip["before"]["answer"] != flip["after"]["answer"]
        assert '"messages"' in flip["before"]["request"]
        assert flip["before"]["request"] == flip["after"]["request"]
        assert flip["after"]["answer"] in flip["after"]["response"]
    assert "asked: " in (tmp_path / "compare.md").read_text()


def test_better_is_no_regression(good: Path, bad: Path, tmp_path: Path) -> None:
    """The other way round."""
    ran, found = compared(bad, good, tmp_path)
    assert (ran.status, found["regression"]) == (0, "none")


def test_a_broken_contract_is_a_regression(good: Path, tmp_path: Path) -> None:
    """Whatever the gate kept from being asked."""
    demo(tmp_path / "new", *QUICK, "--fault", "accepts-any-parameter")
    ran, _ = compared(good, tmp_path / "new", tmp_path / "compared")
    assert ran.status == 1
    assert "Yes: Pre-Verification: 12 of 30 probes no longer hold" in ran.out
    (told,) = [line for line in ran.out.splitlines() if "nothing to compare: Pre-Verification failed" in line]
    assert "OCRBench" in told.partition(": ")[0]  # beside the others that the gate kept from being asked


def test_reports_alone_say_the_same(good: Path, bad: Path) -> None:
    """What the journal adds is traffic and evidence, not findings."""
    base, new = read(good), read(bad)
    with_journal, without = compare(base, new), compare(of_report(base.report), of_report(new.report))
    assert [(one.finding, one.reason, one.fell) for one in with_journal.parts] == [
        (one.finding, one.reason, one.fell) for one in without.parts
    ]
    assert with_journal.shifts
    assert not without.shifts


def test_five_points_more_wrong_answers_of_a_thousand(tmp_path: Path) -> None:
    """The same vendor twice is unchanged; at 15 % instead of 10 % wrong answers it is a regression."""
    rows = [{"id": f"sum-{n}", "problem": f"What is {n} + 0?", "answer": str(n)} for n in range(1000)]
    (tmp_path / "sums.jsonl").write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in rows))
    options = ("--benchmarks", "aime2025", "--probes", "endpoint.models", "--dataset",
               f"aime2025={tmp_path / 'sums.jsonl'}")  # fmt: skip
    for name, rate in (("base", 0.1), ("same", 0.1), ("worse", 0.15)):
        demo(tmp_path / name, *options, "--fault", f"wrong-answers={rate}")
    ran, found = compared(tmp_path / "base", tmp_path / "same", tmp_path / "one")
    assert (ran.status, found["regression"]) == (0, "none")
    ran, found = compared(tmp_path / "base", tmp_path / "worse", tmp_path / "two")
    assert (ran.status, found["regression"]) == (1, "regression")
    (aime,) = [part for part in found["parts"] if part["id"] == "aime2025"]  # type: ignore[attr-defined]
    assert aime["interval"][0] <= -0.05 <= aime["interval"][1]


def test_other_models_are_refused(good: Path, tmp_path: Path) -> None:
    """As wrong usage, with the way out."""
    demo(tmp_path / "k3", "--profile", "kimi-k3", "--benchmarks", "aime2025", "--probes", "endpoint.models")
    ran, _ = compared(good, tmp_path / "k3", tmp_path / "compared")
    assert ran.status == 2
    assert "are compared only with --force" in ran.err
    ran, found = compared(good, tmp_path / "k3", tmp_path / "compared", "--force")
    assert found["forced"] is True
    assert ran.status in (0, 1, 3)


@pytest.mark.parametrize("points", ["0", "101", "x"])
def test_a_wrong_tolerance_is_explained(good: Path, tmp_path: Path, points: str) -> None:
    """Before anything is written."""
    ran, found = compared(good, good, tmp_path, "--tolerance", points)
    assert (ran.status, found) == (2, {})
    assert "Use points above 0, up to 100." in ran.err


def test_what_is_no_run_is_explained(good: Path, tmp_path: Path) -> None:
    """A folder without a report, a killed run, a file that is none, several runs, a journal of another state."""
    (tmp_path / "junk.json").write_text("{}")
    (tmp_path / "list.json").write_text("[1]")
    (tmp_path / "bytes.json").write_bytes(b"\xff\xfe")
    (tmp_path / "cut.tar.gz").write_bytes(b"\x1f\x8b\x08")
    for name in ("one", "two"):
        shutil.copytree(good, tmp_path / "several" / name)
    torn = Path(shutil.copytree(good, tmp_path / "torn"))
    (torn / "journal.jsonl").write_bytes((torn / "journal.jsonl").read_bytes().rsplit(b"\n", 2)[0] + b"\n")
    other = Path(shutil.copytree(good, tmp_path / "other"))
    (other / "journal.jsonl").write_text("nonsense\n")
    (killed := tmp_path / "killed").mkdir()
    shutil.copy(good / "journal.jsonl", killed)
    for base, words in (
        ("nothing", "no report.json there"),
        ("killed", "holds a run that was not finished"),
        ("junk.json", "has no schema version"),
        ("list.json", "(it is not a JSON object)"),
        ("bytes.json", "(it is not UTF-8 text)"),
        ("cut.tar.gz", "ends in the middle; it was cut off"),
        ("several", "holds 2 runs"),
        ("torn", "does not end where the report beside it says"),
        ("other", "the digest of the line before does not match"),
    ):
        ran, _ = compared(tmp_path / base, good, tmp_path / "compared")
        assert (ran.status, words in ran.err) == (2, True), ran.err


def test_an_artifact_may_be_nested(good: Path, tmp_path: Path) -> None:
    """Several artifacts are downloaded into folders of their names."""
    shutil.copytree(good, tmp_path / "artifacts" / "kvv-main")
    ran, _ = compared(tmp_path / "artifacts", good, tmp_path / "compared")
    assert ran.status == 0


def test_bundles_are_compared_like_folders(good: Path, bad: Path, tmp_path: Path) -> None:
    """With all texts the same comparison; without them the same answer, and digests where the texts were."""
    _, folders = compared(good, bad, tmp_path / "folders")
    for options, texts in (((), True), (("--redact",), False)):
        bundle = tmp_path / f"{texts}.tar.gz"
        assert kvv("bundle", good, "--out", bundle, *options).status == 0
        ran, found = compared(bundle, bad, tmp_path / "bundles")
        assert (ran.status, found["regression"], found["parts"] == folders["parts"]) == (1, "regression", texts)
    ran, _ = demo(tmp_path / "run", *QUICK, "--baseline", tmp_path / "True.tar.gz")
    assert ran.status == 0
    assert "Did this change break the model? No: " in ran.out


def test_a_baseline_is_compared_after_the_run(good: Path, tmp_path: Path) -> None:
    """The summary's first line answers; the report of the run itself stays what its journal says."""
    ran, report = demo(tmp_path, *QUICK, "--fault", "wrong-answers=0.3", "--baseline", good)
    assert ran.status == 1
    assert "Did this change break the model? Yes: OCRBench" in ran.out
    assert (tmp_path / "summary.md").read_text().startswith("## ❌ Did this change break the model? Yes: OCRBench")
    assert "regression" not in report
    assert kvv("audit", tmp_path).status == 0
    manifest = orjson.loads((tmp_path / "manifest.json").read_bytes())
    assert {"compare.json", "compare.md", "summary.md"} <= manifest["files"].keys()


def test_a_regression_fails_a_run_that_passes(good: Path, tmp_path: Path) -> None:
    """The verdict is about the reference, the baseline about the change: the gate needs both."""
    base = Path(shutil.copytree(good, tmp_path / "base"))
    (base / "journal.jsonl").unlink()
    report = orjson.loads((base / "report.json").read_bytes())
    report["plan"]["benchmarks"][0]["version"] = "0"
    (base / "report.json").write_bytes(orjson.dumps(report))
    ran, _ = demo(tmp_path / "out", *QUICK, "--baseline", base)
    assert ran.status == 3
    assert "Cannot tell: Pre-Verification" in ran.out
    ran, _ = demo(tmp_path / "out", *QUICK, "--baseline", base, "--fail-on", "fail")
    assert ran.status == 0


def test_rendering_keeps_the_comparison(good: Path, tmp_path: Path) -> None:
    """From report.json and compare.json, byte for byte; a run without a baseline leaves none behind."""
    demo(tmp_path, *QUICK, "--baseline", good)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    (tmp_path / "summary.md").unlink()
    assert kvv("render", tmp_path).status == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    demo(tmp_path, *QUICK)
    assert not (tmp_path / "compare.json").exists()
    assert (tmp_path / "summary.md").read_text().startswith("## ✅ pass")


def test_no_baseline_yet_is_a_notice(tmp_path: Path) -> None:
    """The first run of all passes."""
    ran, _ = demo(tmp_path / "out", "--benchmarks", "aime2025", "--probes", "endpoint", "--baseline", tmp_path / "none")
    assert ran.status == 0
    assert "there is no run at" in ran.out


def test_a_broken_baseline_stops_before_anything_is_sent(good: Path, tmp_path: Path) -> None:
    """As do one of another model, and the run's own folder."""
    (tmp_path / "report.json").write_text("{")
    own = tmp_path / "own"
    shutil.copytree(good, own)
    for baseline, out, words in (
        (tmp_path, tmp_path / "out", "cannot be read"),
        (own, own, "the out folder of this run"),
    ):
        ran = kvv("demo", "--out", out, "--baseline", baseline)
        assert (ran.status, words in ran.err) == (2, True), ran.err
    ran = kvv("demo", "--out", tmp_path / "out", "--profile", "kimi-k3", "--baseline", good)
    assert (ran.status, "by profile kimi-k2.6" in ran.err) == (2, True), ran.err
    assert not (tmp_path / "out").exists()


def test_different_noise_is_no_change(tmp_path: Path) -> None:
    """A few pairs of real runs whose wrong answers fall on other samples."""
    options = ("--benchmarks", "aime2025", "--probes", "endpoint.models", "--dataset",
               f"aime2025={problems(tmp_path / 'sums.jsonl', 300)}")  # fmt: skip
    for seed in range(4):
        demo(tmp_path / str(seed), *options, "--seed", seed, "--fault", "wrong-answers=0.1")
    runs = [read(tmp_path / str(seed)) for seed in range(4)]
    found = [compare(base, new) for base, new in pairwise(runs)]
    assert {one.regression for one in found} == {Regression.NONE}
    assert all(one.parts[1].fell and one.parts[1].rose for one in found)


def step(base_url: str, folder: Path, **inputs: str) -> tuple[int, dict[str, str], str, str]:
    """The GitHub step as a process: status, outputs, summary, log."""
    folder.mkdir(exist_ok=True)
    given = {"BASE-URL": base_url, "API-KEY": "sk-canary-77aa", "MODEL": "kimi-k2.6", "BENCHMARKS": "aime2025",
             "PROBES": "endpoint,parameters", "DATASET": "aime2025=bundled", **inputs}  # fmt: skip
    files = {name: str(folder.parent / f"{folder.name}.{name}") for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    process = subprocess.run(
        [sys.executable, "-m", "entrypoint.action"], capture_output=True, text=True, check=False, cwd=Path.cwd(),
        env={**os.environ, **files, "GITHUB_WORKSPACE": str(folder), "GITHUB_ACTIONS": "true", "PYTHONPATH": str(ROOT),
             **{f"INPUT_{name}": value for name, value in given.items()}},
    )  # fmt: skip
    outputs = read_outputs(Path(files["GITHUB_OUTPUT"]).read_text())
    return process.returncode, outputs, Path(files["GITHUB_STEP_SUMMARY"]).read_text(), process.stdout


def test_the_step_gates_on_the_change(tmp_path: Path) -> None:
    """No baseline yet, then an equal run, then one that passes less: output, summary, annotation, status."""
    folder = tmp_path / "workspace"
    with vendor() as base_url:
        status, outputs, summary, log = step(base_url, folder, BASELINE="main", OUT="first")
        assert (status, outputs["regression"], outputs["compare-path"]) == (0, "unknown", "")
        assert summary.strip().startswith("> ⚠️ Did this change break the model? Not known: there is no run at main yet")
        assert "::notice title=kvv%3A no comparison::" in log
        status, outputs, summary, _ = step(base_url, folder, BASELINE="first", OUT="second")
        assert (status, outputs["regression"], outputs["compare-path"]) == (0, "none", "second/compare.json")
    with vendor("--fault", "wrong-answers=0.5") as base_url:
        status, outputs, summary, log = step(base_url, folder, BASELINE="first", OUT="third")
    assert (status, outputs["regression"]) == (1, "regression")
    assert "## ❌ Did this change break the model? Yes: AIME 2025:" in summary
    assert "::error title=kvv%3A Did this change break the model?::Yes: AIME 2025" in log
