"""Numbers for readers never stand in powers of ten, and a noun fits its count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.digits import counted, exact, figure, noun


@pytest.mark.parametrize(
    ("value", "digits", "shown"),
    [
        (1e6, 6, "1000000"),
        (1234567.0, 6, "1234567"),
        (0.00001, 6, "0.00001"),
        (2.5, 6, "2.5"),
        (0.6, 6, "0.6"),
        (1536.0, 3, "1536"),
        (1023.6, 3, "1024"),
        (-1e7, 6, "-10000000"),
        (1e22, 6, "10000000000000000000000"),
        (0.0, 6, "0"),
        (float("inf"), 6, "inf"),
    ],
)
def test_a_figure_has_no_power_of_ten(value: float, digits: int, shown: str) -> None:
    """Large and small ones are written out; no digit before the point is lost."""
    assert figure(value, digits) == shown


@given(st.floats(min_value=1e-4, max_value=999_999))
def test_usual_figures_are_as_ever(value: float) -> None:
    """Where Python writes no power of ten, nothing has changed."""
    usual = f"{value:g}"
    assert "e" in usual or figure(value) == usual


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_an_exact_number_reads_back_as_the_same(value: float) -> None:
    """So a pasted command asks for the same."""
    assert float(exact(value)) == value
    assert "e" not in exact(value)


def test_a_noun_fits_its_count() -> None:
    """The singular stands behind one alone."""
    assert [counted(count, "answer") for count in (0, 1, 2)] == ["0 answers", "1 answer", "2 answers"]
    assert (noun(1, "try", "tries"), noun(3, "try", "tries")) == ("try", "tries")
