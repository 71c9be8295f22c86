"""What can be chosen of Sums."""

from typing import Literal

from kvv_action.options import BenchmarkOptions, choice


class SumsOptions(BenchmarkOptions):
    """How numbers are written."""

    sums_script: Literal["decimal", "roman"] = choice(
        "decimal", "How Sums writes the numbers that are added.", wording=True, deciding=True
    )
