"""The second rules of verdicts: two margins, lost answers, variance by answers; and that old plans keep the first."""

import math
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from entrypoint.compose import exit_code
from kvv_action.errors import KvvError
from kvv_action.plan.strata import ExpectedScore, Strata
from kvv_action.schema import FailureKind, PlannedBenchmark, RunState, SampleFailure, Score, Verdict
from kvv_action.verdict.answers import AnswerTable
from kvv_action.verdict.comparison import Compared, compare_all
from kvv_action.verdict.noninferiority import Look, stand
from kvv_action.verdict.rules import FIRST, JudgingRules, VerdictRules, pass_margin, rules_of
from kvv_action.verdict.verdict import VerdictFigures, conclude
from tests.ask.vendors import planned_of

LOST = SampleFailure(kind=FailureKind.TIMEOUT_TOTAL, message="too long")
SMALL = planned_of(reference=0.8, margin=0.04, samples=60, size=3460, rows=3460)
SMOKE = VerdictRules.at("smoke", [SMALL]).of(SMALL.id)


def answered(planned: PlannedBenchmark, states: str) -> AnswerTable:
    """Right (+), wrong (-) and failed (x) answers, in this order."""
    table = AnswerTable.empty(planned)
    for position, state in enumerate(states):
        if state == "x":
            table.failure(position, LOST)
        else:
            table.score(position, Score(value=float(state == "+")))
    return table


def judged(planned: PlannedBenchmark, states: str, rules: JudgingRules) -> Compared:
    table = answered(planned, states)
    return compare_all([stand(planned, table, rules)], {planned.id: table}, 1)[planned.id]


@pytest.mark.parametrize(
    ("right", "first", "smoke"),
    [
        (50, Verdict.INCONCLUSIVE, Verdict.PASS),
        (48, Verdict.INCONCLUSIVE, Verdict.PASS),
        (42, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE),
        (27, Verdict.FAIL, Verdict.FAIL),
    ],
)
def test_a_small_run_rules_out_large_losses(right: int, first: Verdict, smoke: Verdict) -> None:
    """Sixty answers cannot rule out a loss of four points, but one of twenty; what fails is the same."""
    states = "+" * right + "-" * (60 - right)
    assert judged(SMALL, states, FIRST).verdict is first
    assert judged(SMALL, states, SMOKE).verdict is smoke


def test_fail_wins_where_both_hold() -> None:
    """A loss between the two margins that many answers show is a fail, though larger losses are ruled out."""
    planned = planned_of(reference=0.8, margin=0.02, samples=3000, size=30000)
    found = judged(planned, "+" * 2100 + "-" * 900, VerdictRules.at("smoke", [planned]).of(planned.id))
    assert found.comparison.low > -0.2
    assert found.comparison.high < -0.02
    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("tier", "margin", "expected"), [("smoke", 0.04, 0.2), ("standard", 0.15, 0.15), ("full", 0.04, 0.04)]
)
def test_the_tier_says_what_a_pass_rules_out(tier: str, margin: float, expected: float) -> None:
    """Never less than the margin; at full the margin itself."""
    assert pass_margin(margin, tier) == expected


@pytest.mark.parametrize(
    ("failed", "first", "second"),
    [(6, False, False), (7, True, False), (14, True, False), (15, True, True), (30, True, True)],
)
def test_too_many_lost_is_shown_by_an_exact_limit(failed: int, first: bool, second: bool) -> None:
    """Of sixty answers seven are more than a tenth, but bad luck at a true tenth; fifteen are not."""
    figures = VerdictFigures(
        exact=False, sent=60, scored=60 - failed, failed=failed, skipped=0, wrong=0, score=0.8, reference=0.8,
        margin=0.04, stands=Verdict.INCONCLUSIVE, torn=True, most_failures=0.1,
    )  # fmt: skip
    assert (figures.too_many_failed, replace(figures, lost_exactly=True).too_many_failed) == (first, second)
    assert conclude(replace(figures, lost_exactly=True)) is (Verdict.FAIL if second else Verdict.INCONCLUSIVE)


def test_a_lost_answer_counts_as_the_references_own() -> None:
    """What the reference answered is known by item: losing the hard items cannot hide that the others got worse."""
    peers = tuple(1.0 if index >= 60 else 0.0 for index in range(300))
    planned = replace(planned_of(reference=0.8, margin=0.05, samples=300, size=300), peers=peers)
    states = "x" * 60 + "-" * 36 + "+" * 204
    first = judged(planned, states, FIRST)
    assert first.comparison.high > -0.05
    second = judged(planned, states, VerdictRules.at("full", [planned]).of(planned.id))
    assert second.comparison.high == pytest.approx(-0.12, abs=0.04)
    assert second.verdict is Verdict.FAIL


def test_what_did_not_come_decides_where_it_would_be_a_fail() -> None:
    """Told apart from what is merely open: lost answers that were wrong would fail the vendor, one would not."""
    planned = planned_of(reference=0.8, margin=0.04, samples=400, size=30000)
    rules = VerdictRules.at("full", [planned]).of(planned.id)
    many, one = (
        judged(planned, "+" * 280 + "-" * 50 + "x" * 70, rules),
        judged(planned, "+" * 308 + "-" * 91 + "x", rules),
    )
    assert (many.verdict, many.torn, many.comparison.missing_decides) == (Verdict.INCONCLUSIVE, True, True)
    assert (one.verdict, one.comparison.missing_decides) == (Verdict.INCONCLUSIVE, False)


@pytest.mark.parametrize(("decides", "fail_on", "status"), [
    (True, "fail", 3), (False, "fail", 0), (True, "never", 0), (True, "inconclusive", 3),
])  # fmt: skip
def test_fail_on_fail_does_not_let_lost_answers_through(decides: bool, fail_on: str, status: int) -> None:
    """An endpoint cannot pass a gate by losing what it would get wrong."""
    comparison = SimpleNamespace(missing_decides=decides)
    report: Any = SimpleNamespace(
        state=RunState.COMPLETE, verdict=Verdict.INCONCLUSIVE, plan=SimpleNamespace(shard=None),
        benchmarks=[SimpleNamespace(verdict=Verdict.INCONCLUSIVE, comparison=comparison)],
    )  # fmt: skip
    assert exit_code(report, fail_on) == status


def paired(epochs: int, *, whole: bool) -> PlannedBenchmark:
    planned = planned_of(reference=0.9, margin=0.05, samples=30, epochs=epochs, size=960, rows=30 if whole else 60)
    return replace(planned, peers=(1.0,) * 27 + (0.0,) * 3)


def look_of(planned: PlannedBenchmark, rules: JudgingRules) -> Look:
    epochs = planned.epochs
    (look,) = stand(planned, answered(planned, "+" * 27 * epochs + "-" * 3 * epochs), rules).looks
    return look


@pytest.mark.parametrize("whole", [True, False])
def test_equal_answers_in_many_epochs_leave_little_room(whole: bool) -> None:
    """Thirty samples without any difference: two samples added are 8 points, two answers of 32 a quarter of a point."""
    planned = paired(32, whole=whole)
    rules = replace(VerdictRules.at("full", [planned]).of(planned.id), reference_epochs=32)
    first, second = look_of(planned, FIRST).limits(0.05)[0], look_of(planned, rules).limits(0.05)[0]
    assert first == pytest.approx(-0.081, abs=0.001)
    assert second == pytest.approx(-0.0025, abs=0.0003)


def shaky() -> Iterator[str]:
    """Epochs that agree but for one of four, at every sample."""
    for _ in range(30):
        yield "+++-"


def test_of_the_whole_dataset_only_answers_vary() -> None:
    """A true difference between items is no doubt about the mean of all items; within an item answers vary."""
    planned = replace(paired(4, whole=True), peers=(1.0, 0.0) * 15)
    table = answered(planned, "".join(shaky()))
    rules = VerdictRules.at("full", [planned]).of(planned.id)
    within, between = (
        stand(planned, table, replace(rules, reference_epochs=epochs)).looks[0].seen.limits(1.0) for epochs in (4, 0)
    )
    assert within[1] - within[0] < between[1] - between[0]
    assert sum(within) == pytest.approx(sum(between))


@pytest.mark.parametrize(
    "kept",
    [
        {"version": 4},
        {},
        [],
        "2",
        {"version": 2, "pass-margins": {"a": "x"}},
        {"version": 2, "pass-margins": {"a": True}},
        {"version": 5, "chained": "a"},
        {"version": 5, "chained": [1]},
    ],
)
def test_rules_that_are_not_known_are_refused(kept: Any) -> None:
    """A plan of a newer version, or a damaged one, is never judged by other rules than it asks for."""
    plan: Any = SimpleNamespace(verdicts=kept)
    with pytest.raises(KvvError, match="rules of verdicts"):
        rules_of(plan)


def test_a_plan_keeps_its_rules() -> None:
    """What a plan holds gives the same rules again; a plan without any is judged by the first."""
    rules = VerdictRules.at("standard", [SMALL], {SMALL.id: 4})
    plan: Any = SimpleNamespace(verdicts=rules.kept())
    assert rules_of(plan) == rules
    assert rules.of(SMALL.id) == JudgingRules(sharp=True, pass_margin=0.1, false_alarm=0.003, reference_epochs=4)
    looking = replace(SMALL, looks=(10, 20), clusters=(0, 0, 1))
    chained = VerdictRules.at("standard", [looking], chained=["other", looking.id])
    assert (chained.kept()["version"], chained.kept()["chained"]) == (5, [looking.id])
    assert rules_of(SimpleNamespace(verdicts=chained.kept())) == chained  # type: ignore[arg-type]
    assert VerdictRules.at("standard", [SMALL], chained=[SMALL.id]).kept()["version"] == 2
    first: Any = SimpleNamespace(verdicts=None)
    assert rules_of(first).of(SMALL.id) == FIRST


def by_strata(border: str, sure: str, *, margin: float = 0.05, looks: tuple[int, ...] = ()) -> Compared:
    """Fifty border items, half of which are expected, and fifty sure ones; a tenth of all items is hopeless."""
    items = "b" * 300 + "s" * 600 + "r" * 100
    expected = {
        "b": ExpectedScore(accuracy=0.5, answers=1200), "s": ExpectedScore(accuracy=0.98, answers=2400),
        "r": ExpectedScore(accuracy=0.1, answers=400),
    }  # fmt: skip
    strata = Strata(items=items, asked="b" * len(border) + "s" * len(sure), expected=expected)
    peers = tuple(0.5 if one == "b" else 0.98 for one in strata.asked)
    planned = replace(
        planned_of(reference=0.74, margin=margin, samples=len(peers), size=4000, rows=1000), peers=peers, looks=looks
    )
    rules = VerdictRules.at("smoke", [planned], drift={planned.id: 5e-5}, strata={planned.id: strata})
    return judged(planned, border + sure, rules.of(planned.id))


RIGHT_HALF, WELL = "+" * 25 + "-" * 25, "+" * 49 + "-"


@pytest.mark.parametrize(
    ("border", "sure", "margin", "verdict", "worse"),
    [
        (RIGHT_HALF, WELL, 0.05, Verdict.PASS, []),
        ("+" * 10 + "-" * 40, WELL, 0.05, Verdict.FAIL, ["border"]),
        ("+" * 10 + "-" * 40, WELL, 0.15, Verdict.PASS, ["border"]),
        (RIGHT_HALF, "+" * 39 + "-" * 11, 0.05, Verdict.FAIL, ["sure"]),
        (RIGHT_HALF, "+" * 35 + "-" * 15, 0.25, Verdict.INCONCLUSIVE, ["sure"]),
        ("-" * 50, "+" * 30 + "-" * 20, 0.05, Verdict.FAIL, ["border", "sure"]),
    ],
)
def test_a_finding_fails_only_with_a_loss_of_more_than_the_margin(
    border: str, sure: str, margin: float, verdict: Verdict, worse: list[str]
) -> None:
    """A loss on border items is no loss on the dataset: it is weighed first, and a pass goes by the weighted loss."""
    found = by_strata(border, sure, margin=margin)
    assert found.verdict is verdict
    assert [one.name for one in found.comparison.strata if one.worse] == worse
    assert [one.asked for one in found.comparison.strata] == [50, 50]
    assert found.comparison.difference == pytest.approx(
        0.3 * (border.count("+") / 50 - 0.5) + 0.6 * (sure.count("+") / 50 - 0.98)
    )


def test_items_that_are_not_asked_count_as_lost_for_a_pass() -> None:
    """A tenth of the items with an accuracy of a tenth: one point."""
    numbers = by_strata(RIGHT_HALF, WELL).comparison
    assert numbers.low == pytest.approx(-0.01 - 1.645 * math.hypot(0.3 * 0.0707, 0.6 * 0.0198, 0.007), abs=0.013)
    assert numbers.high == pytest.approx(1.645 * 0.0245, abs=0.01)


def test_lost_answers_count_both_ways_in_strata() -> None:
    """As the pack's own for a fail, as wrong for a pass; whoever loses all of a stratum does not pass."""
    few = by_strata("+" * 20 + "-" * 25 + "x" * 5, WELL)
    assert few.verdict is Verdict.PASS
    lost = by_strata("x" * 50, "+" * 40 + "x" * 10)
    assert (lost.verdict, lost.torn, lost.comparison.missing_decides) == (Verdict.INCONCLUSIVE, True, True)
    assert by_strata("+" * 5 + "-" * 30 + "x" * 15, WELL).verdict is Verdict.FAIL


def test_early_looks_see_both_strata() -> None:
    """The same rule at each look, stricter at the first ones; a broken vendor is seen by a fifth of the answers."""
    looks = (10, 20, 50, 100)
    broken = by_strata("-" * 50, "-" * 50, looks=looks)
    assert (broken.verdict, broken.comparison.early, broken.comparison.answers) == (Verdict.FAIL, True, 10)
    equal = by_strata("+-" * 25, "+" * 50, looks=looks)
    assert (equal.verdict, equal.comparison.early) == (Verdict.PASS, True)


def test_strata_come_back_from_a_plan() -> None:
    """Under a version that earlier ones refuse."""
    strata = Strata(items="bs" * 99, asked="bs", expected={
        "b": ExpectedScore(accuracy=0.5, answers=3), "s": ExpectedScore(accuracy=1.0, answers=3),
    })  # fmt: skip
    rules = VerdictRules.at("smoke", [SMALL], strata={SMALL.id: strata})
    plan: Any = SimpleNamespace(verdicts=rules.kept())
    assert (rules.kept()["version"], rules_of(plan)) == (3, rules)
    plan.verdicts["strata"] = ["x"]
    with pytest.raises(KvvError, match="damaged"):
        rules_of(plan)
