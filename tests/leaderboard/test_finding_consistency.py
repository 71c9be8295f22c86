"""Delivery and findings of a record: made from the run, refused where they do not follow from their own numbers."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kvv_action.leaderboard.findings import FindingLevel
from kvv_action.leaderboard.plausible import implausible
from kvv_action.leaderboard.record import Record, dump, load
from kvv_action.schema import Delivery, Finding, RunReport, Severity, Verdict
from kvv_action.verdict.delivery import limits
from kvv_action.verdict.verdict import with_findings
from tests.leaderboard.records import PASSED, record
from tests.report.reports import CUT, DELIVERY

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def delivery(broken: int, requests: int = 30, verdict: Verdict = Verdict.FAIL, incidents: int = 3) -> Delivery:
    """What a run says of so many broken tries."""
    low, high = limits(broken, requests)
    return replace(
        DELIVERY, requests=requests, broken=broken, incidents=min(broken, incidents), share=broken / requests,
        kinds={"truncated": broken} if broken else {}, interval=(round(low, 6), round(high, 6)), verdict=verdict,
        first_try_rate=1 - broken / requests, final_rate=1.0, retries=broken, busy=0,
    )  # fmt: skip


BROKEN = delivery(10)
FAILURE = replace(CUT, count=10, of=30, benchmarks=("quiz",))
LEAK = replace(FAILURE, cause_id="markers-leak", cause="control tokens", count=9)
WHOLE = delivery(0, verdict=Verdict.INCONCLUSIVE)


def ran(*findings: Finding, of: Delivery | None = WHOLE) -> RunReport:
    """A run whose benchmarks pass, with these findings."""
    verdict, reason = with_findings(Verdict.PASS, "well", findings)
    return replace(PASSED, verdict=verdict, reason=reason, delivery=of, findings=findings)


def refused(found: Record) -> list[str]:
    """Why a record is refused."""
    return [one.message for one in implausible(found, NOW) if one.level is FindingLevel.ERROR]


@pytest.mark.parametrize(
    "report",
    [
        ran(),
        ran(of=delivery(1, verdict=Verdict.INCONCLUSIVE)),
        ran(FAILURE, of=BROKEN),
        ran(LEAK),
        ran(FAILURE, LEAK, of=BROKEN),
        ran(replace(LEAK, count=2, severity=Severity.WARNING)),
        ran(of=None),
    ],
)
def test_what_a_run_says_is_accepted(report: RunReport) -> None:
    """A run that fails by its delivery or by a finding as well; the file is read back as it is."""
    made = record(report)
    assert refused(made) == []
    assert load(dump(made)) == made


def test_records_of_runs_that_did_not_look_keep_their_bytes() -> None:
    """No new key."""
    assert b"delivery" not in dump(record())
    assert b"findings" not in dump(record())


def test_a_record_holds_no_text_of_an_answer() -> None:
    """Ids, numbers and benchmarks; the sentence comes from the cause."""
    made = record(ran(replace(LEAK, cause="<evil>"), of=None))
    (found,) = made.findings
    assert b"evil" not in dump(replace(made, reason=""))
    assert found.cause == "control tokens of the model's template stand in the answers"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cause_id": "no-such-cause"}, "no-such-cause: is no cause that this version of kvv knows"),
        ({"count": 31}, "markers-leak: is seen in 31 of 30 answers, of 30 requests in all"),
        ({"count": 0}, "markers-leak: is seen in 0 of 30 answers, of 30 requests in all"),
        ({"of": 31}, "markers-leak: is seen in 9 of 31 answers, of 30 requests in all"),
        (
            {"severity": Severity.WARNING},
            "markers-leak: is called warning, although 9 of 30 answers make it failure",
        ),
        ({"benchmarks": ("other",)}, "markers-leak: is seen in benchmarks that were not asked"),
        ({"benchmarks": ()}, "markers-leak: is seen in benchmarks that were not asked"),
    ],
)
def test_forged_findings_are_refused(changes: Mapping[str, Any], message: str) -> None:
    """Each by the rule that makes findings."""
    made = record(ran(LEAK))
    forged = replace(made, findings=(replace(made.findings[0], **changes),))
    assert message in refused(forged)


def test_a_finding_twice_is_refused() -> None:
    """A cause is told once."""
    made = record(ran(LEAK))
    assert "has a finding twice" in refused(replace(made, findings=made.findings * 2))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"verdict": Verdict.PASS}, "delivery: is pass, although its numbers make it fail"),
        ({"incidents": 1}, "delivery: is fail, although its numbers make it inconclusive"),
        ({"incidents": 11}, "delivery: 10 broken tries cannot be 11 incidents"),
        ({"incidents": 0}, "delivery: 10 broken tries cannot be 0 incidents"),
        ({"limit": 0.9}, "delivery: was judged with max-broken-tries 90 %; the most is 2 %"),
        ({"share": 0.1}, "delivery: its shares do not follow from 10 of 30 requests"),
        ({"interval": (0.0, 0.01)}, "delivery: its shares do not follow from 10 of 30 requests"),
        ({"first_try_rate": 1.0}, "delivery: its shares do not follow from 10 of 30 requests"),
        ({"final_rate": 0.5}, "delivery: its shares do not follow from 10 of 30 requests"),
        ({"kinds": {"truncated": 3}}, "delivery: its kinds are not those of 10 broken tries"),
        ({"kinds": {"timeout-total": 10}}, "delivery: its kinds are not those of 10 broken tries"),
        ({"broken": 31}, "delivery: 31 of 30 first tries broke, of 30 requests in all"),
        ({"requests": 10**15}, f"delivery: 10 of {10**15} first tries broke, of 30 requests in all"),
        ({"cut_after": 1.0}, "delivery: no answers were cut after 1 s"),
    ],
)
def test_forged_delivery_is_refused(changes: Mapping[str, Any], message: str) -> None:
    """Each by the rule that judges delivery."""
    made = record(ran(FAILURE, of=BROKEN))
    assert made.delivery is not None
    assert message in refused(replace(made, delivery=replace(made.delivery, **changes)))


def test_a_run_that_hides_its_failure_is_refused() -> None:
    """The verdict of the run, the finding about delivery, or delivery itself."""
    made = record(ran(FAILURE, of=BROKEN))
    hidden = "is pass, although a finding over all answers fails the run"
    assert hidden in refused(replace(made, verdict=Verdict.PASS))
    assert "delivery fails without a finding" in refused(replace(made, findings=(), verdict=Verdict.PASS))
    assert "a finding says that delivery fails" in refused(replace(made, delivery=None))
    other = replace(made.findings[0], cause_id="delivery-empty-stream")
    assert "the finding about delivery does not have its numbers or its cause" in refused(
        replace(made, findings=(other,))
    )


def test_a_failed_run_without_a_reason_is_refused() -> None:
    """No benchmark and no finding fails."""
    assert "fails, although no benchmark does" in refused(replace(record(ran()), verdict=Verdict.FAIL))
