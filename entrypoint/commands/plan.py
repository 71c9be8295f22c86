"""`kvv plan`: what a run would ask, cost and be able to decide; sends nothing to the endpoint."""

import sys
from collections.abc import Sequence

from entrypoint.options import Parser, add_settings, given, tell_misspelt
from entrypoint.plan_estimate import EffortEstimate, PlanEstimate
from entrypoint.settings import load
from entrypoint.usecases.plan import plan
from kvv_action.settings import ALL_EFFORTS, Settings

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
    tell_misspelt()
    settings = load(given(values))
    if settings.effort == ALL_EFFORTS:
        return _every_level(settings, as_json=values.json)
    found = plan(settings)
    if values.json:
        return _as_json(found)
    from entrypoint.plan_estimate_table import show

    show(found, sys.stdout)
    return 0


def _every_level(settings: Settings, *, as_json: bool) -> int:
    """What each level of effort costs; the estimate of the last one says what each benchmark costs."""
    from entrypoint.effort_table import show_estimates
    from entrypoint.plan_estimate_table import show
    from entrypoint.usecases.effort import plan_levels

    found = plan_levels(settings)
    if as_json:
        return _as_json(found)
    show(list(found.levels.values())[-1], sys.stdout)
    show_estimates(found, sys.stdout)
    return 0


def _as_json(found: PlanEstimate | EffortEstimate) -> int:
    import orjson

    sys.stdout.write(orjson.dumps(_plain(found), option=orjson.OPT_INDENT_2).decode() + "\n")
    return 0


def _plain(found: PlanEstimate | EffortEstimate) -> object:
    """Without the fields that came later and are not set."""
    from kvv_action.report.files import plain

    if isinstance(found, EffortEstimate):
        return plain(found, levels={level: _plain(one) for level, one in found.levels.items()})
    return plain(found, benchmarks=[plain(row) for row in found.benchmarks])
