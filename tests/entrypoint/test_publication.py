"""The step's submission, after a run of the embedded vendor's server."""
# ruff: noqa: F811 - fixtures of the step's other tests

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.runner import Log
from tests.entrypoint.test_action import Step, job, step  # noqa: F401
from tests.github.fake_github import LEADERBOARD, TOKEN, FakeGitHub, Fault, running
from tests.pipeline.command import vendor

URL = f"https://github.example/{LEADERBOARD}/pull/1"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with vendor() as url:
        yield url


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeGitHub]:
    with running(tmp_path / "github") as found:
        yield found
        assert found.violations == []


@pytest.fixture(autouse=True)
def inputs(monkeypatch: pytest.MonkeyPatch, job: Path, endpoint: str, fake: FakeGitHub) -> None:
    """A quick run of Pre-Verification, with a leaderboard."""
    monkeypatch.setattr("kvv_action.github.api.BETWEEN_WRITES", 0)
    given = {
        "BASE-URL": endpoint, "BENCHMARKS": "precheck", "DATASET": "", "VENDOR": "Acme",
        "LEADERBOARD-REPO": LEADERBOARD, "LEADERBOARD-TOKEN": TOKEN, "LEADERBOARD-API-URL": fake.url,
        "LEADERBOARD-ALLOW-INCOMPLETE": "true",
    }  # fmt: skip
    for name, value in given.items():
        monkeypatch.setenv(f"INPUT_{name}", value)


def said(log: Log) -> str:
    """Every annotation."""
    return repr([command for level in ("error", "warning", "notice") for command in log.of(level)])


def test_a_run_is_submitted(step: Step, fake: FakeGitHub) -> None:
    """Outputs name the pull request; a second attempt of the job finds it."""
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"]) == (0, "pass")
    assert (outputs["leaderboard-operation"], outputs["leaderboard-pr-url"]) == ("created", URL)
    assert len(fake.pulls) == 1
    assert URL in said(log)
    assert TOKEN in log.masks


def test_a_submission_that_fails_leaves_the_verdict(step: Step, fake: FakeGitHub) -> None:
    """The verdict stands, and the step fails with GitHub's reason: nobody takes it for submitted."""
    fake.faults.append(Fault(method="POST", path="/pulls$", how="refuse", status=403, message="no"))
    status, log, outputs, _ = step()
    assert (status, outputs["verdict"], outputs["leaderboard-operation"]) == (2, "pass", "none")
    assert "could not be submitted" in said(log)


def test_what_is_not_fit_is_a_warning(step: Step, fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """A limited run passes its gate and is not submitted."""
    monkeypatch.setenv("INPUT_PROBES", "tokens")
    monkeypatch.setenv("INPUT_LEADERBOARD-ALLOW-INCOMPLETE", "false")
    status, log, outputs, _ = step()
    assert (status, outputs["leaderboard-operation"], fake.seen) == (0, "none", [])
    assert "leaderboard-allow-incomplete" in said(log)


def test_a_missing_token_is_found_before_the_run(
    step: Step,
    fake: FakeGitHub,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hours of asking are not thrown away."""
    monkeypatch.setenv("INPUT_LEADERBOARD-TOKEN", "")
    status, log, outputs, _ = step()
    assert (status, outputs["report-path"], fake.seen) == (2, "", [])
    assert "leaderboard-token" in said(log)


def test_a_dry_run_sends_nothing(step: Step, fake: FakeGitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """The log has the requests."""
    monkeypatch.setenv("INPUT_LEADERBOARD-DRY-RUN", "true")
    status, log, outputs, _ = step()
    assert (status, outputs["leaderboard-operation"], fake.seen) == (0, "none", [])
    assert "dry run" in said(log)
