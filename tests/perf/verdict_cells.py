"""How often verdicts are right: unpaired ones exactly, over looks and counts; paired ones from seeded vendors.

Rates are those of the product's own decisions. Where an array of vendors is judged at once, the quantiles come from
the product, and `agrees` holds the array against the product vendor by vendor.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache, partial

import numpy as np

from kvv_action.plan.strata import ASKED, BORDER, REST, SURE, WEIGHTS, PackedItem, strata_of
from kvv_action.schema import PlannedBenchmark, Score
from kvv_action.statistics.differences import Estimate, PairedDifference, Unpaired, overlap_from
from kvv_action.statistics.intervals import CAUTION, exact_limits
from kvv_action.statistics.stratified import SeenStratum, StratifiedDifference
from kvv_action.verdict.answers import AnswerTable
from kvv_action.verdict.noninferiority import ERROR, Look, look_at
from kvv_action.verdict.rules import LOST_ERROR, JudgingRules
from tests.profiles.sizes import Case

RUNS = 4000
ALLOWED = 0.1
"""Share of answers that may be lost."""
REFERENCES = 24
"""Published scores by which an exact cell is computed: groups of equal probability."""
FEW = 100
"""Items up to which a loss is exactly so much on these very items."""
DAY = 0.005
"""Standard deviation of an endpoint's score between days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Of vendors: shares that pass and fail, and the requests that are sent, as a share of the plan."""

    passes: float
    fails: float
    requests: float = 1.0


def tail(size: int, share: float) -> np.ndarray:
    """The binomial distribution."""
    counts = np.arange(size + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, size + 1)))])
    share = min(1 - 1e-12, max(1e-12, share))
    found = np.exp(logs[-1] - logs - logs[::-1] + counts * math.log(share) + (size - counts) * math.log(1 - share))
    return np.asarray(found / found.sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """A vendor of an unpaired cell: how much worse it is, and which answers it loses."""

    deficit: float = 0.0
    lost: float = 0.0
    hardest: bool = False
    concentration: float = 1.0


def hardest(mean: float, concentration: float, lost: float) -> float:
    """The accuracy of the hardest part of the items, whose accuracies follow a beta distribution."""
    rng, mean = np.random.RandomState(1), min(0.999, max(0.001, mean))
    likely = np.sort(rng.beta(concentration * mean, concentration * (1 - mean), 200_000))
    return float(likely[: max(1, round(lost * len(likely)))].mean())


def exactly(case: Case, vendor: Vendor) -> Rates:
    """By recursion over the looks; of the answers at each, the lost ones are as many as expected.

    Too many lost ones are those of the whole run, by their own distribution: they fail what is open.
    """
    planned, f1 = case.planned, case.planned.aggregate == "f1"
    assert planned.reference is not None
    value = planned.reference.value
    true = max(0.0, value - vendor.deficit)
    share, theirs = (overlap_from(true), overlap_from(value)) if f1 else (true, value)
    if vendor.hardest and vendor.lost:
        gone = hardest(share, vendor.concentration, vendor.lost)
        share = (share - vendor.lost * gone) / (1 - vendor.lost)
    looks = planned.looks or (planned.samples * planned.epochs,)
    asked = [max(1, round(end * case.counted)) for end in looks]
    came = [round(end * (1 - vendor.lost)) for end in asked]
    passes = fails = requests = 0.0
    for published, weight in _published(case.reference_size, theirs):
        found = _recursion(case, published, tuple(asked), tuple(came), share)
        passes, fails = passes + weight * found.passes, fails + weight * found.fails
        requests += weight * found.requests
    answers = planned.samples * planned.epochs
    too_many = sum(
        chance for count, chance in enumerate(tail(answers, vendor.lost).tolist())
        if chance > 1e-12 and exact_limits(count, answers, LOST_ERROR)[0] > ALLOWED
    ) if vendor.lost else 0.0  # fmt: skip
    return Rates(passes=passes, fails=fails + too_many * max(0.0, 1 - passes - fails), requests=requests)


@cache
def _published(size: int, share: float) -> list[tuple[int, float]]:
    weights = tail(size, share)
    below = np.cumsum(weights)
    edges = np.searchsorted(below, np.arange(1, REFERENCES) / REFERENCES)
    groups = np.split(np.arange(size + 1), edges)
    return [
        (round(float(np.average(group, weights=weights[group]))), float(weights[group].sum()))
        for group in groups if len(group) and weights[group].sum() > 1e-9
    ]  # fmt: skip


def _recursion(case: Case, published: int, asked: tuple[int, ...], came: tuple[int, ...], share: float) -> Rates:
    alive, passes, fails, requests, before = np.ones(1), 0.0, 0.0, 0.0, 0
    planned = case.planned
    looks = planned.looks or (planned.samples * planned.epochs,)
    for number, end in enumerate(came):
        alive = np.convolve(alive, tail(end - before, share))
        before = end
        low, high = _bounds(case.planned, case.count, case.rules, case.reference_size, published, number, asked, came)
        fail, passed = float(alive[:low].sum()), float(alive[max(high, low) :].sum())
        fails, passes = fails + fail, passes + passed
        requests += (fail + passed) * looks[number] / looks[-1]
        alive = np.concatenate([np.zeros(low), alive[low : max(high, low)]])
    return Rates(passes=passes, fails=fails, requests=requests + float(alive.sum()))


_KNOWN: dict[tuple[object, ...], tuple[int, int]] = {}


def _bounds(
    planned: PlannedBenchmark, count: int, rules: JudgingRules, reference_size: int, published: int, number: int,
    asked: tuple[int, ...], came: tuple[int, ...],
) -> tuple[int, int]:  # fmt: skip
    """Right answers below which a look fails, and from which on it passes."""
    key = planned.id, planned.reference, planned.looks, planned.samples, planned.epochs, planned.margin, count
    key += rules.pass_margin, published, number, asked, came
    if key not in _KNOWN:
        f1 = planned.aggregate == "f1"
        reference = Estimate(share=published / reference_size, size=reference_size, f1=f1)
        whole, there = asked[number], came[number]

        def at(right: int) -> Look:
            seen, worst, best = (
                Unpaired(vendor=Estimate(share=part / size, size=size, f1=f1), reference=reference)
                for part, size in ((right, there), (right, whole), (right + whole - there, whole))
            )
            return Look(
                planned=planned,
                rules=rules,
                number=number,
                answers=whole,
                size=whole,
                seen=seen,
                worst=worst,
                best=best,
            )

        fails = first(there, lambda right: not at(right).fails(ERROR / count))
        _KNOWN[key] = fails, first(there, lambda right: at(right).passes())
    return _KNOWN[key]


def first(size: int, holds: Callable[[int], bool]) -> int:
    """The smallest count for which it holds, size + 1 if for none; it holds for all larger ones."""
    low, high = 0, size + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A world of items, an official endpoint that was asked on some days, and what is asked of a vendor.

    Attributes:
        mean, concentration: of the beta distribution of the items' accuracies.
        items: of the dataset.
        days: runs of the pack, one a day.
        epochs: answers to each item in each of its runs.
    """

    mean: float
    concentration: float
    items: int
    days: int
    epochs: int = 1

    @property
    def answers(self) -> int:
        """To each item."""
        return self.days * self.epochs

    @property
    def drift(self) -> float:
        """The variance that the product counts."""
        return DAY**2 * (1 + 1 / self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with a vendor: a shift of all log odds worth so much, or a part of the items broken."""

    loss: float = 0.0
    broken: float = 0.0
    lost: float = 0.0
    hardest: bool = False


@cache
def shift_of(mean: float, concentration: float, loss: float) -> float:
    """The shift of all log odds that lowers the mean of so distributed accuracies so much."""
    return _shift(np.random.RandomState(2).beta(concentration * mean, concentration * (1 - mean), 50_000), loss)


def _shift(drawn: np.ndarray, loss: float) -> float:
    odds, low, high = _odds(drawn), 0.0, 40.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(middle - odds))).mean() > drawn.mean() - loss else (low, middle)
    return low


def _odds(likely: np.ndarray) -> np.ndarray:
    inner = np.clip(likely, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(inner / (1 - inner)))


def _drifted(likely: np.ndarray, points: float, varies: float) -> np.ndarray:
    """On a day that is so much better; items at the border differ most, for all vary by `varies` in the mean."""
    return np.asarray(np.clip(likely + points * likely * (1 - likely) / varies, 0, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One draw: how right the official endpoint is on each item, and the pack's right answers by run and item."""

    true: np.ndarray
    right: np.ndarray


def world(pack: Pack, rng: np.random.RandomState) -> World:
    """Draw items and the days of the pack."""
    made = rng.beta(pack.concentration * pack.mean, pack.concentration * (1 - pack.mean), pack.items)
    true = np.clip(made, 1e-6, 1 - 1e-6)
    varies = max(1e-9, float((true * (1 - true)).mean()))
    days = [_drifted(true, rng.normal(0, DAY), varies) for _ in range(pack.days)]
    once = pack.epochs == 1  # much quicker than `binomial`
    right = [rng.random_sample(pack.items) < day if once else rng.binomial(pack.epochs, day) for day in days]
    return World(true=true, right=np.stack(right).astype(int))


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A vendor in a world, on the items that it is asked: its accuracies on its day, and whether it loses an answer."""

    likely: np.ndarray
    lost: np.ndarray


def served(pack: Pack, drawn: World, fault: Fault, ids: np.ndarray, rng: np.random.RandomState) -> Served:
    """Draw a vendor with a fault, for items that are asked."""
    true = likely = drawn.true[ids]
    few = pack.items <= FEW  # so few, all asked, differ from the distribution that they are drawn from
    if fault.loss:
        shift = _shift(drawn.true, fault.loss) if few else shift_of(pack.mean, pack.concentration, fault.loss)
        likely = 1 / (1 + np.exp(shift - _odds(true)))
    if fault.broken:
        likely = np.where(rng.random_sample(len(ids)) < fault.broken, 0.0, likely)
    if fault.hardest:
        lost = true <= np.quantile(drawn.true, fault.lost)
    else:
        lost = rng.random_sample(len(ids)) < fault.lost if fault.lost else np.zeros(len(ids), dtype=bool)
    varies = max(1e-9, float((likely * (1 - likely)).mean())) if few else varies_of(pack, fault)
    return Served(likely=_drifted(likely, rng.normal(0, DAY), varies), lost=lost)


@cache
def varies_of(pack: Pack, fault: Fault) -> float:
    """The mean variance of an answer of such a vendor."""
    drawn = np.random.RandomState(2).beta(pack.concentration * pack.mean, pack.concentration * (1 - pack.mean), 50_000)
    shift = shift_of(pack.mean, pack.concentration, fault.loss) if fault.loss else 0.0
    likely = 1 / (1 + np.exp(shift - _odds(drawn)))
    return (1 - fault.broken) * float((likely * (1 - likely)).mean())


class Count:
    """Vendors that passed and failed, and the requests that they got."""

    def __init__(self) -> None:
        self.passes = self.fails = self.requests = 0

    def add(self, looks: Iterable[tuple[int, Look]], family: int) -> None:
        """Judge a vendor: the first look that decides ends it."""
        end = 0
        for end, look in looks:  # noqa: B007 - the last one counts where none decides
            if look.fails(ERROR / family):
                self.fails += 1
                break
            if look.passes():
                self.passes += 1
                break
        self.requests += end

    def rates(self, runs: int, answers: int) -> Rates:
        """Of so many vendors."""
        return Rates(passes=self.passes / runs, fails=self.fails / runs, requests=self.requests / runs / answers)


def paired(case: Case, pack: Pack, faults: Mapping[str, Fault], *, runs: int = RUNS, seed: int = 1) -> dict[str, Rates]:
    """Vendors with each of the faults beside a pack; which items of the dataset are asked is chance."""
    planned, rng = case.planned, np.random.RandomState(seed)
    looks = planned.looks or (planned.samples * planned.epochs,)
    rules = replace(case.rules, reference_epochs=pack.answers, drift=pack.drift)
    found = {name: Count() for name in faults}
    for number in range(runs):
        drawn = world(pack, rng)
        chosen = rng.permutation(pack.items)[: planned.samples]
        right = drawn.right[:, chosen]
        for name, fault in faults.items():
            vendor = served(pack, drawn, fault, chosen, rng)
            differences, worst = _differences(vendor, right, pack, planned.epochs, rng)
            at = partial(_look, planned, rules, pack, differences, worst, right)
            if number < AGREES and not fault.lost:
                agrees(at(0, looks[0]), planned, rules, right.sum(axis=0) / pack.answers, differences, looks[0])
            found[name].add(((end, at(place, end)) for place, end in enumerate(looks)), case.count)
    return {name: one.rates(runs, looks[-1]) for name, one in found.items()}


AGREES = 2
"""Vendors of a cell whose differences are also computed by the product, answer by answer, where none is lost."""


def _differences(
    vendor: Served, right: np.ndarray, pack: Pack, epochs: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Vendor minus pack, by epoch and item; a lost answer counts as the pack's, and wrong for the worst."""
    theirs = right.sum(axis=0) / pack.answers
    mine = (rng.random_sample((epochs, len(theirs))) < vendor.likely).astype(float)
    gone = np.broadcast_to(vendor.lost, mine.shape)
    return np.where(gone, theirs, mine) - theirs, np.where(gone, 0.0, mine) - theirs


def _look(
    planned: PlannedBenchmark, rules: JudgingRules, pack: Pack, best: np.ndarray, worst: np.ndarray,
    right: np.ndarray, place: int, end: int,
) -> Look:  # fmt: skip
    seen, bad = (_paired(planned, rules, pack, one, end, right) for one in (best, worst))
    return Look(planned=planned, rules=rules, number=place, answers=end, size=end, seen=seen, worst=bad, best=seen)


def _paired(
    planned: PlannedBenchmark, rules: JudgingRules, pack: Pack, differences: np.ndarray, end: int, right: np.ndarray
) -> PairedDifference:
    """`statistics.differences.paired_mean` of an array."""
    samples = differences.shape[1]
    asked = differences.reshape(-1)[:end].reshape(-1, min(end, samples)) if end >= samples else differences[:1, :end]
    means, answers = asked.mean(axis=0), asked.shape[0]
    value, count = float(means.mean()), len(means)
    within = planned.samples == planned.dataset.count and answers > 1 and pack.answers > 1
    if within:
        theirs = right.sum(axis=0) / pack.answers
        squares = float(asked.var(axis=0, ddof=1).sum() / answers + (theirs * (1 - theirs)).sum() / (pack.answers - 1))
        error, degrees = math.sqrt(squares + 2 / answers**2) / count, math.inf
    else:
        squares = float(((means - value) ** 2).sum())
        error, degrees = math.sqrt((squares + 2 / answers**2) * count / (count - 1)) / count, float(count - 1)
    return PairedDifference(value=value, error=math.hypot(error, math.sqrt(rules.drift)), degrees=degrees)


def agrees(
    found: Look, planned: PlannedBenchmark, rules: JudgingRules, peers: np.ndarray, differences: np.ndarray, end: int
) -> None:
    """The array's difference is that of the product."""
    epochs, samples = differences.shape
    with_peers, right = replace(planned, peers=tuple(peers.tolist())), differences + peers
    ledger = AnswerTable.empty(with_peers)
    covered = [(place % samples) * epochs + place // samples for place in range(end)]
    for place, position in enumerate(covered):
        ledger.score(position, Score(value=float(round(right[place // samples, place % samples]))))
    look = look_at(with_peers, ledger, covered, found.number, rules)
    assert look is not None
    assert isinstance(look.best, PairedDifference)
    assert isinstance(found.best, PairedDifference)
    assert math.isclose(look.best.value, found.best.value, abs_tol=1e-9)
    assert math.isclose(look.best.error, found.best.error, abs_tol=1e-9)
    assert look.best.degrees == found.best.degrees


def by_strata(
    case: Case, pack: Pack, faults: Mapping[str, Fault], *, runs: int = RUNS, seed: int = 1
) -> dict[str, Rates]:
    """Vendors at smoke beside a pack of several answers to each item."""
    rng, found = np.random.RandomState(seed), {name: Count() for name in faults}
    for number in range(runs):
        drawn = world(pack, rng)
        strata = told_apart(pack, drawn, rng)
        if number < AGREES:
            strata.agrees(pack, drawn)
        for name, fault in faults.items():
            look = strata.look(case, pack, drawn, fault, rng)
            found[name].add([(1, look)], case.count)
    return {name: one.rates(runs, 1) for name, one in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class StrataOfPack:
    """Items told apart by a pack: those of each stratum, the answers that they hold out, and what is expected."""

    items: Mapping[str, np.ndarray]
    overall: float
    held_out: np.ndarray
    expected: Mapping[str, Estimate]

    def look(self, case: Case, pack: Pack, drawn: World, fault: Fault, rng: np.random.RandomState) -> Look:
        """What fifty answers to each stratum show."""
        asked = {name: _some(self.items[name], rng) for name in (BORDER, SURE)}
        ids = np.concatenate(list(asked.values()))
        vendor = served(pack, drawn, fault, ids, rng)
        right, gone = (rng.random_sample(len(ids)) < vendor.likely).astype(float), vendor.lost
        both = np.where(gone, self.held_out[ids], right), np.where(gone, 0.0, right)
        edge = len(asked[BORDER])
        best, worst = (
            [self._seen(BORDER, pack, values[:edge]), self._seen(SURE, pack, values[edge:])] for values in both
        )
        unasked = len(self.items[REST]) / pack.items * self.expected[REST].share if REST in self.items else 0.0
        seen, bad = (StratifiedDifference(strata=one, unasked=unasked, drift=pack.drift) for one in (best, worst))
        return Look(
            planned=case.planned, rules=case.rules, number=0, answers=2 * ASKED, size=2 * ASKED, seen=seen, worst=bad,
            best=seen,
        )  # fmt: skip

    def _seen(self, name: str, pack: Pack, values: np.ndarray) -> SeenStratum:
        reference = self.expected[name]
        varies = reference.share * (1 - reference.share) / (self.overall * (1 - self.overall))
        return SeenStratum(
            name=name, share=len(self.items[name]) / pack.items, reference=reference, weight=WEIGHTS[name],
            vendor=Estimate(share=float(values.mean()), size=len(values)), drift=pack.drift * max(1.0, varies) ** 2,
        )  # fmt: skip

    def agrees(self, pack: Pack, drawn: World) -> None:
        """The product expects the same of a pack in which each item was as often right."""
        answers = [[float(place < right) for place in range(pack.answers)] for right in drawn.right.sum(axis=0)]
        names = [f"{number:05}" for number in range(pack.items)]
        packed = {
            name: PackedItem(answers=sorted(one, reverse=bool(not held)))
            for name, one, held in zip(names, answers, self.held_out, strict=True)
        }
        found = strata_of(packed, names, 0)
        assert found is not None
        assert all([found.items[at] for at in ids] == [name] * len(ids) for name, ids in self.items.items())
        for name, one in found.expected.items():
            assert math.isclose(one.accuracy, self.expected[name].share, abs_tol=1e-6)
            assert abs(one.answers - self.expected[name].size) <= 1


def _some(ids: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Those that are asked, in a random order: items drawn with replacement until enough are unlike."""
    if len(ids) <= ASKED:
        return ids
    drawn = ids[list(dict.fromkeys(rng.randint(len(ids), size=3 * ASKED).tolist()))[:ASKED]]
    return drawn if len(drawn) == ASKED else rng.permutation(ids)[:ASKED]


def told_apart(pack: Pack, drawn: World, rng: np.random.RandomState) -> StrataOfPack:
    """Each item holds out an answer of the last run; all others make its stratum."""
    held_out = rng.random_sample(pack.items) < drawn.right[-1] / pack.epochs
    right = drawn.right.sum(axis=0)
    letters = np.array([_letter(count, pack.answers - 1) for count in range(pack.answers)])
    chosen, often = right - held_out, np.bincount(right, minlength=pack.answers + 1)
    found = {name: np.flatnonzero((letters == name)[chosen]) for name in (BORDER, SURE, REST)}
    strata = {name: ids for name, ids in found.items() if len(ids)}
    expected = {name: _expected(often, letters == name) for name in strata}
    overall = sum(len(ids) / pack.items * expected[name].share for name, ids in strata.items())
    return StrataOfPack(items=strata, overall=overall, held_out=held_out.astype(float), expected=expected)


def _letter(right: int, answers: int) -> str:
    """The stratum of an item, by the answers that choose."""
    return PackedItem(answers=[float(place < right) for place in range(answers)] + [0.0]).stratum


def _expected(often: np.ndarray, inside: np.ndarray) -> Estimate:
    """What is expected where so many answers of the others put an item, by how many items were how often right.

    The size is that of `statistics.intervals.effective_size`, of items that are alike.
    """
    answers = len(inside)
    right = np.arange(answers + 1)
    sums = right * np.concatenate([[False], inside])
    counts = sums + (answers - right) * np.concatenate([inside, [False]])
    total, clusters = float((often * counts).sum()), float(often[counts > 0].sum())
    share = float((often * sums).sum()) / total
    unlike = share * (1 - share)
    squares = float((often * (sums - counts * share) ** 2).sum())
    if unlike <= 0 or squares <= 0 or clusters < 2:
        return Estimate(share=share, size=clusters)
    effect = squares / (total * unlike) * (1 + CAUTION / (clusters * unlike))
    most = float((often * counts**2).sum()) / total
    return Estimate(share=share, size=min(total, total / min(effect, most)))
