"""Each fault of an image pipeline, through the whole pipeline: what fails, what does not, and what is diagnosed."""

from pathlib import Path

import pytest

from benchmarks.precheck.causes import PICTURE_UNCOUNTED
from entrypoint.compose import run_verification
from entrypoint.prepare import Demonstration
from entrypoint.settings import load
from kvv_action.schema import BenchmarkResult, FailureKind, Verdict
from kvv_action.scoring.vision import UNCOUNTED
from kvv_action.verdict.sight import BADLY, BLIND, FORMAT, LOST
from tests.patience import SETTINGS
from tests.precheck.harness import Quiet

pytestmark = pytest.mark.pipeline

OCR, MMMU = "ocrbench", "mmmu_pro"


def verified(out: Path, *faults: str, **settings: str) -> dict[str, BenchmarkResult]:
    """A demonstration with faults; of Pre-Verification only what counts pictures, the rest sees them itself."""
    chosen = {"profile": "kimi-k2.6", "out": str(out), "probes": "vision.tokens", **SETTINGS, **settings}
    report = run_verification(load(chosen), Quiet(), demonstration=Demonstration(faults=faults))
    return {result.id: result for result in report.benchmarks if result.id != "swebench"}  # it has no containers here


def causes(result: BenchmarkResult) -> list[str]:
    """What was diagnosed."""
    return [found.cause for found in result.diagnosis]


@pytest.mark.parametrize(
    ("fault", "failing", "cause"),
    [
        ("ignores-images", {OCR, MMMU}, BLIND.sentence),
        ("swaps-images", {MMMU}, LOST.sentence),
        ("drops-second-image", {MMMU}, LOST.sentence),
        ("downscales-images", {OCR, MMMU}, BADLY.sentence),
        ("jpeg-artifacts", {OCR, MMMU}, BADLY.sentence),
    ],
)
def test_fails_exactly_what_it_should(tmp_path: Path, fault: str, failing: set[str], cause: str) -> None:
    """The benchmarks named fail with this diagnosis; Pre-Verification, AIME and the others pass."""
    results = verified(tmp_path, fault)
    assert {name for name, result in results.items() if result.verdict is Verdict.FAIL} == failing
    assert all(result.verdict is Verdict.PASS for name, result in results.items() if name not in failing)
    assert all(causes(results[name])[0] == cause for name in failing)


def test_wrong_media_type(tmp_path: Path) -> None:
    """Only JPEG is seen; the formats that are not are named."""
    results = verified(tmp_path, "wrong-media-type")
    assert causes(results[OCR])[0] == FORMAT.sentence.format(formats="gif, png, webp")
    assert causes(results[MMMU])[0].startswith("does not see pictures in png")
    assert results["aime2025"].verdict is Verdict.PASS
    assert results[OCR].metrics["media_jpeg"] == 1.0


def test_rejects_webp(tmp_path: Path) -> None:
    """A refused picture is no wrong answer: the rest is right, the verdict open, the format named."""
    results = verified(tmp_path, "rejects-webp")
    for name in (OCR, MMMU):
        result = results[name]
        assert result.verdict is Verdict.INCONCLUSIVE
        assert [failure.kind for failure in result.failures] == [FailureKind.REJECTED]
        assert "image/webp" in result.reason
    assert results["aime2025"].verdict is Verdict.PASS


def test_image_token_miscount(tmp_path: Path) -> None:
    """Pre-Verification fails on the count alone; where it only warns, every answer is right and the cause is told."""
    results = verified(tmp_path, "image-token-miscount", precheck="warn")
    assert {name for name, result in results.items() if result.verdict is not Verdict.PASS} == {"precheck"}
    assert results["precheck"].reason.endswith("(vision.tokens)")
    assert causes(results["precheck"]) == [PICTURE_UNCOUNTED.cause]
    for name in (OCR, MMMU):
        assert causes(results[name]) == [UNCOUNTED.sentence]
        assert results[name].metrics["picture_tokens_counted"] < 1


@pytest.mark.parametrize(
    "settings",
    [
        {"image_encoding": "jpeg"},
        {"image_placement": "interleaved"},
        {"mmmu_prompt": "direct", "mmmu_parts": "standard4,vision"},
    ],
)
def test_settings_pass(tmp_path: Path, settings: dict[str, str]) -> None:
    """A correct vendor passes however pictures and prompts are sent."""
    results = verified(tmp_path, benchmarks=f"{OCR},{MMMU}", **settings)
    assert all(result.verdict is Verdict.PASS and not result.diagnosis for result in results.values())


def test_limit_takes_every_type(tmp_path: Path) -> None:
    """A limit of ten chooses among all types, and the report names the samples."""
    results = verified(tmp_path, benchmarks=OCR, limit="10", seed="4")
    assert results[OCR].counts.planned == 10
    assert len(results[OCR].categories) >= 7
