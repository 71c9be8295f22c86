"""Pages and feeds of the site, rendered from rows."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from kvv_action.leaderboard.record import State
from kvv_action.leaderboard.rules import VendorRule
from kvv_action.leaderboard.site import charts
from kvv_action.leaderboard.site.rows import Cell, Row, Tier, benchmarks_of, newest, of_models
from kvv_action.report.pages.canvas import Names, Scale
from kvv_action.report.pages.environment import environment, policy, stylesheet

_HERE = Path(__file__).parent
FEED, HISTORY, LATEST = 100, 200, 12
"""Entries of a feed, records of a vendor and model on its page, results on the first page; downloads have all."""
_POLICY = policy(style_src="'self'", script_src="'self'", img_src="'self' data:")


def style() -> str:
    """The stylesheet of report.html and the site's own."""
    return stylesheet() + (_HERE / "site.css").read_text(encoding="utf-8")


def script() -> str:
    """Sorting, filtering and comparing, for browsers that run scripts."""
    return (_HERE / "site.js").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model with all its records, and those that represent their vendors."""

    id: str
    title: str
    rows: Sequence[Row]
    board: Sequence[Row]

    def count(self, verdict: str, today: date) -> int:
        """Vendors whose standing result is whole, current and of this verdict."""
        return sum(
            row.verdict == verdict and row.state is State.COMPLETE and not row.expired(today) for row in self.board
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A vendor's records of one model, the newest first, with the scores drawn over time."""

    model: Model
    rows: Sequence[Row]
    omitted: int
    benchmarks: Mapping[str, str]
    scales: Mapping[str, Scale]
    pictures: Sequence[tuple[str, Markup]]
    badge: bool


class Pages:
    """Renders all pages with one date, one address and the same templates."""

    def __init__(self, *, today: date, url: str) -> None:
        self._today = today
        self._url = url.rstrip("/") + "/" if url else ""

    @cached_property
    def _environment(self) -> Environment:
        made = environment(_HERE / "templates")
        made.globals.update(
            policy=_POLICY, today=self._today, url=self._url, draw=charts.cell, Tier=Tier, State=State, ident=ident
        )
        made.filters.update(age=self._age, moment=moment)
        return made

    def _age(self, day: str) -> str:
        """How long ago a day was."""
        days = (self._today - date.fromisoformat(day)).days
        return "today" if days <= 0 else "1 day ago" if days == 1 else f"{days} days ago"

    def _render(self, template: str, **values: Any) -> bytes:
        return self._environment.get_template(template).render(**values).encode()

    def index(self, models: Sequence[Model], vendors: int, records: Sequence[Row]) -> bytes:
        """The first page: every model, the latest results, how to read them."""
        latest = [row for row in newest(records) if row.tier is not Tier.PUBLISHED][:LATEST]
        return self._render(
            "index.html", root="", models=models, vendors=vendors, records=len(records), latest=latest
        )  # fmt: skip

    def model(self, model: Model) -> bytes:
        """The page of one model."""
        benchmarks = benchmarks_of(model.board)
        return self._render("model.html", root="../", model=model, benchmarks=benchmarks, scales=_scales(model.board))

    def vendors(self, vendors: Mapping[str, Sequence[Row]], models: Sequence[Model]) -> bytes:
        """Vendors against models."""
        standing: dict[tuple[str, str], list[Row]] = {}
        for model in models:
            for row in model.board:
                standing.setdefault((row.vendor, model.id), []).append(row)
        named = {vendor: newest(rows)[0].vendor_name for vendor, rows in vendors.items()}
        names = dict(sorted(named.items(), key=lambda item: (item[1].casefold(), item[0])))
        return self._render("vendors.html", root="", vendors=names, models=models, standing=standing)

    def vendor(
        self, rows: Sequence[Row], models: Mapping[str, Model], badges: set[tuple[str, str]], rule: VendorRule | None
    ) -> bytes:
        """One vendor with its history."""
        names, vendor = Names(), rows[0].vendor
        histories = [
            _history(models[model], found, names, badge=(vendor, model) in badges)
            for model, found in of_models(rows).items()
        ]
        return self._render(
            "vendor.html", root="../", vendor=vendor, name=newest(rows)[0].vendor_name, histories=histories, rows=rows,
            home=rule.url if rule else None,
        )  # fmt: skip

    def feed(self, title: str, path: str, rows: Sequence[Row]) -> bytes:
        """An Atom feed (RFC 4287) of the newest results; `path` is its own place on the site."""
        shown = newest(rows)[:FEED]
        root = "../" * path.count("/")
        return self._render("feed.xml", title=title, path=path, rows=shown, root=self._url or root)


def _scales(rows: Sequence[Row]) -> dict[str, Scale]:
    cells: dict[str, list[Cell]] = {}
    for row in rows:
        for cell in row.cells:
            cells.setdefault(cell.id, []).append(cell)
    return {name: charts.column(found) for name, found in cells.items()}


def _history(model: Model, rows: Sequence[Row], names: Names, *, badge: bool) -> History:
    shown, benchmarks = newest(rows)[:HISTORY], benchmarks_of(rows)
    pictures = []
    for benchmark, title in benchmarks.items():
        found = charts.points(shown, benchmark)
        if len({point.row.date for point in found}) > 1 and any(point.cell.interval for point in found):
            pictures.append((title, charts.history(names(), f"{title} over time", found)))
    return History(
        model=model, rows=shown, omitted=len(rows) - len(shown), benchmarks=benchmarks, scales=_scales(shown),
        pictures=pictures, badge=badge,
    )  # fmt: skip


def model_of(name: str, rows: Sequence[Row], board: Sequence[Row]) -> Model:
    """A model with the title of its newest record."""
    return Model(id=name, title=newest(rows)[0].model_title, rows=rows, board=board)


def ident(text: str) -> str:
    """A UUID (RFC 4122, version 5 by form) from a digest or a name, for feeds."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"kvv:{text}"))


def moment(finished: str) -> str:
    """A time as Atom wants it (RFC 3339)."""
    return finished.replace("+00:00", "Z")
