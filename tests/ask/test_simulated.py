"""Seeded vendors of the full tier that may end early: errors stay rare, and requests are saved."""

import pytest

from tests.ask.vendors import Chances, simulated
from tests.profiles.sizes import Case, cases

pytestmark = pytest.mark.slow  # simulates thousands of runs

RUNS = 400
CHOSEN = [
    ("kimi-k3", "ocrbench"),
    ("kimi-k2.5", "aime2025"),
    ("kimi-k2-thinking", "toolcall"),
    ("kimi-k2.6", "mmmu_pro"),
]


def found(case: Case, deficit: float) -> Chances:
    """A vendor so many margins worse."""
    return simulated(
        case.planned, deficit * (case.planned.margin or 0), count=case.count, counted=case.counted,
        reference_size=case.reference_size, runs=RUNS, seed=11,
    )  # fmt: skip


@pytest.mark.parametrize(("profile", "benchmark"), CHOSEN)
def test_an_equal_vendor_passes_early(profile: str, benchmark: str) -> None:
    """In 90 % of runs, failed in 1 %, with 60 % of the requests."""
    equal = found(cases(profile, sequential=True)[benchmark], 0)
    assert equal.passes >= 0.9
    assert equal.fails <= 0.01
    assert equal.requests <= 0.6


@pytest.mark.parametrize(("profile", "benchmark"), CHOSEN)
def test_a_bad_vendor_fails(profile: str, benchmark: str) -> None:
    """Two margins worse in 95 % of runs; four margins worse with a quarter of the requests."""
    case = cases(profile, sequential=True)[benchmark]
    assert found(case, 2).fails >= 0.95
    far = found(case, 4)
    assert far.fails >= 0.99
    assert far.requests <= 0.25


@pytest.mark.parametrize(("profile", "benchmark"), CHOSEN)
def test_a_vendor_at_the_margin_passes_rarely(profile: str, benchmark: str) -> None:
    """And fails rarely: each in 5 % of runs, to within what 400 runs can tell."""
    at_margin = found(cases(profile, sequential=True)[benchmark], 1)
    assert at_margin.passes <= 0.085
    assert at_margin.fails <= 0.085
    assert at_margin.requests > 0.9


@pytest.mark.parametrize("tier", ["smoke", "standard"])
@pytest.mark.parametrize(("profile", "benchmark"), CHOSEN)
def test_few_answers_raise_no_false_alarm(profile: str, benchmark: str, tier: str) -> None:
    """An equal vendor fails in 1 % of runs at every tier."""
    assert found(cases(profile, tier, sequential=True)[benchmark], 0).fails <= 0.01


def test_a_broken_vendor_fails_at_smoke() -> None:
    """A picture pipeline that answers a tenth of the questions is found with fifty of them."""
    case = cases("kimi-k3", "smoke", sequential=True)["ocrbench"]
    broken = simulated(case.planned, 0.79, count=4, reference_size=1000, runs=RUNS, seed=3)
    assert broken.fails >= 0.99
    assert broken.requests <= 0.4


def test_all_asked_decides_no_less() -> None:
    """Ending early costs hardly any chance of a verdict."""
    case, early = cases("kimi-k3")["ocrbench"], cases("kimi-k3", sequential=True)["ocrbench"]
    assert abs(found(case, 2).fails - found(early, 2).fails) < 0.03
