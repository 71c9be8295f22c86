"""Runs Pre-Verification against the embedded vendor in this process, and tells what was found over its answers."""

from collections.abc import Sequence
from pathlib import Path

from entrypoint.compose import run_verification
from entrypoint.prepare import Demonstration
from entrypoint.settings import load
from kvv_action.schema import RunReport
from tests.patience import SETTINGS, unhurried
from tests.precheck.harness import Quiet

FEW_TRIES = {"retry_attempts": "3", "stop_after_failures": "1000"}


def ran(out: Path, faults: Sequence[str], **settings: str) -> RunReport:
    """The report of one demonstration; `settings` are further ones, by field name."""
    chosen = {"profile": "kimi-k3", "tier": "smoke", "benchmarks": "precheck", "out": str(out)}
    chosen |= {**SETTINGS, **FEW_TRIES, **settings}
    with unhurried(faults):
        return run_verification(load(chosen), Quiet(), demonstration=Demonstration(faults=tuple(faults)))
