"""What report.html says of a baseline: the answer first, evidence below, hostile text as text."""

import re
from dataclasses import replace

import pytest

from kvv_action.compare.files import with_run
from kvv_action.compare.page import page_part
from kvv_action.compare.records import Regression, RunComparison
from kvv_action.report.html import html
from tests.compare.test_markdown import RIGHT, found, hostile
from tests.report.reports import HOSTILE, REPORT
from tests.report.test_html import HIDDEN, Outline, plain


def page(comparison: RunComparison) -> bytes:
    """The run's page with its baseline."""
    return html(REPORT, inserted=page_part(comparison))


@pytest.mark.parametrize("regression", Regression)
def test_the_answer_stands_under_the_verdict(regression: Regression) -> None:
    """The question, the headline, and a way to the details."""
    seen = plain(page(replace(found(), regression=regression)))
    assert "Did this change break the model? Yes: Quiz −10.3 points" in seen[:300]
    assert seen.startswith("To the content Vendor verification Fail")


def test_every_benchmark_is_drawn_around_no_change() -> None:
    """With its numbers in words for whoever does not see it."""
    text = page(found())
    assert re.search(r"<desc[^>]*>difference −10\.3 points, −1\d\.\d to −\d\.\d</desc>", text.decode())
    assert "Quiz worse 100.0 % 89.7 %" in plain(text)


def test_flips_show_both_answers() -> None:
    """At most twenty, and how many more there are."""
    seen = plain(page(found()))
    assert "fell, 1 to 0" in seen
    assert seen.count("Before nothing") <= 20
    assert "11 more; compare.json has up to 50 of each kind." in seen


@pytest.mark.parametrize("evil", HOSTILE)
def test_hostile_texts_are_text(evil: str) -> None:
    """As in the rest of the page."""
    text = page(hostile(evil))
    assert not re.search(HIDDEN, text.decode())
    outline = Outline(text)
    assert not [tag for tag, _ in outline.tags if tag in ("script", "img", "iframe", "form")]
    if evil.isprintable():
        assert evil in plain(text)


def test_a_run_with_a_baseline_has_it_on_its_page() -> None:
    """Beside compare.json and compare.md; without a baseline nothing is said."""
    assert b"before-and-now" in with_run(REPORT, found())["report.html"]
    assert b"before-and-now" not in html(REPORT)


def test_nothing_changed_says_so() -> None:
    """The same answers twice."""
    assert "Did this change break the model? No" in plain(page(found(RIGHT, RIGHT)))
