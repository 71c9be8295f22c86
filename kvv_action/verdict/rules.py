"""By which rules answers become a verdict. A plan says it; plans made before it did are judged as they were then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from kvv_action.errors import KvvError
from kvv_action.plan.strata import NO_STRATA, Strata
from kvv_action.plan.strata import read as read_strata
from kvv_action.schema import Json, PlannedBenchmark, RunPlan

PASS_MARGINS: Mapping[str, float] = {"smoke": 0.20, "standard": 0.10}
"""The loss that a pass rules out, by tier: as much as so few answers can rule out for a vendor that equals its
reference (tests/perf/test_verdicts.py). At full it is the profile's own margin."""
SHARP, STRATIFIED, CHAINED = 2, 3, 5
"""Versions of the rules as plans keep them; 4 was never used."""
NOTHING: Mapping[str, int] = MappingProxyType({})
NO_DRIFT: Mapping[str, float] = MappingProxyType({})
SCORES_ERROR = 0.006
"""Chance that scores fail a vendor that equals its reference in all of them, in a run."""
LOST_ERROR = 0.001
"""Highest chance that lost answers alone fail a vendor in one benchmark. It is reached only by a vendor that loses all
that the run allows."""
FINGERPRINT_ERROR = 0.003
"""Chance that a fingerprint fails the same model. Scores, fingerprint and the lost answers of one benchmark together
fail an equal vendor in at most one run in a hundred. Each further benchmark adds `LOST_ERROR`, where a vendor loses all
that is allowed."""
BIAS = 0.02
"""By how much our way of asking may read lower than the one that made a published score: a report tells what that does
to an equal vendor."""
FALSE_ALARM = 0.003
"""Nominal error of the limits of scores that keeps them within `SCORES_ERROR` in every profile and tier; of sixty
answers, limits err twice as often as they say (tests/perf/test_verdicts.py)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgingRules:
    """The rules for one benchmark.

    Attributes:
        sharp: the second rules: two margins, lost answers by an exact limit, variance by answers. Else the first ones.
        pass_margin: the largest loss that a pass does not rule out; None: the benchmark's margin.
        false_alarm: error of failing a vendor that equals its reference everywhere, in a run.
        reference_epochs: how often a compared run asked each sample; 0 where that is not known.
        drift: variance of a difference from compared runs, because endpoints differ from day to day.
        strata: by which the items were chosen; None where they were not.
        chained: early looks hold the samples of a cluster together.
    """

    sharp: bool = False
    pass_margin: float | None = None
    false_alarm: float = 0.005
    reference_epochs: int = 0
    drift: float = 0.0
    strata: Strata | None = None
    chained: bool = False

    @property
    def asked(self) -> str:
        """The stratum of each sample that is asked; empty where they were not chosen by strata."""
        return self.strata.asked if self.strata else ""


FIRST = JudgingRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRules:
    """The rules of a plan.

    Attributes:
        sharp: as in `JudgingRules`.
        pass_margins, reference_epochs, drift, strata: by id of a benchmark.
        chained: ids of the benchmarks whose looks hold clusters together.
    """

    sharp: bool = False
    pass_margins: Mapping[str, float] = field(default_factory=dict)
    reference_epochs: Mapping[str, int] = field(default_factory=dict)
    drift: Mapping[str, float] = field(default_factory=dict)
    strata: Mapping[str, Strata] = field(default_factory=dict)
    chained: frozenset[str] = frozenset()

    @classmethod
    def at(
        cls,
        tier: str,
        benchmarks: Sequence[PlannedBenchmark],
        reference_epochs: Mapping[str, int] = NOTHING,
        drift: Mapping[str, float] = NO_DRIFT,
        strata: Mapping[str, Strata] = NO_STRATA,
        chained: Iterable[str] = (),
    ) -> "VerdictRules":
        """The rules of a new plan.

        Args:
            tier: of the plan.
            benchmarks: of the plan.
            reference_epochs: by benchmark, how often a compared run asked each of its samples.
            drift: by benchmark, the variance of a difference by the days of the reference's runs.
            strata: by benchmark, those by which its items were chosen.
            chained: benchmarks whose samples of a cluster are asked one after another.
        """
        margins = {one.id: pass_margin(one.margin, tier) for one in benchmarks if one.comparable}
        held = frozenset(one.id for one in benchmarks if one.looks and one.clusters).intersection(chained)
        return cls(
            sharp=True, pass_margins=margins, reference_epochs=reference_epochs, drift=drift, strata=strata,
            chained=held,
        )  # fmt: skip

    def kept(self) -> dict[str, Json]:
        """As the plan keeps them; earlier versions of kvv refuse a plan with strata or chains."""
        version = CHAINED if self.chained else STRATIFIED if self.strata else SHARP
        margins, epochs = dict(self.pass_margins), dict(self.reference_epochs)
        kept: dict[str, Json] = {"version": version, "pass-margins": margins, "reference-epochs": epochs}
        strata = {name: one.kept() for name, one in self.strata.items()}
        more = {"drift": dict(self.drift), "strata": strata, "chained": sorted(self.chained)}
        return kept | {name: value for name, value in more.items() if value}

    def of(self, benchmark: str) -> JudgingRules:
        """The rules for one of its benchmarks."""
        if not self.sharp:
            return FIRST
        return JudgingRules(
            sharp=True, pass_margin=self.pass_margins.get(benchmark), false_alarm=FALSE_ALARM,
            reference_epochs=self.reference_epochs.get(benchmark, 0), drift=self.drift.get(benchmark, 0.0),
            strata=self.strata.get(benchmark), chained=benchmark in self.chained,
        )  # fmt: skip


def pass_margin(margin: float | None, tier: str) -> float:
    """The loss that a pass rules out at a tier, never less than the margin at which a vendor fails."""
    return max(PASS_MARGINS.get(tier, 0.0), margin or 0.0)


def rules_of(plan: RunPlan) -> VerdictRules:
    """The rules by which a plan asks to be judged.

    Raises:
        KvvError: they are damaged, or those of a newer version.
    """
    kept = plan.verdicts
    if kept is None:
        return VerdictRules()
    if not isinstance(kept, Mapping) or kept.get("version") not in (SHARP, STRATIFIED, CHAINED):
        raise KvvError("the plan asks for rules of verdicts that this version does not know; a newer kvv does")
    return VerdictRules(
        sharp=True,
        pass_margins=_numbers(kept.get("pass-margins", {})),
        reference_epochs={name: int(value) for name, value in _numbers(kept.get("reference-epochs", {})).items()},
        drift=_numbers(kept.get("drift", {})),
        strata={name: read_strata(one) for name, one in _mapping(kept.get("strata", {})).items()},
        chained=_names(kept.get("chained", [])),
    )


def _names(value: Json) -> frozenset[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise KvvError("the plan's rules of verdicts are damaged: a list of chained benchmarks is expected")
    return frozenset(value)


def _mapping(value: Json) -> Mapping[str, Json]:
    if not isinstance(value, Mapping):
        raise KvvError("the plan's rules of verdicts are damaged: strata by the id of each benchmark are expected")
    return value


def _numbers(value: Json) -> dict[str, float]:
    if not isinstance(value, Mapping) or not all(
        isinstance(one, int | float) and not isinstance(one, bool) and 0 <= one <= 1_000_000 for one in value.values()
    ):
        raise KvvError("the plan's rules of verdicts are damaged: a number by the id of each benchmark is expected")
    return dict(value)
