"""`kvv benchmarks`: what can be run."""

import sys
from collections.abc import Sequence

from benchmarks import registry
from entrypoint.options import Parser
from kvv_action.benchmark import USUAL
from kvv_action.digits import counted
from kvv_action.plugins import BrokenPlugin
from kvv_action.report.text import visible


def main(argv: Sequence[str]) -> int:
    """A line per benchmark."""
    parser = Parser(prog="kvv benchmarks", description="List the benchmarks.")
    parser.read(argv)
    for name in registry.ids():
        try:
            benchmark = registry.create(name, USUAL)
        except BrokenPlugin as error:
            sys.stdout.write(f"{name:<12} {visible(str(error), 300)}\n")
            continue
        pin = benchmark.pin
        data = f"{pin.hub_id or pin.archive}, {counted(pin.count, 'sample')}" if pin else "no dataset"
        data += "" if pin is None or pin.pinned else ", not pinned"
        sys.stdout.write(f"{name:<12} {benchmark.title:<20} {benchmark.metric:<14} {data}\n")
    return 0
