"""Pages and feeds of the site, rendered from rows."""

import uuid
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from kvv_action.digits import figure
from kvv_action.leaderboard.record import State
from kvv_action.leaderboard.rules import PriceRule, VendorRule
from kvv_action.leaderboard.site import charts
from kvv_action.leaderboard.site.difference import changes
from kvv_action.leaderboard.site.rows import Cell, Row, Tier, benchmarks_of, newest, of_models, rank
from kvv_action.leaderboard.standing import MEANINGS
from kvv_action.leaderboard.store import confirmation_path
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

    @property
    def vendors(self) -> int:
        """How many vendors have a row."""
        return len({row.vendor for row in self.board})

    @property
    def measured(self) -> int:
        """How many rows were measured, not published."""
        return sum(row.tier is not Tier.PUBLISHED for row in self.board)

    def count(self, verdict: str, today: date) -> int:
        """Vendors whose standing result is whole, current and of this verdict."""
        return sum(
            row.verdict == verdict and row.state is State.COMPLETE and not row.expired(today) for row in self.board
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A vendor's records of one model, the newest first, with what changed and the numbers drawn over time.

    `standing` represents the vendor; `changes` has the sentences of each record by its key, against the one before it.
    """

    model: Model
    standing: Row
    rows: Sequence[Row]
    omitted: int
    benchmarks: Mapping[str, str]
    scales: Mapping[str, Scale]
    references: Mapping[str, float | None]
    changes: Mapping[str, Sequence[str]]
    pictures: Sequence[tuple[str, Markup]]
    badge: bool


def amount(price: float) -> str:
    """A price as people write it, with two digits after the point; a smaller one with those that count."""
    return f"{price:.2f}" if price >= 0.01 or not price else figure(price, 2)


class Pages:
    """Renders all pages with one date, one address and the same templates."""

    def __init__(
        self,
        *,
        today: date,
        url: str,
        repository: str = "",
        packs: Mapping[str, str] = MappingProxyType({}),
        prices: Mapping[tuple[str, str], PriceRule] = MappingProxyType({}),
    ) -> None:
        """Take what the pages know beside the records.

        Args:
            today: by which ages are counted.
            url: where the site will be; empty where nobody says.
            repository: address of the repository on GitHub, where pull requests are; empty where nobody says.
            packs: paths of the reference packs that the site serves, by digest.
            prices: what vendors ask, by vendor and model.
        """
        self._today = today
        self._url = url.rstrip("/") + "/" if url else ""
        self._repository = repository.rstrip("/")
        self._packs, self._prices = packs, prices

    @cached_property
    def _environment(self) -> Environment:
        made = environment(_HERE / "templates")
        made.globals.update(
            policy=_POLICY, today=self._today, url=self._url, repository=self._repository, packs=self._packs,
            prices=self._prices, priced_models={model for _, model in self._prices}, draw=charts.cell, Tier=Tier,
            ident=ident, meanings=MEANINGS,
        )  # fmt: skip
        made.filters.update(
            age=self._age, moment=moment, confirmed=confirmation_path, summary=self.summary, amount=amount
        )
        return made

    def _age(self, day: str) -> str:
        """How long ago a day was."""
        days = (self._today - date.fromisoformat(day)).days
        return "today" if days <= 0 else "1 day ago" if days == 1 else f"{days} days ago"

    def summary(self, model: Model) -> str:
        """A model in a sentence, for search engines and previews."""
        counts = [(model.count(verdict, self._today), verdict) for verdict in ("pass", "fail", "inconclusive")]
        told = ", ".join(f"{count} {verdict}" for count, verdict in counts if count)
        vendors = f"{model.vendors} {'vendor' if model.vendors == 1 else 'vendors'}"
        counted = f"{vendors}: {told}" if told else vendors
        return f"{model.title[:80]} at {counted}. Verdicts, scores with intervals and evidence."

    def _render(self, template: str, **values: Any) -> bytes:
        return self._environment.get_template(template).render(**values).encode()

    def index(self, models: Sequence[Model], vendors: int, records: Sequence[Row]) -> bytes:
        """The first page: the table of the first model, the other models, how to read it, the latest results."""
        latest = [row for row in newest(records) if row.tier is not Tier.PUBLISHED][:LATEST]
        first = models[0] if models else None
        return self._render(
            "index.html", root="", models=models, vendors=vendors, records=len(records), latest=latest, first=first,
            **_table(first.board if first else ()),
        )  # fmt: skip

    def model(self, model: Model) -> bytes:
        """The page of one model."""
        return self._render("model.html", root="../", model=model, **_table(model.board))

    def cite(self, models: Sequence[Model], records: Sequence[Row], made_by: str) -> bytes:
        """How to cite, and what can be downloaded; the example is the newest measured result."""
        example = next((row for row in newest(records) if row.verdict), None)
        return self._render(
            "cite.html", root="", models=models, records=len(records), example=example, made_by=made_by
        )  # fmt: skip

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
        self, rows: Sequence[Row], models: Mapping[str, Model], badges: Set[tuple[str, str]], rule: VendorRule | None
    ) -> bytes:
        """One vendor with its history; the models in the order of the site."""
        names, vendor, found = Names(), rows[0].vendor, of_models(rows)
        histories = [
            self._history(model, found[name], names, badge=(vendor, name) in badges)
            for name, model in models.items()
            if name in found
        ]
        return self._render(
            "vendor.html", root="../", vendor=vendor, name=newest(rows)[0].vendor_name, histories=histories, rows=rows,
            home=rule.url if rule else None,
        )  # fmt: skip

    def _history(self, model: Model, rows: Sequence[Row], names: Names, *, badge: bool) -> History:
        shown = newest(rows)[:HISTORY]
        pictures = [(_titled(one), charts.history(names(), one)) for one in charts.series(shown, benchmarks_of(shown))]
        return History(
            model=model, standing=max(rows, key=lambda row: rank(row, self._today)), rows=shown,
            omitted=len(rows) - len(shown), changes=_changes(shown), pictures=pictures, badge=badge, **_table(shown),
        )  # fmt: skip

    def feed(self, title: str, path: str, rows: Sequence[Row]) -> bytes:
        """An Atom feed (RFC 4287) of the newest results; `path` is its own place on the site."""
        shown = newest(rows)[:FEED]
        root = "../" * path.count("/")
        return self._render("feed.xml", title=title, path=path, rows=shown, root=self._url or root)


def _table(rows: Sequence[Row]) -> dict[str, Any]:
    """What a table of these rows needs: benchmarks, scales and references by benchmark."""
    benchmarks = benchmarks_of(rows)
    return {"benchmarks": benchmarks, "scales": _scales(rows), "references": _references(rows, benchmarks)}


def _references(rows: Sequence[Row], benchmarks: Iterable[str]) -> dict[str, float | None]:
    """The reference that all rows have in common; None where there is none, and where rows differ."""
    found: dict[str, set[float]] = {name: set() for name in benchmarks}
    for row in rows:
        for cell in row.cells:
            if cell.reference is not None:
                found[cell.id].add(cell.reference)
    return {name: next(iter(values)) if len(values) == 1 else None for name, values in found.items()}


def _changes(shown: Sequence[Row]) -> dict[str, Sequence[str]]:
    """What changed in each record since the one before it that was measured at the same effort, under a title."""
    before: dict[str, Row] = {}
    told: dict[str, Sequence[str]] = {row.key: () for row in shown}
    for row in reversed(shown):
        if row.tier is Tier.PUBLISHED:
            continue
        if row.effort in before:
            told[row.key] = [f"What changed since {before[row.effort].date}", *changes(row, before[row.effort])]
        before[row.effort] = row
    return told


def _titled(found: charts.Series) -> str:
    return found.title if found.reference is None else f"{found.title}, reference {found.show(found.reference)}"


def _scales(rows: Sequence[Row]) -> dict[str, Scale]:
    cells: dict[str, list[Cell]] = {}
    for row in rows:
        for cell in row.cells:
            cells.setdefault(cell.id, []).append(cell)
    return {name: charts.column(found) for name, found in cells.items()}


def model_of(name: str, rows: Sequence[Row], board: Sequence[Row]) -> Model:
    """A model with the title of its newest record."""
    return Model(id=name, title=newest(rows)[0].model_title, rows=rows, board=board)


def ident(text: str) -> str:
    """A UUID (RFC 4122, version 5 by form) from a digest or a name, for feeds."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"kvv:{text}"))


def moment(finished: str) -> str:
    """A time as Atom wants it (RFC 3339)."""
    return finished.replace("+00:00", "Z")
