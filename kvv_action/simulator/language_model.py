"""The vendor's own small model: which one it is, and what was changed in it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kvv_action.simulator.probabilities import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A change of logits by chance, so large that distributions move by `nats` on average.

    Attributes:
        label: two shifts of one label change every place alike.
        nats: Kullback-Leibler divergence of the changed distribution from the one before.
        spread: the size differs from place to place.
    """

    label: bytes
    nats: float
    spread: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageModel:
    """Next-token probabilities; the same name and shifts give the same ones everywhere."""

    name: str
    shifts: tuple[Shift, ...] = ()

    def shifted(self, shift: Shift) -> "LanguageModel":
        """This model with one more change."""
        return replace(self, shifts=(*self.shifts, shift))

    def logprobs(self, text: bytes) -> "Floats":
        """Natural logarithms of the probabilities of every token behind `text`, at temperature 1."""
        from kvv_action.simulator.probabilities import behind  # brings numpy

        return behind(text, self.name, self.shifts)
