"""A check's report for people and programs."""

import json

import pytest

from kvv_action.errors import KvvError
from kvv_action.leaderboard.check_report import MARK, dump, lines, load, markdown
from kvv_action.leaderboard.findings import CheckReport, FileFindings, error, note, warning
from kvv_action.leaderboard.record import Trust
from tests.report.reports import EVIL

GOOD = FileFindings(
    path="results/a/b/c.json", findings=(warning("evidence", "has none"),), claimed=Trust.ATTESTED,
    verified=Trust.SELF_REPORTED, sha256="0" * 64,
)  # fmt: skip
BAD = FileFindings(path="results/a/b/d.json", findings=(error("form", "is wrong"), note("version", "old")))


def test_accepted_follows_from_the_findings() -> None:
    """One error anywhere refuses."""
    assert CheckReport(files=(GOOD,)).accepted
    assert not CheckReport(files=(GOOD, BAD)).accepted
    assert not CheckReport(files=(), general=(error("changes", "x"),)).accepted


def test_a_terminal_gets_lines() -> None:
    """One for each finding, and the end."""
    assert list(lines(CheckReport(files=(GOOD, BAD)))) == [
        "warning: results/a/b/c.json: has none",
        "error: results/a/b/d.json: is wrong",
        "note: results/a/b/d.json: old",
        "2 files, 1 refused; verified: self-reported; not accepted",
    ]


def test_a_report_survives_its_file() -> None:
    """The privileged side reads what the unprivileged one wrote."""
    report = CheckReport(files=(GOOD, BAD))
    assert load(dump(report), "check.json") == report


def test_acceptance_is_computed_not_believed() -> None:
    """An artifact can say what it likes."""
    value = json.loads(dump(CheckReport(files=(BAD,))))
    value["accepted"] = True
    assert not load(json.dumps(value).encode(), "check.json").accepted


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"files": 1}',
        b'{"a":' * 99,
        b'{"files": [], "files": []}',
        b'{"files": [{"path": "x"}]}',
        b"x" * 600_000,
    ],
)
def test_what_is_no_report(data: bytes) -> None:
    """Refused with the file's name."""
    with pytest.raises(KvvError, match=r"^check\.json: "):
        load(data, "check.json")


def test_a_comment_shows_the_tiers() -> None:
    """What was claimed, and what was verified."""
    text = markdown(CheckReport(files=(GOOD,)))
    assert text.startswith(MARK)
    assert "verified as *self-reported* (claimed *attested*)" in text


def test_a_comment_of_hostile_findings_is_text() -> None:
    """Paths and messages come from whoever opened the pull request."""
    judged = FileFindings(path=EVIL, findings=(error("form", EVIL),))
    text = markdown(CheckReport(files=(judged,), general=(note("x", EVIL),)))
    for harm in ("<script", "<img", "@octocat", "](http", "https://evil", "</details>"):
        assert harm not in text
    assert text.count("<!--") == 1
    for line in lines(CheckReport(files=(judged,))):
        assert line.isprintable()


def test_a_comment_has_an_end() -> None:
    """GitHub takes 65 536 characters."""
    judged = FileFindings(path="results/x", findings=tuple(error("form", "y" * 600) for _ in range(500)))
    assert len(markdown(CheckReport(files=(judged,) * 60))) < 65_536


def test_nothing_submitted_is_no_success() -> None:
    """Such a pull request is none of ours."""
    assert "No result is submitted" in markdown(CheckReport(files=(), general=(note("changes", "no result"),)))
