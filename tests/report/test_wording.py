"""Wordings that the summary and the page share."""

from dataclasses import replace
from pathlib import Path

import pytest

from kvv_action.report.html import html
from kvv_action.report.markdown import summary
from kvv_action.report.place import no_run
from kvv_action.report.wording import cost_of, tokens_a_second, unasked
from kvv_action.schema import Cost, Prices, RunReport, StratumComparison, Verdict
from tests.report.reports import PLANNED, PROBES, REPORT, RESULT

ASSUMED = "if it reads 2.0 points lower, 65 % of equal vendors pass; a reference pack needs no such assumption"


def with_comparison(**changes: object) -> RunReport:
    assert RESULT.comparison is not None
    compared = replace(RESULT.comparison, **changes)  # type: ignore[arg-type]
    return replace(REPORT, benchmarks=(replace(RESULT, comparison=compared),))


def test_a_published_score_names_its_assumption() -> None:
    """In the summary and on the page; reports of plans with the first rules say nothing of it."""
    report = with_comparison(passes_if_lower=0.65)
    assert ASSUMED in summary(report)
    assert "assumed: our way of asking scores like the published one" in html(report).decode()
    assert "assumed: our way" not in summary(with_comparison())


def test_items_that_a_pack_chose_are_told() -> None:
    """How many were asked, what they stand for, what was expected and what was seen."""
    sure = StratumComparison(name="sure", share=0.6, asked=50, expected=0.98, seen=0.8, worse=True)
    report = with_comparison(strata=(replace(sure, name="border", worse=False), sure), paired=True)
    told = "50 sure items, 60.0 % of all: 98.0 % right expected by the pack, 80.0 % seen, which is worse"
    for text in (summary(report), html(report).decode()):
        assert "points against the pack, weighted by what the items stand for" in text
        assert told in text
        assert "50 border items, 60.0 % of all: 98.0 % right expected by the pack, 80.0 % seen" in text


def test_prices_of_any_size_are_written_out() -> None:
    """In a currency of large numbers, and in one of small ones."""
    prices = Prices(input=1e6, output=0.00002)
    assert cost_of(replace(REPORT, cost=Cost(prices=prices, amount=0.00001234))) == (
        "0.00001234 (at 1000000 and 0.00002 a million tokens in and out)"
    )


def test_a_closed_gate_says_how_to_ask_nevertheless() -> None:
    """Its probes are named elsewhere; older reports keep their words."""
    why = "Pre-Verification failed: tokens.growth, vision.order"
    gate = replace(PLANNED, id="precheck", title="Pre-Verification", gates=True)
    skipped = replace(RESULT, verdict=Verdict.SKIPPED, reason=why)
    plan = replace(REPORT.plan, benchmarks=(gate, PLANNED))
    report = replace(REPORT, plan=plan, benchmarks=(PROBES, skipped))
    assert unasked(report) == {why: ["Quiz"]}
    plain = replace(report, plan=replace(plan, choices={"checks": {"version": 3}}))
    assert unasked(plain) == {"Pre-Verification failed; `precheck: warn` asks them nevertheless": ["Quiz"]}


def test_a_run_that_was_killed_is_told_from_a_wrong_folder(tmp_path: Path) -> None:
    """The journal alone is there: the run goes on; without it, another folder is meant."""
    assert no_run(tmp_path, "report.json").endswith("name the folder that kvv wrote")
    (tmp_path / "journal.jsonl").write_bytes(b"")
    told = no_run(tmp_path, "report.json", "x/report.json: no such file")
    assert "holds a run that was not finished" in told
    assert "goes on when it is given again" in told


@pytest.mark.parametrize(
    ("speed", "told"),
    [(None, "–"), (0.44, "0.4"), (42.5, "42.5"), (99.9, "99.9"), (100.2, "100"), (78000.0, "78\u2009000")],
)
def test_a_speed_has_a_digit_after_the_point_where_it_says_something(speed: float | None, told: str) -> None:
    """From a hundred tokens a second it is whole, with thin spaces as in other counts."""
    assert tokens_a_second(speed) == told
