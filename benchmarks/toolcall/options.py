"""What can be chosen of K2VV ToolCall."""

from typing import ClassVar, Literal

from kvv_action.options import BenchmarkOptions, Kept, choice
from kvv_action.schema import Json, PlannedBenchmark, RunPlan

RAW = " completions"
"""How the version of a run ends that asked for raw completions."""


class ToolCallOptions(BenchmarkOptions):
    """How requests are sent.

    Attributes:
        toolcall_mode: `chat`, or `completions` with a prompt of ours.
    """

    behind: ClassVar[str] = "tokenizer"
    toolcall_mode: Literal["chat", "completions"] = choice(
        "chat",
        "How toolcall asks: the chat API, or raw completions with a prompt of ours, to tell a parser from a model.",
        group="plan",
        kept=Kept.NOWHERE,
    )

    @classmethod
    def kept_by(cls, plan: RunPlan, planned: PlannedBenchmark) -> dict[str, Json]:
        """The mode, which the version of the benchmark tells."""
        del plan
        return {"toolcall_mode": "completions" if RAW in planned.version else "chat"}
