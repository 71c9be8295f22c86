"""Differences are records; whoever shows them names the two sides."""

from dataclasses import replace

from kvv_action.plan.difference import AuditDifference, DifferenceKind, difference, differing
from kvv_action.schema import Shard
from tests.report.reports import PLAN


def of_value(place: str, written: object, recomputed: object) -> AuditDifference:
    return AuditDifference(place=place, kind=DifferenceKind.VALUE, written=written, recomputed=recomputed)


def test_a_difference_has_its_place_and_both_values() -> None:
    """Nested places are paths; what is on one side only is None on the other."""
    found = list(differing({"a": [1, {"b": 2}], "c": 3}, {"a": [1, {"b": 4}]}, "record"))
    assert found == [of_value("record.a[1].b", 2, 4), of_value("record.c", 3, None)]


def test_the_sides_are_named_and_the_values_stay_what_they_are() -> None:
    """Also values that hold the usual names of the sides, or look like a place."""
    one = of_value("record.reason", "written by hand: recomputed daily", "x")
    assert one.told("says", "the evidence says") == (
        "record.reason: says 'written by hand: recomputed daily', the evidence says 'x'"
    )
    assert str(one).startswith("record.reason: written 'written by hand")


def test_plans_differ_in_what_a_person_chose_before_what_follows_from_it() -> None:
    """At most three places, digests only when nothing else differs."""
    now = replace(PLAN, seed=PLAN.seed + 1, contract="written there", profile=replace(PLAN.profile, digest="0" * 64))
    said = difference(PLAN, now)
    assert f"seed: there {PLAN.seed}, now {PLAN.seed + 1}" in said
    assert f"contract: there {PLAN.contract!r}, now 'written there'" in said
    assert "digest" not in said
    only = difference(PLAN, replace(PLAN, profile=replace(PLAN.profile, digest="0" * 64)))
    assert only.startswith("profile, digest: there ")


def test_the_digest_of_a_divided_plan_is_no_difference_of_its_own() -> None:
    """It follows from what a person chose."""
    there = replace(PLAN, shard=Shard(number=1, of=4, plan="a" * 64, samples={}))
    now = replace(there, seed=7, shard=Shard(number=1, of=4, plan="b" * 64, samples={}))
    assert difference(there, now) == f"seed: there {PLAN.seed}, now 7"


def test_other_benchmarks_are_named() -> None:
    """Records begin alike, and would be cut before they differ."""
    said = difference(PLAN, replace(PLAN, benchmarks=PLAN.benchmarks[:-1]))
    ids = [planned.id for planned in PLAN.benchmarks]
    assert said == f"benchmarks: there {', '.join(ids)}, now {', '.join(ids[:-1]) or 'none'}"
