"""One sample in one run, over its epochs: how it was judged, and what its answers took."""

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from kvv_action.schema import Completion, Exchange
from kvv_action.verdict.pace import FEWEST_TOKENS

MEASURES = ("first_token", "answer", "speed", "prompt_tokens", "completion_tokens")
EPOCHS = 1024
"""Most answers to a sample that the settings allow; what a file of others says beyond is not believed."""


@dataclass(slots=True, kw_only=True)
class Sampled:
    """One sample over its epochs.

    Attributes:
        index: place in the plan.
        total, scored: sum of the values, and number of them.
        low, high: lowest and highest value, each with the first epoch that has it.
        failed: epochs without any answer, as bits: a set would be as large as all the rest.
        traffic: for each of `MEASURES` the sum of logarithms and the number of answers; empty without a journal.
    """

    index: int = 0
    category: str = ""
    total: float = 0.0
    scored: int = 0
    low: tuple[float, int] = (2.0, 0)
    high: tuple[float, int] = (-1.0, 0)
    failed: int = 0
    traffic: "array[float]" = field(default_factory=lambda: array("d"))

    @property
    def value(self) -> float:
        """Mean over the epochs that were judged."""
        return self.total / self.scored

    @property
    def lost(self) -> int:
        """Epochs without any answer."""
        return self.failed.bit_count()

    @property
    def asked(self) -> int:
        """Epochs with an answer, and those without any."""
        return self.scored + self.lost

    def add(self, value: float, epoch: int) -> None:
        """Count one judged answer.

        Raises:
            ValueError: no value in 0..1, or no epoch that a run can have.
        """
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"the value {value!r} is not in 0..1")
        self.failed &= ~_bit(epoch)
        self.total += value
        self.scored += 1
        if (value, epoch) < self.low:
            self.low = value, epoch
        if value > self.high[0] or (value == self.high[0] and epoch < self.high[1]):
            self.high = value, epoch

    def fail(self, epoch: int) -> None:
        """Count one epoch without an answer.

        Raises:
            ValueError: no epoch that a run can have.
        """
        self.failed |= _bit(epoch)

    def measure(self, name: str) -> float | None:
        """Geometric mean of a measure over its answers."""
        place = 2 * MEASURES.index(name)
        if not self.traffic or not self.traffic[place + 1]:
            return None
        return math.exp(self.traffic[place] / self.traffic[place + 1])

    def answered(self, asked: Sequence[Exchange]) -> None:
        """Count what one judged answer took."""
        completions = [exchange.completion for exchange in asked if exchange.completion]
        found = _measured([completion for completion in completions if completion.choices])
        if found and not self.traffic:
            self.traffic = array("d", bytes(8 * 2 * len(MEASURES)))
        for name, value in found.items():
            if value > 0 and math.isfinite(value):
                self.traffic[2 * MEASURES.index(name)] += math.log(value)
                self.traffic[2 * MEASURES.index(name) + 1] += 1


def _bit(epoch: int) -> int:
    if not 0 <= epoch < EPOCHS:
        raise ValueError(f"there is no epoch {epoch}")
    return 1 << epoch


def _measured(completions: Sequence[Completion]) -> dict[str, float]:
    """What an answer of one or more calls took: the wait for its beginning, all of it, tokens a second and tokens.

    Prompt tokens are those of the first call: only that prompt is the same in every run.
    """
    if not completions:
        return {}
    first = completions[0]
    found = {"answer": sum(completion.total for completion in completions)}
    if first.streamed:
        found["first_token"] = first.first_token
    prompt = _tokens(first, "prompt_tokens")
    if prompt is not None:
        found["prompt_tokens"] = prompt
    generated = [_tokens(completion, "completion_tokens") for completion in completions]
    if None not in generated:
        tokens = sum(count for count in generated if count is not None)
        found["completion_tokens"] = tokens
        seconds = sum(completion.total - completion.first_token for completion in completions if completion.streamed)
        if tokens >= FEWEST_TOKENS and seconds > 0 and all(completion.streamed for completion in completions):
            found["speed"] = tokens / seconds
    return found


def _tokens(completion: Completion, name: str) -> int | None:
    count = (completion.usage or {}).get(name)
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < 2**53 else None
