"""A vendor's badge for one model: an SVG of its own, and the JSON that badge services read."""

from datetime import date

import orjson
from markupsafe import Markup

from kvv_action.leaderboard.record import State
from kvv_action.leaderboard.site.rows import Row, Tier
from kvv_action.report.pages.environment import harmless

_COLOURS = {"pass": "#1d7a4d", "fail": "#b3261e", "inconclusive": "#855700", "skipped": "#595f66"}
_STALE = "#595f66"
_NARROW, _WIDE = frozenset("iljtfrI.,:;|'()[]! "), frozenset("mwMWQO@%&")
_FORM = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="20" role="img" aria-label="{text}">'
    "<title>{text}</title>"
    '<rect width="{w}" height="20" rx="3" fill="#3a4048"/>'
    '<path d="M{l} 0h{m}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{m}z" fill="{colour}"/>'
    '<g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">'
    '<text x="7" y="14" textLength="{lt}" lengthAdjust="spacingAndGlyphs">{label}</text>'
    '<text x="{x}" y="14" textLength="{mt}" lengthAdjust="spacingAndGlyphs">{message}</text>'
    "</g></svg>\n"
)


def words(row: Row, today: date) -> tuple[str, str, str]:
    """Label, message and colour; an expired result or a partial run says so instead of its verdict."""
    label = f"kvv {row.model_title}"[:60]
    if row.expired(today):
        return label, f"expired {row.expires}", _STALE
    if row.state is not State.COMPLETE or row.verdict is None:
        return label, "partial run", _STALE
    trust = "" if row.tier is Tier.SELF_REPORTED else f", {row.tier}"
    return label, f"{row.verdict} {row.date}{trust}", _COLOURS[row.verdict]


def svg(row: Row, today: date) -> bytes:
    """The badge."""
    label, message, colour = (harmless(text) for text in words(row, today))
    left, right = _width(label), _width(message)
    return Markup(_FORM).format(  # noqa: S704 - a constant of this module
        w=left + right + 28, l=left + 14, m=right + 11, lt=left, mt=right, x=left + 21, text=f"{label}: {message}",
        label=label, message=message, colour=colour,
    ).encode()  # fmt: skip


def _width(text: str) -> int:
    """Pixels of a text at 11 pixels, near enough: the text is then stretched to it."""
    return round(sum(3.9 if one in _NARROW else 9.6 if one in _WIDE or ord(one) > 0x2E80 else 6.9 for one in text))


def endpoint(row: Row, today: date) -> bytes:
    """JSON for the `endpoint` badge of shields.io (https://shields.io/badges/endpoint-badge)."""
    label, message, colour = words(row, today)
    body = {"schemaVersion": 1, "label": label, "message": message, "color": colour, "cacheSeconds": 3600}
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
