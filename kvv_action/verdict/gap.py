"""Judges published items against the same tasks put another way.

An endpoint that recognises a benchmark can serve it better than anything else. A vendor that answers varied items worse
than published ones treats the two differently. It does not show why: memorised answers, a filter, and wordings that
happen to be harder look alike. So a gap never fails a run, but it keeps the run from passing. Varied items that were
not answered keep it from passing too, if the gap would be clear with all lost answers counted wrong.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from kvv_action.causes import Cause
from kvv_action.digits import counted, noun
from kvv_action.schema import BenchmarkResult, Gap, Place, RunPlan, Verdict
from kvv_action.statistics.paired import chance, difference_interval, holm

GAP = Cause(
    id="published-items-better",
    sentence="published items are answered better than the same tasks put another way",
    remedy=(
        "look for answers that are memorised or cached, and for filters that know the benchmark; ask items of your own"
    ),
)
ERROR = 0.01
"""Chance of calling a gap clear in a run without any."""


@dataclass(slots=True)
class _Means:
    """Sums and numbers of one sample's scores and numbers of its failures, as it was published and varied."""

    cluster: int = -1
    sums: list[float] = field(default_factory=lambda: [0.0, 0.0])
    counts: list[int] = field(default_factory=lambda: [0, 0])
    lost: list[int] = field(default_factory=lambda: [0, 0])

    def add(self, value: float, *, varied: bool) -> None:
        self.sums[varied] += value
        self.counts[varied] += 1

    def both(self) -> tuple[float, float]:
        """The two means."""
        return self.sums[0] / self.counts[0], self.sums[1] / self.counts[1]

    def least(self) -> tuple[float, float]:
        """The two means with failures counted wrong."""
        return self.sums[0] / (self.counts[0] + self.lost[0]), self.sums[1] / (self.counts[1] + self.lost[1])

    def asked(self) -> bool:
        """Whether both ways were, with whatever result."""
        return all(count + lost for count, lost in zip(self.counts, self.lost, strict=True))


class Pairs:
    """Collects the scores of samples that are asked in both ways; memory grows with their number."""

    def __init__(self, plan: RunPlan) -> None:
        self._plans = {planned.id: planned for planned in plan.benchmarks}
        self._samples: dict[str, dict[str, _Means]] = {
            planned.variant_of: {} for planned in plan.benchmarks if planned.is_variant
        }

    def add(self, place: Place, value: float) -> None:
        """Count a score, if its benchmark is asked in both ways."""
        found = self._means(place)
        if found is not None:
            found[0].add(value, varied=found[1])

    def lose(self, place: Place) -> None:
        """Count a failure, if its benchmark is asked in both ways."""
        found = self._means(place)
        if found is not None:
            found[0].lost[found[1]] += 1

    def _means(self, place: Place) -> tuple[_Means, bool] | None:
        """Those of a sample, and whether this answer is to a varied item."""
        planned = self._plans[place.benchmark]
        samples = self._samples.get(planned.variant_of or planned.id)
        if samples is None:
            return None
        means = samples.setdefault(place.sample, _Means())
        if not planned.is_variant:
            means.cluster = planned.clusters[place.index] if planned.clusters else place.index
        return means, planned.is_variant

    def gaps(self) -> tuple[Gap, ...]:
        """The gap of each benchmark that has pairs."""
        asked = {name: both for name in self._samples if (both := self._both(name))}
        found = {name: pairs for name, both in asked.items() if (pairs := [one for one in both if all(one.counts)])}
        differences = {name: _by_cluster(pairs, _Means.both) for name, pairs in found.items()}
        chances = holm([chance(values).better for values in differences.values()])
        worst = holm([chance(_by_cluster(asked[name], _Means.least)).better for name in found])
        return tuple(
            _gap(name, found[name], differences[name], by_chance, _Lost.of(asked[name], with_lost))
            for name, by_chance, with_lost in zip(found, chances, worst, strict=True)
        )

    def _both(self, name: str) -> list[_Means]:
        """The samples that were asked in both ways; by id, for sums must not depend on who was faster."""
        return [means for _, means in sorted(self._samples[name].items()) if means.asked()]


@dataclass(frozen=True, slots=True)
class _Lost:
    """How many answers failed, and how likely the gap is by chance with these counted wrong."""

    count: int
    chance: float

    @classmethod
    def of(cls, asked: Sequence[_Means], by_chance: float) -> "_Lost":
        return cls(count=sum(sum(means.lost) for means in asked), chance=by_chance)


def _by_cluster(both: Sequence[_Means], means_of: Callable[[_Means], tuple[float, float]]) -> list[float]:
    """The mean difference of each cluster of samples whose answers are alike."""
    clusters: dict[int, list[float]] = {}
    for means in both:
        published, varied = means_of(means)
        clusters.setdefault(means.cluster, []).append(published - varied)
    return [sum(values) / len(values) for _, values in sorted(clusters.items())]


def _gap(name: str, both: Sequence[_Means], differences: Sequence[float], by_chance: float, lost: _Lost) -> Gap:
    interval = difference_interval(differences)
    assert interval is not None
    published, varied = (sum(means.both()[way] for means in both) / len(both) for way in (0, 1))
    return Gap(
        benchmark=name,
        pairs=len(both),
        public=published,
        varied=varied,
        gap=published - varied,
        interval=(round(interval[0], 6), round(interval[1], 6)),
        chance=by_chance,
        clear=by_chance <= ERROR,
        lost=lost.count,
        clear_with_lost=lost.chance <= ERROR,
    )


def judged(results: Sequence[BenchmarkResult], plan: RunPlan, gaps: Sequence[Gap]) -> tuple[BenchmarkResult, ...]:
    """The results, with those of varied items judged by their gap alone."""
    beside = {planned.id: planned.variant_of for planned in plan.benchmarks if planned.is_variant}
    found = {gap.benchmark: gap for gap in gaps}
    return tuple(_judged(result, found.get(beside[result.id])) if result.id in beside else result for result in results)


def _judged(result: BenchmarkResult, gap: Gap | None) -> BenchmarkResult:
    if gap is None:
        if result.verdict is Verdict.SKIPPED:
            return result
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason="no sample was scored in both ways")
    if gap.clear:
        told = "published items are answered better; behaviour observed, its cause is not"
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason=f"{words(gap)}: {told}")
    if gap.clear_with_lost:
        had = f"had {noun(gap.lost, 'it', 'they')} been wrong"
        told = f"{counted(gap.lost, 'answer')} failed; {had}, published items would be answered better"
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason=f"{words(gap)}: {told}")
    return replace(result, verdict=Verdict.PASS, reason=f"{words(gap)}: no difference is clear")


def words(gap: Gap) -> str:
    """The numbers of a gap in a sentence."""
    low, high = (f"{100 * end:+.1f}" for end in gap.interval)
    return (
        f"{counted(gap.pairs, 'item')} asked in both ways: published {100 * gap.public:.1f} % right, "
        f"varied {100 * gap.varied:.1f} %, gap {100 * gap.gap:+.1f} points (95 % interval {low} to {high})"
    )
