"""Tables for machines: JSON and CSV, a line per record and benchmark."""

import csv
import io
from collections.abc import Iterable, Iterator, Set
from datetime import date
from typing import Any

from kvv_action.leaderboard.site.rows import Cell, Row, Tier
from kvv_action.report.files import canonical

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that make a spreadsheet evaluate a text."""
COLUMNS = (
    "model", "vendor", "vendor_name", "benchmark", "metric", "score", "low", "high", "interval", "n", "reference",
    "margin", "difference", "difference_low", "difference_high", "benchmark_verdict", "note", "verdict", "trust",
    "origin", "state", "marks", "tier", "effort", "date", "expires", "expired", "standing", "record", "sha256",
    "evidence", "source", "delivery", "broken_tries", "first_try_rate", "first_finding",
)  # fmt: skip


def lines(rows: Iterable[Row], standing: Set[str], today: date) -> Iterator[dict[str, Any]]:
    """A flat line per record and benchmark.

    Args:
        rows: the records.
        standing: keys of the records that represent their vendors.
        today: by which results have expired.
    """
    for row in rows:
        for cell in row.cells:
            yield {**_of_cell(cell), **_of_row(row, today), "standing": row.key in standing}


def _of_cell(cell: Cell) -> dict[str, Any]:
    low, high = cell.interval or (None, None)
    difference, limits = (cell.difference[0], cell.difference[1:]) if cell.difference else (None, (None, None))
    interval = "" if cell.interval is None else "computed from n" if cell.computed else "recorded"
    return {
        "benchmark": cell.id, "metric": cell.metric, "score": cell.score, "low": low, "high": high,
        "interval": interval, "n": cell.n, "reference": cell.reference, "margin": cell.margin,
        "difference": difference, "difference_low": limits[0], "difference_high": limits[1],
        "benchmark_verdict": cell.verdict, "note": cell.note,
    }  # fmt: skip


def _of_row(row: Row, today: date) -> dict[str, Any]:
    """What belongs to the whole run; delivery and findings are empty where the run did not look for them."""
    delivery = row.delivery
    return {
        "model": row.model, "vendor": row.vendor, "vendor_name": row.vendor_name, "verdict": row.verdict,
        "trust": row.tier, "origin": "published" if row.tier is Tier.PUBLISHED else "measured", "state": row.state,
        "marks": list(row.marks), "tier": row.amount, "effort": row.effort, "date": row.date, "expires": row.expires,
        "expired": row.expired(today), "record": row.path, "sha256": row.sha256, "evidence": row.evidence,
        "source": row.source.url if row.source else "", "delivery": delivery.verdict if delivery else None,
        "broken_tries": delivery.share if delivery else None,
        "first_try_rate": delivery.first_try_rate if delivery else None,
        "first_finding": next(iter(row.findings), ""),
    }  # fmt: skip


def as_json(rows: Iterable[Row], standing: Set[str], today: date) -> bytes:
    """`{"as_of": ..., "results": [...]}`."""
    return canonical({"as_of": today.isoformat(), "results": list(lines(rows, standing, today))})


def as_csv(rows: Iterable[Row], standing: Set[str], today: date) -> bytes:
    """RFC 4180, UTF-8; a text that a spreadsheet would evaluate gets an apostrophe in front."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    for line in lines(rows, standing, today):
        writer.writerow({name: _plain(value) for name, value in line.items()})
    return out.getvalue().encode()


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        value = " ".join(value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
