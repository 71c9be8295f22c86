"""The site in a real browser: sort, filter, compare, by mouse and keyboard, on a phone, and without scripts."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from kvv_action.leaderboard.site.build import build
from tests.chromium import DESK, PHONE, Opened, browser, opened  # noqa: F401 - a fixture
from tests.leaderboard.site.repository import EVIL, filled

MODEL = "model/kimi-k2.6.html"
PAGES = ("index.html", "vendors.html", "cite.html", MODEL, "model/kimi-k3.html", "model/kimi-k2-thinking.html",
         "vendor/acme.html", "vendor/evil0.html", "vendor/evil4.html")  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("leaderboard")
    build(filled(root / "repository"), root / "below" / "any path", today=date(2026, 6, 1))
    return root / "below" / "any path"


@pytest.fixture
def model(site: Path, browser: Browser) -> Iterator[Opened]:  # noqa: F811
    with at(browser, site, MODEL) as found:
        yield found
        assert found.complaints == []


def at(browser: Browser, site: Path, name: str, **options: Any) -> AbstractContextManager[Opened]:  # noqa: F811
    """Open a page of the site."""
    return opened(browser, site / name, **options)


def names(page: Page) -> list[str]:
    """Vendors of the rows that are seen, from the top."""
    rows = page.locator(".board tbody tr").filter(visible=True)
    return rows.evaluate_all("rows => rows.map(row => row.dataset.name)")


def sort(page: Page, title: str) -> None:
    """Press a column's head."""
    page.locator(".board thead").get_by_role("button", name=title).click()


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_silent_and_accessible(name: str, size: tuple[int, int], site: Path, browser: Browser) -> None:  # noqa: F811
    """Nothing is loaded from elsewhere, nothing complained about; axe finds nothing; only tables scroll sideways."""
    with at(browser, site, name, size=size, color_scheme="light") as found:
        found.open_all()
        assert found.violations() == []
        assert found.violations_in_the_dark() == []
        assert found.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert all(address.startswith((site.as_uri(), "data:")) for address in found.requests)
        assert found.complaints == []
        assert found.page.evaluate("window.got") is None


def test_columns_sort_in_both_directions(model: Opened) -> None:
    """By the number, not its text; what has no value is last either way; the direction is told."""
    page = model.page
    sort(page, "Quiz")
    assert names(page)[:2] == ["Core", "Acme"]
    head = page.locator(".board th", has_text="Quiz")
    assert head.get_attribute("aria-sort") == "descending"
    sort(page, "Quiz")
    assert names(page)[0] == "Bolt"
    assert head.get_attribute("aria-sort") == "ascending"
    for _ in range(2):
        sort(page, "Other")
        assert names(page)[0] == "Acme", "the only one with a value"
    sort(page, "Vendor")
    shown = names(page)
    assert shown.index("Acme") < shown.index("Bolt") < shown.index("Core")
    assert page.locator("[aria-sort]").count() == 1


def test_trust_sorts_by_tier(model: Opened) -> None:
    """Re-run first."""
    sort(model.page, "Trust")
    assert names(model.page)[:2] == ["Acme", "Bolt"]


def test_filters_narrow_the_table_and_say_so(model: Opened) -> None:
    """By name, verdict, tier and expiry, together."""
    page, total = model.page, 3 + len(EVIL)
    assert page.get_by_role("status").inner_text() == f"{total} of {total} rows"
    page.get_by_label("Vendor", exact=True).fill("BOL")
    assert names(page) == ["Bolt"]
    page.get_by_label("Verdict").select_option("pass")
    assert names(page) == []
    assert page.get_by_text("No vendor matches.").is_visible()
    page.get_by_label("Vendor", exact=True).fill("")
    page.get_by_label("Verdict").select_option("")
    page.get_by_label("Trust").select_option("re-run")
    assert names(page) == ["Acme"]
    page.get_by_label("Trust").select_option("")
    page.get_by_label("hide expired results").check()
    assert "Core" not in names(page)
    assert page.get_by_role("status").inner_text() == f"{total - 1} of {total} rows"


def test_vendors_are_compared_with_an_interval_of_the_difference(model: Opened) -> None:
    """From two on; what is within noise is not called better or worse."""
    page = model.page
    page.get_by_label("Compare Acme, re-run").check()
    assert not page.get_by_role("heading", name="Side by side").is_visible()
    page.get_by_label("Compare Bolt, attested").check()
    page.get_by_label("Compare Core, self-reported").check()
    table = page.locator(".versus")
    assert table.locator("thead th").all_inner_texts() == [
        "Benchmark", "Acme (re-run)", "Bolt (attested)", "Core (self-reported)",
    ]  # fmt: skip
    quiz = table.locator("tbody tr", has_text="Quiz")
    worse, noise = quiz.locator("td").nth(1), quiz.locator("td").nth(2)
    # wilson(0.7, 400) = 0.6533..0.7429, wilson(0.9, 400) = 0.8668..0.9258: Newcombe gives -0.2536..-0.1456
    assert "−20.0 (−25.3 to −14.6)" in worse.inner_text() or "−20.0 (−25.4 to −14.6)" in worse.inner_text()
    assert worse.locator(".worse").count() == 1
    assert noise.locator(".worse, .better").count() == 0
    assert "+2.0 (" in noise.inner_text()
    page.get_by_label("Compare Bolt, attested").uncheck()
    page.get_by_label("Compare Core, self-reported").uncheck()
    assert not table.is_visible()


def test_what_was_chosen_can_be_shared(model: Opened, site: Path, browser: Browser) -> None:  # noqa: F811
    """The address holds it, and opens the same view; a strange address does nothing."""
    page = model.page
    sort(page, "Quiz")
    page.get_by_label("hide expired results").check()
    page.get_by_label("Compare Acme, re-run").check()
    page.get_by_label("Compare Bolt, attested").check()
    with opened(browser, page.url) as other:
        assert names(other.page) == names(page)
        assert other.page.locator(".versus").inner_text() == page.locator(".versus").inner_text()
    with opened(browser, f"{(site / MODEL).as_uri()}#sort=__proto__&q=%00&compare=constructor%20x&f-tier=no") as odd:
        assert odd.page.locator(".board tbody tr").count() == 3 + len(EVIL)
        assert odd.complaints == []


def test_everything_works_by_keyboard(model: Opened) -> None:
    """Heads are buttons, boxes are boxes; the focus is seen."""
    page = model.page
    page.get_by_label("Vendor", exact=True).focus()
    page.keyboard.type("acme")
    assert names(page) == ["Acme"]
    page.get_by_label("Vendor", exact=True).fill("")
    head = page.locator(".board thead").get_by_role("button", name="Quiz")
    head.focus()
    assert head.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"
    page.keyboard.press("Enter")
    assert names(page)[0] == "Core"
    page.keyboard.press("Space")
    assert names(page)[0] == "Bolt"
    assert page.locator(":focus").inner_text().startswith("Quiz"), "the focus stays where it was"
    for vendor in ("Acme, re-run", "Bolt, attested"):
        page.get_by_label(f"Compare {vendor}").focus()
        page.keyboard.press("Space")
    assert page.locator(".versus").is_visible()
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.closest('.scroll, header, footer, .tools')?.className"))
    assert {"scroll", "top"} <= seen


def test_without_scripts_everything_can_be_read(site: Path, browser: Browser) -> None:  # noqa: F811
    """All rows with numbers and intervals; what needs a script is not offered."""
    with at(browser, site, MODEL, java_script_enabled=False) as found:
        page = found.page
        assert page.locator(".board tbody tr").filter(visible=True).count() == 3 + len(EVIL)
        assert page.get_by_text("86.7 to 92.6").is_visible()
        assert not page.locator(".tools").is_visible()
        assert page.locator(".pick").filter(visible=True).count() == 0
        assert page.get_by_role("link", name="JSON").is_visible()


def test_hostile_names_are_shown_as_they_are(model: Opened) -> None:
    """Nothing ran, in the table and in the comparison."""
    page = model.page
    assert set(EVIL) <= set(names(page))
    page.get_by_label(f"Compare {EVIL[0]}").check()
    page.get_by_label(f"Compare {EVIL[1]}").check()
    assert page.locator(".versus thead th").nth(1).inner_text() == f"{EVIL[0]} (self-reported)"
    assert page.evaluate("window.got") is None


def test_on_a_phone_the_vendor_stays_in_sight(site: Path, browser: Browser) -> None:  # noqa: F811
    """The table scrolls inside its frame, its first column stands."""
    with at(browser, site, MODEL, size=PHONE) as found:
        page = found.page
        frame, first = page.locator(".scroll").first, page.locator(".board tbody th").first
        before = first.bounding_box()
        frame.evaluate("one => { one.scrollLeft = 200 }")
        after = first.bounding_box()
        assert before is not None
        assert after is not None
        assert frame.evaluate("one => one.scrollLeft") > 100
        assert abs(after["x"] - before["x"]) <= 16


def test_the_comparison_is_accessible_and_nothing_moved(site: Path, browser: Browser) -> None:  # noqa: F811
    """On the home: boxes beside names, a button that leads to the table; what loads late moves nothing."""
    with at(browser, site, "index.html", size=PHONE) as found:
        page = found.page
        page.wait_for_function("document.querySelector('.said').textContent !== ''")
        shift = """new Promise(done => new PerformanceObserver(list => done(list.getEntries()
            .filter(one => !one.hadRecentInput).reduce((sum, one) => sum + one.value, 0)))
            .observe({ type: 'layout-shift', buffered: true }) || setTimeout(() => done(0), 200))"""
        assert page.evaluate(shift) < 0.02
        page.get_by_label("Compare Acme, re-run").check()
        page.get_by_label("Compare Bolt, attested").check()
        page.get_by_role("button", name="Compare 2").click()
        assert page.locator(":focus").inner_text() == "Side by side"
        assert found.violations() == []
        assert found.complaints == []


def test_nothing_shows_beside_the_vendor(site: Path, browser: Browser) -> None:  # noqa: F811
    """While the table scrolls, its first column stands at the very edge of the frame."""
    with at(browser, site, "index.html", size=PHONE) as found:
        frame, first = found.page.locator(".scroll").first, found.page.locator(".board tbody th").first
        frame.evaluate("one => { one.scrollLeft = 150 }")
        outer, inner = frame.bounding_box(), first.bounding_box()
        assert outer is not None
        assert inner is not None
        assert abs(outer["x"] - inner["x"]) < 1
        assert first.evaluate("one => getComputedStyle(one).backgroundColor") not in ("transparent", "rgba(0, 0, 0, 0)")
