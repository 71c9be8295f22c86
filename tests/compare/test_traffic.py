"""Latency and tokens: ratios on the same samples, told and never a regression."""

import math
from array import array

import pytest

from kvv_action.compare.pairing import Paired
from kvv_action.compare.records import Effect, Shift
from kvv_action.compare.sampled import MEASURES, Sampled
from kvv_action.compare.traffic import shifts
from kvv_action.schema import Completion, Exchange


def sampled(**measures: float) -> Sampled:
    found = Sampled()
    found.add(1.0, 0)
    found.traffic = array("d", bytes(16 * len(MEASURES)))
    for name, value in measures.items():
        place = 2 * MEASURES.index(name)
        found.traffic[place], found.traffic[place + 1] = math.log(value), 1
    return found


def moved(name: str, before: list[float], after: list[float]) -> Shift:
    pairs = [
        (f"s{n}", sampled(**{name: old}), sampled(**{name: new}))
        for n, (old, new) in enumerate(zip(before, after, strict=True))
    ]
    (found,) = shifts({"quiz": Paired(matched=tuple(pairs))}, ["quiz"])
    return found


@pytest.mark.parametrize(
    ("name", "factor", "finding"),
    [
        ("first_token", 2.0, Effect.WORSE),
        ("answer", 0.5, Effect.BETTER),
        ("speed", 0.5, Effect.WORSE),
        ("speed", 2.0, Effect.BETTER),
        ("completion_tokens", 1.5, Effect.WORSE),
        ("answer", 1.05, Effect.SAME),
    ],
)
def test_a_shift_has_its_direction(name: str, factor: float, finding: Effect) -> None:
    """Twice the time is worse, twice the speed is better, five percent do not matter."""
    before = [1.0 + n / 10 for n in range(30)]
    found = moved(name, before, [value * factor for value in before])
    assert found.finding is finding
    assert found.ratio == pytest.approx(factor)


def test_few_samples_cannot_tell() -> None:
    """Five have no interval."""
    found = moved("answer", [1.0] * 5, [9.0] * 5)
    assert (found.finding, found.interval) == (Effect.UNCLEAR, None)


def test_the_share_of_changed_numbers_is_counted() -> None:
    """One prompt of ten that counts other tokens is told, although the median stays."""
    found = moved("prompt_tokens", [100.0] * 10, [100.0] * 9 + [101.0])
    assert (found.changed, found.ratio) == (0.1, 1.0)


def answered(**changes: object) -> Sampled:
    completion = Completion(content="x", streamed=True, first_token=0.5, total=2.5, **changes)  # type: ignore[arg-type]
    found = Sampled()
    found.answered([Exchange(call=0, completion=completion)])
    return found


def test_an_answer_is_measured() -> None:
    """Speed counts the tokens after the first one came."""
    found = answered(usage={"prompt_tokens": 11, "completion_tokens": 100})
    measured = {name: found.measure(name) for name in MEASURES}
    assert measured == pytest.approx(
        {"first_token": 0.5, "answer": 2.5, "speed": 50.0, "prompt_tokens": 11, "completion_tokens": 100}
    )


@pytest.mark.parametrize(
    "usage", [None, {}, {"completion_tokens": "7"}, {"completion_tokens": True}, {"completion_tokens": -3}]
)
def test_what_was_not_said_is_not_measured(usage: object) -> None:
    """And no number is made up."""
    found = answered(usage=usage)
    assert found.measure("completion_tokens") is None
    assert found.measure("answer") == pytest.approx(2.5)


def test_a_list_of_models_is_no_answer() -> None:
    """It has no choices."""
    assert not answered(choices=0).traffic
