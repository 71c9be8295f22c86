"""The GitHub step, without a container."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from entrypoint import action, compose
from kvv_action.sandbox import reaper
from tests.e2e.runner import Log, read_log, read_outputs
from tests.pipeline.oddservers import refusal, served_by

KEY = "sk-canary-5f1c9e7b3a2d4860"
INPUTS = {
    "BASE-URL": "http://127.0.0.1:9/v1",
    "API-KEY": KEY,
    "MODEL": "kimi-k2.6",
    "DATASET": "aime2025=bundled",
}


@pytest.fixture(autouse=True)
def job(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A job's workspace and files; signal handlers as they were."""
    for name in list(os.environ):
        if name.startswith(("GITHUB_", "INPUT_", "KVV_", "RUNNER_")):
            monkeypatch.delenv(name)
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    monkeypatch.chdir(workspace)
    monkeypatch.setenv("GITHUB_WORKSPACE", str(workspace))
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary"))
    for name, value in INPUTS.items():
        monkeypatch.setenv(f"INPUT_{name}", value)
    return workspace


Step = Callable[[], tuple[int, Log, dict[str, str], str]]


@pytest.fixture
def step(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Step:
    """Run the step: status, log as the runner reads it, outputs, summary."""

    def run() -> tuple[int, Log, dict[str, str], str]:
        status = action.main()
        printed = capsys.readouterr()
        summary = tmp_path / "summary"
        return (
            status,
            read_log(printed.out.encode()),
            read_outputs((tmp_path / "output").read_text()),
            summary.read_text() if summary.exists() else "",
        )

    return run


def instead(monkeypatch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    monkeypatch.setattr(compose, "run_verification", run)


def raising(error: BaseException) -> Callable[..., Any]:
    def run(*_: Any, **__: Any) -> Any:
        raise error

    return run


def test_internal_error_is_explained_without_secrets(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """A defect: its type in an annotation, its traceback in the log, the key nowhere."""
    instead(monkeypatch, raising(RuntimeError(f"::error::{KEY}\n##[group]x")))
    status, log, outputs, summary = step()
    assert status == 2
    (error,) = log.of("error")
    assert "RuntimeError" in error.data
    shown = "\n".join(log.shown)
    assert "Traceback" in shown
    assert KEY not in shown + error.data + summary + str(outputs)
    assert outputs["verdict"] == "inconclusive"


def test_errors_of_the_engine_are_explained(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """A known error has a message and no traceback."""
    from kvv_action.errors import DatasetError

    instead(monkeypatch, raising(DatasetError("aime2025: not the pinned revision")))
    status, log, outputs, summary = step()
    assert status == 2
    assert log.of("error")[0].data == "aime2025: not the pinned revision"
    assert "Traceback" not in "\n".join(log.shown)
    assert outputs["reason"] == "aime2025: not the pinned revision"
    assert "pinned" in summary


def test_empty_key_is_skipped(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Skipped, exit 0, nothing is sent."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    instead(monkeypatch, raising(AssertionError("nothing may be run")))
    status, log, outputs, summary = step()
    assert (status, outputs["verdict"]) == (0, "skipped")
    assert "not a pass" in log.of("notice")[0].data
    assert "skipped" in summary


def test_every_missing_secret_of_a_fork_is_named(monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path) -> None:
    """Those that the inputs need and no others; the name of a header forms no markup."""
    repositories = {"head": {"repo": {"full_name": "fork/it"}}, "base": {"repo": {"full_name": "someone/it"}}}
    (tmp_path / "event.json").write_bytes(orjson.dumps({"pull_request": repositories}))
    given = {
        "INPUT_API-KEY": "", "INPUT_JUDGE-BASE-URL": "http://127.0.0.1:9/v1", "INPUT_JUDGE-MODEL": "judge",
        "INPUT_LEADERBOARD-REPO": "moonshot/board", "INPUT_SECRET-HEADERS": "X-*Team*: \nX-Kept: word-4711",
        "INPUT_EXTRA-HEADERS": "X-Gate-Token:", "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    status, log, outputs, summary = step()
    assert (status, outputs["verdict"]) == (0, "skipped")
    told = (
        "There is no api-key, no judge-api-key, no leaderboard-token, no X-Gate-Token in extra-headers "
        "and no X-*Team* in secret-headers, so nothing was verified; this is not a pass. Pull requests from forks"
    )
    assert log.of("notice")[0].data.startswith(told)
    assert "X-&#42;Team&#42;" in summary


@pytest.mark.parametrize(
    ("missing", "told"),
    [
        ({"SECRET-HEADERS": "X-Team: "}, "X-Team in secret-headers"),
        ({"JUDGE-BASE-URL": "http://127.0.0.1:9/v1", "JUDGE-MODEL": "judge"}, "judge-api-key"),
        ({"LEADERBOARD-REPO": "moonshot/board"}, "leaderboard-token"),
    ],
)
def test_a_fork_without_any_secret_that_is_needed_is_skipped(
    monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path, missing: dict[str, str], told: str
) -> None:
    """Also where the endpoint itself needs no key; elsewhere a missing secret is no reason to skip."""
    repositories = {"head": {"repo": {"full_name": "fork/it"}}, "base": {"repo": {"full_name": "someone/it"}}}
    (tmp_path / "event.json").write_bytes(orjson.dumps({"pull_request": repositories}))
    for name, value in {"API-KEY": "EMPTY", **missing}.items():
        monkeypatch.setenv(f"INPUT_{name}", value)
    instead(monkeypatch, raising(RuntimeError("it was run")))
    assert step()[2]["verdict"] == "inconclusive"
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (0, "skipped")
    assert log.of("notice")[0].data.startswith(f"There is no {told}, so nothing was verified")


def test_a_fork_with_all_that_is_needed_is_verified(
    monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path
) -> None:
    """An endpoint without keys, as a server on the runner, needs no secret; a shard is left to the merge."""
    repositories = {"head": {"repo": {"full_name": "fork/it"}}, "base": {"repo": {"full_name": "someone/it"}}}
    (tmp_path / "event.json").write_bytes(orjson.dumps({"pull_request": repositories}))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(tmp_path / "event.json"))
    monkeypatch.setenv("INPUT_API-KEY", "EMPTY")
    instead(monkeypatch, raising(RuntimeError("it was run")))
    assert step()[2]["verdict"] == "inconclusive"
    monkeypatch.setenv("INPUT_SECRET-HEADERS", "X-Team: ")
    monkeypatch.setenv("INPUT_SHARD", "2/3")
    assert step()[2]["verdict"] == "inconclusive"


def test_wrong_inputs_win_over_an_empty_key(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Also where no key is at hand a mistake in the workflow is shown."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    monkeypatch.setenv("INPUT_TIER", "fulll")
    status, log, _, _ = step()
    assert status == 2
    assert "'full'" in log.of("error")[0].data


@pytest.mark.parametrize(
    ("name", "value"), [("PROFILE", "model.toml"), ("TOKENIZER", "tiktoken.model"), ("DATASET", "aime2025=./data")]
)
def test_a_file_that_no_checkout_brought_is_told_so(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, step: Step, job: Path
) -> None:
    """Where the workspace holds nothing at all; else a file is missing for another reason."""
    monkeypatch.setenv(f"INPUT_{name}", value)
    status, log, outputs, summary = step()
    assert status == 2
    assert all("actions/checkout" in told for told in (log.of("error")[0].data, outputs["reason"], summary))
    (job / "README.md").touch()
    assert "actions/checkout" not in step()[1].of("error")[0].data


def test_wrong_key_is_not_shown(monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path) -> None:
    """A key with a line break in it is refused, masked line by line, and repeated nowhere."""
    monkeypatch.setenv("INPUT_API-KEY", "first-part-of-it\nsecond-part-of-it")
    status, log, outputs, summary = step()
    assert status == 2
    assert {"first-part-of-it", "second-part-of-it"} <= set(log.masks)
    text = "".join(error.data for error in log.of("error")) + str(outputs) + summary
    assert "part-of-it" not in text


def test_misspelt_variables_are_mentioned(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """A variable that is nearly a setting is worth a line in the log."""
    monkeypatch.setenv("KVV_MAX_CONECTIONS", "3")
    monkeypatch.setenv("INPUT_API-KEY", "")
    _, log, _, _ = step()
    assert any("KVV_MAX_CONECTIONS" in line for line in log.shown)


def test_a_misspelt_input_is_mentioned_where_the_right_one_is_missing(
    monkeypatch: pytest.MonkeyPatch, step: Step
) -> None:
    """The log says why what is there in the workflow counts as not given."""
    monkeypatch.delenv("INPUT_BASE-URL")
    monkeypatch.setenv("INPUT_BASE_URL", "http://127.0.0.1:9/v1")
    status, log, _, _ = step()
    assert status == 2
    assert log.of("error")[0].data.startswith("base-url: Required")
    assert "base_url: There is no such input; it was ignored. Did you mean 'base-url'?" in log.shown


@pytest.mark.parametrize("error", [action.Stopped(), KeyboardInterrupt()])
def test_stopped_before_anything_was_asked(monkeypatch: pytest.MonkeyPatch, step: Step, error: BaseException) -> None:
    """130, and no verdict."""
    instead(monkeypatch, raising(error))
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (130, "inconclusive")
    assert log.of("error")


@pytest.mark.pipeline
def test_stopped_while_nobody_listened(monkeypatch: pytest.MonkeyPatch, step: Step, job: Path) -> None:
    """A signal between the run and its reports: the report is made from the journal."""
    from entrypoint.prepare import Demonstration

    real, write = compose.run_verification, compose.write_reports
    monkeypatch.setattr(compose, "write_reports", raising(KeyboardInterrupt()))
    monkeypatch.setattr(compose, "_ask", raising(KeyboardInterrupt()))
    instead(monkeypatch, lambda settings, observer, github: real(settings, observer, demonstration=Demonstration()))
    status, _, outputs, summary = step()
    assert write
    assert status == 130
    assert outputs["verdict"] == "inconclusive"
    assert (job / outputs["report-path"]).is_file()
    assert "nterrupted" in summary


@pytest.mark.pipeline
def test_reports_become_outputs(monkeypatch: pytest.MonkeyPatch, step: Step, job: Path) -> None:
    """A whole run: paths relative to the workspace, scores, provenance of the step."""
    from entrypoint.prepare import Demonstration

    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    monkeypatch.setenv("INPUT_BENCHMARKS", "aime2025")
    real = compose.run_verification
    instead(
        monkeypatch,
        lambda settings, observer, github: real(settings, observer, demonstration=Demonstration(), github=github),
    )
    status, log, outputs, summary = step()
    assert (status, outputs["verdict"], outputs["score-aime2025"]) == (0, "pass", "1.0000")
    assert outputs["journal-path"] == "kvv-out/journal.jsonl"
    assert '"run_id": "42"' in (job / outputs["report-path"]).read_text()
    assert [one.name for one in log.commands] == ["add-mask", "stop-commands", "notice"]
    assert summary.startswith("\n## ✅ pass")


def test_reason_is_safe_in_a_script() -> None:
    """What a shell acts on inside quotes is not in `reason`."""
    from kvv_action.github.context import Context

    outcome = action.StepOutcome(status=1, verdict="fail", reason='`id` $(id) "x" \\ \n::error::')
    values = action.outputs(Context(workspace=Path("/"), github={}), outcome)
    assert not set(values["reason"]) & set('`$"\\\n')


def test_missing_files_of_the_runner(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Outputs that cannot be written are a warning; the status stays."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    monkeypatch.setenv("GITHUB_OUTPUT", "/nowhere/output")
    assert action.main() == 0
    assert "cannot be written" in read_log(capsys.readouterr().out.encode()).of("warning")[0].data


def test_a_full_summary_is_mentioned(monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path) -> None:
    """Earlier steps' text leaves no room: the log says where the summary is."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    (tmp_path / "summary").write_text("x" * 2**20)
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (0, "skipped")
    assert "summary.md" in log.of("warning")[0].data


def test_a_summary_that_cannot_be_written_costs_no_output(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """Nor the other way round: each file has a warning of its own."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", "/nowhere/summary")
    _, log, outputs, _ = step()
    assert outputs["verdict"] == "skipped"
    assert "The step summary cannot be written to /nowhere/summary: No such file" in log.of("warning")[0].data


def test_a_summary_is_written_where_outputs_cannot_be(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first file that fails does not take the second with it."""
    monkeypatch.setenv("INPUT_API-KEY", "")
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path))
    assert action.main() == 0
    assert "skipped" in (tmp_path / "summary").read_text()
    assert "The outputs cannot be written" in read_log(capsys.readouterr().out.encode()).of("warning")[0].data


def test_a_workspace_that_is_not_there(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """The variable and the folder are named; it is no defect."""
    monkeypatch.setenv("GITHUB_WORKSPACE", "/nowhere")
    status, log, _, _ = step()
    assert status == 2
    assert "/nowhere" in log.of("error")[0].data
    assert "set GITHUB_WORKSPACE" in log.of("error")[0].data
    assert "Traceback" not in "\n".join(log.shown)


def test_what_the_system_refuses_is_no_defect(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """A path that no system takes: its name, why, and what to do; no traceback."""
    monkeypatch.setenv("INPUT_OUT", "a" * 300)
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (2, "inconclusive")
    assert "File name too long; check the path" in log.of("error")[0].data
    assert "Traceback" not in "\n".join(log.shown)


def test_shards_that_are_not_there_are_told_by_their_input(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """The name in the workflow, not that of the command line."""
    monkeypatch.setenv("INPUT_COMMAND", "merge")
    status, log, _, _ = step()
    assert status == 2
    assert log.of("error")[0].properties["title"] == "kvv: input shards"


def test_outside_a_job_post_does_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a run there is no label to look for."""
    assert action.post() == 0
    assert "not in a job" in capsys.readouterr().out


@pytest.mark.parametrize("error", [reaper.NoEngine("no socket"), RuntimeError("::error::x")])
def test_post_never_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    """Whatever happens while cleaning up, the job's result stands and nothing is annotated."""
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    monkeypatch.setattr(reaper, "reap", raising(error))
    assert action.post() == 0
    assert read_log(capsys.readouterr().out.encode()).commands == []


def test_post_removes_by_the_label_of_the_job(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Run, attempt, job and runner choose the containers; what stays is named."""
    asked: list[reaper.ContainerSelection] = []

    def reap(which: reaper.ContainerSelection) -> reaper.Reaped:
        asked.append(which)
        return reaper.Reaped(removed=("a", "b"), failed=("c: busy",))

    for name, value in (("RUN_ID", "42"), ("RUN_ATTEMPT", "3"), ("JOB", "verify")):
        monkeypatch.setenv(f"GITHUB_{name}", value)
    monkeypatch.setattr(reaper, "reap", reap)
    assert action.post() == 0
    assert asked == [reaper.ContainerSelection(run="42-3-verify")]
    assert "removed 2 containers; not removed: c: busy" in capsys.readouterr().out


def test_masks_come_before_heavy_imports() -> None:
    """Importing the step loads nothing that could print or be slow: secrets are masked, signals are heard at once."""
    program = "import sys, entrypoint.action; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-IB", "-c", program], capture_output=True, text=True, check=True)
    heavy = {"pydantic", "httpx", "aiohttp", "docker", "datasets", "rich", "structlog"}
    assert not heavy & set(done.stdout.split())


def test_a_mistake_that_the_endpoint_shows_fails_the_step(step: Step, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever fail-on says: an annotation with the endpoint's words, inert, and nothing about the vendor."""
    monkeypatch.setenv("INPUT_FAIL-ON", "never")
    monkeypatch.setenv("INPUT_BENCHMARKS", "aime2025")
    words = f"no such key {KEY}\r\n::error::##[error]<b>x"
    with served_by(lambda _: refusal(401, words)) as server:
        monkeypatch.setenv("INPUT_BASE-URL", f"http://127.0.0.1:{server.port}/v1")
        status, log, outputs, summary = step()
    assert status == 2
    (error,) = log.of("error")
    assert "refuses the API key (HTTP 401: no such key ***" in error.data
    assert (outputs["verdict"], outputs["junit-path"], outputs["report-path"]) == ("inconclusive", "", "")
    assert "Nothing was verified." in summary
    assert "<b>" not in summary
    assert KEY not in summary + error.data + str(log.shown) + str(outputs)


def test_a_file_of_settings_is_told_to_be_ignored(monkeypatch: pytest.MonkeyPatch, step: Step, tmp_path: Path) -> None:
    """And is never named as the place of a mistake."""
    (tmp_path / "c.toml").write_text("model = 'x'\n")
    monkeypatch.setenv("KVV_CONFIG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("INPUT_MODEL", "")
    status, log, _, _ = step()
    assert status == 2
    assert "KVV_CONFIG: The action reads no file of settings; give inputs." in log.shown
    assert log.of("error")[0].data == "model: Required: as input, --model or KVV_MODEL."


def test_a_variable_of_the_job_with_a_wrong_value_is_named(monkeypatch: pytest.MonkeyPatch, step: Step) -> None:
    """The inputs of the step are right: the log, the outputs and the summary say where the mistake is."""
    monkeypatch.setenv("KVV_LIMIT", "0")
    _, log, outputs, summary = step()
    assert log.of("error")[0].data.endswith("It is set in the variable KVV_LIMIT.")
    assert "the variable KVV_LIMIT" in outputs["reason"]
    assert "the variable KVV" in summary
