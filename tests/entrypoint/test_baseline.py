"""The baseline of a run: how it counts, and what the step says of it."""

from dataclasses import replace

import pytest

from entrypoint.baseline import BaselineResult, annotations, combined, inserted_by
from kvv_action.compare.judge import compare
from kvv_action.compare.records import Regression
from kvv_action.github.annotations import AnnotationLevel
from tests.compare.sides import benchmark, side

RUN = side((benchmark("quiz"), {f"s{n}": [1.0] for n in range(100)}))
MISSING = BaselineResult(missing=True, notice="there is no run at main yet")
FAILED = BaselineResult(notice="the comparison failed: damaged")


def found(regression: Regression) -> BaselineResult:
    return BaselineResult(comparison=replace(compare(RUN, RUN), regression=regression))


@pytest.mark.parametrize(
    ("status", "against", "fail_on", "expected"),
    [
        (0, None, "inconclusive", 0),
        (0, found(Regression.NONE), "inconclusive", 0),
        (0, found(Regression.REGRESSION), "inconclusive", 1),
        (0, found(Regression.REGRESSION), "fail", 1),
        (0, found(Regression.REGRESSION), "never", 0),
        (0, found(Regression.UNKNOWN), "inconclusive", 3),
        (0, found(Regression.UNKNOWN), "fail", 0),
        (0, FAILED, "inconclusive", 3),
        (0, MISSING, "inconclusive", 0),
        (1, found(Regression.NONE), "inconclusive", 1),
        (1, found(Regression.UNKNOWN), "inconclusive", 1),
        (3, found(Regression.REGRESSION), "inconclusive", 1),
        (3, found(Regression.NONE), "inconclusive", 3),
        (3, MISSING, "inconclusive", 3),
        (130, found(Regression.REGRESSION), "inconclusive", 130),
    ],
)
def test_the_gate_takes_the_worse_of_both(
    status: int, against: BaselineResult | None, fail_on: str, expected: int
) -> None:
    """The run's own verdict and the comparison; fail-on holds for both."""
    assert combined(status, against, fail_on) == expected


@pytest.mark.parametrize(
    ("against", "level"),
    [
        (MISSING, AnnotationLevel.NOTICE),
        (FAILED, AnnotationLevel.WARNING),
        (found(Regression.NONE), AnnotationLevel.NOTICE),
        (found(Regression.UNKNOWN), AnnotationLevel.WARNING),
        (found(Regression.REGRESSION), AnnotationLevel.ERROR),
    ],
)
def test_the_answer_is_an_annotation(against: BaselineResult, level: AnnotationLevel) -> None:
    """As loud as it must be."""
    (annotation,) = annotations(against)
    assert annotation.level is level
    asked = "kvv: Did this change break the model?"  # what "Yes: ..." answers
    assert annotation.title == (asked if against.comparison else "kvv: no comparison")


def test_without_a_baseline_nothing_is_said() -> None:
    """Neither in annotations nor in the summary."""
    assert annotations(None) == []
    assert inserted_by(None) is None


@pytest.mark.parametrize("against", [MISSING, FAILED])
def test_the_summary_says_why_nothing_was_compared(against: BaselineResult) -> None:
    """In its first line, and not as a pass."""
    inserted = inserted_by(against)
    assert inserted is not None
    assert inserted.head.startswith("> ⚠️ Did this change break the model? Not known: the")
