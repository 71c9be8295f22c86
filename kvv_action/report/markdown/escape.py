"""Untrusted text inside markdown."""

import re

from kvv_action.report.text import one_line

_SPECIAL = re.compile(r"[\\`*_\[\]<>#|~$&@]|:(?=//)|(?<=www)\.", re.IGNORECASE)
_AFTER_MARKDOWN = "@#"
"""GitHub looks for mentions and issue numbers in the finished HTML, where an entity is the character again
(github/cmark-gfm#181): a zero-width space has to follow."""


def text(value: str, limit: int = 200) -> str:
    """Untrusted text inside markdown: no markup, link, mention, table or HTML can form."""
    return _SPECIAL.sub(_entity, one_line(value, limit))


def _entity(match: re.Match[str]) -> str:
    return f"&#{ord(match.group())};" + ("&#8203;" if match.group() in _AFTER_MARKDOWN else "")
