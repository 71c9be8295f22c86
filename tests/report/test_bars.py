"""Charts of text: true to the numbers, narrow, and harmless whatever a name holds."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.report.bars import NAME, WIDTH, Axis, Interval, axis_for, block, interval_bar, name, share_bar

UNIT = Axis(low=0.0, high=1.0)
SHARES = st.floats(0, 1)


def test_an_interval_is_drawn_to_scale() -> None:
    """Ends, value and marks stand at their places; the value above all."""
    drawn = Interval(value=0.5, low=0.2, high=0.8, marks={"┃": 0.9, "┊": 0.1})
    assert interval_bar(drawn, UNIT, 11) == " ┊├──●──┤┃ "


def test_a_mark_at_the_value_does_not_hide_it() -> None:
    """A reader looks for the score first."""
    assert interval_bar(Interval(value=0.5, low=0.4, high=0.6, marks={"┃": 0.5}), UNIT, 11) == "    ├●┤    "


@given(SHARES, SHARES, SHARES, SHARES)
@settings(deadline=None)
def test_a_bar_has_its_width(value: float, low: float, high: float, mark: float) -> None:
    """Whatever is drawn, in any order and outside of the axis as well."""
    bar = interval_bar(Interval(value=value, low=min(low, high), high=max(low, high), marks={"┃": mark}), UNIT)
    assert len(bar) == WIDTH
    assert bar.count("●") == 1
    assert len(interval_bar(Interval(value=value, low=0, high=1), Axis(low=0.4, high=0.6))) == WIDTH


@pytest.mark.parametrize(
    ("share", "shown"),
    [(0.0, "░░░░░"), (0.001, "█░░░░"), (0.5, "██░░░"), (0.999, "████░"), (1.0, "█████")],
)
def test_a_share_is_full_only_when_it_is_all(share: float, shown: str) -> None:
    """999 of 1000 must not look like all, 1 of 1000 not like nothing."""
    assert share_bar(share, 5) == shown


@given(st.lists(SHARES, min_size=1, max_size=6))
@settings(deadline=None)
def test_an_axis_holds_everything(values: list[float]) -> None:
    """Within 0 to 1, at least ten points long."""
    axis = axis_for(values)
    assert 0 <= axis.low <= min(values) + 1e-9
    assert max(values) - 1e-9 <= axis.high <= 1
    assert axis.high - axis.low >= 0.1 - 1e-9


@given(st.text())
@settings(deadline=None)
def test_a_name_cannot_leave_its_place(text: str) -> None:
    """As wide as all the others, on one line, without anything that ends a block of code or begins a command."""
    shown = name(text)
    assert len(shown) == NAME
    assert not set("`~:#@<>|\n\r") & set(shown)
    assert len(block([shown]).splitlines()) == 4
