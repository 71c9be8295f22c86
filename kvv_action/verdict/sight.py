"""Tells answers without looking from seeing badly: a pure function of the numbers that `scoring.vision` gives.

Rules in order; the first that explains the score is the diagnosis.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from math import comb

from kvv_action.causes import Cause
from kvv_action.schema import Diagnosis
from kvv_action.scoring.vision import CHANCE, COARSE, FINE, MEDIA, ONE, SEVERAL

Sums = Mapping[str, tuple[float, int]]
"""Total and count of each number."""

NEAR = 0.15
"""So far above guessing a score still counts as guessing: models do better than chance from the text alone."""
GAP = 0.4
"""So far apart two scores must be for the lower one to be blamed on what sets them apart."""
BY_CHANCE = 0.01
"""A group is not blamed where its part of all wrong answers would be as large by chance more often than this."""
FEWEST = 3

BLIND = Cause(
    id="pictures-not-seen",
    sentence="answers without looking at the pictures, as it seems: the score is near that of guessing from the text",
    remedy=(
        "check that pictures reach the model: multimodal weights loaded, image_url parts kept by gateway and chat "
        "template"
    ),
)
LOST = Cause(
    id="pictures-lost",
    sentence="questions with several pictures fail, those with one do not: pictures are dropped or change their order",
    remedy="check the limit of pictures per prompt and that placeholders and pictures are matched in order",
    switches={"vLLM": "--limit-mm-per-prompt", "SGLang": "--limit-mm-data-per-request"},
)
FORMAT = Cause(
    id="pictures-format-not-seen",
    sentence="does not see pictures in {formats}",
    remedy="decode pictures by their bytes, not by a fixed or declared media type",
)
_PREPROCESSING = (
    "check the preprocessing: least and most pixels, resizing, no second JPEG encoding, precision of the vision encoder"
)
BADLY = Cause(
    id="pictures-seen-coarsely",
    sentence="sees badly: what is coarse is right, fine detail is lost",
    remedy=_PREPROCESSING,
)
WORSE = Cause(
    id="pictures-seen-worse",
    sentence="sees, but worse than the reference",
    remedy=_PREPROCESSING,
)
CAUSES = (BLIND, LOST, FORMAT, BADLY, WORSE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    value: float
    count: int

    @property
    def wrong(self) -> int:
        return round(self.count * (1 - self.value))

    def __add__(self, other: "_Mean") -> "_Mean":
        count = self.count + other.count
        return _Mean(value=(self.value * self.count + other.value * other.count) / count, count=count)


def diagnose(
    sums: Sums, right: float, scored: int, *, explained: int = 0, below_reference: bool = False
) -> Diagnosis | None:
    """What a benchmark with pictures shows about the way in which they are seen.

    Args:
        sums: the numbers beside the scores.
        right: total of the scores.
        scored: how many there are.
        explained: wrong answers that have another reason: cut short, or without any answer in them.
        below_reference: the verdict found the score below its reference.
    """
    wrong = scored - right
    if CHANCE not in sums or scored < FEWEST or not wrong or explained > wrong / 2:
        return None
    means = {name: _Mean(value=total / count, count=count) for name, (total, count) in sums.items()}
    whole = _Mean(value=right / scored, count=scored)
    guessing = means[CHANCE].value + NEAR
    found = next(_candidates(means, whole, guessing), None)
    if found is None and below_reference:
        return _found(WORSE, whole.wrong)
    return found


def _candidates(means: Mapping[str, _Mean], whole: _Mean, guessing: float) -> Iterator[Diagnosis]:
    several, one = means.get(SEVERAL), means.get(ONE)
    if several and one and _blamed(several, one):
        yield _found(LOST, several.wrong)
    formats = {name: mean for name, mean in means.items() if name.startswith(MEDIA)}
    seen = [mean for mean in formats.values() if mean.value > guessing]
    others = reduce(_Mean.__add__, seen) if seen else whole
    unseen = {name: mean for name, mean in formats.items() if mean.value <= guessing}
    if any(_blamed(mean, others) for mean in unseen.values()):
        names = ", ".join(sorted(name.removeprefix(MEDIA) for name in unseen))
        yield _found(FORMAT, sum(mean.wrong for mean in unseen.values()), formats=names)
    fine, coarse = means.get(FINE), means.get(COARSE)
    if fine and coarse and _blamed(fine, coarse):
        yield _found(BADLY, fine.wrong)
    if whole.value <= guessing:
        yield _found(BLIND, whole.wrong)


def _found(cause: Cause, wrong: int, **words: str) -> Diagnosis:
    return Diagnosis(cause=cause.sentence.format(**words), count=wrong, remedy=cause.remedy)


def _blamed(low: _Mean, high: _Mean) -> bool:
    """Whether the lower score is far enough below the other, on enough samples, and seldom so low by chance."""
    enough = low.count >= FEWEST and high.count >= FEWEST and high.value - low.value >= GAP
    return enough and _chance(low, high) <= BY_CHANCE


def _chance(low: _Mean, high: _Mean) -> float:
    """How often a group has so many of all wrong answers, if they fall anywhere (Fisher's exact test, one side)."""
    wrong = low.wrong + high.wrong
    ways = sum(
        comb(low.count, here) * comb(high.count, wrong - here) for here in range(low.wrong, min(low.count, wrong) + 1)
    )
    return ways / comb(low.count + high.count, wrong)
