"""The template of a leaderboard's repository: its rules are read, its steps are run as they are written."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from kvv_action.leaderboard.rules import parse
from tests.leaderboard.board import RULES, Board, setting
from tests.leaderboard.test_check import board, submitted  # noqa: F401 - fixtures
from writers.tables import ROOT

pytestmark = pytest.mark.slow  # starts kvv in processes

TEMPLATE = ROOT / ".github/leaderboard-template"
TOOLS = pytest.mark.skipif(not (shutil.which("jq") and shutil.which("curl")), reason="jq or curl is not installed")


def steps(workflow: str) -> dict[str, dict[str, Any]]:
    """A workflow's only job, its steps by name."""
    found = yaml.safe_load((TEMPLATE / ".github/workflows" / workflow).read_text())
    (job,) = found["jobs"].values()
    return {step.get("name", step.get("uses")): step for step in job["steps"]}


def test_its_rules_are_read() -> None:
    """And signers are named."""
    rules = parse((TEMPLATE / "leaderboard.toml").read_bytes())
    assert rules.attestation.signers
    assert rules.vendors["example"].serves("https://eu.api.example.com/v1")
    assert not rules.vendors["example"].serves("https://api.example.com.evil.example/v1")


def test_the_rules_of_the_tests_are_read() -> None:
    """Both forms."""
    assert set(parse(RULES).vendors) == {"acme-ai", "other"}


@pytest.mark.parametrize("workflow", ["check.yml", "comment.yml"])
def test_rights_are_minimal(workflow: str) -> None:
    """None for the workflow; the checking job may read and knows no secret."""
    text = (TEMPLATE / ".github/workflows" / workflow).read_text()
    found = yaml.safe_load(text)
    assert found["permissions"] == {}
    assert "secrets." not in text
    (job,) = found["jobs"].values()
    wanted = {"check.yml": {"contents": "read"}, "comment.yml": {"actions": "read", "pull-requests": "write"}}
    assert job["permissions"] == wanted[workflow]


def test_the_site_is_built_without_and_published_with_rights() -> None:
    """The job that runs kvv may only read; the one that may publish runs nothing but the publishing action."""
    found = yaml.safe_load((TEMPLATE / ".github/workflows/site.yml").read_text())
    assert found["permissions"] == {}
    build, publish = found["jobs"]["build"], found["jobs"]["publish"]
    assert build["permissions"] == {"contents": "read"}
    assert publish["permissions"] == {"pages": "write", "id-token": "write"}
    assert [step["uses"].partition("@")[0] for step in publish["steps"]] == ["actions/deploy-pages"]
    (uploaded,) = [step for step in build["steps"] if "upload-pages-artifact" in step.get("uses", "")]
    assert uploaded["with"]["name"] == build["outputs"]["artifact"], "of the attempt, for it cannot be overwritten"
    assert publish["steps"][0]["with"] == {"artifact_name": "${{ needs.build.outputs.artifact }}"}


@pytest.mark.skipif(not shutil.which("bash"), reason="bash is not installed")
def test_the_site_is_built_as_the_workflow_says(tmp_path: Path) -> None:
    """The step's own command, on an empty leaderboard."""
    (tmp_path / "board").mkdir()
    shutil.copy(TEMPLATE / "leaderboard.toml", tmp_path / "board")
    (tmp_path / "venv").symlink_to(sys.prefix)
    jobs = yaml.safe_load((TEMPLATE / ".github/workflows/site.yml").read_text())["jobs"]
    (step,) = [step for step in jobs["build"]["steps"] if step.get("name") == "Build"]
    extra = {"OWNER": "acme", "GITHUB_REPOSITORY": "acme/board", "PYTHONPATH": str(ROOT)}
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=tmp_path, env={**os.environ, **extra}, check=True)
    assert "https://acme.github.io/board/vendor/" in (tmp_path / "site/feed.xml").read_text()


def test_the_commenting_job_touches_nothing_of_the_pull_request() -> None:
    """It checks out kvv alone, and takes names from the event through the environment."""
    for step in steps("comment.yml").values():
        if "checkout" in step.get("uses", ""):
            assert step["with"]["repository"] == "moonshot/kvv-action"
        assert "${{" not in step.get("run", "")


@pytest.fixture
def workspace(board: Board, tmp_path: Path) -> Path:  # noqa: F811
    """A runner's workspace after the steps that install kvv."""
    place = tmp_path / "workspace"
    place.mkdir()
    board.root.rename(place / "board")
    board.root = place / "board"
    board.git("update-ref", "refs/remotes/origin/main", "refs/heads/main")
    (place / "kvv").symlink_to(ROOT)
    (place / "venv/bin").mkdir(parents=True)
    (place / "venv/bin/python").write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    (place / "venv/bin/python").chmod(0o755)
    return place


def run_step(workspace: Path, name: str) -> "subprocess.CompletedProcess[str]":
    """A step of check.yml, as the runner runs it."""
    environment = {
        **os.environ, "PATH": f"{workspace / 'bin'}:{os.environ['PATH']}",
        "BASE_REF": "main", "GH_TOKEN": "", "PYTHONPATH": str(workspace / "kvv"),
        "GITHUB_STEP_SUMMARY": str(workspace / "summary.md"),
    }  # fmt: skip
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps("check.yml")[name]["run"]]
    return subprocess.run(command, cwd=workspace, env=environment, capture_output=True, text=True, check=False)


CURL = """#!/bin/sh
# Stands in for curl: the evidence is there from the ARRIVES-th time on.
echo "$@" >> calls
for word do case $before in --output) place=$word ;; esac; before=$word; done
echo half > "$place"
[ "$(wc -l < calls)" -ge "$ARRIVES" ] || exit 22
cp "$EVIDENCE" "$place"
"""


@pytest.fixture
def served(workspace: Path, board: Board, run: Path, monkeypatch: pytest.MonkeyPatch) -> Path:  # noqa: F811
    """The record names an address; `curl` and `sleep` are stand-ins that take no time."""
    setting("evidence", "bundle", "url", to="https://evidence.example/run.tar.gz")(board)
    board.commit()
    (workspace / "bin").mkdir()
    for name, text in (("curl", CURL), ("sleep", '#!/bin/sh\necho "$@" >> slept\n')):
        (workspace / "bin" / name).write_text(text)
        (workspace / "bin" / name).chmod(0o755)
    (archive,) = run.glob("*.tar.gz")
    monkeypatch.setenv("EVIDENCE", str(archive))
    return workspace


EVIDENCE = "The evidence that the records name"


@TOOLS
def test_evidence_is_waited_for(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release uploads it while the check is running already."""
    monkeypatch.setenv("ARRIVES", "3")
    done = run_step(served, EVIDENCE)
    assert (done.returncode, "::warning" in done.stdout) == (0, False), done.stderr
    assert len((served / "calls").read_text().splitlines()) == 3
    (file,) = (served / "evidence").iterdir()
    assert file.read_bytes() == Path(os.environ["EVIDENCE"]).read_bytes()


@TOOLS
def test_evidence_that_never_comes_is_told(served: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not for ever is waited for it, nothing of it is left, and the summary says what to do."""
    monkeypatch.setenv("ARRIVES", "1000")
    done = run_step(served, EVIDENCE)
    assert done.returncode == 0, done.stderr
    assert "::warning title=evidence::The evidence of 1 records could not be fetched" in done.stdout
    assert "Run this job again once it is there" in (served / "summary.md").read_text()
    assert list((served / "evidence").iterdir()) == []


@TOOLS
def test_the_steps_accept_a_submission(workspace: Path) -> None:
    """Evidence, check and summary, one after another."""
    for name in ("The evidence that the records name", "Check", "Summary"):
        done = run_step(workspace, name)
        assert done.returncode == 0, done.stdout + done.stderr
    assert (workspace / "check.json").is_file()
    assert "passes every check" in (workspace / "summary.md").read_text()


@TOOLS
def test_the_steps_refuse_a_forged_one(workspace: Path, board: Board) -> None:  # noqa: F811
    """The check fails, and its findings are there nevertheless."""
    setting("vendor", "id", to="unknown")(board)
    board.commit()
    assert run_step(workspace, "The evidence that the records name").returncode == 0
    assert run_step(workspace, "Check").returncode == 1
    assert run_step(workspace, "Summary").returncode == 0
    assert "not accepted" in (workspace / "summary.md").read_text()


def test_python_files_of_the_pull_request_are_not_imported(workspace: Path, board: Board) -> None:  # noqa: F811
    """Wherever they are planted."""
    for place in (workspace, board.root):
        for name in ("entrypoint", "kvv_action", "pydantic"):
            (place / name).mkdir()
            (place / name / "__init__.py").write_text("raise SystemExit('planted')\n")
    (workspace / "evidence").mkdir()
    done = run_step(workspace, "Check")
    assert done.returncode == 0, done.stdout + done.stderr
