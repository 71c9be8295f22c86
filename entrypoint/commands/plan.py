"""`kvv plan`: what a run would ask, cost and be able to decide; sends nothing to the endpoint."""

import sys
from collections.abc import Sequence

from entrypoint.options import Parser, add_settings, given
from entrypoint.settings import load
from entrypoint.usecases.plan import plan

EPILOG = """examples:
  kvv plan --model kimi-k2.6 --tier standard
  kvv plan --model kimi-k2.6 --benchmarks aime2025 --price-input 0.6 --price-output 2.5
  kvv plan --profile kimi-k3 --tier full --max-connections 200 --json

Takes the options of `kvv run`, but needs no endpoint and no key. It reads the datasets as a run does: from the hub,
unless they are cached or named. A vendor that answers everything right gets the `expected` requests. A probe may ask
again when an answer leaves a question open; that makes more requests, up to the ceiling."""


def main(argv: Sequence[str]) -> int:
    """Read the samples, add up, print."""
    parser = Parser(prog="kvv plan", description="Say what a run would ask, cost and be able to decide.", epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="Print everything as JSON.")
    add_settings(parser)
    values = parser.read(argv)
    found = plan(load(given(values)))
    if values.json:
        import orjson

        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return 0
    from entrypoint.plan_estimate_table import show

    show(found, sys.stdout)
    return 0
