"""Causes in the order in which they explain failures, with their symptoms folded under them."""

from collections.abc import Iterable
from typing import Any

import pytest

from kvv_action.causes import Cause, CauseRegistry
from kvv_action.schema import RunCause, Severity, Slot
from kvv_action.verdict.causes import FoundCause, ordered

FAILURE, WARNING, INFORMATION = Severity.FAILURE, Severity.WARNING, Severity.INFORMATION


def declared(name: str, **facts: Any) -> Cause:
    """A cause of no owner."""
    return Cause(id=name, sentence=name, remedy=f"mend {name}", **facts)


KNOWN = CauseRegistry(
    [
        declared("zebra"),
        declared("leak", explains=("stop", "calls", "other-markers"), switches={"vLLM": "--parser"}),
        declared("other-markers"),
        declared("head", explains=("needle",), seldom_shown=True),
        declared("twin-a", explains=("twin-b",)),
        declared("twin-b", explains=("twin-a",)),
        declared("ape"),
        declared("stop"),
        declared("calls", explains=("forced",)),
        declared("forced"),
        declared("needle"),
    ],
    closed=True,
)


def answers(numbers: Iterable[int], benchmark: str = "quiz") -> frozenset[Slot]:
    """The first answer of these samples."""
    return frozenset((benchmark, number, 0) for number in numbers)


def found(name: str, numbers: Iterable[int], severity: Severity = FAILURE, **facts: Any) -> FoundCause:
    """A cause that these answers show, of a hundred."""
    slots = answers(numbers)
    given = {"cause": name, "remedy": "", "count": len(slots), "of": 100, "benchmarks": ("quiz",), **facts}
    return FoundCause(id=name, severity=severity, slots=slots, **given)


def names(causes: Iterable[RunCause]) -> dict[str, tuple[str, ...]]:
    """Ids in their order, with what they explain."""
    return {one.cause_id: one.symptoms for one in causes}


def test_the_cause_that_explains_most_comes_first_and_never_the_alphabet() -> None:
    """By the share of the failing answers; ids play no part, and of equal ones the first declared is first."""
    seen = [found("ape", range(10)), found("zebra", range(20, 50))]
    causes = ordered(seen, answers(range(50)), KNOWN)
    assert [(one.cause_id, one.share) for one in causes] == [("zebra", 0.6), ("ape", 0.2)]
    alike = ordered([found("ape", range(10)), found("zebra", range(20, 30))], (), KNOWN)
    assert [one.cause_id for one in alike] == ["zebra", "ape"]


def test_severity_decides_where_shares_are_equal_then_the_count() -> None:
    """A warning in every answer explains nothing that fails."""
    seen = [found("zebra", range(100), WARNING), found("ape", range(3)), found("head", range(9), INFORMATION)]
    causes = ordered(seen, (), KNOWN)
    assert [(one.cause_id, one.share) for one in causes] == [("ape", 1.0), ("zebra", 0.0), ("head", 0.0)]
    warned = ordered([found("zebra", range(3), WARNING), found("ape", range(9), WARNING)], (), KNOWN)
    assert [(one.cause_id, one.share) for one in warned] == [("ape", None), ("zebra", None)]


def test_symptoms_in_the_same_answers_are_folded_whatever_the_number() -> None:
    """A leak that few answers show explains what just these break, also as a warning; the worst severity stays."""
    causes = ordered([found("leak", range(2), WARNING, in_answers=True), found("stop", range(2))], (), KNOWN)
    assert names(causes) == {"leak": ("stop",)}
    assert (causes[0].severity, causes[0].share, causes[0].switches) == (FAILURE, 1.0, {"vLLM": "--parser"})


@pytest.mark.parametrize(("leaking", "explained"), [(10, False), (60, True)])
def test_symptoms_in_other_answers_are_folded_where_the_cause_is_a_trait(leaking: int, explained: bool) -> None:
    """Two faults at once: a leak in some answers does not explain probes that show none."""
    seen = [found("leak", range(leaking), in_answers=True), found("stop", range(70, 76))]
    assert names(ordered(seen, (), KNOWN)) == ({"leak": ("stop",)} if explained else {"leak": (), "stop": ()})


def test_damage_that_most_answers_do_not_show_explains_others() -> None:
    """The lost beginning of an answer is seen where it leaves a comma behind, and lost in all."""
    seen = [found("head", range(5), in_answers=True), found("needle", range(50, 52))]
    assert names(ordered(seen, (), KNOWN)) == {"head": ("needle",)}


def test_symptoms_of_symptoms_belong_to_the_root() -> None:
    """And count for its share."""
    seen = [
        found("forced", range(30, 60)), found("calls", range(20, 24)), found("leak", range(24), in_answers=True),
    ]  # fmt: skip
    causes = ordered(seen, (), KNOWN)
    assert names(causes) == {"leak": ("forced", "calls")}
    assert causes[0].share == 1.0


@pytest.mark.parametrize("more", ["twin-a", "twin-b"])
def test_of_two_that_explain_each_other_the_one_that_more_answers_show_is_the_cause(more: str) -> None:
    """Never neither."""
    (less,) = {"twin-a", "twin-b"} - {more}
    assert names(ordered([found(less, range(5)), found(more, range(10))], (), KNOWN)) == {more: (less,)}
    alike = ordered([found(less, range(5)), found(more, range(5, 10))], (), KNOWN)
    assert names(alike) == {"twin-a": ("twin-b",)}


def test_a_less_severe_probe_explains_no_failure() -> None:
    """What only warns did not break it."""
    seen = [found("calls", range(5), WARNING), found("forced", range(5, 9))]
    assert names(ordered(seen, (), KNOWN)) == {"forced": (), "calls": ()}


def test_what_several_benchmarks_show_is_one_cause() -> None:
    """Counts and answers are added; the worst severity stays."""
    other = FoundCause(
        id="stop", severity=WARNING, cause="stop", remedy="", count=2, of=10, benchmarks=("exam",),
        slots=answers(range(2), "exam"),
    )  # fmt: skip
    (one,) = ordered([other, found("stop", range(3))], (), KNOWN)
    assert (one.severity, one.count, one.of, one.benchmarks) == (FAILURE, 5, 110, ("exam", "quiz"))


def test_answers_that_are_wrong_without_a_cause_lower_every_share() -> None:
    """A share is of all failing answers."""
    (one,) = ordered([found("stop", range(5))], answers(range(20)), KNOWN)
    assert one.share == 0.25


def test_the_registry_refuses_what_does_not_fit() -> None:
    """Two sentences with one id, and symptoms that nobody declares."""
    with pytest.raises(ValueError, match="two sentences are called 'ape'"):
        CauseRegistry([declared("ape"), Cause(id="ape", sentence="another", remedy="")])
    with pytest.raises(ValueError, match="no cause is called bee"):
        CauseRegistry([declared("ape", explains=("bee",))], closed=True)


def test_sentences_lead_to_ids() -> None:
    """With what a run filled in, without it, and where nobody declares them."""
    known = CauseRegistry([Cause(id="unseen", sentence="does not see {formats}", remedy=""), declared("ape")])
    assert known.id_of("does not see png, webp") == "unseen"
    assert known.id_of("ape") == "ape"
    assert known.id_of("Something else: 5 of 9") == "something-else"
