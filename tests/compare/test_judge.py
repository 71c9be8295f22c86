"""The answer to "did this serving change break the model?", from per-sample values."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.compare.judge import _notes, compare
from kvv_action.compare.pairing import asked_differently
from kvv_action.compare.records import BenchmarkChange, Effect, Regression, RunComparison
from kvv_action.compare.side import Side
from kvv_action.compare.words import CHANGE, RunNames
from kvv_action.errors import UsageError
from kvv_action.schema import RunState
from kvv_action.verdict.rules import VerdictRules
from tests.compare.sides import BUNDLED, PLAN, Values, answers, benchmark, probes, rates, side
from tests.compare.test_traffic import moved
from tests.report.reports import REPORT

QUIZ = benchmark("quiz")
RIGHT: Values = {f"s{n}": [1.0] for n in range(200)}


def part(comparison: RunComparison, name: str = "quiz") -> BenchmarkChange:
    return next(one for one in comparison.parts if one.id == name)


@pytest.mark.slow
def test_two_runs_of_one_vendor_are_unchanged() -> None:
    """In at least 95 of 100 seeds, over four benchmarks with chance in every answer; what changed is named."""
    unchanged = 0
    for seed in range(100):
        rng = random.Random(seed)
        likely = {name: rates(count, rng) for name, count in (("a", 1000), ("b", 300), ("c", 1730), ("d", 30))}
        epochs = {"d": 8}
        base, new = (
            side(*((benchmark(name), answers(rate, rng, epochs=epochs.get(name, 1))) for name, rate in likely.items()))
            for _ in range(2)
        )
        found = compare(base, new)
        unchanged += found.regression is Regression.NONE and {one.finding for one in found.parts} == {Effect.SAME}
    assert unchanged >= 95


@pytest.mark.parametrize("seed", range(20))
def test_five_points_worse_on_a_thousand_samples_is_a_regression(seed: int) -> None:
    """Answers made wrong at a rate of 5 % by a vendor whose other answers are the same."""
    rng = random.Random(seed)
    base = answers(rates(1000, rng), rng)
    worse = {name: [0.0] if rng.random() < 0.05 else list(values) for name, values in base.items()}
    found = compare(side((QUIZ, base)), side((QUIZ, worse)))
    assert found.regression is Regression.REGRESSION
    assert found.headline.startswith("Yes: Quiz −")


@pytest.mark.slow
def test_five_points_worse_are_mostly_seen_through_chance() -> None:
    """When every answer is drawn anew, at least 8 of 10 such regressions are found at the strict level of a gate."""
    found = 0
    for seed in range(50):
        rng = random.Random(seed)
        likely = rates(1000, rng)
        base, worse = answers(likely, rng), answers(likely, rng, wrong=0.06)  # 5 points of the 89 % that were right
        found += compare(side((QUIZ, base)), side((QUIZ, worse))).regression is Regression.REGRESSION
    assert found >= 40


def test_better_is_told_and_is_no_regression() -> None:
    """It works both ways."""
    base = {name: [float(number % 10 > 0)] for number, name in enumerate(RIGHT)}
    found = compare(side((QUIZ, base)), side((QUIZ, RIGHT)))
    assert (found.regression, part(found).finding) == (Regression.NONE, Effect.BETTER)
    assert "better: Quiz +10.0 points" in found.headline


def test_a_small_drop_of_few_samples_is_noise_with_its_limit() -> None:
    """The answer names the loss that would have been seen."""
    fallen = {name: [float(number > 1)] for number, name in enumerate(RIGHT)}
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, fallen)))
    assert part(found).finding is Effect.SAME
    assert "ruled out: drops of more than 3.6 % (Quiz)" in found.reason


def test_too_few_samples_cannot_tell() -> None:
    """Eight equal answers do not rule out that a fifth is lost."""
    few = {f"s{n}": [1.0] for n in range(8)}
    found = compare(side((QUIZ, few)), side((QUIZ, few)))
    assert (found.regression, part(found).finding) == (Regression.UNKNOWN, Effect.UNCLEAR)
    assert "is not ruled out" in found.reason


def test_the_tolerance_decides_how_much_must_be_ruled_out() -> None:
    """A user who wants to see two points needs more than 200 samples."""
    assert compare(side((QUIZ, RIGHT)), side((QUIZ, RIGHT)), tolerance=0.02).regression is Regression.NONE
    assert compare(side((QUIZ, RIGHT)), side((QUIZ, RIGHT)), tolerance=0.01).regression is Regression.UNKNOWN


def test_the_usual_tolerance_is_what_the_runs_can_show() -> None:
    """It stands in the headline, is smaller for more samples, and is never more than a fifth."""
    told = []
    for count in (8, 200, 3000):
        base, new = equal_runs(count, count)
        found = compare(base, new)
        told.append(found.tolerance)
        enough = f"; it is enough to rule out losses above {100 * found.tolerance:.1f} points (Quiz)"
        assert found.headline.endswith(enough)
        assert compare(base, new, tolerance=0.3).tolerance == 0.3
    assert told[0] == 0.2
    assert 0.2 > told[1] > 2 * told[2] > 0.02


def equal_runs(count: int, seed: int) -> tuple[Side, Side]:
    """Two runs of one vendor, of plans with the second rules."""
    rng = random.Random(seed)
    likely = rates(count, rng)
    runs = (side((QUIZ, answers(likely, rng))) for _ in range(2))
    first, second = (
        replace(one, report=replace(one.report, plan=replace(one.report.plan, choices={"verdicts": {"version": 2}})))
        for one in runs
    )
    return first, second


def test_equal_runs_rule_out_the_usual_tolerance() -> None:
    """In nearly all of 60 pairs, for it follows from how much they differ."""
    found = [compare(*equal_runs(250, seed)).regression for seed in range(60)]
    assert found.count(Regression.NONE) >= 57


def test_one_probe_that_no_longer_holds_is_a_regression() -> None:
    """Contracts know no chance."""
    base: Values = {f"p{n}": [1.0] for n in range(40)}
    found = compare(side((probes(), base)), side((probes(), {**base, "p7": [0.0]})))
    assert found.headline == "Yes: Probes: 1 of 40 probes no longer holds"
    assert "p7" in found.reason


def test_one_bundled_answer_that_is_no_longer_right_is_a_regression() -> None:
    """Bundled samples are an exact self-check, also when another one is right instead."""
    quiz = benchmark("quiz", dataset=BUNDLED)
    base, new = side((quiz, {"a": [1.0], "b": [0.0]})), side((quiz, {"a": [0.0], "b": [1.0]}))
    found = compare(base, new)
    assert found.regression is Regression.REGRESSION
    assert (part(found).fell, part(found).rose) == (1, 1)


def test_one_instance_of_a_self_test_that_breaks_is_a_regression() -> None:
    """On published data, too: nothing about the environment is chance."""
    check = benchmark("quiz", exact=True, reference=None, margin=None)
    base: Values = {f"s{n}": [1.0] for n in range(20)}
    found = compare(side((check, base)), side((check, {**base, "s7": [0.0]})))
    assert (found.regression, found.headline) == (
        Regression.REGRESSION, "Yes: Quiz: 1 of 20 answers is no longer right",
    )  # fmt: skip
    assert (part(found).exact, part(found).interval, "s7" in found.reason) == (True, None, True)
    assert compare(side((check, base)), side((check, base)), tolerance=0.001).regression is Regression.NONE
    assert compare(side((check, {**base, "s7": [0.0]})), side((check, base))).regression is Regression.NONE


def test_an_instance_of_a_self_test_without_a_result_cannot_be_told() -> None:
    """One of twenty that failed for good was well before."""
    check = benchmark("quiz", exact=True, reference=None, margin=None)
    base: Values = {f"s{n}": [1.0] for n in range(20)}
    found = compare(side((check, base)), side((check, {**base, "s7": [None]})))
    assert (found.regression, "s7" in found.reason) == (Regression.UNKNOWN, True)


@pytest.mark.parametrize("forwards", [True, False])
def test_a_self_test_is_no_baseline_of_a_model(forwards: bool) -> None:
    """A model that resolves less than the gold patches has not got worse."""
    check = side((benchmark("quiz", exact=True, reference=None, margin=None), RIGHT))
    model = side((QUIZ, {name: [0.0] for name in RIGHT}))
    found = compare(check, model) if forwards else compare(model, check)
    assert (found.regression, part(found).reason) == (Regression.UNKNOWN, "judged by other rules")


def test_a_probe_without_an_answer_cannot_be_told() -> None:
    """It held, and now nobody knows."""
    found = compare(side((probes(), {"p": [1.0], "q": [1.0]})), side((probes(), {"p": [1.0], "q": [None]})))
    assert found.regression is Regression.UNKNOWN
    assert "1 probe that held got no usable answer now: q" in found.reason


def test_a_probe_that_never_held_may_fail() -> None:
    """Nothing was lost."""
    found = compare(side((probes(), {"p": [1.0], "q": [0.0]})), side((probes(), {"p": [1.0], "q": [None]})))
    assert found.regression is Regression.NONE


def test_failures_that_could_hide_a_regression_make_it_unknown() -> None:
    """Missing answers cannot help: had they been wrong, it would be one."""
    failing = {name: [None if number < 20 else 1.0] for number, name in enumerate(RIGHT)}
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, failing)))
    assert found.regression is Regression.UNKNOWN
    assert "20 samples got no usable answer now; had they been wrong, the loss would be 10.0 points" in found.reason


def test_epochs_that_are_lost_could_hide_a_regression() -> None:
    """A vendor that cuts seven of eight answers off has not kept what it could; the one that came proves nothing."""
    base = {f"s{n}": [1.0] * 8 for n in range(30)}
    cut = {name: [1.0, *[None] * 7] for name in base}
    found = compare(side((QUIZ, base)), side((QUIZ, cut)))
    assert (found.regression, part(found).lost_after) == (Regression.UNKNOWN, 210)
    assert (
        "210 answers of single epochs did not come; had they been wrong, the loss would be 87.5 points" in found.reason
    )


def test_epochs_that_are_lost_before_and_now_hide_nothing() -> None:
    """What both runs lose alike is no change."""
    lossy = {f"s{n}": [1.0, None, 1.0, 1.0] for n in range(100)}
    found = compare(side((QUIZ, lossy)), side((QUIZ, lossy)))
    assert (found.regression, part(found).lost_before, part(found).lost_after) == (Regression.NONE, 100, 100)


def test_a_bundled_answer_that_is_lost_in_one_epoch_cannot_be_told() -> None:
    """Every answer must be right, and nobody knows of this one."""
    quiz = benchmark("quiz", dataset=BUNDLED)
    found = compare(side((quiz, {"a": [1.0, 1.0]})), side((quiz, {"a": [1.0, None]})))
    assert found.regression is Regression.UNKNOWN
    assert "1 answer that was right got no usable answer now: a" in found.reason


def test_few_failures_hide_nothing() -> None:
    """They are counted and told."""
    failing = {name: [None if number < 2 else 1.0] for number, name in enumerate(RIGHT)}
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, failing)))
    assert (found.regression, part(found).failed_after) == (Regression.NONE, 2)


def test_an_interrupted_run_is_never_unbroken() -> None:
    """What it did not ask may be broken; what it did may be a regression all the same."""
    early = replace(REPORT, state=RunState.INTERRUPTED, state_reason="SIGINT")
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, RIGHT), report=early))
    assert (found.regression, found.headline) == (
        Regression.UNKNOWN,
        "Cannot tell: the new run was interrupted (SIGINT)",
    )
    wrong: Values = {name: [0.0] for name in RIGHT}
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, wrong), report=early))
    assert found.regression is Regression.REGRESSION


@pytest.mark.parametrize(("plain", "told"), [(True, "the baseline was interrupted: Other"), (False, "Other")])
def test_an_interrupted_baseline_is_the_reason(plain: bool, told: str) -> None:
    """What the baseline did not ask cannot be told, and the headline says why; older runs keep their words."""
    early = replace(REPORT, state=RunState.INTERRUPTED, state_reason="SIGINT")
    other = benchmark("other")
    base = side((QUIZ, RIGHT), (other, {}), report=early)
    new = side((QUIZ, RIGHT), (other, RIGHT))
    if plain:
        plan = replace(new.report.plan, choices={"checks": {"version": 3}})
        new = replace(new, report=replace(new.report, plan=plan))
    found = compare(base, new)
    assert (found.regression, found.headline.partition(";")[0]) == (Regression.UNKNOWN, f"Cannot tell: {told}")


def test_prompt_tokens_that_changed_are_told_of_one_vendor_and_of_two() -> None:
    """The note says what may have changed, and for two vendors what may differ."""
    shifts = [moved("prompt_tokens", [100.0] * 10, [100.0] * 9 + [101.0])]
    run = side((QUIZ, RIGHT))
    assert [note for note in _notes(run, run, shifts, CHANGE) if note.endswith("or the counting has changed")]
    vendors = RunNames(before="one", now="other", vendors=True)
    assert [note for note in _notes(run, run, shifts, vendors) if note.endswith("or the counting differs")]


def test_samples_are_matched_and_the_others_named() -> None:
    """Different subsets: what only one run asked says nothing."""
    base: Values = {f"s{n}": [1.0] for n in range(300)}
    new: Values = {f"s{n}": [1.0] for n in range(100, 450)}
    found = part(compare(side((QUIZ, base)), side((QUIZ, new))))
    assert found.matched == 200
    assert found.left_out == {"only the baseline asked it": 100, "only the new run asked it": 150}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"dataset": replace(QUIZ.dataset, digest="0" * 64)}, "asked of other data"),
        ({"version": "2"}, "asked and judged by version 1, now 2"),
        ({"against": "official abc"}, "judged against nothing, now official abc"),
        ({"aggregate": "f1"}, "judged by other rules"),
    ],
)
def test_what_cannot_be_compared_is_unknown(change: dict[str, object], reason: str) -> None:
    """Both runs asked it, so leaving it out silently would be a pass."""
    found = compare(side((QUIZ, RIGHT)), side((benchmark("quiz", **change), RIGHT)))
    assert found.regression is Regression.UNKNOWN
    assert reason in found.reason


def test_a_benchmark_that_only_one_run_asked_is_left_out_and_named() -> None:
    """Choosing fewer benchmarks is no regression."""
    found = compare(side((QUIZ, RIGHT), (benchmark("other"), RIGHT)), side((QUIZ, RIGHT)))
    assert found.regression is Regression.NONE
    assert (part(found, "other").finding, part(found, "other").reason) == (
        Effect.LEFT_OUT,
        "only the baseline asked it",
    )


def test_a_benchmark_that_the_new_tier_leaves_out_is_left_out() -> None:
    """Nothing kept the new run from asking it but its own choice."""
    left_out = benchmark("other", skip="left out of the tier smoke", ids_digest="")
    found = compare(side((QUIZ, RIGHT), (benchmark("other"), RIGHT)), side((QUIZ, RIGHT), (left_out, {})))
    assert (found.regression, part(found, "other").finding) == (Regression.NONE, Effect.LEFT_OUT)


def test_a_benchmark_that_could_not_be_asked_is_unknown() -> None:
    """The gate closed, or there was no engine: the baseline asked it and this run wanted to."""
    found = compare(side((QUIZ, RIGHT)), side((QUIZ, {})))
    assert (found.regression, part(found).reason) == (Regression.UNKNOWN, "nothing to compare: the gate closed")
    found = compare(side((QUIZ, RIGHT)), side((benchmark("quiz", skip="no engine"), {})))
    assert (found.regression, part(found).reason) == (Regression.UNKNOWN, "not asked now: no engine")


def test_nothing_in_common_cannot_tell() -> None:
    """It is no pass."""
    found = compare(side((QUIZ, RIGHT)), side((benchmark("other"), RIGHT)))
    assert found.headline == "Cannot tell: the runs have no benchmark in common"


@pytest.mark.parametrize(
    "change",
    [
        {"profile": replace(REPORT.profile, name="other")},
        {"endpoint": replace(REPORT.endpoint, model="other")},
    ],
)
def test_other_models_are_refused_unless_forced(change: dict[str, object]) -> None:
    """And then it stands in the comparison."""
    base, new = side((QUIZ, RIGHT), report=replace(REPORT, **change)), side((QUIZ, RIGHT))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="are compared only with --force"):
        compare(base, new)
    found = compare(base, new, force=True)
    assert found.forced
    assert "other" in found.notes[0]


def test_what_was_asked_differently_is_told() -> None:
    """Sampling and epochs could explain a difference; how many samples there are could not."""
    hotter = benchmark("quiz", sampling={"temperature": 2.0}, samples=9)
    found = compare(side((QUIZ, RIGHT)), side((hotter, RIGHT)))
    assert found.asked_differently == ("quiz.sampling.temperature: was 1.0, is 2.0",)


def test_names_in_remedies_are_no_difference_in_what_was_asked() -> None:
    """A newer profile may name another parser."""
    plans = [
        replace(PLAN, choices={"engine-options": {"vLLM": {"--tool-call-parser": name}}})
        for name in ("first", "second")
    ]
    assert [*asked_differently(*plans)] == []
    other = replace(plans[1], seed=plans[1].seed + 1)
    assert [line.partition(":")[0] for line in asked_differently(plans[0], other)] == ["seed"]


def test_family_wise_control_needs_more_of_each() -> None:
    """What one benchmark alone would show is noise among many that were looked at."""
    fallen = {name: [float(number > 7)] for number, name in enumerate(RIGHT)}
    alone = compare(side((QUIZ, RIGHT)), side((QUIZ, fallen)))
    assert alone.regression is Regression.REGRESSION
    others = [benchmark(f"b{n}") for n in range(9)]
    base = side((QUIZ, RIGHT), *((one, RIGHT) for one in others))
    new = side((QUIZ, fallen), *((one, RIGHT) for one in others))
    assert compare(base, new).regression is Regression.NONE


EPOCHS = st.lists(st.sampled_from([None, 0.0, 0.5, 1.0]), max_size=4)
VALUES = st.dictionaries(st.text(max_size=8), EPOCHS, max_size=12)


@settings(deadline=None)
@given(VALUES, VALUES)
def test_any_two_runs_have_an_answer(base: Values, new: Values) -> None:
    """With denominators that add up, and a mirror image that swaps what fell and rose."""
    found = compare(side((QUIZ, base), (probes(), base)), side((QUIZ, new), (probes(), new)))
    mirror = compare(side((QUIZ, new), (probes(), new)), side((QUIZ, base), (probes(), base)))
    for one, other in zip(found.parts, mirror.parts, strict=True):
        assert (one.fell, one.rose, one.matched) == (other.rose, other.fell, other.matched)
        assert one.fell + one.rose <= one.matched <= min(len(base), len(new))
        assert len(one.flips) == one.fell + one.rose
    if found.regression is Regression.NONE:
        assert not any(one.fell for one in found.parts if one.exact)


def test_what_neither_run_could_ask_is_left_out_and_named() -> None:
    """Two machines without an engine: equal in all that they asked. Another reason on each is not the same."""
    unasked = (benchmark("boxed"), {})
    base, new = side((QUIZ, RIGHT), unasked), side((QUIZ, RIGHT), unasked)
    found = compare(judged(base), judged(new))
    assert (found.regression, part(found, "boxed").finding) == (Regression.NONE, Effect.LEFT_OUT)
    assert "not asked by either run: Boxed" in found.headline
    results = [replace(one, reason="no engine") if one.id == "boxed" else one for one in new.report.benchmarks]
    other = replace(new, report=replace(new.report, benchmarks=tuple(results)))
    assert compare(judged(base), judged(other)).regression is Regression.UNKNOWN


def judged(one: Side) -> Side:
    """A run whose plan has the rules of today."""
    plan = replace(
        one.report.plan, choices={**one.report.plan.choices, "verdicts": VerdictRules.at("smoke", ()).kept()}
    )
    return replace(one, report=replace(one.report, plan=plan))
