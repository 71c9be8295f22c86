"""The bundled instances on a real engine: gold resolves, nothing does not, the embedded vendor resolves."""

import os
import re
import signal
import threading
from pathlib import Path

import orjson
import pytest

from tests.pipeline.command import benchmark, finish, kvv, report, start, wait_until
from tests.swebench.demo import containers, demo, lines, observed, outcomes, scored

pytestmark = [pytest.mark.docker, pytest.mark.pipeline, pytest.mark.timeout(300), pytest.mark.usefixtures("engine")]
NAMES = {"kvv__ledger-1", "kvv__agenda-2", "kvv__pages-3"}


def test_the_embedded_vendor_resolves_everything(solved: Path) -> None:
    """Through real tool calls, in several steps each."""
    result = benchmark(report(solved), "swebench")
    assert (result["verdict"], result["score"]) == ("pass", 1.0)
    assert outcomes(result) == {"resolved": 3}
    assert result["metrics"]["steps_per_instance"] == pytest.approx(22 / 3)
    assert result["metrics"]["resolved_of_planned"] == 1.0
    assert {"prompt_tokens_per_instance", "seconds_per_instance"} <= result["metrics"].keys()


def test_the_plan_says_how_often_is_asked(solved: Path, tmp_path: Path) -> None:
    """Exactly, for a vendor that is right."""
    ran = kvv("plan", "--profile", "kimi-k2.6", "--benchmarks", "swebench", "--precheck", "off", "--dataset",
              "swebench=bundled", "--swebench-limits", "steps=12", "--json")  # fmt: skip
    assert ran.status == 0
    assert f'"expected": {report(solved)["usage"]["requests"]}' in ran.out


def test_the_controls_were_held_once(solved: Path) -> None:
    """Gold and empty, on the first instance."""
    held = observed(solved, "control")
    assert [seen.data["control"] for seen in held] == ["gold", "empty"]


def test_the_image_is_part_of_the_evidence(solved: Path) -> None:
    """By its content, with the library's version in that of the benchmark."""
    assert all(seen.data["id"].startswith("sha256:") for seen in observed(solved, "place"))
    assert benchmark(report(solved), "swebench")["version"] == "1 (swebench 5.0.2)"


def test_an_audit_grades_again_without_engine_or_endpoint(solved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the journaled logs."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    ran = kvv("audit", solved)
    assert (ran.status, ran.err) == (0, ""), ran.out


def test_an_audit_notices_another_log(solved: Path, tmp_path: Path) -> None:
    """A log that was changed breaks the chain; what follows from it is not believed."""
    (tmp_path / "out").mkdir()
    text = (solved / "journal.jsonl").read_text()
    (tmp_path / "out" / "journal.jsonl").write_text(text.replace("FAILED tests/test_money", "PASSED tests/test_money"))
    ran = kvv("audit", tmp_path / "out")
    assert ran.status != 0


def test_a_trajectory_can_be_read(solved: Path) -> None:
    """A file per instance: the task, thoughts, commands, what they printed, the patch, the tests."""
    files = {path.stem: path.read_text() for path in (solved / "trajectories").iterdir()}
    assert files.keys() == NAMES
    text = files["kvv__ledger-1"]
    parts = (
        "resolved: 2 of 2 FAIL_TO_PASS", "shares() loses cents", "(thinking) First I look", "-> bash git apply",
        "[exit status 0]", "+    each, rest = divmod", "PASSED tests/test_money.py::test_no_cent_is_lost",
    )  # fmt: skip
    assert [part for part in parts if part not in text] == []
    assert text.index("step 1: the model") < text.index("step 7: the model")


def test_predictions_are_in_the_official_format(solved: Path, tmp_path: Path) -> None:
    """And resolve when they are graded as such; the manifest has their digest."""
    path = solved / "swebench-predictions.jsonl"
    assert [line.keys() for line in lines(path)] == [{"instance_id", "model_name_or_path", "model_patch"}] * 3
    assert '"swebench-predictions.jsonl"' in (solved / "manifest.json").read_text()
    assert '"trajectories/kvv__ledger-1.txt"' in (solved / "manifest.json").read_text()
    copy = tmp_path / "predictions.jsonl"
    copy.write_bytes(path.read_bytes())
    ran, result = demo(tmp_path / "out", "--swebench-agent", f"patches={copy}")
    assert (ran.status, outcomes(result)) == (0, {"resolved": 3})
    assert report(tmp_path / "out")["usage"]["requests"] == 0
    copy.unlink()
    assert kvv("audit", tmp_path / "out").status == 0


def test_eight_at_a_time_stay_correct(tmp_path: Path) -> None:
    """On however few processors: every answer is right, and every epoch has its trajectory."""
    journal, most, done = tmp_path / "journal.jsonl", list[int](), threading.Event()

    def look() -> None:
        while not done.wait(0.1):
            if journal.is_file() and b"\n" in journal.read_bytes():
                most.append(len(containers(tmp_path)))

    watch = threading.Thread(target=look)
    watch.start()
    try:
        ran, result = demo(tmp_path, "--epochs", 4, "--containers", 8, "--container-memory", 0.25)
    finally:
        done.set()
        watch.join()
    assert (ran.status, outcomes(result)) == (0, {"resolved": 12})
    assert max(most) == 8
    assert "containers run at a time" not in ran.err
    assert len(list((tmp_path / "trajectories").iterdir())) == 12
    assert len(lines(tmp_path / "swebench-predictions.jsonl")) == 3
    assert containers(tmp_path) == []


def test_fewer_containers_than_were_wanted_are_told(tmp_path: Path) -> None:
    """Whoever asks for more than fit into the engine's memory hears how many there are."""
    ran, result = demo(tmp_path, "--swebench-instances", "kvv__ledger-1", "--containers", 1000)
    assert (ran.status, outcomes(result)) == (0, {"resolved": 1})
    assert re.search(r"only \d+ of 1000 containers run at a time", ran.err)


@pytest.mark.parametrize(("agent", "outcome"), [("gold", "resolved"), ("empty", "empty_patch")])
def test_the_environment_tests_itself(agent: str, outcome: str, tmp_path: Path) -> None:
    """Without an endpoint, a key or a model."""
    out = tmp_path / "out"
    bundled = ("--profile", "kimi-k2.6", "--benchmarks", "swebench", "--dataset", "swebench=bundled")
    ran = kvv("run", *bundled, "--out", out, "--swebench-agent", agent)
    result = benchmark(report(out), "swebench")
    assert (ran.status, result["verdict"]) == (0, "pass"), ran.err
    assert outcomes(result) == {outcome: 3}
    assert kvv("audit", out).status == 0


def test_empty_patches_are_not_graded_as_passing(tmp_path: Path) -> None:
    """A prediction without a patch, and an instance without a prediction, are empty patches."""
    path = tmp_path / "predictions.jsonl"
    path.write_text('{"instance_id": "kvv__ledger-1", "model_name_or_path": "m", "model_patch": ""}\n')
    ran, result = demo(tmp_path / "out", "--swebench-agent", f"patches={path}")
    assert (ran.status, outcomes(result)) == (1, {"empty_patch": 3})
    assert observed(tmp_path / "out", "tests") == []


def test_a_patch_that_does_not_apply_failed(tmp_path: Path) -> None:
    """It is counted apart from one that resolves nothing."""
    path = tmp_path / "predictions.json"
    path.write_text('{"kvv__ledger-1": {"instance_id": "kvv__ledger-1", "model_patch": "nonsense"}}')
    _, result = demo(tmp_path / "out", "--swebench-agent", f"patches={path}", "--swebench-instances", "kvv__ledger-1")
    assert outcomes(result) == {"patch_failed": 1}


def test_a_broken_environment_says_nothing_about_the_vendor(tmp_path: Path) -> None:
    """The gold control fails, so every instance is open, nothing is asked, and the run is inconclusive."""
    row = lines(Path("benchmarks/swebench/samples/samples.jsonl"))[0]
    row["eval_script"] = row["eval_script"].replace("run_tests.py tests", "no_such_file.py tests")
    path = tmp_path / "rows.jsonl"
    path.write_bytes(orjson.dumps(row) + b"\n")
    ran, result = demo(tmp_path / "out", "--dataset", f"swebench={path}")
    assert (ran.status, result["verdict"]) == (3, "inconclusive")
    assert "control: the gold patch of kvv__ledger-1 does not resolve it" in result["reason"]
    assert outcomes(result) == {"infrastructure": 1}
    assert report(tmp_path / "out")["usage"]["requests"] == 0


@pytest.mark.parametrize(("number", "names"), [(signal.SIGINT, NAMES - {"kvv__pages-3"}), (signal.SIGKILL, NAMES)])
def test_resuming_repeats_nothing_that_is_finished(number: signal.Signals, names: set[str], tmp_path: Path) -> None:
    """What has a score keeps it, what was under way starts again in a fresh container, and nothing is left behind."""
    out = tmp_path / "out"
    arguments = ("demo", "--benchmarks", "swebench", "--precheck", "off", "--out", out, "--containers", 1,
                 "--swebench-limits", "steps=12", "--swebench-instances", ",".join(sorted(names)))  # fmt: skip
    process = start(*arguments)
    journal = out / "journal.jsonl"
    wait_until(lambda: journal.is_file() and b'"kind":"score"' in journal.read_bytes(), 90)
    os.kill(process.pid, number)
    finish(process, 60)
    before = scored(out)
    assert 0 < len(before) < len(names)
    ran = finish(start(*arguments), 120)
    assert ran.status == 0, ran.err
    assert [line["session"] for line in lines(journal) if line["kind"] == "session"] == [1, 2]
    assert scored(out)[: len(before)] == before
    assert sorted(scored(out)) == sorted(names)
    assert outcomes(benchmark(report(out), "swebench")) == {"resolved": len(names)}
    assert kvv("audit", out).status == 0
    assert containers(out) == []
