"""The template environment of all pages, and their security policy.

Every value passes `harmless` before it is escaped, so no template can forget it: control characters, bidi controls and
lone surrogates become visible escapes, and no text is longer than `LIMIT`.
"""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from kvv_action.report.text import hidden, number, percent, seconds, visible

HERE = Path(__file__).parent
_QUOTED = re.compile(r"`([^`]+)`")
_PERCENT = re.compile(r"(?<=\d) %")
LIMIT = 4000
"""Characters of any one text on a page."""


def harmless(value: Any) -> Any:
    """A value without invisible characters; our own markup stays."""
    return visible(value, LIMIT) if isinstance(value, str) and not isinstance(value, Markup) else value


def shown(text: str, limit: int = LIMIT) -> Markup:
    """Untrusted text; escapes of invisible characters are marked, so that they differ from written ones."""
    parts = []
    for part, is_hidden in hidden(text[:limit]):
        parts.append(Markup('<span class="hidden">{}</span>').format(part) if is_hidden else escape(part))
    return Markup("").join(parts) + ("…" if len(text) > limit else "")


def line(text: str, limit: int = 300) -> Markup:
    """Untrusted text on one line, isolated so that its direction does not spread."""
    return Markup("<bdi>{}</bdi>").format(shown(_PERCENT.sub("\u00a0%", " ".join(text.split())), limit))


def told(text: str, limit: int = 300) -> Markup:
    """As `line`; what stands in backticks is code."""
    parts = _QUOTED.split(_PERCENT.sub("\u00a0%", " ".join(text.split()))[:limit])
    code = Markup("<code>{}</code>")
    return Markup("<bdi>{}</bdi>").format(
        Markup("").join(code.format(shown(part)) if place % 2 else shown(part) for place, part in enumerate(parts))
    )


def share(value: float | None) -> str:
    """A percentage without a line break."""
    return percent(value).replace(" ", "\u00a0")


def environment(*folders: Path) -> Environment:
    """An environment with the templates of these folders and the shared ones."""
    made = Environment(
        loader=FileSystemLoader([*folders, HERE]),
        auto_reload=False,  # templates do not change while a process runs
        autoescape=True,
        finalize=harmless,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters.update(shown=shown, line=line, told=told, percent=share, seconds=seconds, number=number)
    return made


@cache
def stylesheet(*further: str) -> str:
    """The one stylesheet of all pages, and what only some of them need besides, by file name."""
    return "".join((HERE / name).read_text(encoding="utf-8") for name in ("style.css", *further))


def policy(**directives: str) -> Markup:
    """A content security policy that forbids everything else.

    Args:
        directives: what is allowed, such as `style_src="'self'"`.
    """
    allowed = {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}
    allowed |= {name.replace("_", "-"): sources for name, sources in directives.items()}
    # only our own text, so the quotes need no escape
    return Markup("; ".join(f"{name} {sources}" for name, sources in allowed.items()))  # noqa: S704


def source_of(text: str) -> str:
    """The source expression that allows exactly this style or script."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
