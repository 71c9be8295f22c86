"""Vendors with a known deficit, judged by the real decision code: exactly where one look decides, else simulated."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from kvv_action.plan.order import FEWEST, looks_for
from kvv_action.schema import BenchmarkKind, DatasetInfo, PlannedBenchmark, Reference, Verdict
from kvv_action.statistics.differences import Estimate, Unpaired, overlap_from
from kvv_action.verdict.noninferiority import ERROR, Look
from kvv_action.verdict.rules import FIRST, JudgingRules


def planned_of(
    *, reference: float, margin: float, samples: int, size: int | None, epochs: int = 1, f1: bool = False,
    sequential: bool = False, rows: int | None = None,
) -> PlannedBenchmark:  # fmt: skip
    """A benchmark of this size, of a dataset of as many rows unless given."""
    dataset = DatasetInfo(source="hub", location="x", count=rows or samples, digest="0", pinned=True)
    return PlannedBenchmark(
        id="quiz", title="Quiz", version="1", metric="accuracy", kind=BenchmarkKind.SCORED, dataset=dataset,
        samples=samples, epochs=epochs, aggregate="f1" if f1 else "mean", margin=margin,
        reference=Reference(value=reference, source="a paper", date="2026-01-01", n=size),
        looks=looks_for(samples, epochs) if sequential else (),
    )  # fmt: skip


def look(
    planned: PlannedBenchmark, vendor: Estimate, reference: Estimate, number: int = 0, rules: JudgingRules = FIRST
) -> Look:
    """What is known when nothing is missing."""
    seen = Unpaired(vendor=vendor, reference=reference)
    return Look(
        planned=planned,
        number=number,
        answers=round(vendor.size),
        size=vendor.size,
        seen=seen,
        worst=seen,
        best=seen,
        rules=rules,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chances:
    """How often a vendor passes and fails; each in 0..1."""

    passes: float
    fails: float
    requests: float = 1.0


def _pmf(size: int, share: float) -> np.ndarray:
    counts = np.arange(size + 1)
    logs = np.cumsum(np.log(np.maximum(counts, 1)))
    share = min(1 - 1e-12, max(1e-12, share))
    found = logs[-1] - logs - logs[::-1] + counts * math.log(share) + (size - counts) * math.log(1 - share)
    return np.exp(found)


def exact(
    planned: PlannedBenchmark,
    deficit: float,
    *,
    count: int,
    size: int,
    reference_size: int,
    rules: JudgingRules = FIRST,
) -> Chances:
    """By the binomial distributions of vendor and published score; one look, nothing missing.

    Args:
        planned: without early stopping.
        deficit: of the vendor, as a fraction of the score.
        count: benchmarks of the run that can fail.
        size, reference_size: independent answers of each (of an F1 those that are positive for one of the two).
    """
    f1 = planned.aggregate == "f1"
    assert planned.reference is not None
    value = planned.reference.value
    share, theirs = max(0.0, value - deficit), value
    if f1:
        share, theirs = overlap_from(share), overlap_from(theirs)
    below = np.concatenate([[0.0], np.cumsum(_pmf(size, share))])
    passes = fails = 0.0
    weights = _pmf(reference_size, theirs)
    known = np.flatnonzero(weights > 1e-6)
    for group in np.array_split(known, min(60, len(known))):
        middle = round(float(np.average(group, weights=weights[group])))
        reference = Estimate(share=middle / reference_size, size=reference_size, f1=f1)

        def at(right: int, reference: Estimate = reference) -> Look:
            return look(planned, Estimate(share=right / size, size=size, f1=f1), reference, rules=rules)

        enough = _first(size, lambda right: at(right).passes())
        open_ = _first(size, lambda right: not at(right).fails(ERROR / count))
        weight = float(weights[group].sum())
        passes += weight * float(below[-1] - below[enough])
        fails += weight * float(below[open_])
    return Chances(passes=passes, fails=fails)


def _first(size: int, holds: Callable[[int], bool]) -> int:
    """The smallest count for which it holds, size + 1 if for none; it holds for all larger ones."""
    low, high = 0, size + 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def simulated(
    planned: PlannedBenchmark, deficit: float, *, count: int, reference_size: int, runs: int, seed: int,
    counted: float = 1.0, rules: JudgingRules = FIRST,
) -> Chances:  # fmt: skip
    """Seeded runs that end as soon as a look decides; all answers are scored and independent.

    Args:
        planned: with looks or without.
        deficit: of the vendor, as a fraction of the score.
        count: benchmarks of the run that can fail.
        reference_size: independent answers behind the published score.
        rules: by which a look is judged.
        runs, seed: of the simulation.
        counted: share of answers that an F1 rests on.
    """
    assert planned.reference is not None
    f1 = planned.aggregate == "f1"
    random, total = np.random.RandomState(seed), planned.samples * planned.epochs
    looks = planned.looks or (total,)
    ends = [round(end * counted) for end in looks]
    value, share = planned.reference.value, max(0.0, planned.reference.value - deficit)
    if f1:
        value, share = overlap_from(value), overlap_from(share)

    @cache
    def verdict(number: int, right: int, published: int) -> Verdict:
        if looks[number] < FEWEST:
            return Verdict.INCONCLUSIVE
        at = look(
            planned, Estimate(share=right / ends[number], size=ends[number], f1=f1),
            Estimate(share=published / reference_size, size=reference_size, f1=f1), number, rules,
        )  # fmt: skip
        if at.fails(ERROR / count):
            return Verdict.FAIL
        return Verdict.PASS if at.passes() else Verdict.INCONCLUSIVE

    found: list[Verdict] = []
    asked = 0
    for published in random.binomial(reference_size, value, size=runs):
        outcome, number = _one(random, ends, share, lambda n, r, p=int(published): verdict(n, r, p))
        found.append(outcome)
        asked += looks[number]
    return Chances(
        passes=found.count(Verdict.PASS) / runs, fails=found.count(Verdict.FAIL) / runs, requests=asked / runs / total
    )


def _one(
    random: np.random.RandomState, ends: Sequence[int], share: float, verdict: Callable[[int, int], Verdict]
) -> tuple[Verdict, int]:
    right = before = 0
    outcome = Verdict.INCONCLUSIVE
    for number, end in enumerate(ends):
        right += int(random.binomial(end - before, share))
        before = end
        outcome = verdict(number, right)
        if outcome is not Verdict.INCONCLUSIVE:
            return outcome, number
    return outcome, len(ends) - 1
