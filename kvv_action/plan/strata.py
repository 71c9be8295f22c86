"""Which items a small run asks beside a reference pack: items that the model sometimes gets right, and sure ones.

An item that a model always gets right, or never, says little about small losses; one at the border says most. A pack of
one answer to each item cannot tell them apart without choosing by luck. So an answer never chooses the stratum in which
it counts. The last answer to each item is held out, and the others choose the item's stratum. What an equal vendor
would score there comes from all items, not only those that are asked, and from each answer once, in the stratum that
the other answers to its item choose.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType

from kvv_action.dataset.subset import choose
from kvv_action.errors import KvvError
from kvv_action.schema import Json
from kvv_action.statistics.intervals import effective_size

BORDER, SURE, REST, UNKNOWN = "b", "s", "r", "-"
"""The stratum of an item; of an unknown one the pack has no answer that chooses."""
NAMES = {BORDER: "border", SURE: "sure", REST: "rest"}
LOWEST, HIGHEST = 0.25, 0.8
"""Accuracy of border items in the answers that choose; sure ones are above."""
ASKED = 50
"""Items that are asked of each stratum."""
FEWEST = 10
"""Items of a stratum below which it says nothing by itself, so that the pack is compared with as a whole."""
EQUAL_WEIGHTS: Mapping[str, float] = MappingProxyType({BORDER: 1.0, SURE: 1.0})
"""Weights of the strata where a plan says nothing of them."""
WEIGHTS: Mapping[str, float] = MappingProxyType({BORDER: 1.0, SURE: 1.5})
"""How much the test of each stratum counts where both are combined. Broken items show nearly only among the sure ones,
a small loss of all items in both (tests/perf/test_verdicts.py)."""

Answers = Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedItem:
    """The answers of a pack to one item.

    Attributes:
        answers: the values of those that came.
    """

    answers: Sequence[float]

    @property
    def held_out(self) -> float | None:
        """The last answer: it does not choose the item's stratum."""
        return self.answers[-1] if self.answers else None

    @property
    def stratum(self) -> str:
        """By all answers but the one that is held out."""
        return UNKNOWN if self.held_out is None else self._without(self.held_out)

    def _without(self, answer: float) -> str:
        return _stratum(math.fsum((*self.answers, -answer)), len(self.answers) - 1)

    def counted(self) -> Iterator[tuple[str, float, float]]:
        """Where each of its answers counts: the stratum by the others, and sum and number as shares of all answers."""
        for value, count in Counter(self.answers).items():
            share = count / len(self.answers)
            yield self._without(value), value * share, share


def _stratum(total: float, answers: int) -> str:
    """Of an item with answers of this sum; where there is only one, a wrong one makes a border item."""
    if not answers:
        return UNKNOWN
    accuracy = total / answers
    if accuracy > HIGHEST:
        return SURE
    return BORDER if accuracy >= LOWEST or answers == 1 else REST


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedScore:
    """What a vendor that equals the pack scores in a stratum, and the answers of the pack that say so."""

    accuracy: float
    answers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Strata:
    """The strata of a benchmark, as a plan keeps them.

    Attributes:
        items: the stratum of each item of the dataset, in its order.
        asked: the same of the items that are asked.
        expected: by stratum; of `REST` only where it has items.
        weights: by stratum that is asked, how much its test counts where both are combined.
    """

    items: str
    asked: str
    expected: Mapping[str, ExpectedScore]
    weights: Mapping[str, float] = field(default_factory=lambda: EQUAL_WEIGHTS)

    def share(self, stratum: str) -> float:
        """The part of the items that belong to it, of those that the pack tells apart."""
        return self.items.count(stratum) / (len(self.items) - self.items.count(UNKNOWN))

    def drawn(self, ids: Sequence[str], seed: int) -> tuple[str, ...]:
        """The items that are asked, in the order of the dataset: by chance within each stratum."""
        return _drawn(self.items, ids, seed)

    def kept(self) -> dict[str, Json]:
        """As the plan keeps them."""
        expected = {NAMES[name]: [one.accuracy, one.answers] for name, one in self.expected.items()}
        weights = {NAMES[name]: weight for name, weight in self.weights.items()}
        return {"items": self.items, "asked": self.asked, "expected": expected, "weights": weights}


NO_STRATA: Mapping[str, Strata] = MappingProxyType({})


def _drawn(items: str, ids: Sequence[str], seed: int) -> tuple[str, ...]:
    known = list(zip(ids, items, strict=True))
    asked = {one for name in (BORDER, SURE) for one in choose((i for i, s in known if s == name), ASKED, seed)}
    return tuple(one for one in ids if one in asked)


def strata_of(packed: Mapping[str, PackedItem], ids: Sequence[str], seed: int) -> Strata | None:
    """The strata of a dataset by a pack; None where they are not worth asking apart.

    Args:
        packed: by id, the items of a pack that has several answers to each.
        ids: of the dataset.
        seed: chooses the items that are asked.
    """
    known = [packed[one] for one in ids if one in packed]
    items = "".join(packed[one].stratum if one in packed else UNKNOWN for one in ids)
    sizes = Counter(items)
    if len(ids) <= 2 * ASKED or min(sizes[BORDER], sizes[SURE]) < FEWEST:
        return None
    counted = [list(one.counted()) for one in known]
    most = max(len(one.answers) for one in known)
    expected = {name: _expected(counted, name, most) for name in (BORDER, SURE, REST) if sizes[name]}
    return Strata(items=items, asked=_asked(items, ids, seed), expected=expected, weights=WEIGHTS)


def _asked(items: str, ids: Sequence[str], seed: int) -> str:
    """The stratum of each item that is asked."""
    drawn = frozenset(_drawn(items, ids, seed))
    return "".join(found for one, found in zip(ids, items, strict=True) if one in drawn)


def _expected(counted: Iterable[Sequence[tuple[str, float, float]]], stratum: str, most: int) -> ExpectedScore:
    """Each item counts like one of `most` answers, however often it was answered; its answers are dependent."""
    sums, counts = [], []
    for item in counted:
        found = [(value, count) for name, value, count in item if name == stratum]
        sums.append(most * math.fsum(value for value, _ in found))
        counts.append(most * math.fsum(count for _, count in found))
    accuracy, size = math.fsum(sums) / math.fsum(counts), effective_size(sums, counts)
    return ExpectedScore(accuracy=round(accuracy, 6), answers=max(1, round(size)))


def again(strata: Strata, ids: Sequence[str], seed: int) -> Strata | None:
    """The strata of a plan with the items drawn again; None where they are those of another dataset."""
    if len(strata.items) != len(ids):
        return None
    return replace(strata, asked=_asked(strata.items, ids, seed))


def read(kept: Json) -> Strata:
    """The strata that a plan keeps.

    Raises:
        KvvError: they are damaged.
    """
    by_name = {name: letter for letter, name in NAMES.items()}
    try:
        expected = {by_name[name]: _score(*value) for name, value in kept["expected"].items()}
        weights = (
            {name: _weight(kept["weights"][NAMES[name]]) for name in WEIGHTS} if "weights" in kept else EQUAL_WEIGHTS
        )
        found = Strata(items=str(kept["items"]), asked=str(kept["asked"]), expected=expected, weights=weights)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise KvvError("the strata that the plan asks by are damaged") from error
    letters = set(found.items) | set(found.asked)
    whole = letters <= {*NAMES, UNKNOWN} and {BORDER, SURE} <= found.expected.keys()
    if not whole or not {BORDER, SURE} <= set(found.asked) or not set(found.items) - {UNKNOWN} <= found.expected.keys():
        raise KvvError("the strata that the plan asks by are damaged")
    return found


def _score(accuracy: float, answers: int) -> ExpectedScore:
    if not 0 <= accuracy <= 1 or not 0 < answers <= 1_000_000_000:
        raise ValueError("no score")
    return ExpectedScore(accuracy=float(accuracy), answers=int(answers))


def _weight(weight: float) -> float:
    if not 0.1 <= weight <= 10:
        raise ValueError("no weight")
    return float(weight)
