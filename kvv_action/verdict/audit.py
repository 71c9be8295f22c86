"""Scores a journal again, without the endpoint, and finds what does not agree."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from kvv_action.benchmark import Benchmark
from kvv_action.digits import figure
from kvv_action.errors import JournalError
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.difference import AuditDifference, DifferenceKind
from kvv_action.plan.plan import Loaded
from kvv_action.plan.strata import Strata
from kvv_action.schema import Judged, PlannedBenchmark, RunPlan, Sample, Score, Slot
from kvv_action.verdict.rules import rules_of
from kvv_action.verdict.sample_file import SampleFile


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
    found = ScoredAgain()
    with ExitStack() as stack:
        samples = {item.planned.id: stack.enter_context(SampleFile(item.samples())) for item in loaded}
        benchmarks = {item.planned.id: item.benchmark for item in loaded}
        for judged in journal.judged():
            name, written = judged.place.benchmark, judged.result
            if isinstance(written, Score) and not judged.exchanges:
                raise JournalError(f"line {judged.line} is a score without an answer")
            if isinstance(written, Score) and judged.stands and name in samples:
                sample = samples[name].at(judged.place.index)
                await _score_again(judged, written, benchmarks[name], sample, found)
    return found


async def _score_again(
    judged: Judged, written: Score, benchmark: Benchmark, sample: Sample | None, found: ScoredAgain
) -> None:
    """Score an answer again; `sample` stands in its place now."""

    def differs(kind: DifferenceKind, recomputed: str = "", written: str = "") -> None:
        one = AuditDifference(place=str(judged.place), kind=kind, written=written, recomputed=recomputed)
        found.differences.append(one)

    if sample is None or sample.id != judged.place.sample:
        return differs(DifferenceKind.SAMPLE)
    try:
        score = await benchmark.score(sample, judged.exchanges)
    except Exception as error:  # noqa: BLE001 - the runner's failure boundary again: an edited answer can break any scorer
        return differs(DifferenceKind.UNSCORABLE, f"{type(error).__name__}: {error}")
    found.counts[judged.place.benchmark] += 1
    score = replace(score, category=sample.category)
    if score != written:
        found.changed[judged.place.slot] = score
        differs(DifferenceKind.SCORE, _words(score), _words(written))
    return None


def _words(score: Score) -> str:
    found = "unparsed" if score.unparsed else repr(score.answer)
    return f"{figure(score.value)} ({found}: {score.explanation[:80]})"
