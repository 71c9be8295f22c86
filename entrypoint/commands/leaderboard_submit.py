"""`kvv leaderboard submit`: a run's result as a pull request on the leaderboard's repository."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from entrypoint import evidence
from entrypoint.options import SUBMISSION, Parser, add_settings, given
from entrypoint.publication import told
from entrypoint.settings import load
from entrypoint.submission import problems_of, submit
from kvv_action.errors import UsageError
from kvv_action.github import context
from kvv_action.redact import Redactor
from kvv_action.report.text import visible

EPILOG = """examples:
  kvv leaderboard submit kvv-out --leaderboard-repo example/leaderboard --leaderboard-dry-run
  KVV_LEADERBOARD_TOKEN=... kvv leaderboard submit kvv-out --leaderboard-repo example/leaderboard

The record follows from the journal, not from report.json, and names the evidence bundle. A folder without a bundle gets
one first. The same command again never makes a second pull request. Without write access the branch goes into your
fork, which is made when you have none. The token comes from KVV_LEADERBOARD_TOKEN only.
Exit status: 0 proposed or nothing to do, 2 not fit for a leaderboard, or GitHub refuses."""


def main(argv: Sequence[str]) -> int:
    """Propose the record of a run as a pull request."""
    parser = Parser(
        prog="kvv leaderboard submit", description="Propose a run's result to a leaderboard.", epilog=EPILOG
    )
    parser.add_argument("path", metavar="BUNDLE|DIR", help="Evidence of a run: a bundle, or the folder that kvv wrote.")
    add_settings(parser, only=SUBMISSION)
    values = parser.read(argv)
    settings = load(given(values))
    if problems := problems_of(settings):
        raise UsageError(problems)
    redactor = Redactor(context.secrets())
    found = evidence.packed(Path(values.path), settings.leaderboard_evidence_url, redactor)
    done = submit(
        found,
        settings,
        secrets=redactor,
        say=lambda text: _line(sys.stderr, redactor.text(text)),
        show=lambda text: print(redactor.text(text)),  # noqa: T201 - requests as they are, over several lines
    )
    _line(sys.stdout, told(done))
    return 0


def _line(stream: TextIO, text: str) -> None:
    stream.write(visible(text, 1000) + "\n")
