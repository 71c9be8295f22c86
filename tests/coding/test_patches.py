"""Predictions in the official format."""

from pathlib import Path

import orjson
import pytest

from benchmarks.coding import patches
from benchmarks.swebench.benchmark import SweBench
from benchmarks.swebench.dataset import PINS
from benchmarks.swebench.options import SweBenchOptions
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError
from kvv_action.profiles import loader
from tests.pipeline.command import kvv
from tests.swebench.fakes import PATCH

ONE = {"instance_id": "a", "model_name_or_path": "m", "model_patch": PATCH}
TWO = {"instance_id": "b", "model_name_or_path": "m", "model_patch": None}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("p.jsonl", orjson.dumps(ONE) + b"\n\n" + orjson.dumps(TWO)),
        ("p.json", orjson.dumps([ONE, TWO])),
        ("p.json", orjson.dumps({"a": ONE, "b": TWO})),
    ],
)
def test_every_official_form_is_read(name: str, data: bytes, tmp_path: Path) -> None:
    """A patch that is null is none."""
    (tmp_path / name).write_bytes(data)
    found, digest = patches.read(tmp_path / name, "swebench")
    assert found == {"a": PATCH, "b": ""}
    assert len(digest) == 64


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "holds no predictions"),
        (b"nonsense", "not JSON in the official form"),
        (b"[1]", "prediction 1 has no instance_id"),
        (b'{"instance_id": "a", "model_patch": 1}', "prediction 1 has no instance_id and model_patch"),
        (orjson.dumps(ONE) + b"\n" + orjson.dumps(ONE), "'a' has two predictions"),
    ],
)
def test_what_is_no_prediction_is_refused(data: bytes, said: str, tmp_path: Path) -> None:
    """With the file and the number."""
    path = tmp_path / "p.jsonl"
    path.write_bytes(data)
    with pytest.raises(DatasetError, match=said):
        patches.read(path, "swebench")
    with pytest.raises(DatasetError, match="No such file"):
        patches.read(tmp_path / "none.jsonl", "swebench")


def test_the_file_is_named_with_its_digest(tmp_path: Path) -> None:
    """Another file is another plan."""
    path = tmp_path / "p.jsonl"
    path.write_bytes(orjson.dumps(ONE))
    benchmark = SweBench(own=SweBenchOptions(swebench_agent=f"patches={path}"))
    rows = load("swebench", "benchmarks.swebench", PINS["verified"], "bundled")
    list(benchmark.samples(rows, loader.load("kimi-k2.6")))
    assert benchmark.notes[0].startswith("patches of p.jsonl (SHA-256 ")
    assert not benchmark.exact


def test_a_run_needs_the_file_and_says_so(tmp_path: Path) -> None:
    """Before anything is asked; an audit does not need it, for patches are in the journal."""
    for file, why in (("nowhere.jsonl", "no such file"), (tmp_path, "it is a folder; name a file")):
        ran = kvv("run", "--profile", "kimi-k2.6", "--benchmarks", "swebench", "--dataset", "swebench=bundled",
                  "--swebench-agent", f"patches={file}", "--out", tmp_path / "out")  # fmt: skip
        assert ran.status == 2
        assert f"swebench-agent: {file}: {why}" in ran.err
