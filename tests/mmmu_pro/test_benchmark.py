"""MMMU Pro: records, requests, scores."""

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops

from benchmarks.mmmu_pro.benchmark import PARTS, MmmuPro
from benchmarks.mmmu_pro.options import MmmuProOptions
from benchmarks.mmmu_pro.record import options_of, sample
from kvv_action.benchmark import Options, Rows
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError
from kvv_action.pictures import data_url
from kvv_action.profiles import loader
from kvv_action.schema import Completion, Exchange, Sample, Score
from writers import mmmu_pro as writer

PROFILE = loader.load("kimi-k2.6")
ALL = MmmuProOptions(mmmu_parts=("standard10", "standard4", "vision"))


def rows(location: str = "bundled", options: MmmuProOptions = ALL) -> Rows:
    """Rows as the benchmark gets them."""
    pin = MmmuPro(own=options).pin
    assert pin is not None
    return load("mmmu_pro", "benchmarks.mmmu_pro", pin, location)


SAMPLES = tuple(MmmuPro(own=ALL).samples(rows(), PROFILE))
PNG = (writer.SAMPLES / "images" / "standard10_01_1.png").read_bytes()
OTHER = (writer.SAMPLES / "images" / "standard10_02_1.png").read_bytes()


async def scored(chosen: Sample, content: str) -> Score:
    """The score of an answer."""
    return await MmmuPro(own=ALL).score(chosen, [Exchange(call=0, completion=Completion(content=content))])


def record(**fields: Any) -> Sample:
    """A sample made of one row."""
    row = {
        "id": "r",
        "question": "Which is <image 1>?",
        "options": "['x', 'y']",
        "answer": "B",
        "image_1": PNG,
        **fields,
    }
    return sample(row, 3, "mmmu_pro")


def content(chosen: Sample, **options: Any) -> list[str]:
    """The message that goes out: texts, and pictures as `P` and their place in the record."""
    pictures = {data_url(picture): f"P{number}" for number, picture in chosen.input["pictures"].items()}
    parts = MmmuPro(own=MmmuProOptions(**options)).opening(chosen)[0]["content"]
    return [part["text"] if part["type"] == "text" else pictures[part["image_url"]["url"]] for part in parts]


def test_bundled_samples_cover_everything() -> None:
    """At least twenty by default, of every part, one with seven pictures, options that are pictures."""
    asked = list(MmmuPro(Options()).samples(rows(), PROFILE))
    assert len(asked) >= 20
    assert {chosen.input["part"] for chosen in SAMPLES} == {part.name for part in PARTS}
    assert {chosen.input["part"] for chosen in asked} == {"standard10", "vision"}
    assert max(len(chosen.input["pictures"]) for chosen in SAMPLES) == 7
    assert any("<image 2>" in chosen.input["options"] for chosen in SAMPLES)


@pytest.mark.parametrize("chosen", SAMPLES, ids=lambda chosen: chosen.id)
async def test_every_exemplar_is_right(chosen: Sample) -> None:
    """What the embedded vendor answers scores as correct."""
    answer = MmmuPro(own=ALL).exemplar(chosen, ())
    assert (await scored(chosen, answer.content)).value == 1.0


def test_pictures_first() -> None:
    """As upstream: all pictures in their order, then the text with its marks."""
    chosen = record(image_2=OTHER, question="Is <image 2> like <image 1>?")
    first, second, text = content(chosen)
    assert (first, second) == ("P1", "P2")
    assert text.startswith("Is <image 2> like <image 1>?\nA. x\nB. y\n\nAnswer the following")


def test_pictures_interleaved() -> None:
    """Each stands where it is first mentioned, also in an option; one that is never mentioned comes first."""
    chosen = record(
        image_2=OTHER, image_4=PNG + b"", options="['<image 1>', 'like <image 2>, not <image 2>']", question="?"
    )
    parts = content(record(image_2=OTHER, options="['<image 2>', 'y']"), image_placement="interleaved")
    assert parts[0] == "Which is "
    assert parts[1] == "P1"
    assert parts[2] == "?\nA. "
    assert parts[3] == "P2"
    assert parts[4].startswith("\nB. y")
    texts = content(chosen, image_placement="interleaved")
    assert "".join(texts).count("<image 2>") == 1


def test_vision_shows_the_question_in_its_picture() -> None:
    """The text is the official prompt alone."""
    chosen = record(image=OTHER, image_1=None, part="vision")
    picture, text = content(chosen, mmmu_prompt="direct")
    assert picture == "P1"
    assert text.startswith("Answer with the option letter from the given choices directly. The last line")


def test_direct_prompt() -> None:
    """Upstream's short instruction follows the options."""
    assert content(record(), mmmu_prompt="direct")[-1].endswith(
        "B. y\nAnswer with the option letter from the given choices directly."
    )


@pytest.mark.parametrize(
    ("value", "options"),
    [
        ("['a', \"b's\"]", ("a", "b's")),
        ("[['A', 'B', 'Not enough information']]", ("['A', 'B', 'Not enough information']",)),
        (["a", 3], ("a", "3")),
        (str([str(number) for number in range(12)]), tuple(str(number) for number in range(12))),
    ],
)
def test_options(value: object, options: tuple[str, ...]) -> None:
    """A list, or one written as text; a nested list is one option, as upstream reads it."""
    assert options_of(value, "x") == options


@pytest.mark.parametrize(
    "value",
    ["", "[]", "a, b", "['a'", "__import__('os').system('id')", "[" * 5000, "9" * 200_000, str(list("abcdefghijklm")),
     None, 7, "{'a': 1}"],
)  # fmt: skip
def test_wrong_options(value: object) -> None:
    """Nothing is executed, nothing crashes; the record is named."""
    with pytest.raises(DatasetError, match="mmmu_pro: record 3: options must be a list"):
        options_of(value, "mmmu_pro: record 3")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"answer": ""}, "is no option letter"),
        ({"answer": "AB"}, "is no option letter"),
        ({"image_1": None}, "no picture 1"),
        ({"question": "<image 3>"}, "no picture 3"),
        ({"part": "vision"}, "no picture 1"),
    ],
)
def test_wrong_records(fields: dict[str, Any], message: str) -> None:
    """Dataset and record are named."""
    with pytest.raises(DatasetError, match=rf"mmmu_pro: record 3 \(\w+/r\): .*{message}"):
        record(**fields)


def test_a_dataset_without_the_wanted_part(tmp_path: Path) -> None:
    """It says what is missing instead of passing with nothing asked."""
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "rows.jsonl").write_text(json.dumps({"image": "a.png", "options": "['x']", "answer": "A"}) + "\n")
    options = MmmuProOptions(mmmu_parts=("standard4",))
    with pytest.raises(DatasetError, match=r"rows.jsonl holds nothing of standard4"):
        list(MmmuPro(own=options).samples(rows(str(tmp_path / "rows.jsonl"), options), PROFILE))


async def test_scores() -> None:
    """Right, wrong, and unparsed, which is never guessed."""
    assert (await scored(record(), "Answer: B")).value == 1.0
    wrong = await scored(record(), "Answer: A")
    assert (wrong.value, wrong.unparsed) == (0.0, False)
    unparsed = await scored(record(), "I cannot tell.")
    assert (unparsed.value, unparsed.unparsed) == (0.0, True)
    assert unparsed.metrics["chance"] == 0.5


def test_category_is_the_subject() -> None:
    """For scores per subject."""
    assert record(subject="Clinical_Medicine").category == "Clinical Medicine"


def test_the_script_draws_what_is_bundled(tmp_path: Path) -> None:
    """Same rows, same pictures but for what another version of the library encodes differently."""
    writer.write(tmp_path)
    assert (tmp_path / "samples.jsonl").read_bytes() == (writer.SAMPLES / "samples.jsonl").read_bytes()
    for new in sorted((tmp_path / "images").iterdir()):
        with Image.open(new) as drawn, Image.open(writer.SAMPLES / "images" / new.name) as kept:
            difference = ImageChops.difference(drawn.convert("L"), kept.convert("L"))
            assert sum(difference.histogram()[64:]) < 0.02 * kept.width * kept.height, new.name
