"""report.html in a real browser: silent, accessible, readable on a phone; what a model says stays text."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from kvv_action.compare.page import page_part
from kvv_action.compare.records import RunComparison
from kvv_action.report.html import html
from kvv_action.schema import Histogram, RunReport
from tests.chromium import DESK, PHONE, Opened, browser, opened  # noqa: F401 - a fixture
from tests.compare.test_markdown import hostile as hostile_comparison
from tests.report.reports import EVIL, MEASUREMENT, REPORT, hostile, with_gaps, with_result

TIMES = Histogram(edges=(0.01, 0.0125, 0.016, 0.02), counts=(3, 0, 9))
AMOUNTS = {
    "first_token": ("s", 0.4123), "answer": ("s", 123.4), "speed": ("tokens/s", 101.2),
    "prompt_tokens": ("tokens", 1234567.0), "completion_tokens": ("tokens", 4223.0),
}  # fmt: skip


def with_amounts(plain: RunComparison) -> RunComparison:
    """Every measure, each as wide as it may become, in columns that are called by the vendors."""
    rows = [
        replace(plain.shifts[0], name=name, unit=unit, before=value, after=value, ratio=11.21, interval=(10.01, 12.34))
        for name, (unit, value) in AMOUNTS.items()
    ]
    return replace(plain, shifts=tuple(rows), vendors=True)


COMPARED = with_amounts(hostile_comparison("<b>" + EVIL))
REPORTS = {
    "plain": with_result(distributions={"answer": TIMES, "completion_tokens": TIMES}),
    "gaps": with_gaps(),
    "measured": with_result(measurement=MEASUREMENT, comparison=None),
    "hostile": hostile(),
}
TEXTS = {
    "long": hostile("x" * 3000),
    "right-to-left": hostile("עברית ثم العربية " * 9),
    "stacked": hostile("Z\u0351\u036b\u0343\u036a\u0302" + "\u0310" * 200),
}


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    report: RunReport = getattr(request, "param", REPORT)
    path = tmp_path / "report.html"
    today = replace(report.plan, choices={**report.plan.choices, "checks": {"version": 3}})
    inserted = page_part(COMPARED) if report is not REPORT else None
    path.write_bytes(html(replace(report, plan=today) if inserted else report, inserted=inserted))
    return path


every_size = pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])


@pytest.mark.parametrize("place", REPORTS.values(), ids=REPORTS, indirect=True)
@every_size
def test_a_page_is_silent_and_accessible(place: Path, size: tuple[int, int], browser: Browser) -> None:  # noqa: F811
    """No console message, no dialog, no request but the file; axe finds nothing, light or dark; nothing is too wide."""
    with opened(browser, place, size=size, color_scheme="light") as found:
        look_at(found, place, contrast=True)
        assert found.violations_in_the_dark() == []
        look_again(found, place)


@pytest.mark.parametrize("place", TEXTS.values(), ids=TEXTS, indirect=True)
@every_size
def test_a_text_of_any_form_fits(place: Path, size: tuple[int, int], browser: Browser) -> None:  # noqa: F811
    """The same with other texts; their contrast is that of the hostile ones, and takes most of the time."""
    with opened(browser, place, size=size) as found:
        look_at(found, place, contrast=False)


def look_at(found: Opened, place: Path, *, contrast: bool) -> None:
    """Folded, and with every part open, where all that has a contrast is seen."""
    for unfold in (False, True):
        if unfold:
            found.open_all()
        assert found.violations(contrast=contrast and unfold) == []
        look_again(found, place)


def look_again(found: Opened, place: Path) -> None:
    """Whatever was done to a page, nothing sticks out, is fetched or complained about."""
    assert found.too_wide() == []
    assert found.requests == [place.as_uri()]
    assert found.complaints == []


@pytest.mark.parametrize("place", [hostile()], indirect=True)
def test_a_hostile_completion_is_text(place: Path, browser: Browser) -> None:  # noqa: F811
    """Script and markup are read as they were sent; bidi controls are escapes that turn nothing around."""
    with opened(browser, place) as found:
        found.open_all()
        shown = found.page.locator(".samples pre").first.inner_text()
        assert "<script>alert(1)</script><img src=x onerror=y>" in shown
        assert "a\\u202eb\\u2066c\\u200fd\\u200be\\ufeff" in shown
        assert "\\x00\\x01\\x1b[31mred\\x7f\\x85\\u2028\\ufffe\\uffff" in shown
        assert "\\ud800 lone" in shown
        assert len(EVIL) < len(shown)
        assert found.page.locator("script, img, iframe, object, form").count() == 0
        assert found.page.locator("a:not([href^='#'])").count() == 0


def test_the_policy_stops_what_would_get_in(place: Path, browser: Browser) -> None:  # noqa: F811
    """A script, a style and a picture put into the page do nothing."""
    with opened(browser, place) as found:
        found.page.evaluate(
            """() => { for (const [tag, name, value] of [['script', 'textContent', 'window.got = 1'],
            ['style', 'textContent', 'body { display: none }'], ['img', 'src', 'http://127.0.0.1:9/x.png']]) {
            const one = document.createElement(tag); one[name] = value; document.body.append(one) } }"""
        )
        found.page.wait_for_timeout(100)
        assert found.page.evaluate("window.got") is None
        assert found.page.evaluate("getComputedStyle(document.body).display") == "block"
        assert len([text for text in found.complaints if "Content Security Policy" in text]) == 3


def test_everything_is_within_reach_of_the_keyboard(place: Path, browser: Browser) -> None:  # noqa: F811
    """Tab leads from the skip link through every link and fold; what has the focus is marked; Enter unfolds."""
    with opened(browser, place) as found:
        page = found.page
        for number in range(page.locator("a, summary").filter(visible=True).count()):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            assert focused.evaluate("one => getComputedStyle(one).outlineStyle") != "none"
            assert number or focused.inner_text() == "To the content"
            if focused.evaluate("one => one.tagName") == "SUMMARY":
                page.keyboard.press("Enter")
                assert focused.evaluate("one => one.parentElement.open")
                page.keyboard.press("Enter")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement === document.body"), "nothing else takes the focus"


def test_a_reader_finds_the_parts(place: Path, browser: Browser) -> None:  # noqa: F811
    """Landmarks, one first heading, headings in order, charts with words."""
    with opened(browser, place) as found:
        found.open_all()
        page = found.page
        for role in ("banner", "main", "contentinfo"):
            assert page.get_by_role(role).count() == 1
        levels = [
            int(name[1]) for name in page.evaluate("[...document.querySelectorAll('h1,h2,h3')].map(h => h.tagName)")
        ]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        words = "difference from the reference −40.0 points, limits"
        assert page.locator("svg[role=img] desc").filter(has_text=words).count() == 2
