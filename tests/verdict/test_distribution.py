"""Distributions on a fixed grid: small, addable, whatever the values."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.schema import Completion
from kvv_action.verdict.distribution import GRID, Distribution, Distributions


def test_the_grid_grows_in_equal_ratios() -> None:
    """Ten bins to a decade, each a quarter wider than the one before."""
    assert list(GRID) == sorted(set(GRID))
    assert all(1.2 < high / low < 1.3 for low, high in itertools.pairwise(GRID[1:]))
    assert {0.0, 0.001, 0.1, 1.0, 25.0, 1000.0} < set(GRID)


@given(st.lists(st.one_of(st.floats(), st.integers(-5, 2**70)), max_size=60))
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    """Also zero, what is negative, no number, infinite or larger than the grid."""
    found = Distribution()
    for value in values:
        found.add(value)
    histogram = found.histogram()
    assert sum(histogram.counts) == len(values)
    assert len(histogram.edges) == (len(histogram.counts) + 1 if values else 0)
    assert list(histogram.edges) == sorted(set(histogram.edges))
    for edge, count in zip(histogram.edges[1:-1], itertools.accumulate(histogram.counts), strict=False):
        assert count == sum(not value >= edge for value in values)


def test_a_value_on_an_edge_opens_the_bin() -> None:
    """Lower edges belong to their bin; empty bins between stand there."""
    found = Distribution()
    for value in (1.0, 1.24, 2.0):
        found.add(value)
    assert (found.histogram().edges, found.histogram().counts) == ((1.0, 1.25, 1.6, 2.0, 2.5), (2, 0, 0, 1))


@pytest.mark.parametrize(
    ("completion", "names"),
    [
        (Completion(content="x", total=1.0), {"answer"}),
        (Completion(content="x", streamed=True, first_token=0.1, total=1.0), {"answer", "first_token"}),
        (Completion(content="x", usage={"prompt_tokens": 3, "completion_tokens": 4}),
         {"answer", "prompt_tokens", "completion_tokens"}),
        (Completion(content="x", usage={"prompt_tokens": "3", "completion_tokens": None}), {"answer"}),
        (Completion(content="", choices=0), set()),
    ],
)  # fmt: skip
def test_only_what_was_measured_is_counted(completion: Completion, names: set[str]) -> None:
    """No first token without a stream, no tokens without usage, nothing for a list of models."""
    found = Distributions()
    found.answer(completion)
    assert set(found.histograms()) == names
