"""What is planned: which samples, how many epochs, and a digest of it all."""

import hashlib
from dataclasses import replace

import pytest

from kvv_action.errors import DatasetError
from kvv_action.plan.plan import Amount, Loaded, ReferenceRun, plan_benchmark, plan_digest
from kvv_action.profiles.model import BenchmarkRules, ThinkingRules, TierRules
from kvv_action.schema import BenchmarkKind, DatasetInfo, Reference
from tests.ask.fakes import RULES, FakeRows, Quiz, fake_profile, load_quiz, plan_of

TIERS = {"smoke": TierRules(limit=5, epochs=1), "full": TierRules(epochs=8)}
PROFILE = fake_profile(quiz=replace(RULES, tiers=TIERS, epochs=8))
EFFORTS = ("low", "high", "max")
BUNDLED = FakeRows(DatasetInfo(source="bundled", location="x", count=1, digest="0"))


def planned(
    quiz: Quiz, tier: str = "smoke", *, limit: int | None = None, epochs: int | None = None, seed: int = 0,
    rows: FakeRows | None = None,
) -> Loaded:  # fmt: skip
    return plan_benchmark(quiz, rows or FakeRows(), PROFILE, Amount(tier=tier, limit=limit, epochs=epochs, seed=seed))


def ids(loaded: Loaded) -> list[str]:
    return [sample.id for sample in loaded.samples()]


@pytest.mark.parametrize(
    ("tier", "limit", "epochs", "found"),
    [
        ("smoke", None, None, (5, 1)),
        ("full", None, None, (20, 8)),
        ("smoke", 7, None, (7, 1)),
        ("smoke", None, 3, (5, 3)),
        ("full", 20, 1, (20, 1)),
        ("full", 1000, 2, (20, 2)),
    ],
)
def test_the_user_wins_over_the_tier(tier: str, limit: int | None, epochs: int | None, found: tuple[int, int]) -> None:
    """Samples and epochs by tier, unless given."""
    plan = planned(Quiz(count=20), tier, limit=limit, epochs=epochs).planned
    assert (plan.samples, plan.epochs) == found


def test_bundled_samples_are_all_asked_once() -> None:
    """They are few, and their verdict is exact."""
    plan = planned(Quiz(count=20), rows=BUNDLED).planned
    assert (plan.samples, plan.epochs, plan.ids) == (20, 1, ())


def test_probes_are_all_asked_once_whatever_is_given() -> None:
    """Half a contract is none."""
    plan = planned(Quiz(count=20, kind=BenchmarkKind.CONTRACT), limit=2, epochs=4).planned
    assert (plan.samples, plan.epochs) == (20, 1)


def test_a_subset_is_the_same_every_time() -> None:
    """Seed and ids alone decide; the samples keep their order."""
    one, two = (planned(Quiz(count=100), limit=4, seed=7) for _ in range(2))
    assert one.planned.ids == two.planned.ids == tuple(ids(one))
    assert ids(one) == sorted(ids(one), key=lambda name: int(name[1:]))


def test_another_seed_is_another_subset() -> None:
    """Otherwise it would not be a choice."""
    assert ids(planned(Quiz(count=100), limit=4, seed=1)) != ids(planned(Quiz(count=100), limit=4, seed=2))


def test_a_larger_limit_keeps_the_smaller_subset() -> None:
    """So answers can be compared between tiers."""
    small, large = (set(ids(planned(Quiz(count=100), limit=limit))) for limit in (5, 20))
    assert small < large


def test_duplicates_are_refused() -> None:
    """The name of a sample is how evidence is found."""
    with pytest.raises(DatasetError, match="quiz: the sample id 'b' occurs twice"):
        load_quiz(Quiz(count=3, ids=("a", "b", "b")))


def test_the_ids_digest_names_the_samples() -> None:
    """SHA-256 of the ids, one a line; it differs between subsets."""
    found = {planned(Quiz(count=10), limit=limit).planned.ids_digest for limit in (3, 4, 10)}
    assert len(found) == 3
    assert planned(Quiz(count=2, ids=("a", "b"))).planned.ids_digest == hashlib.sha256(b"a\nb").hexdigest()


def test_samples_can_be_read_again_and_again() -> None:
    """Nothing is held in memory between passes."""
    loaded = planned(Quiz(count=10), limit=3)
    assert ids(loaded) == ids(loaded)


def test_a_benchmark_without_rules_is_planned_whole() -> None:
    """A profile may know nothing about it; then there is no reference either."""
    plan = planned(Quiz(id="unknown", count=4)).planned
    assert (plan.samples, plan.epochs, plan.reference, dict(plan.sampling)) == (4, 1, None, {})


def test_sampling_of_a_benchmark_without_thinking() -> None:
    """The instant mode has its own temperature."""
    profile = fake_profile(quiz=replace(RULES, thinking=False))
    plan = plan_benchmark(Quiz(), FakeRows(), profile, Amount(tier="full", limit=None, epochs=None, seed=0)).planned
    assert (plan.thinking, plan.sampling["temperature"]) == (False, 0.6)


def test_the_digest_of_a_plan_changes_with_everything_in_it() -> None:
    """Two runs with the same digest ask the same."""
    loaded = [load_quiz(Quiz())]
    plans = [
        plan_of(loaded),
        plan_of(loaded, seed=1),
        plan_of(loaded, model="other"),
        plan_of(loaded, tier="smoke"),
        plan_of(loaded, extra_body={"a": 1}),
        plan_of([load_quiz(Quiz(), epochs=2)]),
        plan_of([load_quiz(Quiz(version="2"))]),
    ]
    assert len({plan_digest(plan) for plan in plans}) == len(plans)
    assert plan_digest(plan_of(loaded)) == plan_digest(plans[0])


def test_rules_have_usable_defaults() -> None:
    """An empty entry in a profile means: as the endpoint does it."""
    assert BenchmarkRules().epochs == 1


@pytest.mark.parametrize(
    ("asked", "run", "measured_at"),
    [("", None, ""), ("high", None, ""), ("low", None, "high"), ("low", "low", ""), ("high", "low", "low"),
     ("low", "", "high")],
)  # fmt: skip
def test_a_reference_of_another_effort_is_no_yardstick(asked: str, run: str | None, measured_at: str) -> None:
    """Its score stays to be looked at; nothing is compared, and no run ends early by it."""
    thinking = ThinkingRules(supported=True, switchable=False, default=True, efforts=EFFORTS, default_effort="high")
    rules = replace(RULES, reference=replace(RULES.reference, effort="high"), thinking=True)
    profile = replace(fake_profile(quiz=rules), thinking=thinking)
    amount = Amount(tier="full", limit=None, epochs=None, seed=0, sequential=True, effort=asked)
    if run is not None:
        known = plan_benchmark(Quiz(count=60), FakeRows(), profile, amount).planned
        reference = Reference(value=0.5, source="run", date="2026-01-01")
        values = dict.fromkeys(ids(planned(Quiz(count=60), "full")), 0.5)
        found = ReferenceRun(planned=known, values=values, reference=reference, effort=run)
        amount = replace(amount, reference_runs={"quiz": found})
    loaded = plan_benchmark(Quiz(count=60), FakeRows(), profile, amount)
    plan = loaded.planned
    assert loaded.measured_at == measured_at
    assert plan.reference is not None
    assert plan.comparable is (not measured_at)
    assert bool(plan.looks) is (not measured_at)
    assert bool(plan.peers) is (run is not None and not measured_at)
