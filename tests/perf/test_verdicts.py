"""How often verdicts are right, and what ending early saves. `pytest -m perf -s tests/perf/test_verdicts.py`."""

import pytest

from kvv_action.profiles.loader import names
from tests.ask.vendors import simulated
from tests.profiles.sizes import cases
from tests.statistics.test_coverage import coverage

pytestmark = [pytest.mark.perf, pytest.mark.timeout(3600)]
RUNS = 4000
DEFICITS = (0, 1, 2, 4)
"""In margins."""
POINTS = (0.2, 0.3)
"""Losses that are the same at every benchmark."""


@pytest.mark.parametrize(
    ("tier", "sequential"), [("smoke", False), ("standard", True), ("full", False), ("full", True)]
)
def test_verdicts(tier: str, sequential: bool) -> None:
    """Pass, fail and requests in percent of runs and of the plan, for vendors so many margins or points worse."""
    how = "ending early" if sequential else "all asked"
    print(f"\n{tier}, {how}: pass / fail / requests in %, by loss in margins, then in points")
    heads = [*map(str, DEFICITS), *(f"{100 * points:.0f} points" for points in POINTS)]
    print(f"{'profile':18}{'benchmark':11}{'answers':>8}{'margin':>8}{'pass':>6}" + "".join(f"{d:>20}" for d in heads))
    for profile in names():
        for name, case in cases(profile, tier, sequential=sequential).items():
            margin, row = case.planned.margin or 0, []
            for loss in (*(deficit * margin for deficit in DEFICITS), *POINTS):
                found = simulated(
                    case.planned, loss, count=case.count, counted=case.counted, reference_size=case.reference_size,
                    runs=RUNS, seed=1, rules=case.rules,
                )  # fmt: skip
                row.append(f"{100 * found.passes:.1f} / {100 * found.fails:.1f} / {100 * found.requests:.0f}")
            answers, passes = case.planned.samples * case.planned.epochs, case.rules.pass_margin or 0
            print(f"{profile:18}{name:11}{answers:>8}{margin:>8}{passes:>6}" + "".join(f"{cell:>20}" for cell in row))


def test_coverage() -> None:
    """Of the 95 % interval with samples of several epochs, in percent; 4000 runs a cell."""
    truths = (0.02, 0.5, 0.9, 0.99)
    print(f"\n{'answers':>8}{'epochs':>8}{'alike':>7}" + "".join(f"{truth:>8}" for truth in truths))
    for size in (30, 200, 1000):
        for epochs in (1, 2, 5, 8):
            for alike in (0.0, 0.3, 0.8) if epochs > 1 else (0.0,):
                row = [coverage(size // epochs, epochs, truth, alike, runs=4000, seed=2) for truth in truths]
                print(f"{size:>8}{epochs:>8}{alike:>7}" + "".join(f"{100 * covered:>8.1f}" for covered in row))
