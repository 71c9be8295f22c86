"""Charts: positions follow the numbers, texts say them, and nothing untrusted gets in."""

import re
from itertools import pairwise
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from kvv_action.report.pages.charts import Segment, added, bar, histogram, stack
from kvv_action.report.pages.intervals import Measured, interval, reach, row
from kvv_action.schema import Histogram, Verdict
from kvv_action.verdict.distribution import GRID, Distribution

shares = st.floats(0, 1)
pairs = st.tuples(shares, shares).map(lambda pair: (min(pair), max(pair)))


def parsed(picture: Markup) -> ElementTree.Element:
    """Well-formed, with title and description."""
    root = ElementTree.fromstring(picture)
    assert root.attrib["role"] == "img"
    names = root.attrib["aria-labelledby"].split()
    assert [one.attrib["id"] for one in (root[0], root[1])] == names
    return root


def number(text: str) -> float:
    """`12.5%` as 12.5."""
    return float(text.rstrip("%"))


def dot(picture: Markup) -> float:
    """Where the score stands, in per cent."""
    (found,) = parsed(picture).iter("circle")
    return number(found.attrib["cx"])


def line(picture: Markup, style: str) -> tuple[float, float]:
    """Both ends of a line of this class."""
    found = next(one for one in parsed(picture).iter("line") if style in one.attrib["class"].split())
    return number(found.attrib["x1"]), number(found.attrib["x2"])


@given(shares, pairs, st.one_of(st.none(), pairs), st.one_of(st.none(), shares), st.one_of(st.none(), shares))
def test_any_score_can_be_drawn(score, between, bounds, reference, margin) -> None:
    """All within the picture."""
    found = Measured(
        verdict=Verdict.PASS, score=score, interval=between, bounds=bounds, reference=reference, margin=margin
    )
    for picture in (
        interval("a", "t", found),
        *([row("b", "t", found, reach([found]))] if found.line is not None else []),
    ):
        for one in parsed(picture).iter():
            for name in ("x", "cx", "x1", "x2"):
                assert 0 <= number(one.attrib.get(name, "0")) <= 100
            assert 0 <= number(one.attrib.get("width", "0")) <= 100


def test_the_pass_line_is_in_the_middle() -> None:
    """What lies wholly right of it passes, wholly left of it fails."""
    found = Measured(verdict=Verdict.FAIL, score=0.8, interval=(0.75, 0.84), reference=0.9, margin=0.05)
    picture = interval("a", "t", found)
    assert line(picture, "line") == (50, 50)
    assert line(picture, "thick")[0] < dot(picture) < line(picture, "thick")[1] < 50
    assert line(picture, "reference")[0] > 50


def test_the_overview_has_one_scale() -> None:
    """The distance to the pass line is comparable from row to row; what is far away is an arrow at the edge."""
    near = Measured(verdict=Verdict.PASS, score=0.90, interval=(0.89, 0.91), reference=0.9, margin=0.05)
    far = Measured(verdict=Verdict.FAIL, score=0.10, interval=(0.09, 0.11), reference=0.5, margin=0.05)
    width = reach([near, far])
    assert dot(row("a", "t", near, width)) - 50 == pytest.approx(50 * 0.05 / width, abs=0.02)
    assert "◀" in row("b", "t", far, width)


def test_without_a_reference_nothing_is_claimed() -> None:
    """No sides, no line."""
    found = Measured(verdict=Verdict.INCONCLUSIVE, score=0.5, interval=(0.4, 0.6))
    assert "side-" not in interval("a", "t", found)
    assert row("a", "t", found, 0.1) == ""


def test_a_chart_speaks() -> None:
    """Every number of it is in its description."""
    found = Measured(
        verdict=Verdict.FAIL, score=0.8, interval=(0.75, 0.84), bounds=(0.7, 0.9), reference=0.9, margin=0.05
    )
    assert found.words() == (
        "score 80.0 %, 95 % interval 75.0 % to 84.0 %, reference 90.0 %, pass line 85.0 %, "
        "with what is missing 70.0 % to 90.0 %"
    )


@pytest.mark.parametrize("evil", ["<script>", '"><b>', "a\u202eb", "\x00", "\ud800", "{0} {} %s"])
def test_titles_are_text(evil: str) -> None:
    """Of a benchmark, a category, a part."""
    measured = Measured(verdict=Verdict.PASS, score=0.5, interval=(0.4, 0.6))
    for picture in (
        interval("a", evil, measured), bar("b", evil, 0.5), stack("c", evil, [Segment(name=evil, size=1, style="o")]),
        histogram("d", evil, Histogram(edges=(1, 2), counts=(1,)), "tokens"),
    ):  # fmt: skip
        parsed(picture)
        assert not re.search(r"<(script|b)\b|[\x00\u202e\ud800]", picture)


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=6).filter(any))
def test_a_stack_is_as_long_as_its_whole(sizes: list[int]) -> None:
    """Parts follow each other; what is there can be seen."""
    picture = stack("a", "t", [Segment(name="n", size=size, style="o") for size in sizes])
    boxes = [(number(box.attrib["x"]), number(box.attrib["width"])) for box in parsed(picture).iter("rect")]
    assert all(before[0] <= after[0] + 0.01 for before, after in pairwise(boxes))
    assert all((box[1] > 0) == bool(size) for box, size in zip(boxes, sizes, strict=True))


@given(st.lists(st.floats(0, 1e8), min_size=1, max_size=40), st.sampled_from(["seconds", "tokens"]))
def test_any_distribution_can_be_drawn(values: list[float], unit: str) -> None:
    """The tallest bar fills the height; labels keep apart."""
    found = Distribution()
    for value in values:
        found.add(value)
    root = parsed(histogram("a", "t", found.histogram(), unit))
    heights = [float(box.attrib["height"]) for box in root.iter("rect")]
    assert max(heights) == 96
    assert len(heights) == len([amount for amount in found.histogram().counts if amount])
    places = [number(text.attrib["x"]) for text in root.iter("text")]
    assert all(after - before >= 13 for before, after in pairwise(places))


@given(st.lists(st.lists(st.floats(0, 1e8), max_size=20), max_size=5))
def test_histograms_add_up(parts: list[list[float]]) -> None:
    """As if all values had been counted at once; a gap between two is one wide empty bin."""
    single = Distribution()
    pieces = []
    for values in parts:
        piece = Distribution()
        for value in values:
            piece.add(value)
            single.add(value)
        pieces.append(piece.histogram())
    whole, wanted = added(pieces), single.histogram()
    filled = {edge: amount for edge, amount in zip(whole.edges, whole.counts, strict=False) if amount}
    assert filled == {edge: amount for edge, amount in zip(wanted.edges, wanted.counts, strict=False) if amount}
    assert set(whole.edges) <= {*GRID, GRID[-1] * 10}


def test_nothing_measured_is_no_picture() -> None:
    """An empty distribution."""
    assert histogram("a", "t", Histogram(edges=(), counts=()), "tokens") == ""
