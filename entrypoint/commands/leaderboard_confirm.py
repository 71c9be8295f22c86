"""`kvv leaderboard confirm`: a maintainer confirms how far a record was verified."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from entrypoint.options import Parser
from kvv_action.errors import Problem, UsageError
from kvv_action.leaderboard.record import RecordError, Trust
from kvv_action.leaderboard.store import (
    CONFIRMATION_VERSION,
    Confirmation,
    confirmation_path,
    dump_confirmation,
    load_confirmation,
    read_record,
)
from kvv_action.report.files import sha256
from kvv_action.whole_files import write

EPILOG = """example:
  kvv leaderboard confirm results/acme/kimi-k2.6/20260101-0123456789ab.json --trust attested --by ada

Writes trust/acme/kimi-k2.6/20260101-0123456789ab.json; commit it. The record itself never changes."""


def main(argv: Sequence[str]) -> int:
    """Write the confirmation beside the record."""
    parser = Parser(prog="kvv leaderboard confirm", description="Confirm a record's trust tier.", epilog=EPILOG)
    parser.add_argument("path", metavar="PATH", help="The record, below the root.")
    parser.add_argument("--trust", required=True, choices=[str(tier) for tier in Trust], help="What was verified.")
    parser.add_argument("--by", required=True, metavar="NAME", help="Who says so.")
    parser.add_argument("--note", default="", metavar="TEXT", help="What was done, for readers.")
    parser.add_argument("--root", default=".", metavar="DIR", help="Checkout of the leaderboard. Default: here.")
    values = parser.read(argv)
    root, path = Path(values.root).absolute(), Path(values.path).absolute()
    if not path.is_relative_to(root):
        raise UsageError([Problem(name="PATH", value=values.path, allowed=f"It must lie below {root}.")])
    where, data, _ = read_record(root, path)
    confirmation = Confirmation(
        schema_version=CONFIRMATION_VERSION,
        sha256=sha256(data),
        trust=Trust(values.trust),
        by=values.by,
        date=datetime.now(UTC).date().isoformat(),
        note=values.note,
    )
    target = root / confirmation_path(where)
    try:
        load_confirmation(dump_confirmation(confirmation), "confirmation")
    except RecordError as error:
        raise UsageError([Problem(name="--by, --note", value="", allowed=str(error))]) from None
    target.parent.mkdir(parents=True, exist_ok=True)
    write(target, dump_confirmation(confirmation))
    sys.stdout.write(f"{confirmation_path(where)}: {confirmation.trust}\n")
    return 0
