"""Differences are records; whoever shows them names the two sides."""

from dataclasses import replace

from kvv_action.plan.difference import JsonDifference, difference, differing
from tests.report.reports import PLAN


def test_a_difference_has_its_place_and_both_values() -> None:
    """Nested places are paths; what is on one side only is None on the other."""
    found = list(differing({"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}]}, "record"))
    assert found == [
        JsonDifference(place="record.a[1].b", old=2, new=4), JsonDifference(place="record.c", old=3, new=None),
    ]  # fmt: skip


def test_the_sides_are_named_and_the_values_stay_what_they_are() -> None:
    """Also values that hold the usual names of the sides, or look like a place."""
    one = JsonDifference(place="record.reason", old="written by hand: recomputed daily", new="x")
    assert one.told("says", "the evidence says") == (
        "record.reason: says 'written by hand: recomputed daily', the evidence says 'x'"
    )
    assert one.told().startswith("record.reason: written 'written by hand")


def test_plans_differ_in_what_a_person_chose_before_what_follows_from_it() -> None:
    """At most three places, digests only when nothing else differs."""
    now = replace(PLAN, seed=PLAN.seed + 1, tier="written there", profile=replace(PLAN.profile, digest="0" * 64))
    said = difference(PLAN, now)
    assert f"plan.seed: there {PLAN.seed}, now {PLAN.seed + 1}" in said
    assert f"plan.tier: there {PLAN.tier!r}, now 'written there'" in said
    assert "digest" not in said
    only = difference(PLAN, replace(PLAN, profile=replace(PLAN.profile, digest="0" * 64)))
    assert only.startswith("plan.profile.digest: there ")
