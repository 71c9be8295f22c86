"""Runs in containers of a real engine, as a baseline and as a reference of another one."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.pipeline.command import kvv, report
from tests.swebench.demo import demo, lines

pytestmark = [pytest.mark.docker, pytest.mark.pipeline, pytest.mark.timeout(300), pytest.mark.usefixtures("engine")]


def compared(out: Path) -> dict[str, Any]:
    """What a comparison says of SWE-bench, with its answer."""
    found = orjson.loads((out / "compare.json").read_bytes())
    (part,) = [part for part in found["parts"] if part["id"] == "swebench"]
    return {**part, "regression": found["regression"]}


def test_a_run_is_unchanged_against_itself(solved: Path, tmp_path: Path) -> None:
    """By what its journal holds of each instance."""
    ran = kvv("compare", solved, solved, "--out", tmp_path)
    assert ran.status == 0, ran.err
    assert (compared(tmp_path)["finding"], compared(tmp_path)["matched"]) == ("same", 3)


def test_a_nightly_gate_sees_what_broke(solved: Path, tmp_path: Path) -> None:
    """Each flip with both outcomes and the last answer."""
    ran, _ = demo(tmp_path, "--fault", "gives-up", "--baseline", solved)
    assert ran.status == 1
    found = compared(tmp_path)
    assert (found["regression"], found["fell"]) == ("regression", 3)
    for flip in found["flips"]:
        assert flip["before"]["explanation"].startswith("resolved")
        assert flip["after"]["explanation"].startswith("empty_patch")
        assert '"content"' in flip["after"]["response"]


def test_a_gate_passes_what_did_not_change(solved: Path, tmp_path: Path) -> None:
    """Also when the baseline is a redacted bundle."""
    bundle = tmp_path / "bare.tar.gz"
    assert kvv("bundle", solved, "--out", bundle, "--redact").status == 0
    ran, _ = demo(tmp_path / "out", "--baseline", bundle)
    assert ran.status == 0, ran.out
    assert compared(tmp_path / "out")["regression"] == "none"


def rows(path: Path) -> str:
    """The bundled instances as a file of one's own, judged by statistics."""
    samples = lines(Path("benchmarks/swebench/samples/samples.jsonl"))
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in samples))
    return f"swebench={path}"


def test_a_run_is_a_reference(tmp_path: Path) -> None:
    """Of instances that are not bundled; its values stand in the plan by instance."""
    data = rows(tmp_path / "rows.jsonl")
    ran, result = demo(tmp_path / "official", "--dataset", data)
    assert result["score"] == 1.0, ran.err
    ran, result = demo(tmp_path / "out", "--dataset", data, "--reference", tmp_path / "official")
    assert "is not valid" not in ran.err
    (planned,) = report(tmp_path / "out")["plan"]["benchmarks"]
    assert (planned["peers"], result["reference"]) == ([1.0, 1.0, 1.0], 1.0)
    assert kvv("audit", tmp_path / "out", "--dataset", data).status == 0


@pytest.mark.parametrize("agent", ["gold", "empty"])
def test_a_self_test_is_no_reference_of_a_model(agent: str, tmp_path: Path) -> None:
    """It says whether the environment is well; refused before anything is sent."""
    asked = ("--dataset", rows(tmp_path / "rows.jsonl"), "--swebench-instances", "kvv__ledger-1")
    demo(tmp_path / "official", *asked, "--swebench-agent", agent)
    ran = kvv("demo", "--benchmarks", "swebench", "--precheck", "off", "--out", tmp_path / "out", *asked,
              "--reference", tmp_path / "official")  # fmt: skip
    assert (ran.status, "its metric self_test_rate is not that of this run, resolved_rate" in ran.err) == (2, True)
