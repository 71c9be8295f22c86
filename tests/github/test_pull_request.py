"""A submission: whatever happens on the way, exactly one pull request with exactly one file."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.errors import UsageError
from kvv_action.github.api import GitHub, Pace
from kvv_action.github.proposal import Operation, Proposal, Proposed
from kvv_action.github.pull_request import propose
from kvv_action.github.refusals import GitHubError
from tests import tools
from tests.github import openapi
from tests.github.fake_github import LEADERBOARD, TOKEN, USER, FakeGitHub, Fault, Repo, running

pytestmark = pytest.mark.slow  # works in real git repositories

PROPOSAL = Proposal(
    repository=LEADERBOARD, branch="kvv-acme-kimi-k2.6-20260101-0123456789ab",
    path="results/acme/kimi-k2.6/20260101-0123456789ab.json", content='{\n  "a": "ü"\n}\n', message="Add a result",
    title="Kimi K2.6 at Acme", body="A result.\n\n<!-- kvv-record: 0123 -->\n", marker="<!-- kvv-record: 0123 -->",
)  # fmt: skip
WRITES = {
    "forks": "/forks$",
    "merge-upstream": "/merge-upstream$",
    "trees": "/git/trees$",
    "commits": "/git/commits$",
    "refs": "/git/refs$",
    "pulls": "/pulls$",
}


class Clock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.at = 1_700_000_000.0
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.at += seconds

    def now(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeGitHub]:
    with running(tmp_path) as found:
        yield found
        assert found.violations == []


def submit(
    fake: FakeGitHub, clock: Clock, proposal: Proposal = PROPOSAL, token: str = TOKEN, **pace: float
) -> Proposed:
    """One submission, as the command does it."""
    with GitHub(url=fake.url, token=token, pace=Pace(sleep=clock.sleep, now=clock.now, **pace)) as api:  # type: ignore[arg-type]
        return propose(api, proposal, sleep=clock.sleep)


def check_one_pull(fake: FakeGitHub, proposal: Proposal = PROPOSAL) -> Repo:
    """Exactly one pull request, whose branch adds exactly the one file; git itself says so."""
    (pull,) = fake.pulls
    assert (pull["state"], pull["title"]) == ("open", proposal.title)
    assert proposal.marker in pull["body"]
    repo = fake.repos[pull["head"]["repo"]["full_name"]]
    base = fake.board.ref("main")
    changed = repo.run("diff", "--raw", "--no-renames", "--no-abbrev", f"{base}...refs/heads/{proposal.branch}")
    assert changed == f":000000 100644 {'0' * 40} {proposal.blob} A\t{proposal.path}"
    assert repo.run("cat-file", "blob", proposal.blob) == proposal.content.strip()
    assert repo.run("rev-list", "--count", f"{base}..refs/heads/{proposal.branch}") == "1"
    repo.run("fsck", "--strict", "--no-dangling")
    return repo


def test_the_description_is_at_hand() -> None:
    """Without it, requests are not held to GitHub's own description."""
    if not openapi.at_hand():
        pytest.skip(
            f"{openapi.DESCRIPTION} is absent: {openapi.FETCH} fetches it; requests were not checked against it"
        )


def test_where_npm_is_promised_the_description_must_be_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere its tests are skipped, and told so."""
    monkeypatch.setattr(openapi, "DESCRIPTION", tmp_path / "absent.json")
    monkeypatch.setattr(tools, "EXPECTED", frozenset())
    assert not openapi.at_hand()
    monkeypatch.setattr(tools, "EXPECTED", frozenset({tools.NPM}))
    with pytest.raises(AssertionError, match="github-openapi fetches it"):
        openapi.at_hand()


@pytest.mark.parametrize(("expected", "status"), [("engine,npm", 1), ("engine", 0), ("", 0)])
@pytest.mark.parametrize("npm", ["absent", "failing"])
def test_without_npm_only_who_promised_it_stops(tmp_path: Path, npm: str, expected: str, status: int) -> None:
    """A developer's machine goes on without the description; npm may also find no registry."""
    script = Path(__file__).parents[2] / openapi.FETCH
    (tmp_path / ".ci").mkdir()
    (tmp_path / "bin").mkdir()
    (tmp_path / openapi.FETCH).write_bytes(script.read_bytes())
    for name in ("dirname", "cat", "mktemp", "rm"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    if npm == "failing":
        (tmp_path / "bin/npm").write_text("#!/bin/sh\nexit 1\n")
        (tmp_path / "bin/npm").chmod(0o755)
    environment = {"PATH": str(tmp_path / "bin"), "KVV_TESTS_EXPECT": expected}
    done = subprocess.run(["/bin/sh", tmp_path / openapi.FETCH], env=environment, capture_output=True)
    said = {"absent": b"no npm", "failing": b"npm could not fetch"}[npm]
    assert (done.returncode, said in done.stderr) == (status, True)


def test_without_write_access_a_fork_gets_the_branch(fake: FakeGitHub, clock: Clock) -> None:
    """The fork is made, and the pull request goes from it into the leaderboard."""
    done = submit(fake, clock)
    assert done == Proposed(operation=Operation.CREATED, url=f"https://github.example/{LEADERBOARD}/pull/1")
    assert check_one_pull(fake).name == f"{USER}/results"


def test_with_write_access_there_is_no_fork(fake: FakeGitHub, clock: Clock) -> None:
    """The branch goes into the repository itself."""
    fake.push = True
    assert submit(fake, clock).operation is Operation.CREATED
    assert check_one_pull(fake) is fake.board
    assert set(fake.repos) == {LEADERBOARD}


@pytest.mark.parametrize("hide", [True, False])
def test_the_token_of_an_app_writes_directly(fake: FakeGitHub, clock: Clock, hide: bool) -> None:
    """It has no account to fork into, and GitHub does not say what it may."""
    fake.login, fake.hide_permissions = None, hide
    assert submit(fake, clock).operation is Operation.CREATED
    assert check_one_pull(fake) is fake.board


def test_forks_are_waited_for(fake: FakeGitHub, clock: Clock) -> None:
    """GitHub answers 202 and makes them later."""
    fake.fork_polls = 7
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)
    assert sum(clock.slept) > 10


def test_a_fork_that_never_comes_is_an_error(fake: FakeGitHub, clock: Clock) -> None:
    """After five minutes, with what to do."""
    fake.fork_polls = 10_000
    with pytest.raises(GitHubError, match=r"not ready after 300 s.*run the same command again"):
        submit(fake, clock)
    assert fake.pulls == []


def test_a_fork_may_have_another_name(fake: FakeGitHub, clock: Clock) -> None:
    """The usual name can be taken by a repository that has nothing to do with it."""
    fake.add(f"{USER}/results").commit({"mine": b"x"})
    fake.fork_name, fake.fork_polls = f"{USER}/results-1", 2
    assert submit(fake, clock).operation is Operation.CREATED
    assert check_one_pull(fake).name == f"{USER}/results-1"


def test_an_old_fork_is_brought_up_to_date(fake: FakeGitHub, clock: Clock) -> None:
    """The commit stands on the leaderboard's newest one."""
    fake.add(f"{USER}/results", fake.board)
    fake.board.commit({"results/other.json": b"{}"})
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)
    assert f"POST /repos/{LEADERBOARD}/forks" not in fake.writes()


def test_a_fork_with_commits_of_its_own_is_explained(fake: FakeGitHub, clock: Clock) -> None:
    """Its commits must not travel along; when it lacks the newest commit, the way out is named."""
    fork = fake.add(f"{USER}/results", fake.board)
    fork.commit({"mine": b"x"})
    fake.board.commit({"results/other.json": b"{}"})
    with pytest.raises(GitHubError, match=r"commits of its own.*Synchronize the fork.*or delete it"):
        submit(fake, clock)
    assert fake.pulls == []


def test_a_fork_that_shares_objects_needs_no_update(fake: FakeGitHub, clock: Clock) -> None:
    """GitHub's forks share their objects: then the commit goes onto the leaderboard's own head."""
    fork = fake.add(f"{USER}/results", fake.board)
    fork.commit({"mine": b"x"})
    fake.board.commit({"results/other.json": b"{}"})
    (fork.git / "objects/info/alternates").write_text(f"{fake.board.git}/objects\n")
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)


def test_the_same_again_does_nothing(fake: FakeGitHub, clock: Clock) -> None:
    """Not a second pull request, no write but the tree that proves the branch right."""
    submit(fake, clock)
    before = len(fake.writes())
    again = submit(fake, clock)
    assert (again.operation, again.url) == (Operation.NONE, fake.pulls[0]["html_url"])
    assert [write.rpartition("/")[2] for write in fake.writes()[before:]] == ["merge-upstream", "trees"]
    check_one_pull(fake)


def test_the_same_again_after_the_base_moved_does_nothing(fake: FakeGitHub, clock: Clock) -> None:
    """Other results were merged meanwhile; the branch is still right."""
    submit(fake, clock)
    fake.board.commit({"results/other.json": b"{}"})
    assert submit(fake, clock).operation is Operation.NONE


def test_what_is_merged_is_not_submitted_again(fake: FakeGitHub, clock: Clock) -> None:
    """The file is on the default branch."""
    fake.board.commit({PROPOSAL.path: PROPOSAL.content.encode()})
    done = submit(fake, clock)
    assert done.operation is Operation.NONE
    assert "has this result already" in done.note
    assert fake.writes() == []


def test_another_content_in_its_place_is_an_error(fake: FakeGitHub, clock: Clock) -> None:
    """Records never change."""
    fake.board.commit({PROPOSAL.path: b"another"})
    with pytest.raises(GitHubError, match="another content"):
        submit(fake, clock)


CHANGED = replace(
    PROPOSAL, path="results/acme/kimi-k2.6/20260101-ba9876543210.json", content='{\n  "a": "b"\n}\n',
    body="With evidence.\n\n<!-- kvv-record: 0123 -->\n",
)  # fmt: skip


@pytest.mark.parametrize("push", [True, False])
def test_another_record_of_the_same_run_replaces_the_first(fake: FakeGitHub, clock: Clock, push: bool) -> None:
    """In the same branch and pull request; the earlier file is gone."""
    fake.push = push
    submit(fake, clock)
    check_one_pull(fake)
    assert submit(fake, clock, CHANGED).operation is Operation.UPDATED
    check_one_pull(fake, CHANGED)
    assert submit(fake, clock, CHANGED).operation is Operation.NONE


@pytest.mark.parametrize("how", ["lose", "cut", "late-error"])
def test_another_record_whatever_gets_lost(fake: FakeGitHub, clock: Clock, how: str) -> None:
    """The branch is moved once, whether or not its answer came."""
    submit(fake, clock)
    fake.faults.append(Fault(method="PATCH", path="/git/refs/heads/", how=how))
    assert submit(fake, clock, CHANGED).operation is Operation.UPDATED
    check_one_pull(fake, CHANGED)


def test_a_run_that_was_merged_stays_as_it_is(fake: FakeGitHub, clock: Clock) -> None:
    """Another record of it is not proposed."""
    submit(fake, clock)
    fake.pulls[0] |= {"state": "closed", "merged_at": "2026-01-02T00:00:00Z"}
    done = submit(fake, clock, CHANGED)
    assert (done.operation, len(fake.pulls)) == (Operation.NONE, 1)
    assert "merged already" in done.note


def test_what_maintainers_closed_stays_closed(fake: FakeGitHub, clock: Clock) -> None:
    """No second pull request behind their back."""
    submit(fake, clock)
    fake.pulls[0]["state"] = "closed"
    done = submit(fake, clock)
    assert (done.operation, done.url) == (Operation.NONE, fake.pulls[0]["html_url"])
    assert "closed" in done.note
    assert len(fake.pulls) == 1


def test_an_existing_branch_is_used(fake: FakeGitHub, clock: Clock) -> None:
    """A try that died before its pull request left the right branch behind."""
    submit(fake, clock)
    fake.pulls.clear()
    before = len(fake.writes())
    assert submit(fake, clock).operation is Operation.CREATED
    assert not any(write.endswith(("git/refs", "git/commits")) for write in fake.writes()[before:])
    check_one_pull(fake)


@pytest.mark.parametrize("files", [{"README.md": b"mine\n"}, {PROPOSAL.path: b"forged"}, {"results/x": b"", "y": b""}])
def test_a_wrong_branch_is_set_right(fake: FakeGitHub, clock: Clock, files: dict[str, bytes]) -> None:
    """Whatever else stands on it, it is moved to the one commit."""
    fork = fake.add(f"{USER}/results", fake.board)
    fork.run("update-ref", f"refs/heads/{PROPOSAL.branch}", str(fork.ref("main")))
    fork.commit(files, PROPOSAL.branch)
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)


def test_an_existing_pull_request_gets_the_words(fake: FakeGitHub, clock: Clock) -> None:
    """One of an older version is brought up to date, not doubled."""
    fork = fake.add(f"{USER}/results", fake.board)
    fork.run("update-ref", f"refs/heads/{PROPOSAL.branch}", str(fork.ref("main")))
    fake.add_pull(fork, PROPOSAL.branch, title="old", body="old")
    done = submit(fake, clock)
    assert (done.operation, done.url) == (Operation.UPDATED, fake.pulls[0]["html_url"])
    check_one_pull(fake)


def test_a_pull_request_that_appears_meanwhile_is_found(fake: FakeGitHub, clock: Clock) -> None:
    """GitHub's list lags behind: 422 says that it exists, and it is looked for."""
    submit(fake, clock)
    fake.list_lag = 2
    assert submit(fake, clock).operation is Operation.NONE
    check_one_pull(fake)


def others(fake: FakeGitHub, content: bytes) -> None:
    """A hundred pull requests of others, and one by another account with our marker."""
    theirs = fake.add("other/results", fake.board)
    theirs.run("update-ref", "refs/heads/theirs", str(theirs.ref("main")))
    theirs.commit({PROPOSAL.path: content}, "theirs")
    for _ in range(100):
        fake.add_pull(theirs, "theirs", body="something else")
    fake.add_pull(theirs, "theirs", body=PROPOSAL.body)


def test_what_another_account_proposes_is_not_proposed_twice(fake: FakeGitHub, clock: Clock) -> None:
    """The marker finds it, wherever its branch is."""
    others(fake, PROPOSAL.content.encode())
    done = submit(fake, clock)
    assert (done.operation, done.url) == (Operation.NONE, fake.pulls[100]["html_url"])
    assert len(fake.pulls) == 101


def test_a_copied_marker_stops_nobody(fake: FakeGitHub, clock: Clock) -> None:
    """Only the same file is the same proposal."""
    others(fake, b"another")
    assert submit(fake, clock).operation is Operation.CREATED
    assert len(fake.pulls) == 102


def test_maintainers_may_not_be_allowed_to_edit(fake: FakeGitHub, clock: Clock) -> None:
    """A fork of an organization cannot grant it; then it is not asked for."""
    fake.fork_collab = False
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("how", ["lose", "cut", "late-error", "refuse"])
@pytest.mark.parametrize("times", [1, 2])
def test_lost_answers_and_breakdowns_leave_one_pull_request(
    fake: FakeGitHub, clock: Clock, write: str, how: str, times: int
) -> None:
    """Each write lost before or after it took place, or answered with 502."""
    fake.faults.append(Fault(method="POST", path=WRITES[write], how=how, times=times))
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)
    assert len([name for name in fake.repos if name != LEADERBOARD]) == 1


@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("status", [403, 429])
def test_secondary_limits_are_waited_for(fake: FakeGitHub, clock: Clock, write: str, status: int) -> None:
    """At least a minute where GitHub names no time."""
    words = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    fake.faults.append(Fault(method="POST", path=WRITES[write], how="refuse", status=status, message=words))
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)
    assert max(clock.slept) == 60


def test_retry_after_is_honoured(fake: FakeGitHub, clock: Clock) -> None:
    """It comes before everything else."""
    headers = {"Retry-After": "97", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}
    fake.faults.append(Fault(method="POST", path="/pulls$", how="refuse", status=403, headers=headers, message="limit"))
    submit(fake, clock)
    assert max(clock.slept) == 97


def test_the_end_of_the_primary_limit_is_waited_for(fake: FakeGitHub, clock: Clock) -> None:
    """Until the time that GitHub names."""
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(int(clock.at) + 500)}
    fake.faults.append(Fault(method="GET", path="/user$", how="refuse", status=403, headers=headers, message="limit"))
    submit(fake, clock)
    assert 490 < max(clock.slept) <= 501


def test_a_limit_beyond_the_budget_says_when_to_come_back(fake: FakeGitHub, clock: Clock) -> None:
    """Nobody sits there for hours."""
    headers = {"Retry-After": "7200"}
    fake.faults.append(Fault(method="POST", path="/git/refs$", how="refuse", status=429, headers=headers, times=99))
    with pytest.raises(GitHubError, match=r"Run the same command again after \d\d:\d\d UTC"):
        submit(fake, clock)
    fake.faults.clear()
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)


def test_a_breakdown_that_lasts_is_an_error_and_can_be_gone_on_with(fake: FakeGitHub, clock: Clock) -> None:
    """What was done is found by the next try."""
    fake.faults.append(Fault(method="POST", path="/pulls$", how="refuse", status=503, times=99))
    with pytest.raises(GitHubError, match="finds what was done already"):
        submit(fake, clock)
    fake.faults.clear()
    assert submit(fake, clock).operation is Operation.CREATED
    check_one_pull(fake)


def test_writes_keep_a_second_between_them(fake: FakeGitHub, clock: Clock) -> None:
    """As GitHub asks for."""
    submit(fake, clock)
    assert clock.slept.count(1.0) >= len(fake.writes()) - 1


def test_a_missing_permission_is_named(fake: FakeGitHub, clock: Clock) -> None:
    """What GitHub says it needs stands in the message, and which tokens have it."""
    fault = Fault(
        method="POST", path="/forks$", how="refuse", status=403, message="Resource not accessible by token",
        headers={
            "X-Accepted-GitHub-Permissions": "administration=write, contents=read", "X-GitHub-SSO": "required; url=x"
        },
    )  # fmt: skip
    fake.faults.append(fault)
    with pytest.raises(GitHubError, match=r"administration=write, contents=read.*single sign-on.*GitHub App") as caught:
        submit(fake, clock)
    assert TOKEN not in str(caught.value)


@pytest.mark.parametrize(
    ("status", "words"), [(401, "expired"), (404, "may not see it"), (422, "HTTP 422"), (410, "HTTP 410")]
)
def test_other_refusals_are_explained(fake: FakeGitHub, clock: Clock, status: int, words: str) -> None:
    """With the request, the status and GitHub's words."""
    fake.faults.append(Fault(method="POST", path="/pulls$", how="refuse", status=status, message="as said"))
    with pytest.raises(GitHubError, match=f"(?s)POST /repos/board/results/pulls.*as said.*{words}|{words}"):
        submit(fake, clock)


def test_a_repository_that_is_not_there(fake: FakeGitHub, clock: Clock) -> None:
    """The setting is named."""
    with pytest.raises(GitHubError, match="leaderboard-repo"):
        submit(fake, clock, replace(PROPOSAL, repository="board/nothing"))


def test_an_archived_repository_takes_nothing(fake: FakeGitHub, clock: Clock) -> None:
    """Before anything is written."""
    fake.board.archived = True
    with pytest.raises(GitHubError, match="archived"):
        submit(fake, clock)
    assert fake.writes() == []


def test_a_wrong_token(fake: FakeGitHub, clock: Clock) -> None:
    """Said, not shown."""
    with pytest.raises(GitHubError, match="not valid") as caught:
        submit(fake, clock, token="ghp_wrongwrongwrong")
    assert "ghp_wrong" not in str(caught.value)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(fake: FakeGitHub, clock: Clock, status: int) -> None:
    """The token goes to the configured address alone."""
    elsewhere = Fault(
        method="GET", path="/repos", how="refuse", status=status, headers={"Location": fake.url + "/user"}
    )
    fake.faults.append(elsewhere)
    with pytest.raises(GitHubError, match="redirect"):
        submit(fake, clock)
    assert len(fake.seen) == 1


def test_a_token_that_github_repeats_is_not_shown(fake: FakeGitHub, clock: Clock) -> None:
    """Whatever an error message holds."""
    fake.faults.append(Fault(method="POST", path="/pulls$", how="refuse", status=422, message=f"bad {TOKEN}"))
    with pytest.raises(GitHubError) as caught:
        submit(fake, clock)
    assert TOKEN not in str(caught.value)


def test_an_answer_that_is_not_githubs(fake: FakeGitHub, clock: Clock) -> None:
    """A proxy's page, or an address that is no API."""
    fake.faults.append(Fault(method="GET", path="/repos", how="refuse", status=200, times=99))
    with pytest.raises(GitHubError, match="leaderboard-api-url"):
        submit(fake, clock)


@pytest.mark.parametrize(
    "url", ["http://api.github.com", "ftp://x", "https://user:pw@ghe.example/api/v3", "", "api.github.com"]
)
def test_the_token_goes_nowhere_unprotected(url: str) -> None:
    """Only https, but for this machine."""
    with pytest.raises(UsageError, match="leaderboard-api-url"):
        GitHub(url=url, token=TOKEN)


def test_a_path_may_lie_before_the_api(fake: FakeGitHub) -> None:
    """GitHub Enterprise Server has /api/v3."""
    with GitHub(url=fake.url + "/api/v3/", token=TOKEN) as api:
        api.find("/user")
    assert fake.seen[0].path == "/api/v3/user"
    fake.violations.clear()
