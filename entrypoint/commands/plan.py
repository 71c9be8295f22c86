"""`kvv plan`: what a run would ask, cost and be able to decide; sends nothing to the endpoint."""

import sys
from collections.abc import Sequence

from entrypoint.options import Parser, add_settings, given
from entrypoint.outlook import outlook
from entrypoint.prepare import prepare
from entrypoint.settings import load

EPILOG = """examples:
  kvv plan --model kimi-k2.6 --tier standard
  kvv plan --model kimi-k2.6 --benchmarks aime2025 --price-input 0.6 --price-output 2.5
  kvv plan --profile kimi-k3 --tier full --max-connections 200 --json

Takes the options of `kvv run`; no endpoint and no key are needed. Datasets are read as a run reads them, from the hub
if they are nowhere else. `expected` requests are those that a vendor gets whose every answer is right; where a probe
asks again because an answer leaves something open, there are more, up to the ceiling."""


def main(argv: Sequence[str]) -> int:
    """Read the samples, add up, print."""
    parser = Parser(prog="kvv plan", description="Say what a run would ask, cost and be able to decide.", epilog=EPILOG)
    parser.add_argument("--json", action="store_true", help="Print everything as JSON.")
    add_settings(parser)
    values = parser.read(argv)
    found = outlook(prepare(load(given(values)), sends=False))
    if values.json:
        import orjson

        sys.stdout.write(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode() + "\n")
        return 0
    from entrypoint.outlook_table import show

    show(found, sys.stdout)
    return 0
