"""How often verdicts are right, and what ending early saves. `pytest -m perf -s tests/perf/test_verdicts.py`.

A cell is `pass / fail / requests` in per cent of runs and of the plan. Wanted rates are asserted; where 4000 runs stand
for all, a rate is too high only if its lower 99 % limit is above what is wanted.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from kvv_action.profiles.loader import load, names
from kvv_action.statistics.intervals import exact_limits
from kvv_action.statistics.paired import AnsweredPair, chance_of
from kvv_action.verdict.rules import LOST_ERROR, SCORES_ERROR, VerdictRules
from tests.ask.vendors import planned_of
from tests.perf.verdict_cells import RUNS, Fault, Pack, Rates, Vendor, by_strata, exactly, paired
from tests.profiles.sizes import Case, cases
from tests.statistics.test_coverage import ALLOWED, coverage

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]
MARGINS = (0, 1, 1.5, 2, 3, 4)
"""Losses of a row, in margins."""
POINTS = (0.3,)
"""Losses that are the same at every benchmark."""
TIERS = [("smoke", False), ("standard", True), ("full", False), ("full", True)]
ANSWERS = {
    "nothing lost": Vendor(),
    "8 % lost": Vendor(lost=0.08),
    **{f"hardest 8 % lost, beta {beta:g}": Vendor(lost=0.08, hardest=True, concentration=beta) for beta in (0.3, 1, 3)},
}
ASKED = ("ocrbench", "mmmu_pro", "aime2025", "toolcall")
"""Benchmarks that a run can ask."""


def at_most(found: float, wanted: float, runs: int = RUNS) -> bool:
    """Whether a rate over so many runs may be at most what is wanted."""
    return exact_limits(round(found * runs), runs, 0.01)[0] <= wanted


def at_least(found: float, wanted: float, runs: int = RUNS) -> bool:
    """Whether it may be at least that."""
    return exact_limits(round(found * runs), runs, 0.01)[1] >= wanted


def cell(found: Rates) -> str:
    return f"{100 * found.passes:.1f} / {100 * found.fails:.2f} / {100 * found.requests:.0f}"


def together(found: Sequence[Rates]) -> Rates:
    """A run of several benchmarks: it passes when all do, and fails when one does."""
    requests = sum(one.requests for one in found) / len(found)
    passes = math.prod(one.passes for one in found)
    return Rates(passes=passes, fails=1 - math.prod(1 - one.fails for one in found), requests=requests)


@pytest.mark.parametrize(("tier", "sequential"), TIERS)
def test_published_scores(tier: str, sequential: bool) -> None:
    """Every profile, against what is published: exactly, by recursion over looks and counts."""
    print(f"\n{tier}, {'ending early' if sequential else 'all asked'}: pass / fail / requests, by loss in margins")
    heads = [*map(str, MARGINS), *(f"{100 * points:.0f} points" for points in POINTS)]
    print(f"{'profile':18}{'benchmark':11}{'answers':>8}{'margin':>8}  {'':25}" + "".join(f"{d:>20}" for d in heads))
    missed = []
    for profile in names():
        family = _family(profile, tier, sequential=sequential)
        for how, vendor in ANSWERS.items() if family else ():
            equal, worst = [], []
            for name, case in family.items():
                found = list(_row(case, vendor))
                equal.append(found[0])
                worst.append(found[-1])
                print(f"{_title(profile, name, case)}  {how:25}" + "".join(f"{cell(one):>20}" for one in found))
            missed += _missed(f"{profile} {tier}, {how}", tier, how, together(equal), together(worst))
    assert not missed, missed


def _family(profile: str, tier: str, *, sequential: bool) -> Mapping[str, Case]:
    """The benchmarks that a run of the tier judges, each as one of so many."""
    rules = load(profile).benchmarks
    found = {
        name: one for name, one in cases(profile, tier, sequential=sequential).items()
        if name in ASKED and not rules[name].tiers[tier].only_named
    }  # fmt: skip
    return {name: replace(one, count=len(found)) for name, one in found.items()}


def _row(case: Case, vendor: Vendor) -> Iterator[Rates]:
    for loss in (*(count * (case.planned.margin or 0) for count in MARGINS), *POINTS):
        yield exactly(case, replace(vendor, deficit=loss))


def _title(profile: str, name: str, case: Case) -> str:
    return f"{profile:18}{name:11}{case.planned.samples * case.planned.epochs:>8}{case.planned.margin or 0:>8}"


def _missed(where: str, tier: str, how: str, equal: Rates, worst: Rates) -> Iterator[str]:
    """What a run of all benchmarks does not reach."""
    print(f"{'':18}{'whole run':29}{how:25}{cell(equal):>20}   30 points worse: {cell(worst)}")
    if equal.fails > SCORES_ERROR + LOST_ERROR:
        yield f"{where}: {100 * equal.fails:.2f} % of equal vendors fail"
    if how == "nothing lost" and tier != "standard" and equal.passes < 0.9:
        yield f"{where}: {100 * equal.passes:.1f} % of equal vendors pass"
    if how == "nothing lost" and tier == "smoke" and worst.fails < 0.9:
        yield f"{where}: {100 * worst.fails:.1f} % of vendors 30 points worse fail"


JUDGED = {"mmmu_pro": (0.8, 3460, 0.04), "ocrbench": (0.9, 1000, 0.055)}
"""Benchmarks that a pack judges in a run: score, items, margin."""
PACKS = [(1, 1), (4, 1), (8, 1), (1, 32)]
"""Runs of a pack, each on a day of its own, and answers to each item in each."""


def packed(name: str, tier: str, limit: int | None, *, sequential: bool) -> Case:
    """A benchmark of a run of two, beside a pack."""
    value, items, margin = JUDGED[name]
    planned = planned_of(
        reference=value, margin=margin, samples=limit or items, size=items, rows=items, sequential=sequential
    )
    rules = VerdictRules.at(tier, [planned]).of(planned.id)
    return Case(planned=planned, count=len(JUDGED), counted=1.0, reference_size=items, rules=rules)


def run_of(tier: str, limit: int | None, pack: tuple[int, int], beta: float) -> dict[str, Rates]:
    """Runs of both, each with the same fault."""
    found = []
    for name, (value, items, margin) in JUDGED.items():
        case = packed(name, tier, limit, sequential=tier != "smoke")
        mine = Pack(mean=value, concentration=beta, items=items, days=pack[0], epochs=pack[1])
        faults = {
            one: replace(fault, loss=fault.loss * margin if fault.loss >= 1 else fault.loss)
            for one, fault in FAULTS.items()
        }
        if tier == "smoke" and mine.answers > 1:
            found.append(by_strata(case, mine, faults))
        else:
            found.append(paired(case, mine, faults, runs=RUNS if tier == "smoke" else SLOW))
    return {name: together([one[name] for one in found]) for name in FAULTS}


SLOW = 1000
"""Vendors of a cell that asks thousands of answers."""
FAULTS = {
    "equal": Fault(), "8 % lost": Fault(lost=0.08), "hardest lost": Fault(lost=0.08, hardest=True),
    "1 margin": Fault(loss=1.0), "2 margins": Fault(loss=2.0), "10 points": Fault(loss=0.1),
    "tenth broken": Fault(broken=0.1), "2, 9 % hardest": Fault(loss=2.0, lost=0.09, hardest=True),
}  # fmt: skip


@pytest.mark.parametrize(
    ("tier", "limit", "pack"), [*(("smoke", 60, pack) for pack in PACKS), *(("full", None, pack) for pack in PACKS[:3])]
)
def test_packs(tier: str, limit: int | None, pack: tuple[int, int]) -> None:
    """A run of two benchmarks beside packs of 1, 4 and 8 runs and one of 32 epochs, with days half a point apart."""
    print(f"\n{tier}, beside a pack: pass / fail / requests of a run of {' and '.join(JUDGED)}")
    print(f"{'pack':>8}{'beta':>6}" + "".join(f"{name:>20}" for name in FAULTS))
    missed = []
    for beta in (0.3, 1.0, 3.0):
        found = run_of(tier, limit, pack, beta)
        print(f"{pack[0]:>4} x {pack[1]:<2}{beta:>5}" + "".join(f"{cell(one):>20}" for one in found.values()))
        missed += [f"{tier}, {pack[0]} x {pack[1]}, beta {beta}: {one}" for one in _short(tier, pack, beta, found)]
    assert not missed, missed


WANTED = {
    "smoke": {"equal": 0.9, "10 points": 0.85, "tenth broken": 0.75}, "full": {"equal": 0.9, "2, 9 % hardest": 0.95},
}  # fmt: skip
"""Least rates with items of a beta of at most 1: equal vendors pass, the others fail."""
ENOUGH = {"10 points": 4, "tenth broken": 4}
"""Answers of a pack to each item from which on a rate is wanted of smoke: fewer do not tell border items apart."""


def _short(tier: str, pack: tuple[int, int], beta: float, found: Mapping[str, Rates]) -> Iterator[str]:
    runs, answers = RUNS if tier == "smoke" else SLOW, pack[0] * pack[1]
    for name in ("equal", "8 % lost", "hardest lost"):
        if not at_most(found[name].fails, SCORES_ERROR + LOST_ERROR, runs):
            yield f"{100 * found[name].fails:.2f} % of equal vendors fail ({name})"
    for name, least in WANTED[tier].items():
        rate = found[name].passes if name == "equal" else found[name].fails
        enough = tier == "full" or answers >= ENOUGH.get(name, 1)
        if beta <= 1 and enough and not at_least(rate, least, runs):
            yield f"{100 * rate:.1f} % instead of {100 * least:.0f} % ({name})"


def test_aime() -> None:
    """30 problems, 32 answers to each of both, margin 5 points, half a point between days."""
    print(f"\nAIME 30 x 32 beside 30 x 32: pass / fail\n{'mean':>6}{'beta':>6}{'equal':>20}{'5 points worse':>20}")
    missed = []
    for mean, betas in ((0.945, (0.3, 1.0, 3.0)), (0.8, (0.3, 1.0, 3.0)), (0.6, (3.0,))):
        for beta in betas:
            planned = planned_of(reference=mean, margin=0.05, samples=30, epochs=32, size=960, rows=30)
            rules = VerdictRules.at("full", [planned]).of(planned.id)
            case = Case(planned=planned, count=1, counted=1.0, reference_size=960, rules=rules)
            pack = Pack(mean=mean, concentration=beta, items=30, days=1, epochs=32)
            both = paired(case, pack, {"equal": Fault(), "worse": Fault(loss=0.05)})
            equal, worse = both["equal"], both["worse"]
            print(f"{mean:>6}{beta:>6}{cell(equal):>20}{cell(worse):>20}")
            if (mean > 0.9 or (mean == 0.8 and beta <= 1)) and not at_least(equal.passes, 0.9):
                missed.append(f"{mean}, beta {beta}: {100 * equal.passes:.1f} % of equal vendors pass")
            if not at_most(worse.passes, 0.05):
                missed.append(f"{mean}, beta {beta}: {100 * worse.passes:.1f} % pass that are 5 points worse")
    assert not missed, missed


@pytest.mark.parametrize(("base", "new"), [(1, 1), (1, 8), (1, 32), (8, 8), (4, 32)])
def test_false_regressions(base: int, new: int) -> None:
    """Of equal runs with these numbers of answers to each of 30 or 400 items: at most one in a hundred."""
    rng, runs = np.random.RandomState(3), 400
    for items in (30, 400):
        found = 0
        for _ in range(runs):
            likely = rng.beta(0.8, 0.2, items)
            rights = zip(rng.binomial(base, likely).tolist(), rng.binomial(new, likely).tolist(), strict=True)
            found += chance_of([AnsweredPair(float(a), base, float(b), new) for a, b in rights]).worse <= 0.01
        print(f"\n{items} items, {base} and {new} answers: {100 * found / runs:.2f} % regressions")
        assert at_most(found / runs, 0.01, runs)


def test_coverage() -> None:
    """Of the 95 % interval with samples of several epochs, in percent; 4000 runs a cell."""
    truths, missed = (0.02, 0.5, 0.9, 0.99), []
    print(f"\n{'answers':>8}{'epochs':>8}{'alike':>7}" + "".join(f"{truth:>8}" for truth in truths))
    for size, epochs, alike in product((30, 200, 1000), (1, 2, 5, 8), (0.0, 0.3, 0.8)):
        if alike and epochs == 1:
            continue
        row = [coverage(size // epochs, epochs, truth, alike, runs=4000, seed=2) for truth in truths]
        print(f"{size:>8}{epochs:>8}{alike:>7}" + "".join(f"{100 * covered:>8.1f}" for covered in row))
        missed += [(size, epochs, alike, covered) for covered in row if not at_least(covered, 0.95 - ALLOWED[size])]
    assert not missed, missed
