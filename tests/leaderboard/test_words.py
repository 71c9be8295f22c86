"""A pull request's words: readable, complete, harmless."""

from dataclasses import replace

from kvv_action.leaderboard.convert import record_of
from kvv_action.leaderboard.record import BenchmarkRecord, Mark, State, digest12, dump
from kvv_action.leaderboard.words import MEANING, body_of, marker_of, proposal_of
from kvv_action.report.files import sha256
from tests.leaderboard.records import BUNDLE, record
from tests.report.reports import EVIL, PLAN, hostile


def test_the_body_names_what_matters() -> None:
    """Verdict, scores, interval, reference, evidence, expiry, how to check."""
    body = body_of(record())
    for words in ("✅ pass", "90.0 %", "80.0 % to 95.0 %", BUNDLE.sha256, "2026-06-30", "kvv leaderboard check"):
        assert words in body


def test_partial_results_say_so_and_why() -> None:
    """In the title and at the top of the body."""
    partial = record(state=State.PARTIAL, marks=(Mark.INTERRUPTED,))
    proposal = proposal_of(partial, "a/b")
    assert "partial" in proposal.title
    assert MEANING[Mark.INTERRUPTED] in proposal.body


def test_every_mark_has_a_meaning() -> None:
    """For people."""
    assert set(MEANING) == set(Mark)


def test_the_marker_is_the_records_digest() -> None:
    """It stands in the body, unseen."""
    assert marker_of(record()) == f"<!-- kvv-record: {sha256(dump(record()))} -->"
    assert body_of(record()).rstrip().endswith(marker_of(record()))


def test_the_branch_follows_from_the_record() -> None:
    """The same result is the same branch; another one is another."""
    one, two = proposal_of(record(), "a/b"), proposal_of(record(reason="x"), "a/b")
    assert one.branch == f"kvv-acme-fake-2.6-20260101-{digest12(record())}"
    assert one.branch != two.branch


def test_untrusted_text_is_text() -> None:
    """No markup, mention, link or comment of a vendor, dataset or model survives."""
    report = hostile()
    report = replace(report, endpoint=replace(report.endpoint, base_url=PLAN.endpoint.base_url))
    found = record_of(report, vendor="acme", bundle=BUNDLE)
    evil: BenchmarkRecord = replace(found.benchmarks[0], version=EVIL[:50])
    proposal = proposal_of(
        replace(found, benchmarks=(evil,), provenance={"run_id": "1", "workflow_ref": "<!-- @x"}), "a/b"
    )
    for harm in ("<script", "<img", "@octocat", "](http", "https://evil", "<!-- @"):
        assert harm not in proposal.body.replace(marker_of(found), "")
    assert proposal.title.isprintable()
    assert "\n\n::" not in proposal.body
