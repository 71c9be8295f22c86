"""Margins that can be decided: computed for every benchmark of every profile that has one."""

from dataclasses import dataclass

import pytest

from kvv_action.profiles.loader import load, names
from kvv_action.run.decision import family, planned_design
from kvv_action.schema import PlannedBenchmark
from tests.run.vendors import exact, planned_of

ROWS = {"ocrbench": 1000, "mmmu_pro": 3460, "aime2025": 30, "toolcall": 2000, "beam": 700, "deepswe": 113}
"""Samples of the full tier; a benchmark that this does not name cannot have a margin."""
POSITIVE = {"kimi-k2-thinking": 1958 / 4000, "kimi-k2-0905": 1274 / 4000}
"""Share of K2VV's requests at which the official API calls a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A benchmark of a profile at the full tier; `counted` is the part of the answers that an F1 rests on."""

    planned: PlannedBenchmark
    count: int
    counted: float
    reference_size: int

    @property
    def size(self) -> int:
        """Answers that the score rests on."""
        return round(self.planned.samples * self.planned.epochs * self.counted)


def cases(profile: str) -> dict[str, Case]:
    """All that have a margin."""
    rules = {name: rule for name, rule in load(profile).benchmarks.items() if rule.margin is not None}
    found = {}
    for name, rule in rules.items():
        assert rule.reference is not None
        assert rule.margin is not None
        planned = planned_of(
            reference=rule.reference.value, margin=rule.margin, samples=ROWS[name], size=rule.reference.n,
            epochs=rule.epochs, f1=name == "toolcall",
        )  # fmt: skip
        counted = POSITIVE[profile] * (2 - rule.reference.value) if name == "toolcall" else 1.0
        size = round((rule.reference.n or ROWS[name]) * counted)
        found[name] = Case(planned=planned, count=len(rules), counted=counted, reference_size=size)
    return found


ALL = [(profile, name) for profile in names() for name in cases(profile)]


@pytest.mark.parametrize(("profile", "benchmark"), ALL)
def test_the_full_tier_decides(profile: str, benchmark: str) -> None:
    """An equal vendor passes in 90 % and fails in 1 %, one that is two margins worse fails in 95 % of runs."""
    case = cases(profile)[benchmark]
    sizes = {"count": case.count, "size": case.size, "reference_size": case.reference_size}
    equal = exact(case.planned, 0.0, **sizes)
    assert equal.passes >= 0.9
    assert equal.fails <= 0.01
    assert exact(case.planned, 2 * (case.planned.margin or 0), **sizes).fails >= 0.95


@pytest.mark.parametrize("profile", sorted({profile for profile, _ in ALL}))
def test_a_whole_run_of_an_equal_vendor_passes(profile: str) -> None:
    """All benchmarks of the profile together, in 90 % of runs."""
    chance = 1.0
    for case in cases(profile).values():
        sizes = {"count": case.count, "size": case.size, "reference_size": case.reference_size}
        chance *= exact(case.planned, 0.0, **sizes).passes
    assert chance >= 0.9


@pytest.mark.parametrize(("profile", "benchmark"), ALL)
def test_planning_agrees_with_what_is_decided(profile: str, benchmark: str) -> None:
    """The normal approximation that plans are told by is within five points of the exact chances."""
    case = cases(profile)[benchmark]
    design = planned_design(case.planned, case.count)
    assert design is not None
    deficit = 1.5 * design.margin
    sizes = {"count": case.count, "size": case.size, "reference_size": case.reference_size}
    found = exact(case.planned, deficit, **sizes)
    if benchmark != "toolcall":  # whose share of calls a plan cannot know
        assert design.fails(deficit) == pytest.approx(found.fails, abs=0.05)


@pytest.mark.parametrize("profile", names())
def test_a_reference_without_a_margin_says_why(profile: str) -> None:
    """It is for orientation: measured in another way."""
    for rule in load(profile).benchmarks.values():
        if rule.reference is not None and rule.margin is None:
            assert "not the same harness" in rule.reference.note


def test_the_family_is_what_can_fail() -> None:
    """Benchmarks with a reference and a margin; at least one."""
    planned = [case.planned for case in cases("kimi-k3").values()]
    assert family(planned) == 4
    assert family([]) == 1
