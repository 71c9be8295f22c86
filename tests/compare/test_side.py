"""A run to compare: what of it is believed."""

from dataclasses import replace

import pytest

from kvv_action.compare.packed import PackedSamples
from kvv_action.compare.sampled import MEASURES, Sampled
from kvv_action.compare.side import of_report
from kvv_action.errors import KvvError
from kvv_action.schema import Case, Outcome
from tests.report.reports import REPORT, RESULT, with_result


def case(**changes: object) -> Case:
    return replace(RESULT.cases[0], **changes)  # type: ignore[arg-type]


def test_a_report_gives_every_sample_its_values() -> None:
    """Failed ones have none."""
    samples = of_report(REPORT).samples["quiz"]
    assert {name: one.scored for name, one in samples.items()} == {"q0": 1, "q1": 1, "q2": 0}
    assert (samples["q0"].value, samples["q1"].value, samples["q2"].failed) == (1.0, 0.0, 1)


def test_a_large_report_is_known_to_be_partial() -> None:
    """Then only the journal names all samples."""
    assert of_report(with_result(cases_omitted=7)).partial == {"quiz"}


def test_an_answer_after_a_failure_stands() -> None:
    """A resumed run asks again what failed."""
    found = Sampled()
    found.fail(3)
    found.add(0.5, 3)
    assert (found.failed, found.value) == (0, 0.5)


def test_a_sample_that_is_kept_comes_back_as_it_was() -> None:
    """With its traffic or without any, with epochs that failed, and in the order of the plan."""
    bare, full = Sampled(index=300), Sampled(index=2, category="größte")
    full.add(0.25, 7)
    full.add(1 / 3, 1023)
    full.fail(0)
    full.fail(1000)
    full.traffic.extend(n / 7 for n in range(2 * len(MEASURES)))
    kept = PackedSamples()
    kept.put("bare", bare)
    kept.put("full", full)
    assert list(kept.ordered().items()) == [("full", full), ("bare", bare)]
    assert ("full" in kept, "other" in kept, kept.get("other")) == (True, False, None)


@pytest.mark.parametrize(
    "change",
    [
        {"value": 1.5},
        {"value": -0.1},
        {"value": float("nan")},
        {"value": float("inf")},
        {"epoch": -1},
        {"epoch": 10**12},
        {"epoch": 10**12, "outcome": Outcome.FAILED, "value": None},
    ],
)
def test_what_no_run_can_have_is_refused(change: dict[str, object]) -> None:
    """A baseline is as trustworthy as its source: numbers from it are bounded before they are used."""
    with pytest.raises(KvvError, match="quiz, sample"):
        of_report(with_result(cases=(case(**change),)))
