"""Scores a journal again, without the endpoint, and finds what does not agree."""

from collections.abc import Sequence
from dataclasses import replace

from kvv_action.errors import JournalError
from kvv_action.journal.lines import Place, Slot
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.plan import Loaded
from kvv_action.schema import RunPlan, Sample, Score

DIFFERENCE_LIMIT = 100


def check_samples(plan: RunPlan, loaded: Sequence[Loaded]) -> list[str]:
    """Where the data and code at hand differ from those of the plan."""
    differences = []
    at_hand = {item.planned.id: item.planned for item in loaded}
    for planned in plan.benchmarks:
        mine = at_hand.get(planned.id)
        if mine is None:
            differences.append(f"{planned.id}: this version has no such benchmark")
            continue
        if mine.dataset.digest != planned.dataset.digest:
            differences.append(
                f"{planned.id}: the dataset at hand has digest {mine.dataset.digest[:16]}, "
                f"the run used {planned.dataset.digest[:16]} ({planned.dataset.location})"
            )
        elif mine.against != planned.against:
            differences.append(
                f"{planned.id}: compared with {mine.against or 'nothing'}, the run with {planned.against}"
            )
        elif mine.ids_digest != planned.ids_digest:
            differences.append(f"{planned.id}: the samples at hand are not those of the run")
        if mine.version != planned.version:
            differences.append(f"{planned.id}: scored by version {planned.version}, at hand is {mine.version}")
    return differences


async def rescore(journal: JournalReading, loaded: Sequence[Loaded]) -> tuple[dict[Slot, Score], list[str]]:
    """Score every judged answer again.

    Returns:
        The new scores by slot, and each difference in words.

    Raises:
        JournalError: the journal does not hold together.
    """
    samples = {item.planned.id: list(item.samples()) for item in loaded}
    benchmarks = {item.planned.id: item.benchmark for item in loaded}
    scores: dict[Slot, Score] = {}
    differences: list[str] = []
    for judged in journal.judged():
        place, written = judged.place, judged.result
        if isinstance(written, Score) and not judged.exchanges:
            raise JournalError(f"line {judged.line} is a score without an answer")
        if not (isinstance(written, Score) and judged.stands and place.benchmark in samples):
            continue
        sample = _sample(samples[place.benchmark], place)
        if sample is None:
            differences.append(f"{place}: the dataset has another sample in this place")
            continue
        try:
            score = await benchmarks[place.benchmark].score(sample, judged.exchanges)
        except Exception as error:  # noqa: BLE001 - the runner's failure boundary again: an edited answer can break any scorer
            differences.append(f"{place}: cannot be scored from the journal ({type(error).__name__}: {error})")
            continue
        scores[place.slot] = score = replace(score, category=sample.category)
        if score != written:
            differences.append(f"{place}: the journal says {_words(written)}, scoring again gives {_words(score)}")
    return scores, differences


def _sample(samples: Sequence[Sample], place: Place) -> Sample | None:
    index = place.index
    return samples[index] if index < len(samples) and samples[index].id == place.sample else None


def _words(score: Score) -> str:
    found = "unparsed" if score.unparsed else repr(score.answer)
    return f"{score.value:g} ({found}: {score.explanation[:80]})"
