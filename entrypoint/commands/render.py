"""`kvv render`: the reports again, from report.json."""

import sys
from collections.abc import Sequence
from pathlib import Path

from entrypoint.options import Parser
from entrypoint.usecases.render import render


def main(argv: Sequence[str]) -> int:
    """Write them, and say from which file."""
    parser = Parser(prog="kvv render", description="Write a run's reports again from its report.json.")
    parser.add_argument("dir", metavar="DIR", help="The folder that kvv wrote.")
    sys.stdout.write(f"written again from {render(Path(parser.read(argv).dir))}\n")
    return 0
