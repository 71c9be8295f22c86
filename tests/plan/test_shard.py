"""Shards: who asks what follows from the plan alone, and every sample has one shard."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kvv_action.errors import JournalError
from kvv_action.plan.plan import plan_digest
from kvv_action.plan.shard import deal, divide, numbers, whole
from tests.ask.fakes import Quiz, make_run

PAIRS = st.lists(st.tuples(st.text(min_size=1), st.sampled_from("abcd")), unique_by=lambda pair: pair[0], max_size=60)


@given(pairs=PAIRS, other=PAIRS, of=st.integers(1, 9), seed=st.integers(0, 3), together=st.booleans())
def test_every_sample_has_one_shard_and_shards_are_alike(
    pairs: list[tuple[str, str]], other: list[tuple[str, str]], of: int, seed: int, together: bool
) -> None:
    """No sample is lost or dealt twice; sizes differ by one at most, and so do the shares of every category."""
    hands = deal({"quiz": pairs, "other": other}, range(1, of + 1), seed, frozenset({"quiz"} if together else ()))
    assert sorted(name for ids in hands["quiz"].values() for name in ids) == sorted(name for name, _ in pairs)
    for name, dealt in (("quiz", pairs), ("other", other)):
        assert spread([len(ids) for ids in hands[name].values()]) <= 1
        for category in {} if together and name == "quiz" else {category for _, category in dealt}:
            shares = [sum(1 for sample, kind in dealt if kind == category and sample in ids)
                      for ids in hands[name].values()]  # fmt: skip
            assert spread(shares) <= 1


def spread(values: list[int]) -> int:
    return max(values) - min(values)


@given(pairs=PAIRS, of=st.integers(1, 9), chance=st.randoms(use_true_random=False))
def test_the_order_of_the_samples_does_not_matter(pairs: list[tuple[str, str]], of: int, chance) -> None:
    """A dataset that is read in another order is dealt in the same way."""
    mixed = chance.sample(pairs, len(pairs))
    assert deal({"quiz": pairs}, range(1, of + 1), 7) == deal({"quiz": mixed}, range(1, of + 1), 7)


def test_dealing_is_the_same_for_ever() -> None:
    """Machines with different versions of ours must agree; this is what they agree on."""
    pairs = [(f"q{number}", "even" if number % 2 == 0 else "odd") for number in range(10)]
    hands = deal({"quiz": pairs}, range(1, 4), 0)["quiz"]
    assert {shard: sorted(ids) for shard, ids in hands.items()} == {
        1: ["q2", "q3", "q4", "q9"], 2: ["q6", "q7", "q8"], 3: ["q0", "q1", "q5"],
    }  # fmt: skip


def test_together_cuts_categories_into_few_pieces() -> None:
    """Samples that share layers of an image land in as few shards as sizes allow."""
    pairs = [(f"{repository}-{number}", repository) for repository in "abc" for number in range(8)]
    hands = deal({"swe": pairs}, range(1, 5), 0, frozenset({"swe"}))["swe"]
    assert {len(ids) for ids in hands.values()} == {6}
    pieces = Counter(repository for ids in hands.values() for repository in {name[0] for name in ids})
    assert pieces == {"a": 2, "b": 2, "c": 2}


def test_the_first_shard_asks_what_gates(tmp_path: Path) -> None:
    """And nothing else, so that a workflow can wait for it; the others share the rest."""
    run = make_run(tmp_path, Quiz(count=3, id="quiz", gates=True), Quiz(count=5, id="rest"), profile=profile())
    sizes = [divide(run.plan, run.loaded, number, 3)[0].shard.samples for number in (1, 2, 3)]
    assert sizes == [{"quiz": 3, "rest": 0}, {"quiz": 0, "rest": 3}, {"quiz": 0, "rest": 2}]


def profile():
    from tests.ask.fakes import RULES, fake_profile

    return fake_profile(rest=RULES)


def test_without_a_gate_all_shards_share(tmp_path: Path) -> None:
    """There is nothing to wait for; more shards than samples leave some without work."""
    run = make_run(tmp_path, Quiz(count=3))
    sizes = [divide(run.plan, run.loaded, number, 4)[0].shard.samples["quiz"] for number in range(1, 5)]
    assert sizes == [1, 1, 1, 0]


def test_a_shard_names_the_whole_plan(tmp_path: Path) -> None:
    """All shards record the digest of the plan that they are part of; a changed one is found."""
    run = make_run(tmp_path)
    plan, _ = divide(run.plan, run.loaded, 2, 3)
    assert plan.shard.plan == plan_digest(run.plan)
    assert whole(plan) == run.plan
    with pytest.raises(JournalError, match="shard 2 of 3 belongs to a plan"):
        whole(replace(plan, seed=9))


def test_the_setting_is_read() -> None:
    """`I/N`."""
    assert numbers("2/14") == (2, 14)


def test_nothing_ends_early_in_shards(tmp_path: Path) -> None:
    """The plan that shards share has no looks."""
    run = make_run(tmp_path, Quiz(count=20))
    looking = [replace(item, planned=replace(item.planned, looks=(10, 20))) for item in run.loaded]
    plan, loaded = divide(replace(run.plan, benchmarks=(looking[0].planned,)), looking, 1, 2)
    assert (plan.benchmarks[0].looks, loaded[0].planned.looks) == ((), ())
    assert whole(plan) == run.plan
