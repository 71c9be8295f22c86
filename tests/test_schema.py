"""Facts of a plan that everything else asks for: what must be right, what can be compared, what varies another."""

from dataclasses import replace
from itertools import product

import orjson
import pytest

from kvv_action.schema import BenchmarkKind, BenchmarkResult, PlannedBenchmark
from tests.report.reports import PLAN, PLANNED, REPORT, RESULT

BUNDLED = replace(PLANNED.dataset, source="bundled")


@pytest.mark.parametrize(("kind", "source", "self_test"), [*product(BenchmarkKind, ("hub", "bundled"), (False, True))])
def test_probes_self_tests_and_bundled_samples_must_be_right(kind: BenchmarkKind, source: str, self_test: bool) -> None:
    """Plan and report say the same, and what must be right is not compared by statistics."""
    data = replace(PLANNED.dataset, source=source)
    planned = replace(PLANNED, kind=kind, dataset=data, exact=self_test)
    expected = kind is BenchmarkKind.CONTRACT or source == "bundled" or self_test
    assert (planned.must_be_right, planned.comparable) == (expected, not expected)
    report = replace(REPORT, plan=replace(PLAN, benchmarks=(planned,)))
    assert report.must_be_right(replace(RESULT, kind=kind, dataset=data)) == expected


def test_another_benchmark_of_the_plan_says_nothing() -> None:
    """A self-test beside a scored benchmark leaves that one as it is."""
    beside = replace(PLANNED, id="other", exact=True)
    report = replace(REPORT, plan=replace(PLAN, benchmarks=(beside, PLANNED)))
    other: BenchmarkResult = replace(RESULT, id="other")
    assert (report.must_be_right(RESULT), report.must_be_right(other)) == (False, True)


@pytest.mark.parametrize(
    "planned",
    [
        replace(PLANNED, reference=None),
        replace(PLANNED, margin=None),
        replace(PLANNED, skip="no engine"),
        replace(PLANNED, dataset=BUNDLED),
    ],
)
def test_what_lacks_something_is_not_comparable(planned: PlannedBenchmark) -> None:
    """A reference and a margin are needed, and answers."""
    assert PLANNED.comparable
    assert not planned.comparable


@pytest.mark.parametrize(("varies", "variant_of"), [("", ""), ("quiz", ""), ("other", "other")])
def test_a_variant_stands_beside_another_benchmark(varies: str, variant_of: str) -> None:
    """Asked instead of the published ones, varied items are no variant of another benchmark."""
    planned = replace(PLANNED, id="quiz", varies=varies)
    assert (planned.variant_of, planned.is_variant) == (variant_of, bool(variant_of))


def test_what_follows_is_not_written_down() -> None:
    """A plan's digest rests on its fields alone."""
    assert not {"must_be_right", "comparable", "variant_of", "is_variant"} & orjson.loads(orjson.dumps(PLANNED)).keys()
