"""`kvv faults`: how the embedded vendor can be wrong."""

import sys
from collections.abc import Sequence
from fnmatch import fnmatchcase

from entrypoint.options import Parser
from kvv_action.simulator import FAULTS, parse_fault

EPILOG = """examples:
  kvv faults
  kvv faults 'truncates*' caps-output

A run asks more at the tiers standard and full, so a fault that smoke does not show may be seen there."""


def main(argv: Sequence[str]) -> int:
    """Each fault with what a verifier should conclude."""
    parser = Parser(
        prog="kvv faults",
        description="List the faults of the embedded vendor. `--fault NAME=RATE` hits that share of requests; "
        "faults that take amounts instead are written as `--fault NAME=AMOUNT:AMOUNT`.",
        epilog=EPILOG,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="Only these, as names or patterns. Default: all.")
    wanted = [name.partition("=")[0] for name in parser.read(argv).names] or ["*"]
    for pattern in wanted:
        if not any(fnmatchcase(name, pattern) for name in FAULTS):
            parse_fault(pattern)  # says which name is nearest
    for name, fault in FAULTS.items():
        if any(fnmatchcase(name, pattern) for pattern in wanted):
            sys.stdout.write(f"{name}\n  {fault.summary}\n  a verifier should conclude: {fault.conclusion}\n")
    return 0
