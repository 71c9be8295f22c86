"""The options of Pre-Verification."""

from typing import ClassVar

from kvv_action.options import BenchmarkOptions, Kept, choice
from kvv_action.schema import Json, PlannedBenchmark, RunPlan
from kvv_action.settings import Names


class PrecheckOptions(BenchmarkOptions):
    """Which probes are sent.

    Attributes:
        probes: patterns of the probes or suites to send; empty sends all of the tier.
        mfjs_cases: folder with further tool-call schemas, one suite a folder; empty for none.
    """

    behind: ClassVar[str] = "precheck"
    probes: Names = choice(
        (),
        "Only these probes or suites of Pre-Verification, as names or patterns (tokens, thinking.*). Default: by tier.",
        group="plan",
        metavar="NAME,NAME",
        kept=Kept.FIELD,
    )
    mfjs_cases: str = choice(
        "",
        "Folder with further tool-call schemas: SUITE/valid.jsonl, as in walle's checkout.",
        group="plan",
        metavar="DIR",
        path="folder",
    )

    @classmethod
    def kept_by(cls, plan: RunPlan, planned: PlannedBenchmark) -> dict[str, Json]:
        """The probes that were named."""
        del planned
        return {"probes": plan.probes}
