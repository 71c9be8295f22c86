"""Findings over all answers and delivery, before and now: only a failure that one run has alone is a change."""

from dataclasses import replace

import pytest

from kvv_action.compare.files import parse, render
from kvv_action.compare.judge import compare
from kvv_action.compare.page import page_part
from kvv_action.compare.records import Effect, FindingChange, Regression, RunComparison
from kvv_action.compare.side import Side
from kvv_action.schema import Delivery, Finding, RunCause, RunReport, Severity, Verdict
from tests.compare.sides import Values, benchmark, side
from tests.report.reports import CUT, DELIVERY, REPORT

QUIZ = benchmark("quiz")
RIGHT: Values = {f"s{n}": [1.0] for n in range(200)}
LEAK = replace(
    CUT, cause_id="markers-leak", cause="control tokens stand in the answers", remedy="use the parsers of this model",
    count=20, of=200, benchmarks=("quiz",), evidence=(),
)  # fmt: skip
WHOLE = replace(DELIVERY, broken=0, kinds={}, share=0.0, verdict=Verdict.PASS, reason="all arrived", busy=0)
FEW = replace(DELIVERY, broken=2, kinds={"truncated": 2}, share=0.02, verdict=Verdict.INCONCLUSIVE)
CHOICES = {"max-broken-tries": 0.02, "checks": {"markers": [], "names": []}}


def run(*findings: Finding, delivery: Delivery | None = WHOLE, asked: bool = True, name: str = "quiz") -> Side:
    """A run in which everything is right, with these findings."""
    found = side((benchmark(name), RIGHT), report=REPORT)
    plan = replace(found.report.plan, choices=CHOICES if asked else {})
    report: RunReport = replace(found.report, plan=plan, findings=findings, delivery=delivery)
    return replace(found, report=report)


def change(comparison: RunComparison) -> FindingChange:
    """The one that is told."""
    (found,) = comparison.findings
    return found


def test_a_new_failure_is_a_regression() -> None:
    """With its cause in the headline, before everything else."""
    found = compare(run(), run(LEAK))
    assert (found.regression, found.headline) == (Regression.REGRESSION, f"Yes: {LEAK.cause}")
    assert change(found).finding is Effect.WORSE
    assert found.reason == f"{LEAK.cause}: fails the run now: not seen before, 20 of 200 (10.0 %) now"


def test_switches_have_the_values_of_the_model_where_the_report_has_them() -> None:
    """The same words as in the run's own report; else the general ones."""
    new = run(LEAK)
    cause = RunCause(
        cause_id=LEAK.cause_id, severity=LEAK.severity, cause=LEAK.cause, remedy=LEAK.remedy,
        switches={"vLLM": "--reasoning-parser kimi_k2"}, count=20, of=200, share=None, benchmarks=("quiz",),
        symptoms=(),
    )  # fmt: skip
    named = replace(new, report=replace(new.report, causes=(cause,)))
    assert change(compare(run(), named)).remedy == f"{LEAK.remedy} (vLLM: --reasoning-parser kimi_k2)"
    assert "kimi_k2" not in change(compare(run(), new)).remedy


def test_a_failure_that_is_gone_is_an_improvement() -> None:
    """And no regression."""
    found = compare(run(LEAK), run())
    assert (found.regression, change(found).finding) == (Regression.NONE, Effect.BETTER)
    assert f"better: no longer: {LEAK.cause}" in found.headline


def test_delivery_that_newly_fails_is_a_regression() -> None:
    """And the reverse is an improvement."""
    broken = run(CUT, delivery=DELIVERY)
    found = compare(run(), broken)
    assert (found.regression, change(found).id) == (Regression.REGRESSION, "delivery")
    assert change(compare(broken, run())).finding is Effect.BETTER


def test_another_kind_of_broken_delivery_is_no_change() -> None:
    """Kinds change from run to run."""
    other = replace(CUT, cause_id="delivery-stream-error", cause="25.0 % of the answers end in an error")
    found = compare(run(CUT, delivery=DELIVERY), run(other, delivery=DELIVERY))
    assert (found.regression, change(found).finding) == (Regression.NONE, Effect.SAME)


def test_what_fails_both_runs_is_no_change() -> None:
    """It is told all the same."""
    found = compare(run(LEAK), run(LEAK))
    assert (found.regression, change(found).reason.partition(":")[0]) == (Regression.NONE, "fails both runs")


@pytest.mark.parametrize(("before", "after"), [((), ("warning",)), (("warning",), ()), (("warning",), ("warning",))])
def test_warnings_are_told_and_judge_nothing(before: tuple[str, ...], after: tuple[str, ...]) -> None:
    """A new one as well."""
    sides = [run(*(replace(LEAK, severity=Severity(one), count=2) for one in which)) for which in (before, after)]
    found = compare(*sides)
    assert (found.regression, change(found).finding) == (Regression.NONE, Effect.SAME)


def test_information_is_not_told() -> None:
    """It says nothing against anybody."""
    assert compare(run(), run(replace(LEAK, severity=Severity.INFORMATION))).findings == ()


def test_two_draws_of_one_share_are_no_regression() -> None:
    """A share at the border is a warning in one run and a failure in the next: chance may explain it."""
    warned = replace(LEAK, severity=Severity.WARNING, count=2)
    assert change(compare(run(warned), run(replace(LEAK, count=5)))).finding is Effect.SAME
    assert compare(run(warned), run(LEAK)).regression is Regression.REGRESSION
    border = run(CUT, delivery=replace(DELIVERY, broken=7))
    assert change(compare(run(delivery=FEW), border)).finding is Effect.SAME
    assert compare(run(delivery=FEW), run(CUT, delivery=DELIVERY)).regression is Regression.REGRESSION


def test_what_only_one_run_could_see_is_left_out() -> None:
    """The other run did not ask the benchmark that shows it."""
    wider = side((QUIZ, RIGHT), (benchmark("other"), RIGHT))
    plan = replace(wider.report.plan, choices=CHOICES)
    findings = (replace(LEAK, benchmarks=("other",)),)
    new = replace(wider, report=replace(wider.report, plan=plan, findings=findings, delivery=WHOLE))
    found = compare(run(), new)
    assert (found.regression, change(found).finding) == (Regression.NONE, Effect.LEFT_OUT)


@pytest.mark.parametrize("old", ["base", "new"])
def test_a_run_that_did_not_look_judges_nothing(old: str) -> None:
    """Neither as baseline nor as the new run."""
    silent, telling = run(delivery=None, asked=False), run(CUT, LEAK, delivery=DELIVERY)
    found = compare(silent, telling) if old == "base" else compare(telling, silent)
    assert (found.regression, found.findings) == (Regression.NONE, ())
    assert b'"findings"' not in render(found)["compare.json"]
    assert b"all answers" not in render(found)["compare.md"]


def test_every_form_shows_it() -> None:
    """compare.json can be read again, compare.md has a row with the remedy, and the page a line."""
    found = compare(run(), run(LEAK))
    files = render(found)
    assert parse(files["compare.json"]) == found
    row = f"| {LEAK.cause} | ❌ worse | not seen | failure, 20 of 200 | {LEAK.remedy} "
    assert row in files["compare.md"].decode()
    assert LEAK.cause in page_part(found).section
    assert LEAK.remedy in page_part(found).section
