"""Files of dataset pins: strictly read, and never against what this version knows."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from benchmarks.mmmu_pro.benchmark import pin_for
from benchmarks.ocrbench.benchmark import PIN
from benchmarks.swebench.dataset import PINS
from kvv_action.dataset import pins
from kvv_action.dataset.pins import KnownDataset
from kvv_action.errors import DatasetError

COMMIT, DIGEST = "a" * 40, "b" * 64
OCR = KnownDataset(dataset=PIN.hub_id, split=PIN.split, parts=(), revision=COMMIT, rows=PIN.count, digest=DIGEST)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    """Entries of other datasets stay, the same dataset is replaced."""
    verified = replace(OCR, dataset=PINS["verified"].hub_id, split="test", rows=500)
    path = tmp_path / "pins.json"
    path.write_bytes(pins.with_added(path, [OCR]))
    path.write_bytes(pins.with_added(path, [verified, replace(OCR, revision="c" * 40)]))
    assert set(pins.read(path)) == {verified, replace(OCR, revision="c" * 40)}


def test_a_pin_is_completed() -> None:
    """Only that of the dataset itself."""
    assert pins.pinned_by(PIN, [replace(OCR, download=9)]).download == 9
    found = pins.pinned_by(PIN, [OCR])
    assert (found.revision, found.digest, found.count) == (COMMIT, DIGEST, PIN.count)
    for other in (PINS["verified"], pin_for(("vision",)), replace(PIN, split="train")):
        assert pins.pinned_by(other, [OCR]) is other


@pytest.mark.parametrize(
    ("pin", "word"),
    [
        (replace(PIN, revision="d" * 40), "commit"),
        (replace(PIN, digest="d" * 64), "digest"),
        (replace(PIN, count=999), "rows"),
    ],
)
def test_what_this_version_knows_is_not_replaced(pin, word: str) -> None:
    """A file that contradicts it is refused."""
    with pytest.raises(DatasetError, match=f"another {word} than kvv itself"):
        pins.pinned_by(pin, [OCR])


ENTRY = {"dataset": "a/b", "split": "test", "parts": [], "revision": COMMIT, "rows": 3, "digest": DIGEST}


@pytest.mark.parametrize(
    "document",
    [
        [], {}, {"schema": 2, "datasets": []}, {"schema": 1, "datasets": [], "more": 1}, {"schema": 1, "datasets": "x"},
        *({"schema": 1, "datasets": [entry]} for entry in (
            1, {}, {**ENTRY, "more": 1}, {**ENTRY, "revision": "main"}, {**ENTRY, "digest": "short"},
            {**ENTRY, "download": -1}, {**ENTRY, "download": True}, {**ENTRY, "download": "9"},
            {**ENTRY, "rows": 0}, {**ENTRY, "rows": True}, {**ENTRY, "rows": "3"}, {**ENTRY, "parts": "vision"},
            {**ENTRY, "parts": [1]}, {**ENTRY, "dataset": "../b/c"}, {**ENTRY, "dataset": 3}, {**ENTRY, "split": "a b"},
        )),
    ],
)  # fmt: skip
def test_anything_else_is_refused(tmp_path: Path, document: object) -> None:
    """The message names the file."""
    (tmp_path / "pins.json").write_bytes(orjson.dumps(document))
    with pytest.raises(DatasetError, match=r"pins\.json: "):
        pins.read(tmp_path / "pins.json")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"{", b'{"schema": 1'])
def test_a_file_that_is_no_json(tmp_path: Path, content: bytes) -> None:
    """Nor a folder, nor nothing."""
    (tmp_path / "pins.json").write_bytes(content)
    for path in (tmp_path / "pins.json", tmp_path, tmp_path / "gone.json"):
        with pytest.raises(DatasetError, match=r"cannot be read|no file of dataset pins"):
            pins.read(path)
