"""Which instances are taken, and that what is left out is told."""

from collections.abc import Sequence
from pathlib import Path

import orjson
import pytest

from benchmarks.swebench.benchmark import SweBench
from benchmarks.swebench.dataset import GOLD_FAILS, PINS, DatasetChoice, Instances
from benchmarks.swebench.options import SweBenchOptions
from kvv_action.benchmark import Options, Rows
from kvv_action.dataset.load import load
from kvv_action.errors import DatasetError
from kvv_action.profiles import loader
from tests.swebench.fakes import row
from writers import swebench as writer

PROFILE = loader.load("kimi-k2.6")
NAMES = ("django__django-10097", "django__django-11099", "owner__pkg-1", "psf__requests-1724")


def rows_of(folder: Path, *names: str) -> Rows:
    path = folder / "rows.jsonl"
    path.write_bytes(b"".join(orjson.dumps(row(instance_id=name)) + b"\n" for name in names))
    return load("swebench", "benchmarks.swebench", PINS["verified"], str(path))


def chosen(rows: Rows, wanted: Sequence[str] = (), excluded: Sequence[str] = ("known",)) -> tuple[list[str], list[str]]:
    instances = Instances(rows, DatasetChoice(wanted=wanted, excluded=excluded))
    taken = [instance.id for instance in instances]
    return taken, list(instances.excluded)


def test_instances_whose_gold_fails_are_left_out(tmp_path: Path) -> None:
    """By default, and they are named."""
    taken, excluded = chosen(rows_of(tmp_path, *NAMES))
    assert taken == ["django__django-11099", "owner__pkg-1"]
    assert excluded == ["django__django-10097", "psf__requests-1724"]


@pytest.mark.parametrize(
    ("wanted", "excluded", "taken"),
    [
        (("django__*",), ("known",), ["django__django-11099"]),
        (("django__*",), ("none",), ["django__django-10097", "django__django-11099"]),
        (("django__django-10097",), ("known",), ["django__django-10097"]),
        (("django__django-10097", "owner__*"), ("known", "owner__*"), ["django__django-10097"]),
        ((), ("none",), list(NAMES)),
        ((), ("*django*", "none"), ["owner__pkg-1", "psf__requests-1724"]),
    ],
)
def test_ids_and_patterns(wanted: Sequence[str], excluded: Sequence[str], taken: list[str], tmp_path: Path) -> None:
    """Naming an instance in full takes it although its gold fails."""
    assert chosen(rows_of(tmp_path, *NAMES), wanted, excluded)[0] == taken


def test_an_unknown_instance_is_an_error(tmp_path: Path) -> None:
    """Not a smaller run."""
    with pytest.raises(DatasetError, match="has no instance flask__x; swebench-instances takes ids"):
        chosen(rows_of(tmp_path, *NAMES), ("owner__*", "flask__x"))


def test_the_report_names_what_is_left_out(tmp_path: Path) -> None:
    """As a note of the plan."""
    benchmark = SweBench(Options())
    samples = list(benchmark.samples(rows_of(tmp_path, *NAMES), PROFILE))
    assert [sample.id for sample in samples] == ["django__django-11099", "owner__pkg-1"]
    assert benchmark.notes == ("2 excluded: django__django-10097, psf__requests-1724",)


def test_no_request_holds_the_gold_patch(tmp_path: Path) -> None:
    """Nor the tests."""
    benchmark = SweBench(Options())
    for sample in benchmark.samples(rows_of(tmp_path, "owner__pkg-1"), PROFILE):
        said = str(benchmark.opening(sample))
        assert "It says one." in said
        assert sample.target not in said
        assert "test_mod" not in said


def test_every_named_dataset_has_a_pin() -> None:
    """With the number of its instances."""
    assert {name: pin.count for name, pin in PINS.items()} == {
        "verified": 500, "older": 500, "lite": 300, "multilingual": 300, "full": 2294,
    }  # fmt: skip
    assert len(GOLD_FAILS) == 8


def test_bundled_rows_are_those_of_their_script() -> None:
    """`.ci/samples swebench` writes what is there."""
    assert writer.SAMPLES.read_bytes() == writer.rows()


def test_images_of_older_rows_come_from_a_namespace(tmp_path: Path) -> None:
    """The official one, or that of a copy; a row that names its image keeps it."""
    path = tmp_path / "rows.jsonl"
    older = row(instance_id="psf__requests-1142", repo="psf/requests", version="1.1", image="")
    path.write_bytes(orjson.dumps(older) + b"\n" + orjson.dumps(row()) + b"\n")
    rows = load("swebench", "benchmarks.swebench", PINS["verified"], str(path))
    benchmark = SweBench(own=SweBenchOptions(swebench_namespace="registry.example/mine"))
    assert [sample.input.image for sample in benchmark.samples(rows, PROFILE)] == [
        "registry.example/mine/sweb.eval.x86_64.psf_1776_requests-1142:latest", "registry.example/owner/pkg:1",
    ]  # fmt: skip
