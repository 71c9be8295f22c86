"""Runs and plans on a machine that has no datasets and reaches no hub."""

from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from kvv_action.errors import DatasetNotHere
from tests.pipeline.command import kvv, report, vendor

pytestmark = pytest.mark.pipeline


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with vendor() as url:
        yield url


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is cached, and nothing can be reached."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("KVV_DATASET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KVV_API_KEY", "EMPTY")

    def unreached(*_: object, **__: object) -> None:
        raise DatasetNotHere("the archive cannot be reached")

    monkeypatch.setattr("kvv_action.dataset.archive._download", unreached)


def test_a_run_asks_what_needs_no_data_and_does_not_pass(endpoint: str, tmp_path: Path) -> None:
    """The probes are asked; the rest is named with what brings it, once; the evidence can be audited."""
    out = tmp_path / "out"
    ran = kvv("run", "--base-url", endpoint, "--model", "kimi-k2.6", "--out", out)
    assert ran.status == 3, ran
    assert ran.out.count("kvv datasets fetch") == 2, ran.out  # the first line, and what was not asked
    found = report(out)
    scored = {one["id"]: one["counts"]["scored"] for one in found["benchmarks"]}
    assert scored.pop("precheck") > 40
    assert set(scored.values()) == {0}
    assert found["verdict"] == "inconclusive"
    assert kvv("audit", out).status == 0


def test_what_was_named_is_not_left_out(endpoint: str, tmp_path: Path) -> None:
    """Who names a benchmark wants it: the run does not begin without it."""
    ran = kvv(
        "run", "--base-url", endpoint, "--model", "kimi-k2.6", "--benchmarks", "ocrbench", "--out", tmp_path / "o"
    )
    assert ran.status == 2
    assert "OCRBench" in ran.err
    assert "Give a local copy" in ran.err


def test_a_plan_counts_by_the_pins() -> None:
    """Every benchmark has its number of answers, and the plan says that it was not counted from the data."""
    ran = kvv("plan", "--model", "kimi-k2.6", "--tier", "full")
    assert ran.status == 0, ran
    assert "3460" in ran.out
    assert "Datasets that are not here: OCRBench, MMMU Pro, AIME 2025, K2VV ToolCall" in ran.out
    assert "Downloads: OCRBench unknown, MMMU Pro unknown, AIME 2025 about 16 kB, K2VV ToolCall unknown" in ran.out


def test_a_shard_is_its_part_of_what_the_pins_say() -> None:
    """The shards ask as much together as the whole, each of them no longer; also a benchmark of few bundled samples."""
    options = ("plan", "--json", "--model", "kimi-k2.6", "--tier", "full")
    whole = orjson.loads(kvv(*options).out)
    shards = [orjson.loads(kvv(*options, "--shard", f"{number}/3").out) for number in (1, 2, 3)]
    for place, row in enumerate(whole["benchmarks"]):
        parts = [shard["benchmarks"][place] for shard in shards]
        assert sum(part["samples"] for part in parts) == row["samples"], row["id"]
        assert sum(part["requests"]["expected"] for part in parts) == pytest.approx(row["requests"]["expected"])
        if not row["exact"]:
            assert max(part["wall"]["expected"] for part in parts) <= 0.6 * row["wall"]["expected"], row["id"]


def test_a_subset_as_small_as_the_bundled_one_is_not_the_data() -> None:
    """The plan says that the dataset is not here, also when it asks as many samples as are bundled."""
    told = kvv("plan", "--model", "kimi-k2.6", "--benchmarks", "aime2025", "--limit", "8").out
    assert "Datasets that are not here: AIME 2025" in told


@pytest.mark.parametrize("shard", [(), ("--shard", "2/3")])
def test_varied_items_are_as_many_as_the_pins_say(shard: tuple[str, ...]) -> None:
    """Beside the published ones, and those that cannot be put another way left out; they take no longer."""
    options = ("plan", "--json", "--model", "kimi-k2.6", "--tier", "standard", "--holdout", "both")
    rows = {row["id"]: row for row in orjson.loads(kvv(*options, *shard).out)["benchmarks"]}
    found = [(rows[name.removesuffix("-varied")], row) for name, row in rows.items() if name.endswith("-varied")]
    assert len(found) == 4
    for published, varied in found:
        assert 0.9 * published["samples"] <= varied["samples"] <= published["samples"]
        assert varied["requests"]["expected"] == pytest.approx(varied["samples"] * varied["epochs"])
        assert varied["wall"]["expected"] == pytest.approx(published["wall"]["expected"], rel=0.1)
