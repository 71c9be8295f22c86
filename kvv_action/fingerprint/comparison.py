"""Compares two series of positions prefix by prefix: which are comparable, one exponent for all, the nats at each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kvv_action.fingerprint.distance import (
    ComparedPair,
    Exponent,
    ListingTraits,
    divergence,
    fitted_exponent,
    geometric,
    log_nats,
    of_log,
    traits_of,
)
from kvv_action.fingerprint.position import Position
from kvv_action.fingerprint.prefixes import Domain
from kvv_action.fingerprint.reference import Reference, another_prompt, same_prompt

FAR = 0.05
"""Nats above which a position is far: no honest numerics explain it."""

UNTOLD = "the answer does not say how many tokens its prompt has"
TEXTLESS = "more than 2 % of the probability is on tokens that are no text"
NOTHING_COMMON = "fewer than two tokens in common"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedPosition:
    """One prefix at which reference and candidate were compared.

    Attributes:
        prefix, domain: which.
        nats: divergence of each asking, in their order; at least one.
    """

    prefix: str
    domain: Domain
    nats: tuple[float, ...]

    @property
    def log(self) -> float:
        """Mean of `log_nats` over the askings: what is averaged over prefixes."""
        return sum(map(log_nats, self.nats)) / len(self.nats)

    @property
    def geometric(self) -> float:
        """Geometric mean of the askings, in nats."""
        return of_log(self.log)

    @property
    def far(self) -> int:
        """Askings above `FAR`."""
        return sum(value > FAR for value in self.nats)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesComparison:
    """A candidate's series against a reference's.

    Attributes:
        compared: in the reference's order.
        askings: the candidate's positions at the compared prefixes, in the same order.
        exponent: fitted over all of them.
        traits: how the candidate tells its probabilities.
        another_prompt: ids of prefixes at which the candidate's prompt is another one.
        left_out: why further askings were not compared, with their number.
    """

    compared: tuple[ComparedPosition, ...]
    askings: tuple[tuple[Position, ...], ...]
    exponent: Exponent
    traits: ListingTraits
    another_prompt: tuple[str, ...]
    left_out: Mapping[str, int]

    @property
    def nats(self) -> float:
        """Geometric mean over all prefixes; at least one was compared."""
        return of_log(sum(one.log for one in self.compared) / len(self.compared))

    @property
    def mostly(self) -> str:
        """The reason for which most askings were left out; empty where none was."""
        return max(self.left_out, key=self.left_out.__getitem__, default="")

    @property
    def far(self) -> int:
        """Prefixes with an asking above `FAR`."""
        return sum(one.far > 0 for one in self.compared)


def compare_series(
    reference: Reference, asked: Mapping[str, Sequence[Position]], traits: ListingTraits | None = None
) -> SeriesComparison:
    """Compare a candidate's answers with a reference, where the prompt is the same.

    Args:
        reference: one or several sessions.
        asked: by id of a prefix, one position for each asking.
        traits: how the candidate tells its probabilities; read from the answers unless they are means.
    """
    if traits is None:
        traits = traits_of(position for positions in asked.values() for position in positions)
    left_out, another = Counter[str](), list[str]()
    rows = []
    for one in reference.prefixes:
        theirs, mine = asked.get(one.prefix.id, ()), one.position
        same = [position for position in theirs if same_prompt(mine, position)]
        others = sum(another_prompt(mine, position) for position in theirs)
        if others:
            another.append(one.prefix.id)
        left_out[UNTOLD] += len(theirs) - len(same) - others
        usable = [position for position in same if position.usable] if mine.usable else []
        left_out[TEXTLESS] += len(same) - len(usable)
        if usable:
            rows.append((one.prefix, [ComparedPair(reference=mine, candidate=position) for position in usable]))
    exponent = fitted_exponent([pair for _, pairs in rows for pair in pairs])
    compared, askings = list[ComparedPosition](), list[tuple[Position, ...]]()
    for prefix, pairs in rows:
        found = [
            (pair.candidate, seen.nats)
            for pair in pairs
            if (seen := divergence(
                pair, exponent=exponent.applied, reference=reference.traits, candidate=traits
            )) is not None
        ]  # fmt: skip
        left_out[NOTHING_COMMON] += len(pairs) - len(found)
        if found:
            positions, nats = zip(*found, strict=True)
            compared.append(ComparedPosition(prefix=prefix.id, domain=prefix.domain, nats=nats))
            askings.append(positions)
    return SeriesComparison(
        compared=tuple(compared), askings=tuple(askings), exponent=exponent, traits=traits,
        another_prompt=tuple(another), left_out={why: count for why, count in left_out.items() if count},
    )  # fmt: skip


def compare_captures(reference: Reference, capture: Reference) -> SeriesComparison:
    """Compare a stored capture: the means of its sessions, as one asking each."""
    known = frozenset(one.prefix.digest for one in reference.prefixes)
    asked = {one.prefix.id: [one.position] for one in capture.prefixes if one.prefix.digest in known}
    return compare_series(reference, asked, capture.traits)


def nats_of_one_call(comparison: SeriesComparison, capture: Reference) -> float:
    """Geometric mean for one call: a mean of several calls is nearer to the reference, because it has less noise."""
    noise = {one.prefix.id: one.measured[0].noise or 0.0 for one in capture.prefixes}
    return geometric([one.geometric + noise[one.prefix] for one in comparison.compared])
