"""Causes by their ids, and the severity that numbers give them."""

import pytest

from kvv_action.causes import id_of_sentence
from kvv_action.schema import Severity
from kvv_action.verdict.checks.findings import TEXT_CHECKS
from kvv_action.verdict.delivery import ALL_CAUSES
from kvv_action.verdict.known_causes import cause_of, is_delivery, sentence_of, severity_by_rule


def test_every_cause_of_delivery_and_checks_is_known() -> None:
    """By its own id."""
    declared = [*ALL_CAUSES, *(cause for check in TEXT_CHECKS for cause in check.CAUSES)]
    assert all(cause_of(cause.id) is cause for cause in declared)
    assert cause_of("no-such-cause") is None


def test_the_causes_of_delivery_are_told_apart() -> None:
    """They are one thing to a comparison."""
    assert all(is_delivery(cause.id) for cause in ALL_CAUSES)
    assert not is_delivery("markers-leak")
    assert not is_delivery("no-such-cause")


@pytest.mark.parametrize(
    ("cause", "count", "of", "severity"),
    [
        ("markers-leak", 30, 100, Severity.FAILURE),
        ("markers-leak", 2, 100, Severity.WARNING),
        ("markers-leak", 3, 5000, Severity.WARNING),
        ("markers-unknown", 100, 100, Severity.WARNING),
        ("stream-buffered", 100, 100, Severity.WARNING),
        ("delivery-cut", 3, 100, Severity.FAILURE),
        ("output-capped", 50, 100, Severity.FAILURE),
        ("no-such-cause", 50, 100, None),
    ],
)
def test_severity_follows_from_the_numbers(cause: str, count: int, of: int, severity: Severity | None) -> None:
    """As the checks conclude it."""
    assert severity_by_rule(cause, count, of) is severity


@pytest.mark.parametrize(
    ("cause", "sentence"),
    [
        ("delivery-cut", "25.0 % of the answers are cut before their end at the first try"),
        (
            "delivery-timeout",
            "25.0 % of the answers are cut, most of them after … s: a timeout between client and model",
        ),
        ("markers-leak", "control tokens of the model's template stand in the answers"),
        ("output-capped", "output is capped at … tokens, below what was asked for"),
        ("no-such-cause", "no-such-cause"),
    ],
)
def test_a_sentence_stands_without_what_only_its_run_knows(cause: str, sentence: str) -> None:
    """No blank is left in it."""
    assert sentence_of(cause, share="25.0 %") == sentence


def test_no_sentence_keeps_a_blank() -> None:
    """Whatever it names."""
    declared = [*ALL_CAUSES, *(cause for check in TEXT_CHECKS for cause in check.CAUSES)]
    assert not [cause.id for cause in declared if "{" in sentence_of(cause.id, share="1 %")]


def test_a_cause_that_is_a_sentence_has_a_name_of_its_words() -> None:
    """Without what only its run knows."""
    assert id_of_sentence("usage is missing") == "usage-is-missing"
    assert id_of_sentence("picture format WEBP is not read: 3 of 4") == "picture-format-webp-is-not-read"
