"""What the runner tells a step."""

import json
from pathlib import Path

import pytest

from entrypoint.prepare import secrets_of
from entrypoint.settings import load
from kvv_action.github import context
from kvv_action.options import option_name
from kvv_action.settings import SECRETS


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable of the machine that runs the tests."""
    import os

    for name in list(os.environ):
        if name.startswith(("GITHUB_", "RUNNER_", "INPUT_", "KVV_")):
            monkeypatch.delenv(name)


def test_outside_github(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """On a laptop there are no files, no run, and the workspace is where one is."""
    monkeypatch.chdir(tmp_path)
    step = context.read()
    assert (step.workspace, step.output, step.step_summary, step.run_label) == (tmp_path, None, None, "")


def test_provenance_holds_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports name run, commit and workflow, and nothing that opens a door."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_RUN_ID", "7")
    monkeypatch.setenv("GITHUB_SHA", "abc")
    monkeypatch.setenv("GITHUB_TOKEN", "ghs_secret")
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "oidc-secret")
    assert dict(context.read().github) == {"run_id": "7", "sha": "abc"}


def test_run_label_tells_attempts_and_runners_apart() -> None:
    """A re-run has the same id, jobs of a matrix have the same name."""
    run = {"GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2", "GITHUB_JOB": "verify"}
    assert context.run_label(run) == "7-2-verify"
    assert context.run_label({**run, "RUNNER_NAME": "r1"}) == "7-2-verify@r1"


@pytest.mark.parametrize(
    ("payload", "fork"),
    [
        ({"pull_request": {"head": {"repo": {"full_name": "a/x"}}, "base": {"repo": {"full_name": "b/x"}}}}, True),
        ({"pull_request": {"head": {"repo": {"full_name": "b/x"}}, "base": {"repo": {"full_name": "b/x"}}}}, False),
        ({"pull_request": {"head": {"repo": None}, "base": {"repo": {"full_name": "b/x"}}}}, False),
        ({"push": {}}, False),
        ([], False),
        ("not json", False),
    ],
)
def test_fork(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, payload: object, fork: bool) -> None:
    """A pull request from another repository is one from a fork; any other payload is none."""
    path = tmp_path / "event.json"
    path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
    assert context.read().fork is fork


def test_inputs_win_over_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the settings; white space counts as not given."""
    monkeypatch.setenv("KVV_API_KEY", "from-the-job")
    monkeypatch.setenv("INPUT_API-KEY", " ")
    assert context.given("api-key") == "from-the-job"
    monkeypatch.setenv("INPUT_API-KEY", "from-the-step")
    assert context.given("api-key") == "from-the-step"


def test_raw_secrets_are_those_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is masked before the settings are read is what reports remove afterwards."""
    for number, name in enumerate(name for name in SECRETS if name != "secret_headers"):
        monkeypatch.setenv(f"INPUT_{option_name(name).upper()}", f"sk-0123456789-{number}")
    monkeypatch.setenv("INPUT_EXTRA-HEADERS", "X-Team: blue\nX-Auth: Bearer gw-987654\nCookie: a=b; c=d")
    monkeypatch.setenv("INPUT_SECRET-HEADERS", "X-Tenant: tenant-4711")
    assert set(context.secrets()) == set(secrets_of(load()))


def test_secrets_of_wrong_inputs_are_masked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """A header that is no header may hold a secret all the same."""
    monkeypatch.setenv("INPUT_EXTRA-HEADERS", "Bad Name Token: very-secret-1\nnothing")
    assert "very-secret-1" in context.secrets()


@pytest.mark.parametrize(
    ("said", "told"), [("0a" * 20, "0a" * 20), ("", ""), ("main", ""), ("0A" * 20, ""), ("0a" * 20 + "\n", "")]
)
def test_the_commit_of_the_image(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the image says of itself, if it is a commit."""
    monkeypatch.setenv("KVV_COMMIT", said)
    assert context.commit() == told


def test_secret_headers_are_masked_whatever_their_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the word behind a scheme."""
    monkeypatch.setenv("INPUT_SECRET-HEADERS", "X-Team: blue-7351\nX-B: Scheme word-9182")
    assert set(context.secrets()) == {"blue-7351", "Scheme word-9182", "word-9182"}
