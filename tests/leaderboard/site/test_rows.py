"""Which record stands for a vendor, and what is shown of it."""

from dataclasses import replace
from datetime import date

import pytest

from kvv_action.leaderboard.record import Mark, Record, State, Trust, dump, path_of
from kvv_action.leaderboard.site.downloads import COLUMNS, lines
from kvv_action.leaderboard.site.pages import Pages, amount, model_of
from kvv_action.leaderboard.site.rows import Row, Tier, entry_of, row_of, standing
from kvv_action.report.files import sha256
from kvv_action.schema import BenchmarkKind
from tests.leaderboard.records import record
from tests.leaderboard.site.repository import result, score
from tests.leaderboard.test_finding_consistency import BROKEN, FAILURE, ran

TODAY = date(2026, 6, 1)


def row(found: Record, trust: Trust = Trust.SELF_REPORTED) -> Row:
    """The row of a record, confirmed at a tier."""
    return row_of(replace(entry_of(found, path_of(found), sha256(dump(found))), verified=trust))


NEW, OLD = result("acme", "2026-05-01"), result("acme", "2026-03-01")
STALE = result("acme", "2025-01-01")
PARTIAL = replace(NEW, state=State.PARTIAL, marks=(Mark.SUBSET,))
SMALL = replace(NEW, setup=replace(record().setup, tier="smoke"))  # type: ignore[type-var]


@pytest.mark.parametrize(
    ("wins", "loses"),
    [
        (row(NEW), row(OLD)),
        (row(OLD, Trust.RE_RUN), row(NEW)),
        (row(OLD, Trust.ATTESTED), row(NEW)),
        (row(OLD, Trust.RE_RUN), row(NEW, Trust.ATTESTED)),
        (row(NEW), row(STALE, Trust.RE_RUN)),
        (row(OLD), row(PARTIAL, Trust.RE_RUN)),
        (row(OLD), row(SMALL)),
    ],
    ids=["newer", "re-run", "attested", "re-run-over-attested", "not-expired", "whole", "larger"],
)
def test_what_stands_for_a_vendor(wins: Row, loses: Row) -> None:
    """Not expired, whole, most trusted, largest, newest, in this order, whichever comes first."""
    assert standing([wins, loses], TODAY) == standing([loses, wins], TODAY) == [wins]


def test_efforts_and_published_scores_stand_beside_each_other() -> None:
    """They are about something else."""
    low = replace(NEW, setup=replace(record().setup, effort="low"))  # type: ignore[type-var]
    rows = [row(NEW), row(low), replace(row(OLD), tier=Tier.PUBLISHED)]
    assert len(standing(rows, TODAY)) == 3


def test_a_line_of_the_download_has_delivery_and_the_first_finding() -> None:
    """Both are empty for a run that did not look."""
    (told,) = lines([row(record(ran(FAILURE, of=BROKEN)))], set(), TODAY)
    assert (told["delivery"], told["broken_tries"], told["first_try_rate"]) == (
        "fail",
        pytest.approx(1 / 3),
        pytest.approx(2 / 3),
    )
    assert told["first_finding"].startswith("failure: 33.3 % of the answers are cut")
    (silent,) = lines([row(record())], set(), TODAY)
    names = ("delivery", "broken_tries", "first_try_rate", "first_finding")
    assert [silent[name] for name in names] == [None, None, None, ""]
    assert set(told) <= set(COLUMNS)


@pytest.mark.parametrize(("day", "expired"), [(date(2026, 10, 28), False), (date(2026, 10, 29), True)])
def test_the_last_day_counts(day: date, expired: bool) -> None:
    """A result of May 1st is current through October 28th."""
    assert row(NEW).expires == "2026-10-28"
    assert row(NEW).expired(day) is expired


def test_an_interval_is_computed_only_for_a_mean_whose_n_is_known() -> None:
    """And is marked so; F1 and probes have none."""
    bare = score(0.5, interval=None, counts=None, metric="accuracy")
    cells = {
        name: row(result("acme", "2026-05-01", one)).cells[0]
        for name, one in {
            "mean": bare, "f1": replace(bare, metric="tool_call_f1"), "no n": replace(bare, n=None),
            "probe": replace(bare, kind=BenchmarkKind.CONTRACT), "own": score(0.5),
        }.items()
    }  # fmt: skip
    assert {name: (cell.interval is not None, cell.computed) for name, cell in cells.items()} == {
        "mean": (True, True), "f1": (False, False), "no n": (False, False), "probe": (False, False),
        "own": (True, False),
    }  # fmt: skip


def test_what_belongs_to_a_score_stands_beside_it() -> None:
    """The share of valid calls, where tool calls were counted."""
    found = row(result("acme", "2026-05-01", score(0.8, metrics={"schema_accuracy": 0.956})))
    assert found.cells[0].beside == "valid calls 95.6 %"


def test_delivery_and_findings_are_shown_on_the_page_of_the_vendor() -> None:
    """A column where any result has it, and a line per failure; results of an earlier day leave the column out."""
    broken, plain = row(record(ran(FAILURE, of=BROKEN))), row(record())
    pages = Pages(today=TODAY, url="")
    text = {
        name: pages.vendor(rows, {rows[0].model: model_of(rows[0].model, rows, rows)}, set(), None).decode()
        for name, rows in (("broken", [broken, plain]), ("plain", [plain]))
    }
    assert '<th scope="col">Delivery</th>' in text["broken"]
    assert "66.7\u00a0% whole at the first try, 100.0\u00a0% after retries" in text["broken"]
    assert "failure: 33.3\u00a0% of the answers are cut before their end" in text["broken"]
    assert "Delivery" not in text["plain"]


def test_a_price_is_never_shown_as_nothing() -> None:
    """Two digits after the point, and more where these are zero."""
    assert [amount(price) for price in (0.0, 0.002, 0.6, 2.5, 1e6)] == ["0.00", "0.002", "0.60", "2.50", "1000000.00"]
