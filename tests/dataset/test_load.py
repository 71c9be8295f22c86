"""Datasets from local files in every form, and every way in which they can be wrong."""

import errno
import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import datasets
import pytest
from PIL import Image

from benchmarks.ocrbench.benchmark import PIN, OcrBench
from kvv_action.benchmark import DatasetPart, DatasetPin, Options, Rows
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError
from kvv_action.profiles import loader

PACKAGE = "benchmarks.ocrbench"
KIND = "Regular Text Recognition"


def picture(shade: int = 0, name: str = "PNG") -> bytes:
    """A small picture."""
    out = io.BytesIO()
    Image.new("RGB", (40, 30), (shade % 256, 7, 9)).save(out, name)
    return out.getvalue()


def record(number: int, **other: Any) -> dict[str, Any]:
    """A row without its picture."""
    return {"dataset": "x", "question": f"q{number}?", "question_type": KIND, "answer": [f"a{number}"], **other}


def parquet(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows in the hub's own shape: image bytes inside, with the library's features."""
    features = datasets.Features(
        {
            "dataset": datasets.Value("string"),
            "question": datasets.Value("string"),
            "question_type": datasets.Value("string"),
            "answer": datasets.Sequence(datasets.Value("string")),
            "image": datasets.Image(),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.disable_progress_bars()
    datasets.Dataset.from_list(rows, features=features).to_parquet(path)
    return path


def loaded(path: Path, pin: DatasetPin = PIN) -> Rows:
    """Rows of a local path."""
    return load("ocrbench", PACKAGE, pin, str(path))


ROWS = [record(number, image={"bytes": picture(number), "path": None}) for number in range(12)]


@pytest.mark.parametrize("shape", ["file", "folder"])
def test_parquet_keeps_bytes(tmp_path: Path, shape: str) -> None:
    """The hub's shape loads through `datasets`, nothing is decoded or stored again, and it can be read twice."""
    file = parquet(tmp_path / "data" / "test-00000-of-00001.parquet", ROWS)
    rows = loaded(file if shape == "file" else tmp_path)
    for _ in range(2):
        assert [row["image"] for row in rows] == [row["image"]["bytes"] for row in ROWS]
    assert [row["answer"] for row in rows] == [row["answer"] for row in ROWS]
    assert len(list(tmp_path.rglob("*.arrow"))) == 0


def test_every_form_has_the_same_digest(tmp_path: Path) -> None:
    """Parquet, JSON lines, JSON, CSV and a folder of pictures are the same content."""
    (tmp_path / "pictures").mkdir()
    for number, row in enumerate(ROWS):
        (tmp_path / "pictures" / f"{number:02}.png").write_bytes(row["image"]["bytes"])
    named = [record(number, image=f"pictures/{number:02}.png") for number in range(12)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in named))
    (tmp_path / "rows.json").write_text(json.dumps(named))
    metadata = [record(number, file_name=f"{number:02}.png") for number in range(12)]
    (tmp_path / "pictures" / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in metadata))
    places = [
        parquet(tmp_path / "rows.parquet", ROWS), tmp_path / "rows.jsonl",
        tmp_path / "rows.json", tmp_path / "pictures",
    ]  # fmt: skip
    infos = [loaded(place).info for place in places]
    assert len({info.digest for info in infos}) == 1
    assert {info.count for info in infos} == {12}


def test_csv(tmp_path: Path) -> None:
    """In a CSV an answer is a text, and pictures are files beside it."""
    (tmp_path / "a.png").write_bytes(picture())
    (tmp_path / "rows.csv").write_text(f"dataset,question,question_type,answer,image\nx,q?,{KIND},a,a.png\n")
    (sample,) = OcrBench(Options()).samples(loaded(tmp_path / "rows.csv"), loader.load("kimi-k2.6"))
    assert sample.target == ("a",)
    assert sample.input["picture"] == picture()


def test_parts_follow_one_another(tmp_path: Path) -> None:
    """Each configuration is a folder named as the hub or we name it; rows know their part."""
    for name, count in (("standard (10 options)", 2), ("vision", 3)):
        parquet(tmp_path / name / "test-00000-of-00001.parquet", ROWS[:count])
    parts = (
        DatasetPart(name="standard10", config="standard (10 options)", count=2),
        DatasetPart(name="vision", config="vision", count=3),
    )
    rows = loaded(tmp_path, replace(PIN, parts=parts))
    assert [row["part"] for row in rows] == ["standard10"] * 2 + ["vision"] * 3
    with pytest.raises(DatasetError, match="has no folder 'x'"):
        loaded(tmp_path, replace(PIN, parts=(*parts, DatasetPart(name="y", config="x", count=1))))


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    """Dataset, record and column."""
    (tmp_path / "rows.jsonl").write_text(json.dumps({"question": "q", "answer": "a", "image": "x"}) + "\n")
    with pytest.raises(DatasetError, match=r"ocrbench: record 1 of rows.jsonl has no column 'dataset'"):
        loaded(tmp_path / "rows.jsonl")


def test_a_damaged_picture_is_named(tmp_path: Path) -> None:
    """Dataset, record, column and what is wrong; nothing is half-loaded."""
    rows = [*ROWS[:3], record(3, image={"bytes": picture()[:-20], "path": None})]
    with pytest.raises(DatasetError, match=r"ocrbench: record 4 of rows.parquet, column image: damaged image/png"):
        loaded(parquet(tmp_path / "rows.parquet", rows))


@pytest.mark.parametrize("answer", [[], [""], ["right", " "], None, 7])
def test_a_record_without_answer_is_named(tmp_path: Path, answer: object) -> None:
    """An empty answer would be contained in everything."""
    (tmp_path / "a.png").write_bytes(picture())
    row = {**record(1, image="a.png"), "answer": answer}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(DatasetError, match="ocrbench: record 1: there is no answer"):
        list(OcrBench(Options()).samples(loaded(tmp_path / "rows.jsonl"), loader.load("kimi-k2.6")))


@pytest.mark.parametrize("name", ["../secret.png", "/etc/hostname", "link.png"])
def test_no_file_outside_of_the_dataset_is_read(tmp_path: Path, name: str) -> None:
    """A dataset cannot make us send other files of this machine."""
    folder = tmp_path / "set"
    folder.mkdir()
    (tmp_path / "secret.png").write_bytes(picture())
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "rows.jsonl").write_text(json.dumps(record(1, image=name)) + "\n")
    with pytest.raises(DatasetError, match="outside of the dataset's folder"):
        loaded(folder / "rows.jsonl")


def test_a_missing_picture_is_named(tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "rows.jsonl").write_text(json.dumps(record(1, image="gone.png")) + "\n")
    with pytest.raises(DatasetError, match=r"record 1 of rows.jsonl, column image: 'gone.png' cannot be read"):
        loaded(tmp_path / "rows.jsonl")


def test_a_damaged_parquet_file_is_an_error(tmp_path: Path) -> None:
    """The library's exception becomes one sentence."""
    file = parquet(tmp_path / "rows.parquet", ROWS)
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(DatasetError, match=r"rows.parquet: cannot be read"):
        loaded(file)


class FakeHub:
    """Stands for `huggingface_hub.snapshot_download`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, outcome: Path | Exception) -> None:
        self.outcome = outcome
        monkeypatch.setattr("huggingface_hub.snapshot_download", self)

    def __call__(self, *arguments: object, **named: object) -> str:
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return str(self.outcome)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


def hub(pin: DatasetPin, **options: bool) -> Rows:
    """Rows of the hub."""
    return load("ocrbench", PACKAGE, pin, **options)


def test_pinned_by_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal count, commit and digest: the pinned content. Anything else is an error that can be accepted."""
    parquet(tmp_path / COMMIT / "data" / "test-00000-of-00001.parquet", ROWS)
    FakeHub(monkeypatch, tmp_path / COMMIT)
    digest = loaded(tmp_path / COMMIT).info.digest
    pin = replace(PIN, revision=COMMIT, count=12, digest=digest)
    info = hub(pin).info
    assert (info.pinned, info.pinned_by, info.revision) == (True, "digest", COMMIT)
    wrong = replace(pin, digest=hashlib.sha256(b"other").hexdigest())
    with pytest.raises(DatasetError, match=rf"ocrbench: .*@{COMMIT[:12]} has 12 rows.*allow-dataset-drift") as caught:
        hub(wrong)
    assert "datasets--echo840--OCRBench and fetch it again" in str(caught.value), (
        "the pinned commit cannot have changed"
    )
    assert not hub(wrong, allow_drift=True).info.pinned


def test_pinned_without_a_digest_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no digest is known, commit and count are all that is compared, and the record tells."""
    parquet(tmp_path / COMMIT / "data" / "test-00000-of-00001.parquet", ROWS)
    FakeHub(monkeypatch, tmp_path / COMMIT)
    assert hub(replace(PIN, revision=COMMIT, count=12)).info.pinned_by == "revision and count"
    assert hub(replace(PIN, revision="", count=12)).info.pinned_by == "count"
    copy = loaded(tmp_path / COMMIT, replace(PIN, count=12)).info
    assert (copy.pinned, copy.pinned_by) == (False, "nothing known")
    for wrong in (replace(PIN, revision="f" * 40, count=12), replace(PIN, revision=COMMIT, count=13)):
        with pytest.raises(DatasetError, match="expected"):
            hub(wrong)


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "is full, or holds no file so large: make room there, or name a folder on a larger disk",
        ),
        (ConnectionError("Connection refused"), "Give a local copy with dataset"),
    ],
)
def test_a_hub_that_fails(monkeypatch: pytest.MonkeyPatch, error: Exception, advice: str) -> None:
    """A full disk and an unreachable hub each say what to do."""
    FakeHub(monkeypatch, error)
    with pytest.raises(DatasetError, match=advice) as caught:
        hub(PIN)
    assert "echo840/OCRBench: cannot be loaded" in str(caught.value)


def test_a_damaged_copy_in_the_cache_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was cut is removed by hand and fetched again: what lies in the cache is not fetched a second time."""
    parquet(tmp_path / COMMIT / "data" / "test-00000-of-00001.parquet", ROWS)
    file = tmp_path / COMMIT / "data" / "test-00000-of-00001.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    FakeHub(monkeypatch, tmp_path / COMMIT)
    with pytest.raises(
        DatasetError, match=r"cannot be read .* remove .*datasets--echo840--OCRBench and fetch it again"
    ):
        hub(replace(PIN, revision=COMMIT, count=12))
