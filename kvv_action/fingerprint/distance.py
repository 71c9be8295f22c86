"""Measures how far two next-token distributions are apart, in nats, although servers cut and round probabilities.

Probabilities cut off by `top_p` on one side, or rounded to 0.01, would look like another model in a plain comparison.
So the whole series is looked at first (`traits_of`), one exponent is fitted (`fitted_exponent`), and each position is
compared with its rest where both tails are whole, else by the tokens that both sides list (`divergence`).
"""

import math
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from kvv_action.fingerprint.position import WHOLE, Position
from kvv_action.statistics.intervals import one_sided, student

FLOOR = 1e-5
"""Nats that are added before a logarithm is taken: smaller divergences are noise of the numbers themselves."""
GRAINS = (0.1, 0.01, 0.001)
"""Steps to which servers round logarithms, coarsest first."""
_EXACT = 1e-6
"""How far a rounded number is from its step at most; also the error of a sum of probabilities that are not rounded."""
ENOUGH_NUMBERS = 20
"""Numbers from which rounding is told."""
REST = 3
"""The rest counts where it is larger than so many times its rounding error."""
LEAST_COMMON = 0.8
"""Where the tokens in common have less probability than this on either side, no cut of a tail explains it."""
NOTHING = 1e-4
"""Probability that is assumed of a rest of which a server says that there is none."""
ORDINARY = 0.02
"""How far from 1 an exponent must be at least to count."""
_EXPONENTS = (0.02, 50.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListingTraits:
    """How a server tells its probabilities.

    Attributes:
        grain: step to which logarithms are rounded; 0 for none that is visible.
        cut: it cuts tails off (`top_p`, `min_p`) before it tells probabilities.
    """

    grain: float = 0.0
    cut: bool = False


def traits_of(positions: Iterable[Position]) -> ListingTraits:
    """What a series of answers, not their means, shows of the server: a single position does not show it."""
    listed = list(positions)
    cut = any(position.cut or _ends(position) for position in listed)
    return ListingTraits(grain=_grain([value for position in listed for value in position.tokens.values()]), cut=cut)


def _ends(position: Position) -> bool:
    """Fewer tokens than asked for, which have all of the probability."""
    return position.listed < position.asked and 1 - position.rest + position.unusable >= WHOLE


def _grain(values: Sequence[float]) -> float:
    if len(values) < ENOUGH_NUMBERS:
        return 0.0
    for grain in GRAINS:
        if all(abs(value / grain - round(value / grain)) * grain < _EXACT for value in values):
            return grain
    return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPair:
    """Reference and candidate at one prefix."""

    reference: Position
    candidate: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Exponent:
    """The power of the candidate's probabilities that comes nearest to the reference's, over all positions.

    Attributes:
        value: 1 for equal temperatures; the temperature of the candidate's probabilities is as many times the
            reference's.
        low, high: its interval of 99 %.
        positions: that it rests on.
    """

    value: float = 1.0
    low: float = 0.0
    high: float = math.inf
    positions: int = 0

    @property
    def differs(self) -> bool:
        """Whether the temperature differs for sure, and by more than `ORDINARY`."""
        return self.low > 1 + ORDINARY or self.high < 1 - ORDINARY

    @property
    def applied(self) -> float:
        """The exponent with which positions are compared: 1 unless it differs."""
        return self.value if self.differs else 1.0


def fitted_exponent(pairs: Sequence[ComparedPair]) -> Exponent:
    """Fit one exponent by the least divergence of the tokens in common.

    The optimum is where the mean logarithm under reference and candidate agree; it is unique (the sum is convex). The
    interval comes from how much positions disagree (sandwich estimate), so that it holds when models differ.
    """
    columns = [_common(pair) for pair in pairs]
    columns = [column for column in columns if len(column.logs) > 1]
    if len(columns) < 3:
        return Exponent(positions=len(columns))
    low, high = _EXPONENTS
    value = 1.0
    for _ in range(60):
        slopes = [column.slope(value) for column in columns]
        total, curvature = math.fsum(one[0] for one in slopes), math.fsum(one[1] for one in slopes)
        low, high = (value, high) if total > 0 else (low, value)
        step = value + total / curvature if curvature > 0 else math.nan
        found = step if low < step < high else math.sqrt(low * high)
        if abs(found - value) < 1e-7:
            break
        value = found
    if curvature <= 0:
        return Exponent(positions=len(columns))
    error = math.sqrt(math.fsum(one[0] ** 2 for one in slopes)) / curvature
    half = student(one_sided(0.005), len(columns) - 1) * error
    return Exponent(value=value, low=value - half, high=value + half, positions=len(columns))


@dataclass(frozen=True, slots=True)
class _Column:
    """The tokens in common at one position: reference's shares of them, candidate's logarithms."""

    shares: Sequence[float]
    logs: Sequence[float]

    def slope(self, exponent: float) -> tuple[float, float]:
        """Derivative of the likelihood by the exponent, and its curvature."""
        top = max(self.logs)
        weights = [math.exp(exponent * (value - top)) for value in self.logs]
        total = math.fsum(weights)
        mean = math.fsum(weight * value for weight, value in zip(weights, self.logs, strict=True)) / total
        square = math.fsum(weight * (value - mean) ** 2 for weight, value in zip(weights, self.logs, strict=True))
        told = math.fsum(share * value for share, value in zip(self.shares, self.logs, strict=True))
        return told - mean, square / total


def _common(pair: ComparedPair) -> _Column:
    theirs = pair.candidate.tokens
    tokens = [token for token in pair.reference.tokens if token in theirs]
    shares = [math.exp(pair.reference.tokens[token]) for token in tokens]
    total = math.fsum(shares)
    return _Column([share / total for share in shares], [theirs[token] for token in tokens])


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """How far apart two distributions are.

    Attributes:
        nats: Kullback-Leibler divergence of the candidate from the reference, at least 0.
        common: tokens that both list.
        with_rest: everything else entered as one more token.
    """

    nats: float
    common: int
    with_rest: bool

    @property
    def log(self) -> float:
        """What is averaged: the logarithm of the nats and the floor."""
        return log_nats(self.nats)


def log_nats(nats: float) -> float:
    """Logarithm of a divergence and `FLOOR`."""
    return math.log(nats + FLOOR)


def of_log(mean: float) -> float:
    """The geometric mean that belongs to a mean of `log_nats`."""
    return max(0.0, math.exp(mean) - FLOOR)


def geometric(nats: Sequence[float]) -> float:
    """Geometric mean of divergences, with the floor; of at least one."""
    return of_log(math.fsum(map(log_nats, nats)) / len(nats))


def divergence(
    pair: ComparedPair,
    *,
    exponent: float = 1.0,
    reference: ListingTraits = ListingTraits(),
    candidate: ListingTraits = ListingTraits(),
) -> Divergence | None:
    """The divergence at one position; None where too little is in common to tell one.

    Args:
        pair: what is compared.
        exponent: `Exponent.applied` of the series.
        reference: how the reference's probabilities are told.
        candidate: how the candidate's are.
    """
    columns = _columns(pair, exponent)
    mine, other = math.fsum(columns.first), math.fsum(columns.second)
    unlike = mine < LEAST_COMMON or other < LEAST_COMMON
    if unlike or (exponent == 1.0 and _rest_counts(mine, reference) and _rest_counts(other, candidate)):
        nats = math.fsum(columns.terms()) + _term(_rest(mine, reference), _rest(other, candidate))
        return Divergence(nats=max(0.0, nats), common=columns.common, with_rest=True)
    if len(columns.first) < 2:
        return None
    nats = math.fsum(columns.terms()) / mine - math.log(mine / other)
    return Divergence(nats=max(0.0, nats), common=columns.common, with_rest=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """Probabilities of the tokens that are compared; the first `common` are listed by both."""

    first: Sequence[float]
    second: Sequence[float]
    common: int

    def terms(self) -> Iterator[float]:
        return (_term(one, other) for one, other in zip(self.first, self.second, strict=True))


def _columns(pair: ComparedPair, exponent: float) -> _Columns:
    """The common tokens, and those that the other side does not list although they are likelier than its last one.

    The other side gives such a token at most the probability of its last one: this bound is what it is compared with.
    """
    mine = _raised(pair.reference, 1.0)
    theirs = _raised(pair.candidate, exponent)
    common = [token for token in mine if token in theirs]
    last, theirs_last = _last(mine, pair.reference), _last(theirs, pair.candidate)
    only = [share for token, share in mine.items() if token not in theirs and share > theirs_last]
    theirs_only = [share for token, share in theirs.items() if token not in mine and share > last]
    return _Columns(
        first=[*(mine[token] for token in common), *only, *(last for _ in theirs_only)],
        second=[*(theirs[token] for token in common), *(theirs_last for _ in only), *theirs_only],
        common=len(common),
    )


def _last(shares: Mapping[bytes, float], position: Position) -> float:
    """The least listed probability; that of the drawn token says nothing, for it is listed whatever its rank."""
    return min((share for token, share in shares.items() if token != position.sampled), default=1.0)


def _raised(position: Position, exponent: float) -> Mapping[bytes, float]:
    """Probabilities to the power of the exponent; the rest is taken as one token."""
    if exponent == 1.0:
        return {token: math.exp(value) for token, value in position.tokens.items()}
    powers = {token: math.exp(exponent * value) for token, value in position.tokens.items()}
    total = math.fsum(powers.values()) + position.rest**exponent
    return {token: power / total for token, power in powers.items()}


def _rest_counts(mass: float, traits: ListingTraits) -> bool:
    error = max(_EXACT, traits.grain / 2 * mass)
    return not traits.cut and 1 - mass > REST * error


def _rest(mass: float, traits: ListingTraits) -> float:
    return max(NOTHING, traits.grain / 2, 1 - mass)


def _term(share: float, other: float) -> float:
    return share * math.log(share / max(other, sys.float_info.min)) if share > 0 else 0.0
