"""From answers to a standing: limits, missing answers, samples that belong together, several benchmarks."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kvv_action.plan.order import positions
from kvv_action.schema import (
    BenchmarkKind,
    DatasetInfo,
    FailureKind,
    PlannedBenchmark,
    Reference,
    SampleFailure,
    Score,
    Verdict,
)
from kvv_action.statistics.differences import PairedDifference
from kvv_action.statistics.intervals import one_sided
from kvv_action.verdict.answers import AnswerTable
from kvv_action.verdict.comparison import compare_all
from kvv_action.verdict.noninferiority import ERROR, Standing, holm, planned_design, quantile, stand
from kvv_action.verdict.rules import FIRST
from tests.ask.vendors import planned_of

LOST = SampleFailure(kind=FailureKind.TIMEOUT_TOTAL, message="too long")
PAPER = Reference(value=0.9, source="a paper", date="2026-01-01", n=4000)
QUIZ = planned_of(reference=0.9, margin=0.05, samples=1000, size=1000)


def ledger_of(planned: PlannedBenchmark, right: int, wrong: int = 0, failed: int = 0) -> AnswerTable:
    """Right, wrong and failed answers, in this order; the rest is not known."""
    ledger = AnswerTable.empty(planned)
    for position in range(right + wrong + failed):
        if position < right + wrong:
            ledger.score(position, Score(value=float(position < right)))
        else:
            ledger.failure(position, LOST)
    return ledger


def verdict(planned: PlannedBenchmark, ledger: AnswerTable, count: int = 1) -> Verdict | None:
    found = compare_all([stand(planned, ledger)], {planned.id: ledger}, count).get(planned.id)
    return found.verdict if found else None


@pytest.mark.parametrize(
    ("right", "expected"),
    [(920, Verdict.PASS), (880, Verdict.PASS), (850, Verdict.INCONCLUSIVE), (800, Verdict.FAIL)],
)
def test_the_limits_decide(right: int, expected: Verdict) -> None:
    """Pass above the margin, fail below it, else open."""
    assert verdict(QUIZ, ledger_of(QUIZ, right, 1000 - right)) is expected


def test_missing_answers_cannot_help() -> None:
    """Fifty lost answers make a good vendor inconclusive, and do not save a bad one; few change nothing."""
    assert verdict(QUIZ, ledger_of(QUIZ, 860, 90, 50)) is Verdict.INCONCLUSIVE
    assert verdict(QUIZ, ledger_of(QUIZ, 900, 95, 5)) is Verdict.PASS
    assert verdict(QUIZ, ledger_of(QUIZ, 700, 250, 50)) is Verdict.FAIL
    assert verdict(QUIZ, ledger_of(QUIZ, 900, 80)) is Verdict.PASS
    assert verdict(QUIZ, ledger_of(QUIZ, 300, 10)) is Verdict.INCONCLUSIVE


def test_answers_that_decide_are_told() -> None:
    """Counted wrong it would be open, counted right it would pass."""
    ledger = ledger_of(QUIZ, 860, 90, 50)
    found = compare_all([stand(QUIZ, ledger)], {"quiz": ledger}, 1)["quiz"]
    assert found.torn
    ledger = ledger_of(QUIZ, 845, 150, 5)
    found = compare_all([stand(QUIZ, ledger)], {"quiz": ledger}, 1)["quiz"]
    assert (found.verdict, found.torn) == (Verdict.INCONCLUSIVE, False)


def test_nothing_is_compared_without_answers_reference_or_margin() -> None:
    """Then there is no comparison at all."""
    assert stand(QUIZ, AnswerTable.empty(QUIZ)).looks == ()
    assert stand(QUIZ, ledger_of(QUIZ, 9)).looks == ()
    assert len(stand(QUIZ, ledger_of(QUIZ, 10)).looks) == 1
    for planned in (
        replace(QUIZ, reference=None),
        replace(QUIZ, margin=None),
        replace(QUIZ, skip="no engine"),
        replace(QUIZ, kind=BenchmarkKind.CONTRACT),
        replace(QUIZ, exact=True),
        replace(QUIZ, dataset=replace(QUIZ.dataset, source="bundled")),
    ):
        assert not planned.comparable
        assert stand(planned, ledger_of(planned, 900, 100)).looks == ()
        assert planned_design(planned, 1, FIRST) is None


def test_a_reference_of_unknown_size_counts_as_one_pass() -> None:
    """And the comparison says that this is assumed."""
    assert QUIZ.reference is not None
    planned = replace(QUIZ, reference=replace(QUIZ.reference, n=None))
    ledger = ledger_of(planned, 900, 100)
    numbers = compare_all([stand(planned, ledger)], {"quiz": ledger}, 1)["quiz"].comparison
    assert (numbers.reference_size, numbers.reference_assumed) == (1000.0, True)


def test_epochs_of_the_whole_dataset_are_about_these_questions() -> None:
    """What is hard is hard for the reference too: 30 problems in 32 epochs are 960 answers; of a subset 30 samples."""
    whole = planned_of(reference=0.9, margin=0.1, samples=30, epochs=32, size=960)
    part = replace(whole, dataset=replace(whole.dataset, count=60))
    sizes = [stand(planned, ledger_of(planned, 27 * 32, 3 * 32)).looks[0].size for planned in (whole, part)]
    assert sizes == [960, pytest.approx(30)]


def test_alike_questions_count_once() -> None:
    """The same question shown in two ways, answered alike, is one observation."""
    planned = planned_of(reference=0.9, margin=0.1, samples=200, size=1000, rows=400)
    paired = replace(planned, clusters=tuple(index // 2 for index in range(200)))
    sizes = [stand(each, ledger_of(each, 180, 20)).looks[0].size for each in (planned, paired)]
    assert sizes == [200, pytest.approx(100)]


def test_a_reference_of_several_runs_is_compared_by_request() -> None:
    """Its F1 against itself is measured on the same requests: no published score is needed for that."""
    planned = planned_of(reference=0.5, margin=0.1, samples=200, size=1000, f1=True)
    ledger = AnswerTable.empty(planned)
    for position in range(200):
        called, agrees = position % 2 == 0, position % 20 != 0
        counts = {"tp": 2 * agrees, "fn": 2 * (not agrees), "self_tp": 1} if called else {"tn": 2}
        ledger.score(position, Score(value=float(agrees), counts=counts))
    (look,) = stand(planned, ledger).looks
    assert isinstance(look.seen, PairedDifference)
    assert look.seen.value == pytest.approx(2 * 180 / (2 * 180 + 20) - 1)


@pytest.mark.parametrize("runs", [1, 4])
def test_missing_answers_weigh_as_much_as_others_in_an_f1(runs: int) -> None:
    """A reference of four runs counts each answer four times, so what did not come counts so as well."""
    planned = replace(planned_of(reference=0.9, margin=0.07, samples=2000, size=4000, f1=True), reference=PAPER)
    limits = []
    for lost in (0, 200):
        ledger = AnswerTable.empty(planned)
        for position in range(2000 - lost):
            called, agrees = position % 2 == 0, position % 20 != 0
            kind = "tp" if called and agrees else "fn" if called else "tn" if agrees else "fp"
            ledger.score(position, Score(value=float(agrees), counts={kind: runs}))
        for position in range(2000 - lost, 2000 - lost // 2):  # the other half was never asked
            told = {True: {"failed_right_tp": runs, "failed_wrong_errors": runs}, False: {"failed_wrong_errors": runs}}
            ledger.failure(position, replace(LOST, counts=told[position % 2 == 0]))
        (look,) = stand(planned, ledger).looks
        limits.append((look.worst.value, look.seen.value, look.best.value))
    (_, whole, _), (worst, seen, best) = limits
    assert whole == pytest.approx(seen) == pytest.approx(2 * 810 / (2 * 810 + 90) - 0.9)
    assert worst == pytest.approx(2 * 810 / (2 * 810 + 90 + 200) - 0.9)
    assert best == pytest.approx(2 * (810 + 150) / (2 * (810 + 150) + 90) - 0.9)


def test_what_never_came_does_not_hide_the_rest() -> None:
    """A run that was cut short with one early answer missing fails by the others; while it goes on it is not told."""
    planned = planned_of(reference=0.9, margin=0.05, samples=1000, size=1000, sequential=True)
    ledger = AnswerTable.empty(planned)
    first = positions(planned)[0]
    for position in range(1000):
        if position != first:
            ledger.score(position, Score(value=0.0))
    assert stand(planned, ledger, ended=False).looks == ()
    found = compare_all([stand(planned, ledger)], {"quiz": ledger}, 1)["quiz"]
    assert (found.verdict, found.comparison.early) == (Verdict.FAIL, False)


def test_the_rest_of_a_cut_run_may_decide() -> None:
    """Ninety of a hundred asked are right, the others are open: no verdict by a look that lacks most answers."""
    planned = planned_of(reference=0.9, margin=0.05, samples=1000, size=1000, sequential=True)
    ledger = AnswerTable.empty(planned)
    for position in positions(planned)[:100]:
        ledger.score(position, Score(value=float(position % 10 != 0)))
    found = compare_all([stand(planned, ledger)], {"quiz": ledger}, 1)["quiz"]
    assert (found.verdict, found.torn, found.comparison.needed) == (Verdict.INCONCLUSIVE, True, None)


def test_a_published_f1_is_compared_where_the_reference_ran_once() -> None:
    """By the overlap of the answers that are positive for one of the two."""
    planned = planned_of(reference=0.76, margin=0.07, samples=2000, size=4000, f1=True)
    ledger = AnswerTable.empty(planned)
    for position in range(2000):
        kind = "tp" if position < 745 else "fp" if position < 980 else "fn" if position < 1215 else "tn"
        ledger.score(position, Score(value=1.0, counts={kind: 1}))
    (look,) = stand(planned, ledger).looks
    assert look.size == 1215
    assert look.seen.value == pytest.approx(2 * 745 / (2 * 745 + 470) - 0.76)
    assert verdict(planned, ledger) is Verdict.PASS


def standings(*rights: int) -> tuple[list[Standing], dict[str, AnswerTable]]:
    """Benchmarks of a run with so many right answers of 1000."""
    plans = [replace(QUIZ, id=f"quiz{number}") for number in range(len(rights))]
    ledgers = {plan.id: ledger_of(plan, right, 1000 - right) for plan, right in zip(plans, rights, strict=True)}
    return [stand(plan, ledgers[plan.id]) for plan in plans], ledgers


def test_more_benchmarks_are_more_chances_of_a_false_alarm() -> None:
    """What fails alone at 5 % does not among three that are all near the margin."""
    alone, _ = standings(823)
    among, _ = standings(823, 840, 840)
    assert holm(alone, 1) == {"quiz0": ERROR}
    assert holm(among, 3) == {}


def test_a_clear_failure_makes_room_for_the_next() -> None:
    """Holm's steps: what is plainly broken leaves the family."""
    found = holm(standings(500, 823, 900)[0], 3)
    assert found == {"quiz0": ERROR / 3}
    found = holm(standings(500, 823)[0], 2)
    assert found == {"quiz0": ERROR / 2, "quiz1": ERROR}


def test_passing_needs_no_correction() -> None:
    """A run passes only when all do, so each may err as often as the run."""
    several, ledgers = standings(880, 880, 880)
    found = compare_all(several, ledgers, 3)
    assert {each.verdict for each in found.values()} == {Verdict.PASS}
    assert {each.comparison.low_error for each in found.values()} == {ERROR}
    assert {each.comparison.high_error for each in found.values()} == {ERROR / 3}


def test_an_open_comparison_says_what_would_settle_it() -> None:
    """Numbers for people: what could have been seen, and how many more answers it takes."""
    planned = planned_of(reference=0.9, margin=0.05, samples=50, size=1000, rows=1000)
    ledger = ledger_of(planned, 45, 5)
    numbers = compare_all([stand(planned, ledger)], {"quiz": ledger}, 1)["quiz"].comparison
    assert numbers.detectable == pytest.approx(0.229, abs=0.005)
    assert numbers.needed is not None
    assert 200 < numbers.needed < 600
    assert (numbers.answers, numbers.looks, numbers.early) == (50, 1, False)


def test_limits_without_looks_are_the_plain_ones() -> None:
    """One look at the end costs nothing."""
    assert quantile(QUIZ, 0, 0.05) == one_sided(0.05)


def test_a_plan_knows_what_it_can_decide() -> None:
    """Before anything is sent."""
    few = planned_design(replace(QUIZ, samples=50), 2, FIRST)
    all_ = planned_design(QUIZ, 2, FIRST)
    assert few is not None
    assert all_ is not None
    assert few.passes() < 0.5 < all_.passes()


def test_data_that_are_not_the_pinned_ones_stand_for_others() -> None:
    """Then epochs of one sample are dependent."""
    data = DatasetInfo(source="file", location="x", count=30, digest="0")
    planned = replace(planned_of(reference=0.9, margin=0.1, samples=30, epochs=4, size=960), dataset=data)
    assert stand(planned, ledger_of(planned, 108, 12)).looks[0].size == pytest.approx(30)


def with_peers(samples: int, peers: Sequence[float | None], **changes: Any) -> PlannedBenchmark:
    return replace(planned_of(reference=0.9, margin=0.05, samples=samples, size=None), peers=tuple(peers), **changes)


def test_a_run_of_the_reference_is_compared_sample_by_sample() -> None:
    """What both find hard cancels out: no difference is certain at once, however hard the questions are."""
    hard = [float(index % 3 > 0) for index in range(300)]
    planned = with_peers(300, hard)
    ledger = AnswerTable.empty(planned)
    for position in range(300):
        ledger.score(position, Score(value=hard[position]))
    (look,) = stand(planned, ledger).looks
    assert isinstance(look.seen, PairedDifference)
    assert look.seen.value == 0
    assert verdict(planned, ledger) is Verdict.PASS
    unpaired = replace(planned, peers=(), reference=replace(PAPER, value=2 / 3, n=300))
    assert verdict(unpaired, ledger) is Verdict.INCONCLUSIVE


def test_only_samples_that_the_reference_answered_are_compared() -> None:
    """And what the vendor did not answer counts both ways, on these."""
    planned = with_peers(40, [*[1.0] * 30, *[None] * 10])
    ledger = ledger_of(planned, 28, 0, 2)
    for position in range(30, 40):
        ledger.score(position, Score(value=0.0))
    (look,) = stand(planned, ledger).looks
    assert (look.seen.value, look.worst.value, look.best.value) == (0.0, pytest.approx(-2 / 30), 0.0)


def test_forms_of_one_question_are_one_difference() -> None:
    """Samples of a cluster vary together."""
    alone, together = (
        with_peers(400, [0.5] * 400),
        with_peers(400, [0.5] * 400, clusters=tuple(n // 2 for n in range(400))),
    )
    errors = []
    for planned in (alone, together):
        ledger = AnswerTable.empty(planned)
        for position in range(400):
            ledger.score(position, Score(value=float(position // 2 % 2)))
        (look,) = stand(planned, ledger).looks
        assert isinstance(look.seen, PairedDifference)
        errors.append(look.seen.error)
    assert errors[1] == pytest.approx(errors[0] * 2**0.5, rel=0.02)


def test_paired_limits_hold_their_error() -> None:
    """A vendor at the margin passes, and fails, in 5 % of runs at most, to within what 400 runs can tell."""
    rng, found = np.random.RandomState(3), Counter[Verdict | None]()
    for _ in range(400):
        likely = rng.beta(2.7, 0.3, size=300)
        planned = with_peers(300, [float(value) for value in rng.random_sample(300) < likely])
        ledger = AnswerTable.empty(planned)
        for position, right in enumerate(rng.random_sample(300) < likely * (1 - 0.05 / likely.mean())):
            ledger.score(position, Score(value=float(right)))
        found[verdict(planned, ledger)] += 1
    assert found[Verdict.PASS] <= 32
    assert found[Verdict.FAIL] <= 32
