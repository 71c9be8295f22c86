"""Which items a small run asks beside a pack."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from kvv_action.dataset.subset import choose
from kvv_action.errors import KvvError
from kvv_action.plan.order import positions
from kvv_action.plan.plan import Amount, ReferenceRun, plan_benchmark
from kvv_action.plan.strata import ASKED, PackedItem, Strata, again, read, strata_of
from kvv_action.profiles.model import TierRules
from kvv_action.schema import Reference
from tests.ask.fakes import RULES, FakeRows, Quiz, fake_profile
from tests.ask.vendors import planned_of

IDS = [f"item-{number}" for number in range(300)]


def packed_of(letters: str) -> dict[str, PackedItem]:
    """Items whose answers make them border, sure or hopeless ones, or of which one answer came."""
    answers = {"b": (0.0, 1.0, 1.0), "s": (1.0, 1.0, 1.0), "r": (0.0, 0.0, 0.0), "-": (1.0,)}
    return {name: PackedItem(answers=answers[one]) for name, one in zip(IDS, letters, strict=False)}


@pytest.mark.parametrize(
    ("others", "stratum"),
    [((), "-"), ((1.0,), "s"), ((0.0,), "b"), ((0.0, 0.0), "r"), ((0.0, 0.0, 0.0, 1.0), "b"), ((1.0, 0.0), "b"),
     ((1.0, 1.0, 1.0, 1.0, 0.0), "b"), ((1.0,) * 5 + (0.0,), "s"), ((0.0,) * 4 + (1.0,), "r"), ((0.5, 0.5), "b")],
)  # fmt: skip
@pytest.mark.parametrize("held_out", [0.0, 1.0])
def test_the_other_answers_choose(others: tuple[float, ...], held_out: float, stratum: str) -> None:
    """A quarter to four fifths right is the border; a single wrong answer makes a border item."""
    item = PackedItem(answers=(*others, held_out))
    assert (item.stratum, item.held_out) == (stratum, held_out)


def test_an_item_without_answers_is_unknown() -> None:
    """It holds nothing out, and counts nowhere."""
    item = PackedItem(answers=())
    assert (item.stratum, item.held_out, list(item.counted())) == ("-", None, [])


def test_each_answer_counts_where_the_others_put_its_item() -> None:
    """Never where it put the item itself; shares of an item add up to one."""
    assert sorted(PackedItem(answers=(1.0, 1.0, 1.0, 0.0)).counted()) == [("b", 0.75, 0.75), ("s", 0.0, 0.25)]
    assert sorted(PackedItem(answers=(0.0, 1.0)).counted()) == [("b", 0.5, 0.5), ("s", 0.0, 0.5)]


def test_all_answers_say_what_to_expect() -> None:
    """Over all items, each alike; items that the pack cannot tell apart have no share."""
    letters = "b" * 100 + "s" * 150 + "r" * 40 + "-" * 10
    found = strata_of(packed_of(letters), IDS, 1)
    assert found is not None
    assert found.items == letters
    assert (found.asked.count("b"), found.asked.count("s"), len(found.asked)) == (ASKED, ASKED, 2 * ASKED)
    border, sure, rest = (found.expected[name] for name in "bsr")
    assert (border.accuracy, sure.accuracy, rest.accuracy) == (1.0, round(450 / 550, 6), 0.0)
    assert 100 <= border.answers <= 200, "both right answers of an item count there together"
    assert 150 <= sure.answers <= 550
    assert found.share("b") == pytest.approx(100 / 290)
    wanted = {*choose(IDS[:100], ASKED, 1), *choose(IDS[100:250], ASKED, 1)}
    assert found.drawn(IDS, 1) == tuple(one for one in IDS if one in wanted)
    assert found.drawn(IDS, 2) != found.drawn(IDS, 1)


@pytest.mark.parametrize("answers", [2, 3, 4, 8])
def test_an_equal_vendor_scores_what_is_expected(answers: int) -> None:
    """Neither choosing nor expecting takes luck for skill: over many packs, new answers are as good as expected."""
    rng, differences = np.random.RandomState(answers), {"b": list[float](), "s": list[float]()}
    for _ in range(40):
        likely = rng.beta(0.8, 0.2, len(IDS))
        right = (rng.random_sample((answers, len(IDS))) < likely).astype(float).T.tolist()
        found = strata_of({one: PackedItem(answers=right[n]) for n, one in enumerate(IDS)}, IDS, 1)
        assert found is not None
        for name, seen in differences.items():
            there = np.array([one == name for one in found.items])
            seen.append(
                (likely[there].mean() - found.expected[name].accuracy) * math.sqrt(found.expected[name].answers)
            )
    for seen in differences.values():
        assert abs(np.mean(seen)) < 3 * np.std(seen) / math.sqrt(len(seen))


def test_an_item_that_lost_answers_counts_like_the_others() -> None:
    """What the pack lost does not make a stratum look better or worse."""
    whole, half = [1.0, 1.0, 0.0, 0.0] * 2, [1.0, 0.0]
    packed = {one: PackedItem(answers=whole if n % 2 else half) for n, one in enumerate(IDS)}
    packed |= {one: PackedItem(answers=[1.0] * 8) for one in IDS[200:]}
    found = strata_of(packed, IDS, 1)
    assert found is not None
    assert found.expected["b"].accuracy == pytest.approx((100 * 0.5 + 100 * 0.5) / (100 * 1.0 + 100 * 0.5), abs=1e-6)


@pytest.mark.parametrize("letters", ["s" * 295 + "b" * 5, "b" * 300, "b" * 50 + "s" * 50, ""])
def test_too_few_items_are_not_asked_apart(letters: str) -> None:
    """No stratum of a handful, and none where everything would be asked."""
    ids = IDS[: len(letters)] if len(letters) == 100 else IDS
    assert strata_of(packed_of(letters), ids, 1) is None


def test_a_plan_keeps_its_strata() -> None:
    """They are drawn again from what the plan keeps; of another dataset they are none."""
    found = strata_of(packed_of("bs" * 150), IDS, 4)
    assert found is not None
    assert read(found.kept()) == found
    assert again(replace(found, asked="s" * 100), IDS, 4) == found
    assert again(found, IDS[1:], 4) is None


def test_an_older_plan_has_no_weights() -> None:
    """Its strata count alike, as they did then."""
    kept = {"items": "bs" * 50, "asked": "bs", "expected": {"border": [0.5, 9], "sure": [1.0, 9]}}
    assert read(kept).weights == {"b": 1.0, "s": 1.0}
    assert read({**kept, "weights": {"border": 1, "sure": 2}}).weights == {"b": 1.0, "s": 2.0}


@pytest.mark.parametrize("change", [
    {"items": 5}, {"items": "bsx"}, {"asked": "bbb"}, {"asked": "bsq"}, {"expected": {"border": [0.5, 9]}},
    {"expected": {"border": [1.5, 9], "sure": [1, 9]}}, {"expected": {"border": [0.5, 0], "sure": [1, 9]}},
    {"expected": []}, {"items": "bsr"}, {"expected": {"border": [0.5, "9"], "sure": [1, 9]}}, {"weights": None},
    {"weights": {"border": 1}}, {"weights": {"border": 1, "sure": 0}}, {"weights": {"border": 1, "sure": "2"}},
])  # fmt: skip
def test_damaged_strata_are_refused(change: dict[str, Any]) -> None:
    """Whatever it is."""
    kept = {"items": "bs" * 50, "asked": "bs", "expected": {"border": [0.5, 9], "sure": [1.0, 9]}}
    assert isinstance(read(kept), Strata)
    with pytest.raises(KvvError, match="damaged"):
        read({**kept, **change})


def test_every_beginning_holds_the_strata_in_proportion() -> None:
    """A look at any number of answers sees what the whole sees."""
    letters = "b" * 50 + "s" * 30
    planned = replace(planned_of(reference=0.8, margin=0.05, samples=80, size=80), looks=(8, 80), order_seed=3)
    order = positions(planned, letters)
    assert sorted(order) == list(range(80))
    for end in range(1, 81):
        assert abs(sum(letters[place] == "b" for place in order[:end]) - end * 5 / 8) <= 1
    assert positions(replace(planned, order_seed=4), letters) != order


@pytest.mark.parametrize(
    ("tier", "limit", "several", "asked"),
    [("smoke", None, True, 100), ("smoke", 40, True, 40), ("full", None, True, 300), ("smoke", None, False, 60)],
)
def test_smoke_alone_asks_by_strata(tier: str, limit: int | None, several: bool, asked: int) -> None:
    """With several answers to each item; a number that the user chose holds."""
    tiers = {**RULES.tiers, "smoke": TierRules(limit=60, epochs=1)}
    quiz, profile = Quiz(count=300), fake_profile(quiz=replace(RULES, tiers=tiers))
    first = plan_benchmark(quiz, FakeRows(), profile, Amount(tier="full", limit=None, epochs=None, seed=0))
    ids = [one.id for one in first.every]
    run = ReferenceRun(
        planned=first.planned, values=dict.fromkeys(ids, 0.6), reference=Reference(value=0.6, source="a", date="b"),
        several={one: PackedItem(answers=(float(n % 2), 1.0)) for n, one in enumerate(ids)} if several else {},
    )  # fmt: skip
    amount = Amount(tier=tier, limit=limit, epochs=None, seed=0, reference_runs={"quiz": run})
    found = plan_benchmark(quiz, FakeRows(), profile, amount)
    assert (found.planned.samples, found.strata is not None) == (asked, asked == 100)
    assert set(found.planned.peers) == ({1.0} if asked == 100 else {0.6})
