"""Published items against the same ones put another way: what is asked, and what the difference shows.

An endpoint that recognises a benchmark can serve it better than anything else. Items in other words or another order
are the same task; a vendor that answers them worse than the published ones behaves differently towards the two. That is
all that this shows: memorised answers, a filter, and wordings that happen to be harder look alike. So nothing fails by
it, but what is answered better only because it was published is not a pass either. Nor is it one where varied items are
not answered at all, when counting both kinds' failures wrong would make the difference clear.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from random import Random

from kvv_action.benchmark import Varies
from kvv_action.journal.reading import Slot
from kvv_action.plan.plan import Loaded
from kvv_action.schema import BenchmarkResult, Gap, RunPlan, Sample, Verdict
from kvv_action.statistics.paired import chance, difference_interval, holm

OFF, VARY, BOTH = "off", "vary", "both"
SUFFIX = "-varied"
NOTHING_VARIED = "none of the samples can be put another way"
ERROR = 0.01
"""Chance of calling a gap clear in a run without any."""


def applied(loaded: Sequence[Loaded], mode: str, seed: int) -> tuple[Loaded, ...]:
    """The benchmarks of a run, as the mode asks them.

    Args:
        loaded: with the published items.
        mode: `off`, `vary` (instead of the published ones, where they can be varied) or `both`.
        seed: chooses the variation of each sample.
    """
    return tuple(_applied(loaded, mode, seed))


def _applied(loaded: Sequence[Loaded], mode: str, seed: int) -> Iterator[Loaded]:
    for item in loaded:
        varies = isinstance(item.benchmark, Varies)
        if mode != VARY or not varies:
            yield item
        if mode != OFF and varies:
            yield _instead(item, seed) if mode == VARY else _beside(item, seed)


def _variation(item: Loaded, sample: Sample, seed: int) -> Sample | None:
    assert isinstance(item.benchmark, Varies)
    draw = Random(f"{seed}:{item.planned.id}:{sample.id}")  # noqa: S311 - the choice must be the same everywhere
    varied = item.benchmark.vary(sample, draw)
    assert varied is None or (varied.id == sample.id and varied.variation), sample.id
    return varied


def _instead(item: Loaded, seed: int) -> Loaded:
    """The same benchmark with varied samples; what cannot be varied is asked as it was published."""

    def read() -> Iterator[Sample]:
        for sample in item.samples():
            yield _variation(item, sample, seed) or sample

    planned = item.planned
    counts = Counter(way for sample in read() for way in sample.variation)
    varied = replace(planned, title=f"{planned.title}, varied", varies=planned.id, variations=_named(counts))
    return replace(item, planned=varied, samples=read)


def _beside(item: Loaded, seed: int) -> Loaded:
    """Another benchmark with the varied samples alone; it is compared with the published ones and nothing else."""

    def read() -> Iterator[Sample]:
        found = (_variation(item, sample, seed) for sample in item.samples())
        return (sample for sample in found if sample is not None)

    planned, counts, ids = item.planned, Counter[str](), list[str]()
    for sample in read():
        counts.update(sample.variation)
        ids.append(sample.id)
    varied = replace(
        planned,
        id=planned.id + SUFFIX,
        title=f"{planned.title}, varied",
        samples=len(ids),
        ids=tuple(ids) if planned.ids or len(ids) < planned.samples else (),
        ids_digest=sha256("\n".join(ids).encode()).hexdigest(),
        reference=None,
        margin=None,
        looks=(),
        clusters=(),
        peers=(),
        skip=planned.skip or ("" if ids else NOTHING_VARIED),
        varies=planned.id,
        variations=_named(counts),
    )
    return replace(item, planned=varied, samples=read)


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


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
            planned.varies: {} for planned in plan.benchmarks if planned.varies not in ("", planned.id)
        }

    def add(self, slot: Slot, sample: str, value: float) -> None:
        """Count a score, if its benchmark is asked in both ways."""
        found = self._means(slot, sample)
        if found is not None:
            found[0].add(value, varied=found[1])

    def lose(self, slot: Slot, sample: str) -> None:
        """Count a failure, if its benchmark is asked in both ways."""
        found = self._means(slot, sample)
        if found is not None:
            found[0].lost[found[1]] += 1

    def _means(self, slot: Slot, sample: str) -> tuple[_Means, bool] | None:
        """Those of a sample, and whether this answer is to a varied item."""
        planned = self._plans[slot[0]]
        varied = planned.varies not in ("", planned.id)
        samples = self._samples.get(planned.varies if varied else planned.id)
        if samples is None:
            return None
        means = samples.setdefault(sample, _Means())
        if not varied:
            means.cluster = planned.clusters[slot[1]] if planned.clusters else slot[1]
        return means, varied

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
    beside = {planned.id: planned.varies for planned in plan.benchmarks if planned.varies not in ("", planned.id)}
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
        told = f"{gap.lost} answers failed; had they been wrong, published items would be answered better"
        return replace(result, verdict=Verdict.INCONCLUSIVE, reason=f"{words(gap)}: {told}")
    return replace(result, verdict=Verdict.PASS, reason=f"{words(gap)}: no difference is clear")


def words(gap: Gap) -> str:
    """The numbers of a gap in a sentence."""
    low, high = (f"{100 * end:+.1f}" for end in gap.interval)
    return (
        f"{gap.pairs} items asked in both ways: published {100 * gap.public:.1f} % right, "
        f"varied {100 * gap.varied:.1f} %, gap {100 * gap.gap:+.1f} points (95 % interval {low} to {high})"
    )
