"""What the further files beside the reports are made from."""

from dataclasses import dataclass
from pathlib import Path

from kvv_action.plan.plan import Loaded
from kvv_action.redact import Redactor
from kvv_action.schema import RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One benchmark of a run, for the exporter that the benchmark has."""

    journal: Path
    plan: RunPlan
    loaded: Loaded
    redactor: Redactor
