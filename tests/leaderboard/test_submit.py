"""`kvv leaderboard submit`: from a run's folder to a pull request."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from entrypoint import submission
from entrypoint.submission import NotFit, refuse_unfit
from kvv_action.leaderboard.pull_request_text import run_of
from kvv_action.leaderboard.record import load, path_of
from kvv_action.schema import RunState, Verdict
from tests.github.fake_github import LEADERBOARD, TOKEN, USER, FakeGitHub, running
from tests.leaderboard.board import RULES, Board
from tests.leaderboard.records import PASSED, WHOLE, passed
from tests.pipeline.command import Ran, kvv


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeGitHub]:
    with running(tmp_path / "github") as found:
        yield found
        assert found.violations == []


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No second between two writes."""
    monkeypatch.setattr("kvv_action.github.api.BETWEEN_WRITES", 0)


def submit(fake: FakeGitHub, run: Path, *options: str) -> Ran:
    return kvv("leaderboard", "submit", run, "--leaderboard-repo", LEADERBOARD, "--leaderboard-api-url", fake.url,
               "--leaderboard-allow-incomplete", *options)  # fmt: skip


def test_a_run_becomes_one_pull_request(fake: FakeGitHub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its file is the record of the journal, where it belongs; the same command again does nothing."""
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    ran = submit(fake, run)
    assert (ran.status, ran.out) == (0, f"created: https://github.example/{LEADERBOARD}/pull/1\n")
    (pull,) = fake.pulls
    fork = fake.repos[f"{USER}/results"]
    (path,) = fork.run("diff", "--name-only", f"main...{pull['head']['ref']}").splitlines()
    record = load((fork.run("cat-file", "blob", f"{pull['head']['ref']}:{path}") + "\n").encode())
    assert path == path_of(record)
    assert pull["head"]["ref"].endswith(run_of(record)[:12])
    assert (record.vendor.id, record.model.id, record.verdict) == ("acme-ai", "kimi-k2.6", Verdict.PASS)
    again = submit(fake, run)
    assert again.out.startswith("none: https://github.example/")
    assert len(fake.pulls) == 1


def test_the_same_run_with_another_record_takes_its_place(
    fake: FakeGitHub, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Now its evidence has an address: one pull request, one file against the base, and the check passes in git."""
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    fake.board.commit({"leaderboard.toml": RULES})
    url = f"https://github.example/{LEADERBOARD}/pull/1"
    assert submit(fake, run).out == f"created: {url}\n"
    first = Board(tmp_path / "first", fake.repos[f"{USER}/results"].git, fake.pulls[0]["head"]["ref"]).path
    address = "https://evidence.example/run.tar.gz"
    for option in (f"--leaderboard-evidence-url={address}", "--leaderboard-vendor=other"):
        assert submit(fake, run, option).out == f"updated: {url}\n", option
        assert len(fake.open_pulls()) == len(fake.pulls) == 1
        board = Board(
            tmp_path / option.strip("-").partition("=")[0],
            fake.repos[f"{USER}/results"].git,
            fake.pulls[0]["head"]["ref"],
        )
        board.git("branch", "base", "HEAD~1")
        assert board.path != first
        assert path_of(load(board.file.read_bytes())) == board.path
        assert board.path in fake.pulls[0]["body"]
        checked = kvv("leaderboard", "check", "--root", board.root, "--base", "base")
        assert checked.status == 0, checked.out
        assert submit(fake, run, option).out.startswith(f"none: {url} ")


def test_the_token_is_nowhere(fake: FakeGitHub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not in what is printed, in bodies, in paths, in git; only in one header."""
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    ran = submit(fake, run)
    assert TOKEN not in ran.out + ran.err
    for seen in fake.seen:
        elsewhere = {name: value for name, value in seen.headers.items() if name != "authorization"}
        assert TOKEN not in json.dumps([seen.path, seen.query, elsewhere, seen.body])


def test_a_dry_run_shows_what_would_be_sent(fake: FakeGitHub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The requests are those that a submission then sends, but for what GitHub alone knows; nothing is sent."""
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    dry = submit(fake, run, "--leaderboard-dry-run")
    assert (dry.status, fake.seen) == (0, [])
    assert TOKEN not in dry.out
    shown = re.findall(r"^(GET|POST|PATCH) (\S+)$", dry.out, re.MULTILINE)
    submit(fake, run)
    known = {"{you}": USER, "{default_branch}": "main"}
    expected = []
    for method, url in shown:
        for brace, value in known.items():
            url = url.replace(brace, value)
        expected.append((method, re.sub(r"\{head\}", "SHA", url.removeprefix(fake.url).partition("?")[0])))
    sent = [(seen.method, re.sub(r"(?<=commits/)[0-9a-f]{40}", "SHA", seen.path)) for seen in fake.seen]
    assert sent == expected
    (body,) = [seen.body for seen in fake.seen if (seen.method, seen.path) == ("POST", f"/repos/{LEADERBOARD}/pulls")]
    assert json.dumps(body["body"], ensure_ascii=False) in dry.out


def test_a_dry_run_needs_no_token(fake: FakeGitHub, run: Path) -> None:
    """One can look before one asks for a token."""
    assert submit(fake, run, "--leaderboard-dry-run").status == 0


def test_without_a_token_nothing_is_sent(fake: FakeGitHub, run: Path) -> None:
    """The message names the variable."""
    ran = submit(fake, run)
    assert (ran.status, fake.seen) == (2, [])
    assert "KVV_LEADERBOARD_TOKEN" in ran.err


def test_the_token_is_no_option(run: Path) -> None:
    """Other users of a machine see command lines."""
    ran = kvv("leaderboard", "submit", run, "--leaderboard-token", TOKEN)
    assert ran.status == 2
    assert "KVV_LEADERBOARD_TOKEN only" in ran.err


def test_a_secret_in_a_record_stops_it(fake: FakeGitHub, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever way it got there."""
    monkeypatch.setenv("KVV_LEADERBOARD_TOKEN", TOKEN)
    monkeypatch.setenv("KVV_API_KEY", "kimi-k2.6")
    ran = submit(fake, run)
    assert (ran.status, fake.seen) == (2, [])
    assert "would hold a secret" in ran.err


def test_report_json_is_not_believed(fake: FakeGitHub, run: Path, tmp_path: Path) -> None:
    """The record follows from the journal."""
    (tmp_path / "edited").mkdir()
    (tmp_path / "edited/journal.jsonl").write_bytes((run / "journal.jsonl").read_bytes())
    (tmp_path / "edited/report.json").write_bytes(
        (run / "report.json").read_bytes().replace(b'"score": 1.0', b'"score": 2')
    )
    whole, edited = (submit(fake, path, "--leaderboard-dry-run").out for path in (run, tmp_path / "edited"))
    assert whole == edited


def test_a_damaged_journal_is_refused(fake: FakeGitHub, run: Path, tmp_path: Path) -> None:
    """Its chain does not hold."""
    data = (run / "journal.jsonl").read_bytes()
    (tmp_path / "journal.jsonl").write_bytes(data.replace(b'"value":1.0', b'"value":0.0', 1))
    ran = submit(fake, tmp_path, "--leaderboard-dry-run")
    assert (ran.status, ran.out) == (2, "")


def test_a_folder_without_a_run(fake: FakeGitHub, tmp_path: Path) -> None:
    """Said with the folder's name."""
    ran = submit(fake, tmp_path, "--leaderboard-dry-run")
    assert ran.status == 2
    assert str(tmp_path) in ran.err


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (passed(demonstration=True), "demonstration"),
        (passed(state=RunState.INTERRUPTED), "interrupted"),
        (passed(verdict=Verdict.INCONCLUSIVE), "inconclusive"),
        (passed(plan=replace(PASSED.plan, limit=5)), "only some samples"),
    ],
)
def test_what_is_not_whole_is_not_submitted_unless_asked(report: object, words: str) -> None:
    """The reason is named, and the setting that allows it."""
    with pytest.raises(NotFit, match=f"{words}.*leaderboard-allow-incomplete"):
        refuse_unfit(report, allow_incomplete=False)  # type: ignore[arg-type]
    refuse_unfit(report, allow_incomplete=True)  # type: ignore[arg-type]


def test_nothing_measured_is_never_submitted() -> None:
    """Not even when asked."""
    nothing = replace(WHOLE.counts, planned=30, sent=0, scored=0, skipped=30)
    for report in (passed(verdict=Verdict.SKIPPED), passed(replace(WHOLE, counts=nothing))):
        with pytest.raises(NotFit, match="nothing was measured"):
            refuse_unfit(report, allow_incomplete=True)


def test_a_failed_run_is_a_result() -> None:
    """A leaderboard shows who fails."""
    refuse_unfit(passed(replace(WHOLE, verdict=Verdict.FAIL), verdict=Verdict.FAIL), allow_incomplete=False)


def test_problems_name_the_settings() -> None:
    """Before a run, not after it."""
    from entrypoint.settings import load as load_settings

    names = [problem.name for problem in submission.problems_of(load_settings({}))]
    assert names == ["leaderboard-repo", "leaderboard-token"]


def test_what_was_compared_with_a_run_of_ones_own_is_not_submitted() -> None:
    """Whoever chooses the reference chooses the verdict; also where incomplete runs are allowed."""
    report = passed()
    for changes in ({"peers": (1.0,)}, {"against": "mine.jsonl sha256:0"}, {"against": "live some-model"}):
        planned = replace(report.plan.benchmarks[0], **changes)  # type: ignore[arg-type]
        mine = replace(report, plan=replace(report.plan, benchmarks=(planned,)))
        with pytest.raises(NotFit, match="compared with a run of your own"):
            refuse_unfit(mine, allow_incomplete=True)
