"""Fisher's exact test against counting by hand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.statistics.shares import chance_of_more


@pytest.mark.parametrize(
    ("count", "size", "other", "other_size", "chance"),
    [(3, 60, 0, 60, 0.121849), (40, 300, 1, 300, 5.066762e-12), (0, 9, 0, 9, 1.0), (3, 4, 1, 4, 17 / 70)],
)
def test_known_values(count: int, size: int, other: int, other_size: int, chance: float) -> None:
    """The last one is Fisher's own: the lady who tastes tea."""
    assert chance_of_more(count, size, other, other_size) == pytest.approx(chance, rel=1e-5)


@given(st.integers(1, 60), st.integers(1, 60), st.data())
def test_it_is_the_hypergeometric_tail(size: int, other_size: int, data: st.DataObject) -> None:
    """Summed with whole numbers."""
    count, other = data.draw(st.integers(0, size)), data.draw(st.integers(0, other_size))
    found = count + other
    ways = sum(math.comb(size, k) * math.comb(other_size, found - k) for k in range(count, min(size, found) + 1))
    assert chance_of_more(count, size, other, other_size) == pytest.approx(ways / math.comb(size + other_size, found))
