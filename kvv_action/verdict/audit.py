"""Scores a journal again, without the endpoint, and finds what does not agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kvv_action.errors import JournalError
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.difference import AuditDifference, DifferenceKind
from kvv_action.plan.plan import Loaded
from kvv_action.plan.strata import Strata
from kvv_action.schema import Place, PlannedBenchmark, RunPlan, Sample, Score, Slot
from kvv_action.verdict.rules import rules_of


def check_samples(plan: RunPlan, loaded: Sequence[Loaded]) -> list[AuditDifference]:
    """Where the data and code at hand differ from those of the plan."""
    at_hand, strata = {item.planned.id: item for item in loaded}, rules_of(plan).strata
    return [
        one for planned in plan.benchmarks
        for one in _not_at_hand(planned, at_hand.get(planned.id), strata.get(planned.id))
    ]  # fmt: skip


def _not_at_hand(planned: PlannedBenchmark, item: Loaded | None, strata: Strata | None) -> Iterator[AuditDifference]:
    def found(kind: DifferenceKind, written: str = "", recomputed: str = "") -> AuditDifference:
        return AuditDifference(place=planned.id, kind=kind, written=written, recomputed=recomputed)

    if item is None:
        yield found(DifferenceKind.BENCHMARK)
        return
    mine = item.planned
    if mine.dataset.digest != planned.dataset.digest:
        used = f"{planned.dataset.digest[:16]} ({planned.dataset.location})"
        yield found(DifferenceKind.DATASET, used, mine.dataset.digest[:16])
    elif mine.against != planned.against:
        yield found(DifferenceKind.AGAINST, planned.against, mine.against or "nothing")
    elif mine.ids_digest != planned.ids_digest or item.strata != strata:
        yield found(DifferenceKind.SAMPLES)
    if mine.peers and mine.peers != planned.peers:
        yield found(DifferenceKind.AGAINST, "other answers", "the answers of the pack that the plan names")
    if mine.version != planned.version:
        yield found(DifferenceKind.VERSION, planned.version, mine.version)


@dataclass(slots=True, kw_only=True)
class ScoredAgain:
    """What came of scoring a journal again.

    Attributes:
        counts: answers that were scored, by benchmark.
        changed: the new scores that are not the written ones.
        differences: what does not agree.
    """

    counts: Counter[str] = field(default_factory=Counter)
    changed: dict[Slot, Score] = field(default_factory=dict)
    differences: list[AuditDifference] = field(default_factory=list)


async def rescore(journal: JournalReading, loaded: Sequence[Loaded]) -> ScoredAgain:
    """Score every judged answer again.

    Raises:
        JournalError: the journal does not hold together.
    """
    samples = {item.planned.id: list(item.samples()) for item in loaded}
    benchmarks = {item.planned.id: item.benchmark for item in loaded}
    found = ScoredAgain()
    for judged in journal.judged():
        place, written = judged.place, judged.result
        if isinstance(written, Score) and not judged.exchanges:
            raise JournalError(f"line {judged.line} is a score without an answer")
        if not (isinstance(written, Score) and judged.stands and place.benchmark in samples):
            continue
        sample = _sample(samples[place.benchmark], place)
        if sample is None:
            found.differences.append(AuditDifference(place=str(place), kind=DifferenceKind.SAMPLE))
            continue
        try:
            score = await benchmarks[place.benchmark].score(sample, judged.exchanges)
        except Exception as error:  # noqa: BLE001 - the runner's failure boundary again: an edited answer can break any scorer
            why = f"{type(error).__name__}: {error}"
            found.differences.append(AuditDifference(place=str(place), kind=DifferenceKind.UNSCORABLE, recomputed=why))
            continue
        found.counts[place.benchmark] += 1
        score = replace(score, category=sample.category)
        if score != written:
            found.changed[place.slot] = score
            sides = {"written": _words(written), "recomputed": _words(score)}
            found.differences.append(AuditDifference(place=str(place), kind=DifferenceKind.SCORE, **sides))
    return found


def _sample(samples: Sequence[Sample], place: Place) -> Sample | None:
    index = place.index
    return samples[index] if index < len(samples) and samples[index].id == place.sample else None


def _words(score: Score) -> str:
    found = "unparsed" if score.unparsed else repr(score.answer)
    return f"{score.value:g} ({found}: {score.explanation[:80]})"
