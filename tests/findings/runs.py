"""Runs Pre-Verification against the embedded vendor in this process, and tells what was found over its answers."""

from collections.abc import Sequence
from pathlib import Path

from entrypoint.compose import run_verification
from entrypoint.prepare import Demonstration
from entrypoint.settings import load
from kvv_action.schema import RunReport
from tests.precheck.harness import Quiet

HASTY = {
    "first_token_timeout": "20", "silence_timeout": "20", "total_timeout": "30", "retry_base": "0.01",
    "retry_attempts": "3", "stop_after_failures": "1000",
}  # fmt: skip


def ran(out: Path, faults: Sequence[str], **settings: str) -> RunReport:
    """The report of one demonstration; `settings` are further ones, by field name."""
    chosen = {"profile": "kimi-k3", "tier": "smoke", "benchmarks": "precheck", "out": str(out), **HASTY, **settings}
    return run_verification(load(chosen), Quiet(), demonstration=Demonstration(faults=tuple(faults)))
