"""F1 and what belongs to it, from counts by sample."""

import pytest

from kvv_action.statistics.aggregates import AGGREGATES, Aggregated, Missing, f1_interval, f1_of, mcc_of

F1 = AGGREGATES["f1"]


def computed(
    *, failed: int = 0, skipped: int = 0, sums: dict[str, int] | None = None, **counts: list[int]
) -> Aggregated:
    """F1 of samples given by columns."""
    size = max((len(column) for column in counts.values()), default=0)
    counts.setdefault("count_responses", [1] * size)
    columns = {name: counts.get(name, [0] * size) for name in F1.columns}
    assert F1.compute is not None
    return F1.compute(columns, Missing(answers=failed + skipped, failed=failed, sums=sums or {}))


def matrix(tp: int, fp: int, fn: int, tn: int) -> dict[str, list[int]]:
    """Columns of as many samples as the counts say."""
    kinds = [0] * tp + [1] * fp + [2] * fn + [3] * tn
    return {name: [int(kind == number) for kind in kinds] for number, name in enumerate(("tp", "fp", "fn", "tn"))}


def test_the_numbers_of_a_confusion_matrix() -> None:
    """F1, precision, recall and MCC by their definitions."""
    found = computed(**matrix(412, 23, 39, 38))
    assert found.score == pytest.approx(0.9300226)
    assert found.metrics["tool_call_precision"] == pytest.approx(412 / 435)
    assert found.metrics["tool_call_recall"] == pytest.approx(412 / 451)
    assert found.metrics["mcc"] == pytest.approx(mcc_of(412, 23, 39, 38))
    assert found.metrics["always_call_f1"] == pytest.approx(f1_of(451, 61))
    assert found.interval is not None
    assert found.interval[0] < found.score < found.interval[1]


def test_the_same_counts_give_the_same_interval() -> None:
    """Resampling is seeded, and the order of samples does not matter."""
    forwards, backwards = matrix(60, 5, 9, 30), matrix(60, 5, 9, 30)
    for column in backwards.values():
        column.reverse()
    assert computed(**forwards).interval == computed(**backwards).interval


@pytest.mark.parametrize("counts", [(20, 0, 0, 5), (0, 5, 5, 20)])
def test_counts_that_cannot_vary_still_have_an_interval(counts: tuple[int, int, int, int]) -> None:
    """A perfect score of 20 requests is not certain."""
    found = computed(**matrix(*counts))
    assert found.interval == f1_interval(counts[0], counts[1] + counts[2])
    assert found.interval[1] - found.interval[0] > 0.05


def test_missing_answers_have_bounds() -> None:
    """Failed and skipped answers count wrong at the lower end, right at the upper one; known labels narrow it."""
    told = {"failed_reference_no_call": 3, "failed_wrong_errors": 3}
    found = computed(failed=4, skipped=6, sums=told, **matrix(30, 5, 5, 20))
    assert found.bounds == (f1_of(30, 20), f1_of(37, 10))
    assert found.metrics["tool_call_f1_failed_wrong"] == f1_of(30, 14)
    assert found.metrics["tool_call_f1_failed_right"] == f1_of(31, 10)


def test_bounds_count_every_run_of_the_reference() -> None:
    """With three runs an answer is compared three times, so a missing one is as well."""
    columns = {name: [3 * value for value in column] for name, column in matrix(30, 5, 5, 20).items()}
    told = {"failed_reference_called": 1, "failed_right_tp": 2, "failed_right_errors": 1, "failed_wrong_errors": 2}
    found = computed(failed=1, skipped=6, sums=told, **columns)
    assert found.bounds == (f1_of(90, 30 + 2 + 18), f1_of(90 + 2 + 18, 30 + 1))
    assert found.metrics["tool_call_f1_failed_wrong"] == f1_of(90, 32)


def test_without_a_reference_there_is_no_f1() -> None:
    """Only rates are left."""
    found = computed(
        count_finish_reason_tool_calls=[1, 1, 0], count_successful_tool_call=[1, 0, 0], count_responses=[1, 1, 1]
    )
    assert found.score is None
    assert "not computed" in found.absent
    assert found.metrics["schema_accuracy"] == 0.5
    assert "call_accuracy" not in found.metrics


def test_nobody_ever_calls() -> None:
    """No call on either side gives no F1, not 0 and not 1."""
    found = computed(**matrix(0, 0, 0, 10))
    assert found.score is None
    assert found.absent


def test_epochs_of_one_sample_stay_together() -> None:
    """Ten answers to each of four requests are not forty requests."""
    apart = computed(**matrix(20, 0, 20, 0)).interval
    together = computed(tp=[10, 10, 0, 0], fp=[0] * 4, fn=[0, 0, 10, 10], tn=[0] * 4).interval
    assert apart is not None
    assert together is not None
    assert together[1] - together[0] > apart[1] - apart[0]


def test_streams_that_are_wrong_more_often_are_named() -> None:
    """Only when the intervals are apart."""
    clear = computed(streamed=[40], streamed_wrong=[20], plain=[40], plain_wrong=[0], **matrix(1, 0, 0, 0))
    chance = computed(streamed=[10], streamed_wrong=[1], plain=[10], plain_wrong=[0], **matrix(1, 0, 0, 0))
    assert [found.cause for found in clear.diagnosis] == ["tool calls are wrong only when streamed"]
    assert not chance.diagnosis
