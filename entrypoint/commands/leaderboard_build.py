"""`kvv leaderboard build`: the static site of a leaderboard's repository."""

import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

from entrypoint.options import Parser
from kvv_action.digits import counted
from kvv_action.errors import Problem, UsageError
from kvv_action.settings import OWNER_NAME

EPILOG = """DIR is a checkout of the repository; its records lie in results/. The site needs no server of its own: copy
the folder to any static host, below any path. The same records and the same day give the same bytes.

A complete new site replaces an earlier one in --out; any other folder is left alone. A file below results/ that is no
record is an error, and nothing is written.

examples:
  kvv leaderboard build . --out site/
  kvv leaderboard build . --out site/ --url https://example.org/leaderboard/ --date 2026-01-31

Results expire and ages grow: build it every day, not only when records change."""


def main(argv: Sequence[str]) -> int:
    """Build once."""
    parser = Parser(
        prog="kvv leaderboard build", description="Make a static site from the records of a leaderboard.", epilog=EPILOG
    )
    parser.add_argument("dir", metavar="DIR", help="The repository's checkout.")
    parser.add_argument("--out", default="site", help="Folder of the site. Default: site.")
    parser.add_argument("--url", default="", help="Where the site will be; makes addresses in feeds absolute.")
    parser.add_argument(
        "--repository",
        default="",
        metavar="OWNER/NAME|URL",
        help="The repository on GitHub, or its address elsewhere; rows link pull requests.",
    )
    parser.add_argument("--date", default="", help="Day by which results expire, YYYY-MM-DD. Default: today, UTC.")
    parser.add_argument("--without-published", action="store_true", help="Leave out the scores that makers published.")
    values = parser.read(argv)
    root = Path(values.dir)
    if not root.is_dir():
        raise UsageError([Problem(name="DIR", value=values.dir, allowed="There is no such folder.")])
    day, url, repository = _day(values.date), _url("url", values.url), _repository(values.repository)
    if not any((root / name).exists() for name in ("leaderboard.toml", "results")):
        allowed = "Holds neither leaderboard.toml nor results/; name the checkout of a leaderboard."
        raise UsageError([Problem(name="DIR", value=values.dir, allowed=allowed)])
    from kvv_action.leaderboard.site.build import build

    built = build(
        root, Path(values.out), today=day, url=url, repository=repository, with_published=not values.without_published,
    )  # fmt: skip
    sys.stdout.write(
        f"{values.out}: {counted(built.records, 'result')}{_published(built.published)}, "
        f"{counted(built.models, 'model')}, {counted(built.vendors, 'vendor')}, {counted(built.files, 'file')}\n"
    )
    return 0


def _published(count: int) -> str:
    return f" ({count} of them published by makers of models)" if count else ""


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text) if text else datetime.now(UTC).date()
    except ValueError:
        raise UsageError([Problem(name="date", value=text, allowed="A day as YYYY-MM-DD.")]) from None


def _repository(text: str) -> str:
    """An address; OWNER/NAME, as `kvv leaderboard init` takes it, is one at github.com."""
    return f"https://github.com/{text}" if OWNER_NAME.fullmatch(text) else _url("repository", text)


def _url(name: str, text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise UsageError([Problem(name=name, value=text, allowed="An http:// or https:// address.")])
    return text
