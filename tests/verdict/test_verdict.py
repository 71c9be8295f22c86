"""Verdicts: every row of the table, with the reason in words."""

from dataclasses import replace

import pytest

from kvv_action.schema import (
    BenchmarkKind,
    BenchmarkResult,
    Comparison,
    Counts,
    DatasetInfo,
    FailureCount,
    FailureKind,
    RunState,
    Verdict,
)
from kvv_action.verdict.comparison import Compared
from kvv_action.verdict.verdict import VerdictEvidence, judge, overall

DATASET = DatasetInfo(source="hub", location="x", count=1, digest="0")


def counts(*, scored: int = 0, failed: int = 0, skipped: int = 0, unparsed: int = 0) -> Counts:
    sent = scored + failed
    return Counts(planned=sent + skipped, sent=sent, scored=scored, unparsed=unparsed, failed=failed, skipped=skipped)


NUMBERS = Comparison(
    difference=0.0, low=-0.04, high=0.04, low_error=0.05, high_error=0.05, paired=False, reference_size=1000.0,
    reference_assumed=False, answers=100, looks=1, early=False, detectable=0.11, needed=None,
)  # fmt: skip


def compared(verdict: Verdict, *, torn: bool = False, **numbers: object) -> Compared:
    return Compared(verdict=verdict, comparison=replace(NUMBERS, **numbers), torn=torn)


BASE = VerdictEvidence(
    kind=BenchmarkKind.SCORED, exact=False, counts=counts(scored=100), right=90, score=0.9, reference=0.9, margin=0.05,
    failures=(), compared=compared(Verdict.PASS), most_failures=0.1, available=1000,
)  # fmt: skip
TIMEOUTS = (FailureCount(kind=FailureKind.TIMEOUT_TOTAL, count=2, example="no end"),)
OPEN = Verdict.INCONCLUSIVE
LOST = {"counts": counts(scored=98, failed=2), "failures": TIMEOUTS}
NONE = {"counts": counts(failed=20), "score": None, "failures": TIMEOUTS}
MANY = {"counts": counts(scored=80, failed=20), "failures": TIMEOUTS}


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        (
            {},
            Verdict.PASS,
            (
                "+0.0 points against the reference 90.0 %, margin 5.0 points: "
                "even the lower limit -4.0 points is within the margin"
            ),
        ),
        (
            {"compared": compared(Verdict.FAIL, difference=-0.2, low=-0.3, high=-0.1)},
            Verdict.FAIL,
            (
                "-20.0 points against the reference 90.0 %, margin 5.0 points: "
                "even the upper limit -10.0 points is below the margin"
            ),
        ),
        (
            {"compared": compared(OPEN, low=-0.06, needed=40)},
            OPEN,
            (
                "the limits -6.0 points and +4.0 points hold both outcomes; "
                "a deficit of 11.0 points would have been seen; "
                "about 40 more answers would settle it if the true difference is the one seen"
            ),
        ),
        ({"compared": compared(OPEN, needed=950)}, OPEN, "(the dataset has 1000; ask it in more epochs)"),
        ({"compared": compared(OPEN, detectable=None, needed=9)}, OPEN, "no deficit could have been seen"),
        ({"compared": compared(OPEN, difference=-0.051)}, OPEN, "at the margin, which no number of answers settles"),
        ({"compared": compared(OPEN)}, OPEN, "no number of answers settles it, for the reference is uncertain itself"),
        ({"compared": compared(Verdict.PASS, early=True, answers=30)}, Verdict.PASS, "early, by 30 of 100 answers"),
        ({"compared": compared(Verdict.PASS, paired=True)}, Verdict.PASS, "against the reference on the same samples"),
        (
            {"compared": compared(Verdict.PASS, reference_assumed=True)},
            Verdict.PASS,
            "the reference 90.0 % (its size is not published; 1000 answers assumed)",
        ),
        ({"reference": None, "compared": None}, OPEN, "scored 90.0 %, but the profile has no reference"),
        ({"margin": None, "compared": None}, OPEN, "the reference of 90.0 % was measured in another way"),
        (
            {"margin": None, "compared": None, "measured_at": "high"},
            OPEN,
            "scored 90.0 %; not judged: the reference was measured at high",
        ),
        ({"compared": None}, OPEN, "scored 90.0 %, but 100 answers are too few to compare; 10 are needed"),
        ({"compared": compared(OPEN, torn=True), **LOST}, OPEN, "what did not come decides; 2 failed (timeout-total"),
        ({"compared": compared(OPEN, torn=True, needed=1), **LOST}, OPEN, "asks for what did not come"),
        ({"compared": compared(OPEN), **LOST}, OPEN, "hold both outcomes; 2 failed (timeout-total: no end)"),
        (
            {"compared": compared(OPEN, torn=True), **MANY},
            Verdict.FAIL,
            "what did not come decides, and 20.0 % failed, more than max-failure-rate 10.0 %; 2 failed",
        ),
        ({"compared": compared(OPEN), **MANY}, OPEN, "hold both outcomes"),
        (
            {"compared": compared(OPEN, torn=True), **MANY, "counts": counts(scored=80, failed=20, skipped=9)},
            OPEN,
            "9 not asked (the run ended early)",
        ),
        (
            {"counts": counts(failed=2), "score": None, "failures": TIMEOUTS},
            OPEN,
            "no answer could be scored: 2 failed (timeout-total: no end)",
        ),
        ({**NONE, "compared": None}, Verdict.FAIL, "100.0 % failed, more than max-failure-rate 10.0 %"),
        ({**NONE, "most_failures": 1.0}, OPEN, "no answer could be scored: 2 failed"),
        ({**NONE, "margin": None}, OPEN, "no answer could be scored: 2 failed"),
        ({**NONE, "counts": counts(failed=20, skipped=1)}, OPEN, "1 not asked (the run ended early)"),
        ({"counts": counts(skipped=5), "because": "the gate is closed"}, Verdict.SKIPPED, "the gate is closed"),
        ({"counts": counts()}, Verdict.SKIPPED, "nothing was asked"),
        ({"exact": True, "counts": counts(scored=3), "right": 3}, Verdict.PASS, "all 3 answers right"),
        (
            {"exact": True, "counts": counts(scored=3), "right": 3, "bundled": True},
            Verdict.PASS,
            "all 3 answers to bundled samples right",
        ),
        (
            {"exact": True, "counts": counts(scored=3), "right": 2, "wrong_ids": ("q1",)},
            Verdict.FAIL,
            "1 of 3 answers wrong (q1)",
        ),
        (
            {"exact": True, "counts": counts(scored=9, unparsed=4), "right": 2, "wrong_ids": tuple("abcdefg")},
            Verdict.FAIL,
            "7 of 9 answers wrong, 4 without any answer found (a, b, c, d, e, …)",
        ),
        (
            {"exact": True, "counts": counts(scored=3, failed=2), "right": 3, "failures": TIMEOUTS},
            Verdict.INCONCLUSIVE,
            "3 of 5 answers right, the rest unknown: 2 failed (timeout-total: no end)",
        ),
        (
            {"exact": True, "counts": counts(scored=3, skipped=1), "right": 3},
            Verdict.INCONCLUSIVE,
            "3 of 4 answers right, the rest unknown: 1 not asked (the run ended early)",
        ),
        (
            {"exact": True, "kind": BenchmarkKind.CONTRACT, "counts": counts(scored=2, failed=1), "right": 1},
            Verdict.FAIL,
            "1 of 2 probes wrong",
        ),
        (
            {"exact": True, "kind": BenchmarkKind.CONTRACT, "counts": counts(failed=2), "right": 0, "score": None},
            Verdict.INCONCLUSIVE,
            "0 of 2 probes right",
        ),
    ],
)
def test_a_benchmark_is_judged(changes: dict[str, object], verdict: Verdict, reason: str) -> None:
    """The numbers decide, and the reason holds them."""
    found, words = judge(replace(BASE, **changes))
    assert found is verdict
    assert reason in words


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reference": None}, True),
        ({"margin": None}, True),
        ({}, False),
        ({"margin": None, "exact": True}, False),
        ({"margin": None, "score": None}, False),
        ({"margin": None, **LOST}, True),
        ({"margin": None, **MANY}, False),
        ({"margin": None, "counts": counts(scored=90, skipped=10)}, False),
    ],
)
def test_what_serves_for_orientation(changes: dict[str, object], expected: bool) -> None:
    """A score that was measured as asked, without anything to judge it by; what was lost is no orientation."""
    assert replace(BASE, compared=None, **changes).orientation is expected


def result(verdict: Verdict, name: str = "a") -> BenchmarkResult:
    return BenchmarkResult(
        id=name, title=name.upper(), version="1", kind=BenchmarkKind.SCORED, verdict=verdict, reason=f"because {name}",
        score=None, interval=None, bounds=None, reference=None, reference_source="", margin=None, counts=counts(),
        metrics={}, samples=0, epochs=1, dataset=DATASET, finish_reasons={}, anomalies={}, failures=(), skips={},
        categories=(), diagnosis=(), cases=(), cases_omitted=0,
    )  # fmt: skip


PASS, FAIL, SKIPPED = Verdict.PASS, Verdict.FAIL, Verdict.SKIPPED


@pytest.mark.parametrize(
    ("verdicts", "state", "advisory", "verdict", "reason"),
    [
        ((PASS, PASS), RunState.COMPLETE, (), PASS, "A: because a, B: because b"),
        ((PASS, SKIPPED), RunState.COMPLETE, (), PASS, "A: because a; B skipped (because b)"),
        ((PASS, FAIL), RunState.COMPLETE, (), FAIL, "B: because b"),
        ((OPEN, FAIL), RunState.COMPLETE, (), FAIL, "B: because b"),
        ((PASS, OPEN), RunState.COMPLETE, (), OPEN, "B: because b"),
        ((FAIL, SKIPPED), RunState.COMPLETE, (), FAIL, "A: because a"),
        ((FAIL, PASS), RunState.COMPLETE, ("a",), PASS, "B: because b"),
        ((FAIL,), RunState.COMPLETE, ("a",), SKIPPED, "A: because a"),
        ((SKIPPED, SKIPPED), RunState.COMPLETE, (), SKIPPED, "A: because a; B: because b"),
        ((), RunState.COMPLETE, (), SKIPPED, "nothing was asked"),
        ((PASS,), RunState.INTERRUPTED, (), OPEN, "early"),
        ((PASS,), RunState.STOPPED, (), OPEN, "early"),
        ((FAIL,), RunState.STOPPED, (), FAIL, "early; A: because a"),
        ((FAIL,), RunState.INTERRUPTED, (), FAIL, "A: because a"),
        ((OPEN,), RunState.STOPPED, (), OPEN, "early"),
        ((SKIPPED,), RunState.STOPPED, (), OPEN, "early"),
    ],
)
def test_a_run_is_judged(
    verdicts: tuple[Verdict, ...], state: RunState, advisory: tuple[str, ...], verdict: Verdict, reason: str
) -> None:
    """The worst counting benchmark decides; a run that ended early never passes."""
    results = [result(found, "abc"[number]) for number, found in enumerate(verdicts)]
    assert overall(results, state, "early", advisory=advisory) == (verdict, reason)


def test_what_serves_for_orientation_does_not_count() -> None:
    """It is told with the verdict of the others; where no score is judged at all, there is no verdict."""
    aside = replace(result(OPEN, "b"), orientation=True)
    probes = replace(result(PASS, "c"), kind=BenchmarkKind.CONTRACT)
    told = "B not judged (because b)"
    assert overall([result(PASS), aside], RunState.COMPLETE, "") == (PASS, f"A: because a; {told}")
    assert overall([result(FAIL), aside], RunState.COMPLETE, "") == (FAIL, "A: because a")
    assert overall([result(OPEN), aside], RunState.COMPLETE, "") == (OPEN, "A: because a")
    assert overall([probes, aside], RunState.COMPLETE, "") == (OPEN, f"no score could be judged; {told}")
    assert overall([aside], RunState.COMPLETE, "") == (OPEN, f"no score could be judged; {told}")
    assert overall([result(PASS), aside], RunState.COMPLETE, "", beside=["a"])[0] is OPEN
    assert overall([result(PASS), aside], RunState.STOPPED, "early") == (OPEN, "early")
