"""Collects what checks, benchmarks and gaps of a run show, so that it can be put in order (`verdict.causes`)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from kvv_action.causes import CauseRegistry, of_model
from kvv_action.schema import (
    BenchmarkResult,
    Diagnosis,
    Finding,
    Gap,
    RunCause,
    RunPlan,
    Severity,
    Slot,
    Verdict,
)
from kvv_action.verdict.causes import FoundCause, ordered
from kvv_action.verdict.checks.sightings import SeenFinding
from kvv_action.verdict.gap import GAP
from kvv_action.verdict.known_causes import causes_of
from kvv_action.verdict.tally import Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """Everything that a run shows of causes.

    Attributes:
        tallies: by benchmark, with the answers that show a cause.
        seen: findings over all answers, before any is explained by another.
    """

    plan: RunPlan
    results: Sequence[BenchmarkResult]
    tallies: Mapping[str, Tally]
    seen: Sequence[SeenFinding]
    gaps: Sequence[Gap]

    def causes(self) -> tuple[RunCause, ...]:
        """In their order; none for a plan that does not ask for it."""
        if not self.plan.orders_causes:
            return ()
        failing = set[Slot]().union(*(self.tallies[result.id].wrong for result in self.results if self._fails(result)))
        causes = ordered([*self._of_answers(), *self._of_benchmarks(), *self._of_gaps()], failing, self._known)
        return tuple(replace(one, switches=of_model(one.switches, self.plan.engine_options)) for one in causes)

    @property
    def _known(self) -> CauseRegistry:
        return causes_of(self.plan.asked)

    def _fails(self, result: BenchmarkResult) -> bool:
        return result.verdict is Verdict.FAIL and result.id not in self.plan.advisory

    def _of_answers(self) -> Iterator[FoundCause]:
        for one in self.seen:
            found = one.finding
            yield FoundCause(
                id=found.cause_id, severity=found.severity, cause=found.cause, remedy=found.remedy, count=found.count,
                of=found.of, benchmarks=found.benchmarks, slots=frozenset(one.slots), in_answers=True,
            )  # fmt: skip

    def _of_benchmarks(self) -> Iterator[FoundCause]:
        for result in self.results:
            for found in result.diagnosis:
                yield self._of_diagnosis(result, found)

    def _of_diagnosis(self, result: BenchmarkResult, found: Diagnosis) -> FoundCause:
        """A cause that a benchmark shows; where all its answers together show it, wrong ones stand for it."""
        tally = self.tallies[result.id]
        slots = tally.shown.get(found.cause, tally.wrong)
        fails = self._fails(result) and bool(slots & tally.wrong)
        return FoundCause(
            id=found.cause_id, severity=Severity.FAILURE if fails else Severity.WARNING, cause=found.cause,
            remedy=found.remedy, count=found.count, of=result.counts.scored, benchmarks=(result.id,),
            slots=slots & tally.wrong if fails else slots,
        )  # fmt: skip

    def _of_gaps(self) -> Iterator[FoundCause]:
        for gap in self.gaps:
            if gap.clear:
                yield FoundCause(
                    id=GAP.id, severity=Severity.WARNING, cause=GAP.sentence, remedy=GAP.remedy, count=gap.pairs,
                    of=gap.pairs, benchmarks=(gap.benchmark,), slots=frozenset(),
                )  # fmt: skip


def in_their_order(
    causes: Sequence[RunCause], findings: Sequence[Finding], results: Sequence[BenchmarkResult]
) -> tuple[tuple[Finding, ...], tuple[BenchmarkResult, ...]]:
    """Findings and diagnoses in the order of the causes that explain them; unchanged where no causes are ordered."""
    if not causes:
        return tuple(findings), tuple(results)
    names = [name for cause in causes for name in (cause.cause_id, *cause.symptoms)]
    place = {name: at for at, name in enumerate(names)}
    told = sorted(findings, key=lambda one: (one.severity is Severity.INFORMATION, place[one.cause_id]))
    return tuple(told), tuple(
        replace(result, diagnosis=tuple(sorted(result.diagnosis, key=lambda one: place[one.cause_id])))
        for result in results
    )
