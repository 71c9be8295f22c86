"""How a vendor stands against its reference: pure functions of the plan and of what each answer adds to the score.

Non-inferiority with two margins: a benchmark fails when the upper limit of (vendor - reference) is below -margin, else
passes when the lower limit is above -(pass margin), else it is open. At the full tier the two margins are one; smaller
tiers ask an easier question of a pass, and say which. Each limit may err in `ERROR` of runs.

Over the benchmarks of a run the two errors differ. A run passes only when every benchmark does, so one vendor that is
too bad passes with at most `ERROR` however many benchmarks there are (the intersection-union test, Berger 1982,
doi:10.1080/00401706.1982.10487790): passing needs no correction. A run fails when any benchmark does, so every further
benchmark is a further chance of a false alarm: failing is tested by Holm's procedure (1979, "A simple sequentially
rejective multiple test procedure"), with which a vendor that is good enough everywhere fails at all in at most `ERROR`
of runs.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import variance

from kvv_action.plan.order import FEWEST, positions
from kvv_action.plan.strata import BORDER, NAMES, REST, SURE, Strata
from kvv_action.schema import PlannedBenchmark, Verdict
from kvv_action.score_rule import RIGHT, WRONG, Term
from kvv_action.statistics.aggregates import rule_of
from kvv_action.statistics.differences import (
    Difference,
    Estimate,
    Unpaired,
    overlap_from,
    paired_f1,
    paired_mean,
    share_of,
)
from kvv_action.statistics.intervals import degrees_of, effective_size, one_sided
from kvv_action.statistics.power import Design, paired_error
from kvv_action.statistics.spending import boundaries
from kvv_action.statistics.stratified import SeenStratum, StratifiedDifference
from kvv_action.verdict.answers import NOTHING, SCORED, AnswerTable
from kvv_action.verdict.rules import FIRST, SCORES_ERROR, JudgingRules

ERROR = 0.05
"""One-sided error of passing a vendor at the margin, and of failing one there, in a run."""
POSITIVE = 0.4
"""Share of requests at which a reference calls a tool, for planning: K2VV publishes 1958 and 1274 of 4000."""

Terms = Sequence[tuple[int, Term]]


def family(benchmarks: Iterable[PlannedBenchmark]) -> int:
    """How many benchmarks of a plan can raise a false alarm; at least 1."""
    return max(1, sum(planned.comparable for planned in benchmarks))


def by_limits(low: float, high: float, margin: float, pass_margin: float | None = None) -> frozenset[Verdict]:
    """The verdicts that the limits of a comparison allow.

    Limits below the margin allow two: they do not say whether the vendor is also clearly below the reference itself.
    """
    open_ = Verdict.PASS if low > -(margin if pass_margin is None else pass_margin) else Verdict.INCONCLUSIVE
    return frozenset({open_, Verdict.FAIL} if high < -margin else {open_})


def quantile(planned: PlannedBenchmark, number: int, error: float) -> float:
    """The normal quantile of the limits at a look, by its place among the looks."""
    if not planned.looks:
        return one_sided(error)
    return boundaries(tuple(look / planned.looks[-1] for look in planned.looks), error)[number]


def prepare(planned: PlannedBenchmark, error: float, rules: JudgingRules) -> None:
    """Compute the boundaries of all looks: it takes a fifth of a second, and the first look would wait for it."""
    for allowed in (ERROR, error, _to_differ(error, rules), _to_differ_by_strata(error)):
        quantile(planned, 0, allowed)


def _to_differ(error: float, rules: JudgingRules) -> float:
    """The error of saying that a vendor does not equal its reference, of a benchmark whose share of `ERROR` is this."""
    return error * rules.false_alarm / ERROR


def _to_differ_by_strata(error: float) -> float:
    """The same where the items were chosen by strata."""
    return error * SCORES_ERROR / ERROR


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known after some of the answers.

    Attributes:
        number: place among the looks of the plan.
        answers: how many it rests on, scored or failed.
        size: how many independent ones they are worth.
        complete: nothing that it covers is still to come.
        seen: difference by the answers that were scored.
        worst, best: the same with what did not come counted wrong, and right; by the second rules the best is, where
            the reference's own answers are known, as right as these.
        rules: by which it is judged.
    """

    planned: PlannedBenchmark
    rules: JudgingRules = FIRST
    number: int
    answers: int
    size: float
    complete: bool = True
    seen: Difference
    worst: Difference
    best: Difference

    @property
    def floor(self) -> float:
        """A difference below it is a fail."""
        return -(self.planned.margin or 0.0)

    @property
    def pass_floor(self) -> float:
        """The smallest difference that is good enough for a pass."""
        return self.floor if self.rules.pass_margin is None else -self.rules.pass_margin

    def limits(self, error: float) -> tuple[float, float]:
        """The limits that decide, each with this one-sided error over all looks."""
        z = quantile(self.planned, self.number, error)
        return self.worst.limits(z)[0], self.best.limits(z)[1]

    def passes(self) -> bool:
        """Even the lower limit is good enough."""
        return self.limits(ERROR)[0] > self.pass_floor

    def fails(self, error: float) -> bool:
        """Even the upper limit is not, and it is clear that the vendor does not equal the reference."""
        return self._below(self.best, error)

    def differs(self, error: float) -> tuple[str, ...]:
        """The strata of items in which the vendor is shown to be worse than the pack; none without strata."""
        return self._strata_below(self.best, error)

    def _strata_below(self, difference: Difference, error: float) -> tuple[str, ...]:
        if not isinstance(difference, StratifiedDifference):
            return ()
        return difference.differs(quantile(self.planned, self.number, _to_differ_by_strata(error)))

    def _below(self, difference: Difference, error: float) -> bool:
        """Whether a loss of more than the margin is shown.

        With strata it is shown that the vendor does not equal the pack, and the loss that was seen is above the margin.
        """
        if isinstance(difference, StratifiedDifference):
            return bool(self._strata_below(difference, error)) and difference.value < self.floor
        stricter = quantile(self.planned, self.number, _to_differ(error, self.rules))
        plain = quantile(self.planned, self.number, error)
        return difference.limits(plain)[1] < self.floor and difference.limits(stricter)[1] < 0

    def torn(self, error: float) -> bool:
        """What did not come decides: counted wrong it would be another verdict than counted right."""
        verdicts = {self._alone(difference, error) for difference in (self.worst, self.best)}
        return len(verdicts) > 1

    def missing_decides(self, error: float) -> bool:
        """What did not come would make it a fail, had it been wrong."""
        return self._alone(self.worst, error) is Verdict.FAIL and not self.fails(error)

    def _alone(self, difference: Difference, error: float) -> Verdict:
        if self._below(difference, error):
            return Verdict.FAIL
        lower = difference.limits(quantile(self.planned, self.number, ERROR))[0]
        return Verdict.PASS if lower > self.pass_floor else Verdict.INCONCLUSIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """All looks at a benchmark, in order; none where nothing can be compared (yet)."""

    planned: PlannedBenchmark
    looks: tuple[Look, ...] = ()

    def passed(self) -> Look | None:
        """The first look that passes, unless an earlier one fails for good."""
        return next((look for look in self.looks if look.passes()), None)

    def failed(self, error: float) -> Look | None:
        """The first look that fails with this error, unless an earlier one passes."""
        found = next((look for look in self.looks if look.fails(error)), None)
        before = self.passed()
        return None if found and before and before.number < found.number else found


def stand(
    planned: PlannedBenchmark, ledger: AnswerTable, rules: JudgingRules = FIRST, *, ended: bool = True
) -> Standing:
    """All looks of the plan; without looks in the plan one, at whatever there is.

    What is not there counts as what failed does, wrong for one limit and right for the other: a look that decides then
    would have decided with it as well.

    Args:
        planned: the benchmark.
        ledger: its answers.
        rules: by which it is judged.
        ended: more will not come; else only looks are taken of which everything is there.
    """
    if not planned.comparable:
        return Standing(planned=planned)
    order, found = positions(planned, rules.asked, chained=rules.chained), []
    for number, end in enumerate(planned.looks or (len(order),)):
        complete = all(ledger.states[position] != NOTHING for position in order[:end])
        if planned.looks and not complete and not ended:
            break
        look = look_at(planned, ledger, order[:end], number, rules)
        if look is not None:
            found.append(look)
    return Standing(planned=planned, looks=tuple(found))


def look_at(
    planned: PlannedBenchmark, ledger: AnswerTable, covered: Sequence[int], number: int, rules: JudgingRules = FIRST
) -> Look | None:
    """Compare these answers with the reference; None when they are too few, or give no score to compare."""
    answers = sum(ledger.states[position] != NOTHING for position in covered)
    if answers < FEWEST:
        return None
    seen, worst, best = _differences(planned, ledger, covered, rules)
    if seen is None and rules.strata:  # no answer to any item of one stratum
        seen = best
    if seen is None or worst is None or best is None:
        return None
    if isinstance(seen, Unpaired):  # of the same answers
        size = seen.vendor.size
    else:
        size = _estimate(planned, ledger.terms(covered, None), len(covered)).size
    return Look(
        planned=planned, rules=rules, number=number, answers=answers, size=size, complete=answers == len(covered),
        seen=seen, worst=worst, best=best,
    )  # fmt: skip


def _differences(
    planned: PlannedBenchmark, ledger: AnswerTable, covered: Sequence[int], rules: JudgingRules
) -> tuple[Difference | None, Difference | None, Difference | None]:
    """Without the answers that did not come, with them as wrong, and with them as right; one where all came."""
    seen = _difference(planned, ledger, covered, None, rules)
    if all(ledger.states[position] == SCORED for position in covered):
        return seen, seen, seen
    worst, best = (_difference(planned, ledger, covered, missing, rules) for missing in (WRONG, RIGHT))
    return seen, worst, best


def _difference(
    planned: PlannedBenchmark, ledger: AnswerTable, covered: Sequence[int], missing: Term | None, rules: JudgingRules
) -> Difference | None:
    terms = ledger.terms(covered, missing, like=planned.peers if rules.sharp and missing == RIGHT else ())
    if not any(whole for _, (_, whole) in terms):
        return None
    if rules.strata:
        return _by_strata(planned, terms, rules.strata, rules.drift)
    if planned.peers:
        return _paired(planned, terms, rules)
    own = ledger.own_terms(covered)
    if any(whole for _, (_, whole) in own):
        vendor, reference = _by_sample(planned, terms), _by_sample(planned, own)
        return paired_f1([vendor.get(cluster, (0.0, 0.0)) for cluster in reference], list(reference.values()))
    return Unpaired(vendor=_estimate(planned, terms, len(covered)), reference=reference_of(planned, terms))


def _paired(planned: PlannedBenchmark, terms: Terms, rules: JudgingRules) -> Difference | None:
    """The difference from the reference's own answers; by the second rules two answers are added, not two samples.

    Where every item of the dataset was asked several times by both, the score is about these very items, so that only
    the variance of the answers to each counts.
    """
    differences = _from_peers(planned, terms)
    if not rules.sharp:
        return paired_mean(differences)
    answers = len(terms) / max(1, len({sample for sample, _ in terms}))
    within = _within(planned, terms, rules.reference_epochs)
    return paired_mean(differences, answers=answers, within=within, drift=rules.drift)


def _by_strata(planned: PlannedBenchmark, terms: Terms, strata: Strata, drift: float) -> StratifiedDifference | None:
    """The difference over border items and sure ones; None where one of the two has no answer."""
    seen = tuple(_stratum(planned, terms, strata, name, drift) for name in (BORDER, SURE))
    found = [one for one in seen if one is not None]
    rest = strata.expected.get(REST)
    unasked = strata.share(REST) * rest.accuracy if rest else 0.0
    return StratifiedDifference(strata=found, unasked=unasked, drift=drift) if len(found) == len(seen) else None


def _stratum(planned: PlannedBenchmark, terms: Terms, strata: Strata, name: str, drift: float) -> SeenStratum | None:
    """One stratum; days differ most in items at the border, by how much more their answers vary than all do."""
    mine = [(sample, term) for sample, term in terms if strata.asked[sample] == name]
    clusters = list(_by_sample(planned, mine).values())
    share, whole = share_of(clusters)
    if not whole:
        return None
    sums, counts = [part for part, _ in clusters], [whole for _, whole in clusters]
    expected = strata.expected[name]
    overall = sum(strata.share(one) * found.accuracy for one, found in strata.expected.items())
    varies = expected.accuracy * (1 - expected.accuracy) / max(1e-9, overall * (1 - overall))
    return SeenStratum(
        name=NAMES[name], share=strata.share(name),
        vendor=Estimate(share=share, size=effective_size(sums, counts), degrees=degrees_of(counts)),
        reference=Estimate(share=expected.accuracy, size=float(expected.answers)),
        drift=drift * max(1.0, varies) ** 2, weight=strata.weights[name],
    )  # fmt: skip


def _within(planned: PlannedBenchmark, terms: Terms, reference_epochs: int) -> float | None:
    """Variance of the summed differences by the answers to each item alone; None where that is not what counts."""
    if not asked_whole(planned) or planned.epochs < 2 or reference_epochs < 2:
        return None
    samples: dict[int, list[float]] = {}
    for sample, (part, whole) in terms:
        if whole:
            samples.setdefault(sample, []).append(part / whole)
    if len(samples) < planned.samples or any(len(values) < 2 for values in samples.values()):
        return None
    theirs = [value for value in planned.peers if value is not None]
    if len(theirs) < planned.samples:
        return None
    return sum(variance(values) / len(values) for values in samples.values()) + sum(
        value * (1 - value) / (reference_epochs - 1) for value in theirs
    )


def asked_whole(planned: PlannedBenchmark) -> bool:
    """Whether the plan asks every item of the pinned dataset."""
    return planned.dataset.pinned and planned.samples == planned.dataset.count


def _from_peers(planned: PlannedBenchmark, terms: Terms) -> list[Term]:
    """By cluster, the sum of the differences from the reference's own answers to the same samples, and their number."""
    samples: dict[int, Term] = {}
    for sample, (part, whole) in terms:
        before = samples.get(sample, (0.0, 0.0))
        samples[sample] = before[0] + part, before[1] + whole
    sums: dict[int, Term] = {}
    for sample, (part, whole) in samples.items():
        theirs = planned.peers[sample]
        if theirs is not None and whole:
            cluster = planned.clusters[sample] if planned.clusters else sample
            before = sums.get(cluster, (0.0, 0.0))
            sums[cluster] = before[0] + part / whole - theirs, before[1] + 1
    return list(sums.values())


def reference_of(planned: PlannedBenchmark, terms: Terms) -> Estimate:
    """The published score with its own uncertainty.

    Its size is what was published; where nothing was, one pass over the dataset is assumed, the least that a published
    score can rest on. What makes questions hard is the same for both, so its answers count as independent, like the
    vendor's own where it has answered the whole dataset. An F1 rests only on those answers that are positive for one of
    the two; their share is taken from the vendor's.
    """
    reference = planned.reference
    assert reference is not None
    size = float(reference.n or planned.dataset.count or planned.samples)
    if not rule_of(planned).f1:
        return Estimate(share=reference.value, size=size)
    counted = share_of([term for _, term in terms])[1] / len(terms) if terms else 1.0
    return Estimate(share=overlap_from(reference.value), size=size * min(1.0, counted), f1=True)


def _estimate(planned: PlannedBenchmark, terms: Terms, covered: int) -> Estimate:
    """The vendor's score.

    Where it has answered every question of the pinned dataset, the score is about these very questions, as the
    reference's is: the answers are independent, and a mean of proportions varies at most like one proportion. Else the
    samples stand for others, and their answers in several epochs, or to alike questions, are dependent.
    """
    share, whole = share_of([term for _, term in terms])
    f1 = rule_of(planned).f1
    everything = asked_whole(planned) and not covered % planned.samples
    if everything and not f1:
        return Estimate(share=share, size=whole)
    clusters = list(_by_sample(planned, terms).values())
    sums, counts = [part for part, _ in clusters], [whole for _, whole in clusters]
    return Estimate(share=share, size=effective_size(sums, counts), degrees=degrees_of(counts), f1=f1)


def _by_sample(planned: PlannedBenchmark, terms: Terms) -> Mapping[int, Term]:
    """Sums of the terms of each sample, or cluster of samples."""
    sums: dict[int, Term] = {}
    for sample, (part, whole) in terms:
        cluster = planned.clusters[sample] if planned.clusters else sample
        before = sums.get(cluster, (0.0, 0.0))
        sums[cluster] = before[0] + part, before[1] + whole
    return sums


def holm(standings: Iterable[Standing], count: int) -> dict[str, float]:
    """The benchmarks that fail, each with the error at which it does.

    Step by step: while anything fails with `ERROR` divided by the number of benchmarks that have not failed yet, it
    leaves the family and the others are tested less strictly.

    Args:
        standings: of the benchmarks that can fail.
        count: how many of them the plan has, also those without an answer.
    """
    open_, failed = list(standings), dict[str, float]()
    while True:
        error = ERROR / max(1, count - len(failed))
        found = [standing for standing in open_ if standing.failed(error)]
        if not found:
            return failed
        failed |= {standing.planned.id: error for standing in found}
        open_ = [standing for standing in open_ if standing not in found]


def design_of(
    planned: PlannedBenchmark, size: float, terms: Terms, error: float, rules: JudgingRules, paired: float | None = None
) -> Design:
    """The comparison as planning sees it, at its last look.

    Args:
        planned: the benchmark; it must be comparable.
        size: independent answers of the vendor.
        terms: of its answers, for the size of an F1's reference; may be empty.
        error: of failing.
        rules: by which it is judged.
        paired: standard error of a paired difference.
    """
    last = max(0, len(planned.looks) - 1)
    if rules.strata:
        return Design(
            reference=reference_of(planned, terms), size=size, margin=planned.margin or 0.0, to_fail=0.0,
            to_pass=quantile(planned, last, ERROR), to_differ=quantile(planned, last, _to_differ_by_strata(error)),
            error=paired or _by_pack(rules.strata, rules.drift), pass_margin=rules.pass_margin, drift=rules.drift,
        )  # fmt: skip
    return Design(
        reference=reference_of(planned, terms), size=size, margin=planned.margin or 0.0, pass_margin=rules.pass_margin,
        to_pass=quantile(planned, last, ERROR), to_fail=quantile(planned, last, error),
        to_differ=quantile(planned, last, _to_differ(error, rules)), error=paired, drift=rules.drift,
    )  # fmt: skip


def _by_pack(strata: Strata, drift: float) -> float:
    """The standard error of the difference of a vendor that equals the pack."""
    known = [(name, strata.expected[name], strata.asked.count(name)) for name in (BORDER, SURE)]
    return math.sqrt(drift + sum(
        strata.share(name) ** 2 * one.accuracy * (1 - one.accuracy) * (1 / asked + 1 / one.answers)
        for name, one, asked in known
    ))  # fmt: skip


def planned_design(planned: PlannedBenchmark, count: int, rules: JudgingRules) -> Design | None:
    """What a plan can decide about a benchmark before anything is sent; None when it is not comparable.

    Args:
        planned: the benchmark.
        count: benchmarks that can fail (`family`).
        rules: by which it is judged.
    """
    if not planned.comparable:
        return None
    answers = planned.samples * planned.epochs
    f1 = rule_of(planned).f1
    size = float(answers if asked_whole(planned) or planned.epochs == 1 else planned.samples)
    terms: Terms = ()
    if f1 and planned.reference:
        counted = POSITIVE * (2 - planned.reference.value)
        size, terms = size * counted, ((0, (counted, counted)),)
    theirs = [value for value in planned.peers if value is not None]
    error = None
    if theirs and rules.sharp and not rules.strata:
        error = paired_error(theirs, rules.reference_epochs, planned.epochs, rules.drift)
    return design_of(planned, size, terms, ERROR / count, rules, error)
