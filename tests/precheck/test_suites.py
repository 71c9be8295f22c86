"""Pre-Verification as a whole, against a correct vendor."""

from pathlib import Path

import pytest

from benchmarks.precheck.suites import chosen
from kvv_action.benchmark import Options
from kvv_action.profiles import loader
from kvv_action.schema import Verdict
from tests.precheck.harness import precheck
from tests.profiles.families import KIMI

pytestmark = pytest.mark.pipeline
LIMITS = {"smoke": 60, "standard": 260, "full": 700}
"""Requests of a tier at most, which the README promises."""


@pytest.mark.parametrize(
    ("tier", "profile"), [("standard", KIMI[0]), *((tier, profile) for tier in ("smoke", "full") for profile in KIMI)]
)
def test_a_correct_vendor_passes(profile: str, tier: str, tmp_path: Path) -> None:
    """Every probe of every profile holds, within the number of requests of the tier; answers raise no finding."""
    seen = precheck(tmp_path / "out", profile=profile, tier=tier)
    assert not seen.broken
    assert not seen.failed
    assert seen.result.verdict is Verdict.PASS
    assert seen.verdict is Verdict.PASS
    assert seen.findings == []
    assert seen.requests <= LIMITS[tier]
    assert seen.requests == expected_requests(profile, tier)


def expected_requests(profile: str, tier: str) -> int:
    """What `kvv plan` says that a right vendor is asked."""
    probes = chosen(loader.load(profile), Options(model=profile, tier=tier))
    return sum(len(probe.requests) + probe.follows for probe in probes)


@pytest.mark.parametrize("profile", KIMI)
@pytest.mark.parametrize("tier", LIMITS)
def test_a_plan_keeps_the_limits(profile: str, tier: str) -> None:
    """Known before anything is sent."""
    assert expected_requests(profile, tier) <= LIMITS[tier]


@pytest.mark.parametrize("profile", KIMI)
@pytest.mark.parametrize(("tier", "above"), [("smoke", "standard"), ("standard", "full")])
def test_a_tier_asks_what_the_one_above_it_asks(profile: str, tier: str, above: str) -> None:
    """Each probe with the same requests, but for how many are sent together: what holds at full holds at standard."""
    some, more = (
        {probe.id: (probe.requests, probe.follows) for probe in chosen(loaded, Options(model=profile, tier=name))}
        for loaded in [loader.load(profile)]
        for name in (tier, above)
    )
    assert [name for name in some if some[name] != more[name]] == ["limits.concurrent"]


@pytest.mark.parametrize("mode", ["opensource", "none"])
def test_every_think_mode_passes(mode: str, tmp_path: Path) -> None:
    """The contract holds whichever way thinking is asked for; the tests above ask for it in the official way."""
    assert precheck(tmp_path / "out", think_mode=mode).result.verdict is Verdict.PASS


def test_a_probe_can_be_chosen_by_pattern(tmp_path: Path) -> None:
    """`probes` takes suites, ids and patterns."""
    seen = precheck(tmp_path / "out", probes="endpoint,parameters.n.default")
    assert set(seen.cases) >= {"endpoint.models", "parameters.n.default"}
    assert all(name.startswith(("endpoint.", "parameters.n.default")) for name in seen.cases)


@pytest.mark.parametrize("profile", [name for name in KIMI if loader.load(name).parameters])
@pytest.mark.parametrize("tier", ["smoke", "full"])
def test_a_vendor_like_the_official_one_passes(profile: str, tier: str, tmp_path: Path) -> None:
    """Refusing open values, a stop to thinking, forced calls and bare tool turns while thinking fails nothing."""
    seen = precheck(tmp_path / "out", profile=profile, tier=tier, faults=("refuses-as-official",))
    assert not seen.broken
    assert not seen.failed
    assert seen.result.verdict is Verdict.PASS
