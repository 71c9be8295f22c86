"""Scores a journal again, without the endpoint, and finds what does not agree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson

from kvv_action.errors import JournalError
from kvv_action.journal.file import Reader
from kvv_action.journal.lines import to_score
from kvv_action.journal.reading import Answers, Slot, place_of, slot_of, survey
from kvv_action.plan.plan import Loaded
from kvv_action.schema import Exchange, RunPlan, Sample, Score

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


async def rescore(path: Path, plan: RunPlan, loaded: Sequence[Loaded]) -> tuple[dict[Slot, Score], list[str]]:
    """Score every judged answer again.

    Returns:
        The new scores by slot, and each difference in words.

    Raises:
        JournalError: the journal does not hold together.
    """
    reader = Reader(path)
    boards = survey(reader, plan).progress
    samples = {item.planned.id: list(item.samples()) for item in loaded}
    benchmarks = {item.planned.id: item.benchmark for item in loaded}
    scores: dict[Slot, Score] = {}
    differences: list[str] = []
    for number, record, exchanges in _judged(reader):
        slot, where = slot_of(record), place_of(record)
        if slot[0] not in samples:
            continue
        if boards[slot[0]].last[boards[slot[0]].position(slot[1], slot[2])] != number:
            continue
        sample = _sample(samples[slot[0]], slot[1], record["sample"])
        if sample is None:
            differences.append(f"{where}: the dataset has another sample in this place")
            continue
        written = to_score(record["score"])
        try:
            score = await benchmarks[slot[0]].score(sample, exchanges)
        except Exception as error:  # noqa: BLE001 - the runner's failure boundary again: an edited answer can break any scorer
            differences.append(f"{where}: cannot be scored from the journal ({type(error).__name__}: {error})")
            continue
        scores[slot] = score = replace(score, category=sample.category)
        if score != written:
            differences.append(f"{where}: the journal says {_words(written)}, scoring again gives {_words(score)}")
    return scores, differences


def _sample(samples: Sequence[Sample], index: int, sample_id: str) -> Sample | None:
    return samples[index] if index < len(samples) and samples[index].id == sample_id else None


def _judged(reader: Reader) -> Iterator[tuple[int, Mapping[str, Any], list[Exchange]]]:
    """Line number, `score` line and the answers it judged."""
    answers = Answers()
    for number, record in enumerate(reader, 1):
        match record["kind"]:
            case "answer" | "observation":
                answers.add(record)
            case "failure":
                answers.judged(record)
            case "score":
                asked = answers.judged(record)
                if not asked:
                    raise JournalError(f"line {number} is a score without an answer")
                yield number, record, asked


def _words(score: Score) -> str:
    found = "unparsed" if score.unparsed else repr(score.answer)
    return f"{score.value:g} ({found}: {score.explanation[:80]})"


def compare(written: Any, recomputed: Any, where: str = "report") -> Iterator[str]:
    """Every place at which two JSON values differ."""
    if isinstance(written, dict) and isinstance(recomputed, dict):
        for name in sorted(written.keys() | recomputed.keys()):
            yield from compare(written.get(name), recomputed.get(name), f"{where}.{name}")
    elif isinstance(written, list) and isinstance(recomputed, list) and len(written) == len(recomputed):
        for index, (old, new) in enumerate(zip(written, recomputed, strict=True)):
            yield from compare(old, new, f"{where}[{index}]")
    elif written != recomputed:
        yield f"{where}: written {_short(written)}, recomputed {_short(recomputed)}"


def difference(there: RunPlan, now: RunPlan) -> str:
    """The first few places where two plans differ; what a person chose before what follows from it."""
    old, new = (orjson.loads(orjson.dumps(plan)) for plan in (there, now))
    places = dict(place.split(": ", 1) for place in compare(old, new, "plan"))
    named = {name: text for name, text in places.items() if not name.endswith("digest")} or places
    texts = [
        f"{name}: {text}".replace("written ", "there ").replace("recomputed ", "now ")
        for name, text in sorted(named.items(), key=lambda item: item[0].count("."))
    ]
    return "; ".join(texts[:3]) + ("; …" if len(texts) > 3 else "")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
