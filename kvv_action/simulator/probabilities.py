"""Probabilities of the next token after any text, made of digests instead of weights.

The next token depends mostly on the end of the text, and less on the rest: texts that end alike have
similar distributions, as with real models. The scale of the logits differs from place to place, so that about half of
all places have an entropy of 0.3 to 2 nats.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from hashlib import shake_128
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from kvv_action.simulator.coins import toss
from kvv_action.simulator.language_model import Shift
from kvv_action.simulator.vocabulary import completions, vocabulary

Floats = NDArray[np.float64]

NEAR = 64
"""Bytes at the end of a text that matter most."""
FAR = 0.5
"""How much all of the text matters, in logits."""
SCALES = (1.2, 4.0)
"""Least and largest scale of the logits."""
FOREIGN, FOREIGN_AGAIN, UNUSUAL, CERTAIN = -6.0, 4.0, -30.0, 30.0
"""Added to logits: of characters outside ASCII, of these after many like them, of stray bytes, of what ends one."""
LISTED = 20
"""A change moves so many of the likeliest tokens. As many alternatives show all of it; the rest keep their logits."""
CALM = 0.3
"""Entropy in nats below which a change moves a distribution less, in proportion."""
SPREAD = 0.25
"""Standard deviation of the logarithm of a change's size from place to place."""
NEWTON, EXACT = 50, 1e-3
"""The most steps of Newton's method, and the relative error of a divergence at which it ends earlier."""


def behind(text: bytes, name: str, shifts: Iterable[Shift]) -> Floats:
    """Natural logarithms of the probabilities of every token behind `text`, at temperature 1."""
    found = _before_shifts(name, text)
    for shift in shifts:
        found = _moved(found, shift, text)
    return found


@lru_cache(maxsize=2048)
def _before_shifts(name: str, text: bytes) -> Floats:
    """The distribution of the unchanged model; cached, because the same texts are asked again."""
    near = _uniform(b"near", name.encode(), text[-NEAR:])
    far = _uniform(b"far", name.encode(), text)[:-1]
    least, largest = SCALES
    scale = least * (largest / least) ** near[-1]
    return _normalised(_usual(text) - scale * np.log(near[:-1]) + FAR * np.log(far / (1 - far)))


def _uniform(*labels: bytes) -> Floats:
    """A number in (0, 1) for every token, and one more, always the same for the same labels."""
    raw = shake_128(b"\0".join(labels)).digest(4 * (len(vocabulary()) + 1))
    return (np.frombuffer(raw, dtype="<u4") + 0.5) / 2**32


def _usual(text: bytes) -> Floats:
    """The part of the logits that depends on the kind of a token alone, and on the kind of text before it."""
    near = text[-NEAR:]
    added = _added(FOREIGN_AGAIN if sum(value > 127 for value in near) * 4 > len(near) else FOREIGN)
    ends = completions(text[-4:])
    if ends:
        added = added.copy()
        added[list(ends)] = CERTAIN
    return added


@cache
def _added(foreign: float) -> Floats:
    return np.array([UNUSUAL if _stray(token) else foreign if max(token) > 127 else 0.0 for token in vocabulary()])


def _stray(token: bytes) -> bool:
    """Whether it is a single byte that is no character by itself."""
    return len(token) == 1 and token != b"\n" and not 32 <= token[0] < 127


def _normalised(logits: Floats) -> Floats:
    top: np.float64 = logits.max()
    return logits - (top + math.log(np.exp(logits - top).sum()))


def ranked(logprobs: Floats, most: int) -> list[int]:
    """The ids of the `most` likeliest tokens; of equally likely ones the first comes first."""
    place = len(logprobs) - min(most, len(logprobs))
    least = np.partition(logprobs, place)[place] if most > 0 else np.inf
    listed = np.flatnonzero(logprobs >= least)
    return [int(number) for number in listed[np.argsort(-logprobs[listed], kind="stable")][:most]]


def _moved(logprobs: Floats, shift: Shift, text: bytes) -> Floats:
    """The distribution after `shift`; where it is nearly certain of one token it moves less."""
    move = _Move.of(logprobs, shift.label, text)
    nats = shift.nats * min(1.0, move.entropy / CALM)
    if shift.spread:
        size = NormalDist().inv_cdf(toss(0, shift.label.hex(), text) or 0.5)
        nats *= math.exp(SPREAD * size - SPREAD**2 / 2)
    moved = logprobs.copy()
    moved[list(move.directions)] += move.step(nats) * np.array(list(move.directions.values()))
    return _normalised(moved)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Move:
    """How far the likeliest tokens move; the others, with the probability `rest`, keep their logits."""

    probabilities: Mapping[int, float]
    directions: Mapping[int, float]
    rest: float

    @classmethod
    def of(cls, logprobs: Floats, label: bytes, text: bytes) -> "_Move":
        listed = ranked(logprobs, LISTED)
        raw = shake_128(b"shift\0" + label + b"\0" + text).digest(4 * len(logprobs))
        uniform = {number: (int.from_bytes(raw[4 * number : 4 * number + 4]) + 0.5) / 2**32 for number in listed}
        probabilities = {number: math.exp(logprobs[number]) for number in listed}
        return cls(
            probabilities=probabilities,
            directions={number: NormalDist().inv_cdf(value) for number, value in uniform.items()},
            rest=max(0.0, 1 - math.fsum(probabilities.values())),
        )

    @property
    def entropy(self) -> float:
        """In nats, with all tokens but the likeliest counted as one."""
        return -math.fsum(value * math.log(value) for value in (*self.probabilities.values(), self.rest) if value > 0)

    def step(self, nats: float) -> float:
        """How far the tokens move for a divergence of `nats`, by Newton's method on a convex function."""
        pairs = [(self.rest, 0.0)] + [(value, self.directions[one]) for one, value in self.probabilities.items()]
        mean = math.fsum(weight * way for weight, way in pairs)
        variance = math.fsum(weight * (way - mean) ** 2 for weight, way in pairs)
        if variance < 1e-9 or nats <= 0:
            return 0.0
        step = math.sqrt(2 * nats / variance)
        for _ in range(NEWTON):
            weights = [weight * math.exp(step * (way - mean)) for weight, way in pairs]
            total = math.fsum(weights)
            over = math.log(total) - nats
            if abs(over) <= EXACT * nats:
                break
            slope = math.fsum(weight * (way - mean) for weight, (_, way) in zip(weights, pairs, strict=True))
            step -= over * total / slope
        return step


def tempered(logprobs: Floats, temperature: float) -> Floats:
    """The distribution at `temperature`; at 0 all probability is on the likeliest token."""
    if temperature <= 0:
        return np.where(np.arange(len(logprobs)) == logprobs.argmax(), 0.0, -np.inf)
    return logprobs if temperature == 1 else _normalised(logprobs / temperature)


def nucleus(logprobs: Floats, top_p: float) -> Floats:
    """The likeliest tokens that together reach `top_p`, made to add up to one; the rest at minus infinity."""
    if top_p >= 1:
        return logprobs
    order = np.argsort(-logprobs, kind="stable")
    masses = np.exp(logprobs[order])
    kept = order[np.concatenate(([0.0], masses.cumsum()[:-1])) < top_p]
    cut = np.full_like(logprobs, -np.inf)
    cut[kept] = logprobs[kept]
    return _normalised(cut)


def drawn_token(logprobs: Floats, draw: float) -> int:
    """The token that `draw`, a number in [0, 1), picks."""
    masses = np.exp(logprobs).cumsum()
    return int(np.searchsorted(masses, draw * masses[-1], side="right"))
