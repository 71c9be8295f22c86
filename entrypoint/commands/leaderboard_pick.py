"""`kvv leaderboard pick`: choose, as a maintainer, results to measure again."""

import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from entrypoint.options import Parser
from kvv_action.errors import Problem, UsageError
from kvv_action.leaderboard.pick import Picked, pick
from kvv_action.leaderboard.rules import RULES, parse
from kvv_action.leaderboard.store import entries
from kvv_action.report.files import canonical
from kvv_action.report.text import visible
from kvv_action.whole_files import write

MOST = 50
FEWEST_CHARACTERS = 16
"""Of a seed; a shorter one can be guessed, and with it what is measured again."""
EPILOG = """examples:
  openssl rand -hex 16 > seed && kvv leaderboard pick --root board --seed - --count 3 < seed
  kvv leaderboard pick --seed - --fingerprint private.json --json picked.json < seed

Prints the command that measures each result again: with varied items beside the published ones, in another order, by a
user agent that says nothing of kvv, and, with --fingerprint, at prefixes of your own. Keep the seed and the prefixes
secret: who knows them knows what comes. Set KVV_API_KEY for the vendor. Only hosts of leaderboard.toml are ever asked.
When the results agree, `kvv leaderboard confirm PATH --trust re-run` says so."""


def main(argv: Sequence[str]) -> int:
    """Choose, and print what to run."""
    values = _parser().read(argv)
    root = Path(values.path or values.root)
    if not (root / RULES).is_file():
        raise UsageError([Problem(name="--root", value=str(root), allowed=f"There is no {RULES} in it.")])
    rules = parse((root / RULES).read_bytes(), str(root / RULES))
    found = pick(
        entries(root), rules, seed=_seed(values.seed), count=_count(values.count), today=datetime.now(UTC).date(),
        fingerprint=values.fingerprint,
    )  # fmt: skip
    for one in found:
        _say(one)
    if not found:
        sys.stderr.write("no current result of a vendor with hosts in leaderboard.toml can be measured again\n")
    if values.json:
        write(Path(values.json), canonical([asdict(one) for one in found]))
    return 0


def _parser() -> Parser:
    parser = Parser(prog="kvv leaderboard pick", description="Choose results to measure again.", epilog=EPILOG)
    add = parser.add_argument
    add("path", nargs="?", default="", metavar="DIR", help="The same as --root.")
    add("--root", default=".", metavar="DIR", help="Checkout of the leaderboard. Default: here.")
    add("--seed", required=True, metavar="-|TEXT", help="Your secret seed; - reads it from standard input.")
    add("--count", default="1", metavar="N", help="How many, of different vendors. Default: 1.")
    add("--fingerprint", default="", metavar="REF", help="Reference of probabilities at prefixes of your own.")
    add("--json", default="", metavar="FILE", help="Write what was chosen as JSON.")
    return parser


def _seed(given: str) -> str:
    seed = (sys.stdin.read() if given == "-" else given).strip()
    if not seed:
        raise UsageError([Problem(name="--seed", value="", allowed="A seed is a text that only you know.")])
    if len(seed) < FEWEST_CHARACTERS:
        sys.stderr.write(
            f"warning: a seed of fewer than {FEWEST_CHARACTERS} characters can be guessed, and with it the choice\n"
        )
    return seed


def _count(given: str) -> int:
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= MOST:
        raise UsageError([Problem(name="--count", value=given, allowed=f"Use a whole number from 1 to {MOST}.")])
    return int(given)


def _say(one: Picked) -> None:
    """The record as a comment, then the command, which a shell takes as it is."""
    sys.stdout.write(f"# {visible(one.path)}\n")
    for note in one.notes:
        sys.stdout.write(f"# {visible(note, 500)}\n")
    sys.stdout.write(shlex.join(one.command) + "\n")
