"""What can be chosen of BEAM."""

from typing import ClassVar, Literal

from kvv_action.options import BenchmarkOptions, choice


class BeamOptions(BenchmarkOptions):
    """How long the conversations are, and by which rules answers are scored.

    Attributes:
        beam_size: `auto` takes the million tokens at full, and 128 thousand at the other tiers.
        beam_scoring: `upstream` as Kimi-Vendor-Verifier scores, `paper` as BEAM's authors do, `pairwise` also asks
            the judge as they do.
    """

    behind: ClassVar[str] = "judge_max_tokens"
    beam_size: Literal["auto", "128k", "500k", "1m"] = choice(
        "auto",
        "Length of BEAM's conversations in tokens. Default: 1m at tier full, 128k at the others.",
        group="plan",
        data=True,
        deciding=True,
    )
    beam_scoring: Literal["upstream", "paper", "pairwise"] = choice(
        "upstream",
        "How BEAM's judgements become a score: upstream (a criterion is met in full or not, events all in order or "
        "not), paper (half points, events by Kendall's tau and F1), or pairwise (as paper, but the judge compares each "
        "line of an answer with one event at a time, as BEAM's authors do).",
        group="plan",
        deciding=True,
    )
