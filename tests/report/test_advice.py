"""What to do first: one sentence for each way in which a run can end."""

from dataclasses import replace
from typing import Any

import pytest

from kvv_action.report.advice import AGAIN, LOOK, MORE, NEEDED, NOTHING, OTHER_SHARDS, SHARDS, advice
from kvv_action.report.markdown import summary
from kvv_action.schema import (
    Diagnosis,
    FailureCount,
    FailureKind,
    Finding,
    RunReport,
    RunState,
    Severity,
    Shard,
    Verdict,
)
from tests.report.reports import REPORT, RESULT

OPEN: dict[str, Any] = {"verdict": Verdict.INCONCLUSIVE, "diagnosis": (), "failures": ()}


def report(verdict: Verdict, *changes: dict[str, Any], **fields: Any) -> RunReport:
    return replace(REPORT, verdict=verdict, benchmarks=tuple(replace(RESULT, **one) for one in changes), **fields)


def test_a_pass_needs_no_advice() -> None:
    """Nothing has to be mended."""
    assert advice(report(Verdict.PASS, {"verdict": Verdict.PASS})) == ""


def test_the_first_remedy_of_what_failed_comes_first() -> None:
    """Not that of a benchmark that passed."""
    passed = {"verdict": Verdict.PASS, "diagnosis": (Diagnosis(cause="x", count=1, remedy="not this"),)}
    assert advice(report(Verdict.FAIL, passed, {})) == "raise the limit (cut short)"


def test_an_unknown_cause_is_said_to_be_unknown() -> None:
    """With what a person can do."""
    assert advice(report(Verdict.FAIL, {"diagnosis": ()})) == LOOK


def test_lost_requests_are_told_by_the_words_of_most() -> None:
    """Whichever benchmark has them; older plans name the first kind."""
    few = FailureCount(kind=FailureKind.UNDECIDED, count=3, example="the control failed")
    many = FailureCount(kind=FailureKind.REJECTED, count=33, example="HTTP 413: a web page titled 'Too Large'")
    run = report(Verdict.INCONCLUSIVE, {**OPEN, "failures": (few,)}, {**OPEN, "failures": (many,)})
    assert "(3 × undecided)" in advice(run)
    told = advice(replace(run, plan=replace(run.plan, choices={**run.plan.choices, "checks": {}})))
    assert "(33 × rejected: HTTP 413: a web page titled 'Too Large')" in told


def test_what_most_answers_show_is_mended_before_probes_are_asked_again() -> None:
    """Probes that cannot be judged are no lost requests: a warning that most answers show says why."""
    failures = (FailureCount(kind=FailureKind.UNDECIDED, count=86, example="the answer was cut off at max_tokens"),)
    early = Finding(
        cause_id="length-too-early", severity=Severity.WARNING, cause="answers end early", remedy="find the limit",
        count=80, of=90, interval=(0.8, 0.95), benchmarks=("probes",),
    )  # fmt: skip
    run = plain(report(Verdict.INCONCLUSIVE, {**OPEN, "failures": failures}, findings=(early,)))
    assert advice(run) == "find the limit (answers end early)"
    assert advice(replace(run, findings=(replace(early, count=40),))).startswith("find out why requests fail (86 ×")
    lost = replace(
        run.benchmarks[0], failures=(*failures, FailureCount(kind=FailureKind.REJECTED, count=90, example=""))
    )
    assert advice(replace(run, benchmarks=(lost,))).startswith("find out why requests fail (90 ×")


@pytest.mark.parametrize("padding", ["", "x" * 600])
def test_a_reason_that_says_what_to_do_is_told_once(padding: str) -> None:
    """Stopped by its endpoint; also where the reason is cut."""
    reason = f"The endpoint answers with errors only ({padding}). Check the server, then run again; it is kept."
    told = advice(report(Verdict.INCONCLUSIVE, OPEN, state=RunState.STOPPED, state_reason=reason))
    assert AGAIN not in told
    assert told.startswith("The endpoint answers with errors only (")
    said = advice(report(Verdict.INCONCLUSIVE, OPEN, state=RunState.STOPPED, state_reason="The disk is full."))
    assert said == f"The disk is full; then {AGAIN}"


def test_an_interrupted_run_goes_on() -> None:
    """With the same command."""
    assert advice(report(Verdict.INCONCLUSIVE, OPEN, state=RunState.INTERRUPTED)) == AGAIN


def test_a_stopped_run_says_what_stopped_it() -> None:
    """Before it goes on."""
    stopped = report(Verdict.INCONCLUSIVE, OPEN, state=RunState.STOPPED, state_reason="the key was refused")
    assert advice(stopped).startswith("the key was refused; then run the same command")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"failures": RESULT.failures}, "find out why requests fail (1 × timeout-total)"),
        ({"orientation": True}, NOTHING),
        ({}, NEEDED.format(answers=17, title="Quiz")),
        ({"comparison": None}, MORE),
    ],
)
def test_an_open_verdict_says_what_would_decide_it(changes: dict[str, Any], expected: str) -> None:
    """Requests that fail before all else."""
    assert advice(report(Verdict.INCONCLUSIVE, {**OPEN, **changes})).startswith(expected)


def test_it_stands_at_the_top_of_the_summary() -> None:
    """Verdict, why, what to do first: the first three paragraphs."""
    paragraphs = summary(REPORT).split("\n\n")
    assert paragraphs[2] == "**Do first**: raise the limit (cut short)"


def plain(run: RunReport, **plan: Any) -> RunReport:
    """As a run of today writes it."""
    return replace(run, plan=replace(run.plan, choices={"checks": {"version": 3}}, **plan))


def test_a_shard_that_is_done_needs_the_others() -> None:
    """More samples would not help it; a failed one has something to mend first."""
    shard = Shard(number=2, of=3, plan="a" * 64, samples={})
    done = plain(report(Verdict.INCONCLUSIVE, {**OPEN, "comparison": None}), shard=shard)
    assert advice(done) == OTHER_SHARDS
    assert advice(replace(done, state=RunState.INTERRUPTED)) == AGAIN
    assert advice(replace(done, verdict=Verdict.FAIL, benchmarks=(RESULT,))) == "raise the limit (cut short)"


def test_a_merge_that_lacks_a_shard_asks_for_it() -> None:
    """The same `kvv merge` alone would change nothing."""
    lacking = "shard 3 of 3 is missing; go on with what is missing, then merge again"
    merged = report(Verdict.INCONCLUSIVE, OPEN, state=RunState.STOPPED, state_reason=lacking, reason=lacking)
    assert advice(plain(merged)) == SHARDS
    assert AGAIN in advice(merged)


def test_a_spent_budget_of_a_shard_is_told_once() -> None:
    """The verdict's reason has it already, and what to do."""
    spent = "budget spent: max-requests is 5, 5 requests were sent; with a larger one the same command goes on"
    shard = Shard(number=2, of=3, plan="a" * 64, samples={})
    fields: dict[str, Any] = {"state": RunState.STOPPED, "state_reason": spent, "reason": f"shard 2 of 3: {spent}"}
    assert advice(plain(report(Verdict.INCONCLUSIVE, OPEN, **fields), shard=shard)) == ""
