"""Regular expressions mean the same in every Python that kvv runs with."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{[\d,]+\})\+")


def test_no_group_is_possessive() -> None:
    """Before 3.11.5, as in Debian 12, a possessive group with a choice inside does not match what it should."""
    sources = [path for name in ("kvv_action", "benchmarks", "entrypoint") for path in (ROOT / name).rglob("*.py")]
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in sources
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if POSSESSIVE_GROUP.search(line)
    ]
    assert len(sources) > 100
    assert found == []
