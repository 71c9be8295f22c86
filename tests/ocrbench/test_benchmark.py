"""OCRBench: samples, requests, scores."""

import base64
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from benchmarks.ocrbench.benchmark import FORMULA, GROUPS, PIN, OcrBench
from benchmarks.ocrbench.options import OcrBenchOptions
from kvv_action.benchmark import Options
from kvv_action.dataset.load import load
from kvv_action.pictures import media_type
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Sample, Score
from writers import ocrbench as writer

PROFILE = loader.load("kimi-k2.6")
BUNDLED = load("ocrbench", "benchmarks.ocrbench", PIN, "bundled")
SAMPLES = tuple(OcrBench(Options()).samples(BUNDLED, PROFILE))


async def scored(sample: Sample, content: str, usage: dict[str, int] | None = None) -> Score:
    """The score of an answer."""
    completion = Completion(content=content, usage=usage)
    return await OcrBench(Options()).score(sample, [Exchange(call=0, completion=completion)])


def url(benchmark: OcrBench, sample: Sample) -> str:
    """The picture as it goes out."""
    address: str = benchmark.opening(sample)[0]["content"][0]["image_url"]["url"]
    return address


def test_bundled_pictures_cover_everything() -> None:
    """At least thirty, of all ten types, in several formats, coarse and fine."""
    assert len(SAMPLES) >= 30
    assert {sample.category for sample in SAMPLES} == set(GROUPS)
    formats = Counter(media_type(sample.input["picture"]) for sample in SAMPLES)
    assert all(formats[f"image/{name}"] >= 3 for name in ("png", "jpeg", "webp"))
    assert Counter(sample.detail for sample in SAMPLES)["fine"] >= 3


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
async def test_every_exemplar_is_right(sample: Sample) -> None:
    """What the embedded vendor answers scores as correct; so does every listed answer."""
    benchmark = OcrBench(Options())
    for content in (benchmark.exemplar(sample, ()).content, *sample.target):
        assert (await scored(sample, content)).value == 1.0


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.id)
def test_pictures_go_out_byte_for_byte(sample: Sample) -> None:
    """The bytes of the file, with the media type that they have."""
    head, _, text = url(OcrBench(Options()), sample).partition(",")
    content = base64.b64decode(text)
    assert content == sample.input["picture"]
    assert head == f"data:{media_type(content)};base64"


def test_jpeg_as_upstream_does() -> None:
    """Everything is encoded again, and the version of the benchmark says so."""
    benchmark = OcrBench(own=OcrBenchOptions(image_encoding="jpeg"))
    assert all(url(benchmark, sample).startswith("data:image/jpeg;base64,/9j/") for sample in SAMPLES)
    assert benchmark.version != OcrBench(Options()).version


async def test_numbers_beside_the_score() -> None:
    """Type, group, points of a thousand, format; a formula counts for its own group."""
    sample = next(sample for sample in SAMPLES if sample.category == FORMULA)
    score = await scored(sample, sample.target[0], {"prompt_tokens": 300})
    assert score.metrics["group_hmer"] == score.metrics["picture_tokens_counted"] == 1.0
    assert score.metrics["points_of_1000"] == 1000
    assert score.cause == ""


async def test_uncounted_pictures_are_told() -> None:
    """A prompt of eleven tokens holds no picture; a correct answer stays correct."""
    score = await scored(SAMPLES[0], "LANTERN", {"prompt_tokens": 11})
    assert score.value == 1.0
    assert score.cause == "prompt_tokens is too small to hold the picture"


async def test_silence_is_unparsed() -> None:
    """An empty answer is wrong, and counted apart."""
    score = await scored(SAMPLES[0], " \n")
    assert score.unparsed
    assert score.value == 0.0


def test_the_script_draws_what_is_bundled(tmp_path: Path) -> None:
    """Same rows, same pictures but for what another version of the library encodes differently."""
    writer.write(tmp_path)
    assert (tmp_path / "samples.jsonl").read_bytes() == (writer.SAMPLES / "samples.jsonl").read_bytes()
    for new in sorted((tmp_path / "images").iterdir()):
        with Image.open(new) as drawn, Image.open(writer.SAMPLES / "images" / new.name) as kept:
            difference = ImageChops.difference(drawn.convert("L"), kept.convert("L"))
            assert drawn.size == kept.size
            assert sum(difference.histogram()[64:]) < 0.02 * kept.width * kept.height, new.name


def test_bundled_files_are_small() -> None:
    """All of them together fit into a quarter of a megabyte."""
    assert sum(file.stat().st_size for file in writer.SAMPLES.rglob("*") if file.is_file()) < 256 * 1024
