"""The table of all levels of effort: one verdict, defined plainly; hostile text harmless; never too large."""

from dataclasses import replace

import pytest

from kvv_action.report.levels import (
    EffortTable,
    LevelRow,
    LevelScore,
    as_json,
    concluded,
    markdown,
    not_asked,
    parse,
    row_of,
    whole_summary,
)
from kvv_action.report.markdown import summary
from kvv_action.schema import RunState, Verdict
from tests.report.reports import EVIL, PLANNED, REPORT, RESULT

PASS = LevelRow(level="high", verdict=Verdict.PASS, judged=True, reason="all right")
TOLD = LevelRow(level="low", verdict=Verdict.INCONCLUSIVE, judged=False, reason="no score could be judged")
OPEN = LevelRow(level="low", verdict=Verdict.INCONCLUSIVE, judged=True, reason="too few answers")
FAIL = LevelRow(level="low", verdict=Verdict.FAIL, judged=True, reason="a probe is broken")
LATER = not_asked("max", "not asked after effort low")


@pytest.mark.parametrize(
    ("rows", "verdict", "reason"),
    [
        ((PASS,), Verdict.PASS, "pass at effort high"),
        ((TOLD, PASS), Verdict.PASS, "pass at effort high; scores not judged at low, where all else holds"),
        ((PASS, OPEN), Verdict.INCONCLUSIVE, "effort low: too few answers"),
        ((TOLD, PASS, LATER), Verdict.INCONCLUSIVE, "effort max: not asked after effort low"),
        ((TOLD, TOLD), Verdict.INCONCLUSIVE, "no score could be judged at any level of effort"),
        ((FAIL, PASS), Verdict.FAIL, "effort low: a probe is broken"),
        ((FAIL, OPEN, LATER), Verdict.FAIL, "effort low: a probe is broken"),
    ],
)
def test_the_verdict_of_all_levels(rows: tuple[LevelRow, ...], verdict: Verdict, reason: str) -> None:
    """A failure anywhere fails; what is unknown anywhere leaves it open; else one level must pass."""
    assert concluded(rows) == (verdict, reason)


UNJUDGED = replace(RESULT, verdict=Verdict.INCONCLUSIVE, orientation=True)
HELD = replace(RESULT, id="probes", verdict=Verdict.PASS)
COMPLETE = replace(
    REPORT, verdict=Verdict.INCONCLUSIVE, state=RunState.COMPLETE, benchmarks=(HELD, UNJUDGED),
    plan=replace(REPORT.plan, benchmarks=(replace(PLANNED, id="probes", gates=True), PLANNED)),
)  # fmt: skip


def test_a_run_is_told_where_only_its_scores_are_not_judged() -> None:
    """Not where it was cut short, nor where something else is unknown or wrong."""
    assert not row_of("low", COMPLETE, None).judged
    assert row_of("low", replace(COMPLETE, state=RunState.STOPPED), None).judged
    assert row_of("low", replace(COMPLETE, verdict=Verdict.FAIL), None).judged
    for other in (Verdict.INCONCLUSIVE, Verdict.SKIPPED):
        open_ = replace(COMPLETE, benchmarks=(replace(HELD, verdict=other), UNJUDGED))
        assert row_of("low", open_, None).judged
    warned = replace(COMPLETE, benchmarks=(replace(HELD, verdict=Verdict.FAIL), UNJUDGED))
    assert row_of("low", warned, None).judged
    assert not row_of("low", replace(warned, plan=replace(warned.plan, precheck="warn")), None).judged


def table(*rows: LevelRow) -> EffortTable:
    verdict, reason = concluded(rows)
    return EffortTable(
        verdict=verdict, reason=reason, model=EVIL, vendor=EVIL, profile="p", judged_at="high", rows=rows
    )


def test_the_table_has_a_row_for_each_level() -> None:
    """With dashes where nothing was asked."""
    score = LevelScore(id="quiz", title="Quiz", score=0.5, verdict=Verdict.PASS, judged=True)
    full = replace(PASS, scores=(score,), tokens_out=12_345, first_token=0.25, thinking=812.4)
    rows = [line for line in markdown(table(full, LATER)).splitlines() if line.startswith("| **")]
    assert rows == [
        "| **high** | ✅ pass | ✅ 50.0 % | 12 345 | 250 ms | 812 |",
        "| **max** | ⏭️ skipped | – | – | – | – |",
    ]


def test_hostile_names_stay_text() -> None:
    """As in every summary."""
    shown = markdown(table(PASS))
    assert "<script" not in shown.lower()
    assert "\u202e" not in shown
    assert not any(line.startswith(("::", "##[", "# heading")) for line in shown.splitlines())


def test_the_summary_stays_within_its_limit() -> None:
    """The table comes first, and stays."""
    found = table(TOLD, PASS)
    makers = {"low": lambda budget: summary(REPORT, budget), "high": lambda budget: summary(REPORT, budget)}
    opening = markdown(found)
    for room in (200_000, 6_000, len(opening.encode()) + 10, 100):
        text = whole_summary(found, makers, room)
        assert len(text.encode()) <= room
        assert text.startswith(opening[: min(room, 90)])


def test_the_file_is_read_as_it_was_written() -> None:
    """`kvv render` needs it."""
    found = replace(table(TOLD, PASS, LATER), model="model", vendor="vendor")
    assert parse(as_json(found)) == found
