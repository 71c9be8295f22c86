"""The benchmarks of the profiles as the tiers run them, for computing what they can decide."""

from dataclasses import dataclass

from kvv_action.profiles.loader import load
from kvv_action.profiles.model import BenchmarkRules
from kvv_action.schema import PlannedBenchmark
from kvv_action.verdict.rules import JudgingRules, VerdictRules
from tests.ask.vendors import planned_of

ROWS = {"ocrbench": 1000, "mmmu_pro": 3460, "aime2025": 30, "toolcall": 2000, "beam": 700, "deepswe": 113}
"""Samples of the full tier; a benchmark that this does not name cannot have a margin."""
POSITIVE = {"kimi-k2-thinking": 1958 / 4000, "kimi-k2-0905": 1274 / 4000}
"""Share of K2VV's requests at which the official API calls a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A benchmark of a profile.

    Attributes:
        planned: as a tier runs it.
        count: benchmarks of the profile that can fail.
        counted: the part of the answers that an F1 rests on, else 1.
        reference_size: independent answers behind the reference.
        rules: by which a plan of this tier is judged.
    """

    planned: PlannedBenchmark
    count: int
    counted: float
    reference_size: int
    rules: JudgingRules

    @property
    def size(self) -> int:
        """Answers that the score rests on."""
        return round(self.planned.samples * self.planned.epochs * self.counted)


def cases(profile: str, tier: str = "full", *, sequential: bool = False) -> dict[str, Case]:
    """All benchmarks with a margin, by id."""
    rules = {name: rule for name, rule in load(profile).benchmarks.items() if rule.margin is not None}
    return {name: _case(profile, name, rule, tier, len(rules), sequential=sequential) for name, rule in rules.items()}


def _case(profile: str, name: str, rule: BenchmarkRules, tier: str, count: int, *, sequential: bool) -> Case:
    reference, margin, amount = rule.reference, rule.margin, rule.tiers[tier]
    assert reference is not None
    assert margin is not None
    planned = planned_of(
        reference=reference.value, margin=margin, samples=min(amount.limit or ROWS[name], ROWS[name]),
        size=reference.n, epochs=amount.epochs or rule.epochs, f1=name == "toolcall", rows=ROWS[name],
        sequential=sequential,
    )  # fmt: skip
    counted = POSITIVE[profile] * (2 - reference.value) if name == "toolcall" else 1.0
    size = round((reference.n or ROWS[name]) * counted)
    judged = VerdictRules.at(tier, [planned]).of(planned.id)
    return Case(planned=planned, count=count, counted=counted, reference_size=size, rules=judged)
