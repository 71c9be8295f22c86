"""Broken delivery from the vendor to the leaderboard: reports lead with it, a comparison and a record tell it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.leaderboard.record import dump, load, path_of
from kvv_action.schema import Verdict
from kvv_action.verdict.known_causes import is_delivery
from tests.leaderboard.test_bundles import check, submission
from tests.pipeline.command import demo, kvv, vendor

CUT = ("--fault", "truncates-stream=0.25")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A demonstration that is right, and one whose vendor cuts a quarter of its streams."""
    clean, cut = (tmp_path_factory.mktemp("delivery") / name for name in ("clean", "cut"))
    asked = ("--benchmarks", "precheck,aime2025,ocrbench,mmmu_pro,toolcall")
    assert demo(clean, *asked)[0].status == 0
    assert demo(cut, *asked, *CUT)[0].status == 1
    return clean, cut


def test_a_vendor_that_cuts_streams_fails_with_the_share(folders: tuple[Path, Path]) -> None:
    """The first lines of the summary: verdict, cause, what to do, how answers arrived."""
    lines = [line for line in (folders[1] / "summary.md").read_text().splitlines() if line]
    report = json.loads((folders[1] / "report.json").read_bytes())
    share = f"{100 * report['delivery']['share']:.1f} %"
    assert lines[0] == "## ❌ fail: kimi-k2.6 at embedded vendor"
    assert lines[1] == f"**{share} of the answers are cut before their end at the first try**"
    assert lines[2].startswith("**Do first**: look for restarts, timeouts and connection limits")
    assert lines[3].startswith(f"Delivery: {report['delivery']['broken']} of {report['delivery']['requests']} requests")
    assert 0.1 < report["delivery"]["share"] < 0.45


def test_it_is_a_regression_against_a_clean_run(folders: tuple[Path, Path], tmp_path: Path) -> None:
    """The exit status as well; the reverse is an improvement, and a run against itself is no change."""
    clean, cut = folders
    ran = kvv("compare", clean, cut, "--out", tmp_path / "worse")
    assert ran.status == 1
    assert "Did this change break the model? Yes: " in ran.out.splitlines()[0]
    assert "of the answers are cut before their end" in ran.out.splitlines()[0]
    better = kvv("compare", cut, clean, "--out", tmp_path / "better")
    assert better.status == 0
    assert "better: no longer: " in better.out
    assert kvv("compare", cut, cut, "--out", tmp_path / "same").status == 0


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real run against a server that cuts a quarter of its streams."""
    out = tmp_path_factory.mktemp("broken") / "out"
    with pytest.MonkeyPatch.context() as patch, vendor(*CUT) as url:
        patch.setenv("KVV_API_KEY", "sk-canary-delivery-0001")
        ran = kvv("run", "--base-url", url, "--model", "kimi-k2.6", "--vendor", "Acme AI", "--benchmarks", "precheck",
                  "--tier", "full", "--retry-base", "0.01", "--out", out)  # fmt: skip
    assert ran.status == 1, ran.out + ran.err
    return out


def test_its_record_is_accepted_and_tells_it(broken: Path, tmp_path: Path) -> None:
    """Recomputed from the bundle."""
    file = submission(broken, tmp_path / "board")
    record = load(file.read_bytes())
    assert record.verdict is Verdict.FAIL
    assert record.delivery is not None
    (found,) = record.findings
    assert record.delivery.verdict is Verdict.FAIL
    assert (found.count, found.of) == (record.delivery.broken, record.delivery.requests)
    assert is_delivery(found.cause_id)
    ran = check(file, "--evidence", broken / "evidence.tar.gz")
    assert ran.status == 0, ran.out


def test_a_record_that_hides_it_is_refused_by_its_evidence(broken: Path, tmp_path: Path) -> None:
    """Without delivery, findings and verdict it is plausible alone, but does not follow from the bundle."""
    file = submission(broken, tmp_path / "board")
    record = load(file.read_bytes())
    file.unlink()
    (benchmark,) = record.benchmarks
    hidden = replace(record, delivery=None, findings=(), verdict=benchmark.verdict)
    place = tmp_path / "board" / path_of(hidden)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(dump(hidden))
    shutil.copy(broken / "evidence.tar.gz", tmp_path)
    ran = check(place, "--evidence", tmp_path / "evidence.tar.gz")
    assert ran.status == 1
    assert "delivery" in ran.out
    assert "findings" in ran.out
    assert "the evidence says" in ran.out
