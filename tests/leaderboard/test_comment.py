"""`kvv leaderboard comment`: one comment, of data that a stranger may have written."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kvv_action.leaderboard.check_report import MARK, dump
from kvv_action.leaderboard.findings import CheckReport, FileFindings, error, warning
from tests.github.fake_github import LEADERBOARD, TOKEN, USER, FakeGitHub, Fault, running
from tests.pipeline.command import Ran, kvv
from tests.report.reports import EVIL

BRANCH = "kvv-acme"
GOOD = CheckReport(files=(FileFindings(path="results/a/b/c.json", findings=(warning("evidence", "none"),)),))


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeGitHub]:
    monkeypatch.setattr("kvv_action.github.api.BETWEEN_WRITES", 0)
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    with running(tmp_path / "github", push=True) as found:
        fork = found.add(f"{USER}/results", found.board)
        fork.run("update-ref", f"refs/heads/{BRANCH}", str(fork.ref("main")))
        fork.commit({"results/a/b/c.json": b"{}"}, BRANCH)
        found.add_pull(fork, BRANCH)
        yield found
        assert found.violations == []


def comment(fake: FakeGitHub, tmp_path: Path, report: CheckReport | bytes = GOOD, sha: str = "") -> Ran:
    file = tmp_path / "check.json"
    file.write_bytes(report if isinstance(report, bytes) else dump(report))
    return kvv(
        "leaderboard", "comment", file, "--leaderboard-repo", LEADERBOARD, "--leaderboard-api-url", fake.url,
        "--head-owner", USER, "--head-branch", BRANCH, "--head-sha", sha or fake.pulls[0]["head"]["sha"],
    )  # fmt: skip


def test_a_comment_is_written_and_kept_up_to_date(fake: FakeGitHub, tmp_path: Path) -> None:
    """Once; then it changes with the check."""
    assert comment(fake, tmp_path).out.startswith("created: ")
    assert comment(fake, tmp_path).out.startswith("none: ")
    bad = CheckReport(files=(FileFindings(path="results/a/b/c.json", findings=(error("form", "wrong"),)),))
    assert comment(fake, tmp_path, bad).out.startswith("updated: ")
    (only,) = fake.comments
    assert only["body"].startswith(MARK)
    assert "not accepted" in only["body"]


def test_others_comments_stay_as_they_are(fake: FakeGitHub, tmp_path: Path) -> None:
    """Somebody may copy the mark."""
    theirs = {"id": 1, "issue": 1, "body": MARK + " mine", "user": {"login": "mallory"}, "html_url": "x"}
    fake.comments.append(theirs)
    assert comment(fake, tmp_path).out.startswith("created: ")
    assert theirs["body"] == MARK + " mine"


def test_ours_is_found_among_many(fake: FakeGitHub, tmp_path: Path) -> None:
    """Lists have pages."""
    comment(fake, tmp_path)
    ours = fake.comments.pop()
    talk = [{"id": n + 1, "issue": 1, "body": "x", "user": {"login": "a"}, "html_url": "x"} for n in range(150)]
    fake.comments += [*talk, {**ours, "id": 151}]
    assert comment(fake, tmp_path).out.startswith("none: ")


def test_a_newer_commit_has_a_check_of_its_own(fake: FakeGitHub, tmp_path: Path) -> None:
    """What was checked is no longer what is proposed."""
    ran = comment(fake, tmp_path, sha="0" * 40)
    assert (ran.status, fake.comments) == (0, [])


def test_a_lost_answer_makes_no_second_comment(
    fake: FakeGitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is looked for first."""
    monkeypatch.setattr("kvv_action.github.api.GitHub._pause", lambda *_: None)
    fake.faults.append(Fault(method="POST", path="/comments$", how="lose"))
    assert comment(fake, tmp_path).out.startswith("created: ")
    assert len(fake.comments) == 1


def test_a_pull_request_that_changes_its_own_check_is_not_believed(fake: FakeGitHub, tmp_path: Path) -> None:
    """Its artifact may say that all is well."""
    fork = fake.repos[f"{USER}/results"]
    fake.pulls[0]["head"]["sha"] = fork.commit({".github/workflows/check.yml": b"own"}, BRANCH)
    comment(fake, tmp_path)
    (only,) = fake.comments
    assert "not accepted" in only["body"]
    assert "cannot be believed" in only["body"]


def test_hostile_findings_are_text(fake: FakeGitHub, tmp_path: Path) -> None:
    """Whoever opened the pull request wrote them."""
    evil = EVIL.replace("\ud800", "")
    comment(fake, tmp_path, CheckReport(files=(FileFindings(path=evil, findings=(error("form", evil),)),)))
    for harm in ("<script", "@octocat", "](http"):
        assert harm not in fake.comments[0]["body"]


@pytest.mark.parametrize("data", [b"{}", b"not json", b"x" * 600_000, b'{"files": [], "files": []}'])
def test_what_is_no_report_is_not_published(fake: FakeGitHub, tmp_path: Path, data: bytes) -> None:
    """Nothing is sent."""
    ran = comment(fake, tmp_path, data)
    assert (ran.status, fake.seen) == (2, [])


def test_a_link_is_not_followed(fake: FakeGitHub, tmp_path: Path) -> None:
    """An artifact may hold one."""
    (tmp_path / "real.json").write_bytes(dump(GOOD))
    (tmp_path / "link.json").symlink_to(tmp_path / "real.json")
    ran = kvv(
        "leaderboard", "comment", tmp_path / "link.json", "--leaderboard-repo", LEADERBOARD, "--head-owner", "a",
        "--head-branch", "b", "--head-sha", "c",
    )  # fmt: skip
    assert (ran.status, fake.seen) == (2, [])
