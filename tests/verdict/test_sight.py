"""Diagnosis of sight from numbers."""

import random

import pytest

from kvv_action.verdict.sight import BADLY, BLIND, FORMAT, LOST, WORSE, diagnose


def sums(**means: tuple[float, int]) -> dict[str, tuple[float, int]]:
    """Totals and counts from means and counts."""
    return {name: (mean * count, count) for name, (mean, count) in means.items()}


def cause(right: float, scored: int, **means: tuple[float, int]) -> str:
    """The diagnosis, empty for none."""
    found = diagnose(sums(**means), right, scored)
    return found.cause if found else ""


def test_near_guessing_is_blind() -> None:
    """A quarter right among ten options: models know a little from the text."""
    assert cause(25, 100, chance=(0.12, 100), pictures_one=(0.25, 100)) == BLIND.sentence


def test_well_above_guessing_is_not() -> None:
    """Half of the answers right is another defect, if one at all."""
    assert cause(50, 100, chance=(0.12, 100), pictures_one=(0.5, 100)) == ""


def test_everything_right_needs_no_diagnosis() -> None:
    """Also not where guessing would do as well."""
    assert cause(5, 5, chance=(1.0, 5)) == ""


def test_no_pictures_no_diagnosis() -> None:
    """Other benchmarks have none of these numbers."""
    assert cause(0, 100) == ""


def test_several_pictures() -> None:
    """Only questions with several pictures fail."""
    assert cause(92, 100, chance=(0.1, 100), pictures_one=(1.0, 90), pictures_several=(0.2, 10)) == LOST.sentence


def test_a_format_that_is_not_seen() -> None:
    """Even where most pictures have it, so that the whole score is near guessing."""
    assert cause(10, 100, chance=(0.1, 100), media_png=(0.0, 90), media_jpeg=(1.0, 10)) == FORMAT.sentence.format(
        formats="png"
    )


def test_fine_detail() -> None:
    """Coarse right, fine wrong."""
    assert cause(80, 100, chance=(0.0, 100), detail_coarse=(1.0, 80), detail_fine=(0.0, 20)) == BADLY.sentence


def test_two_samples_prove_nothing() -> None:
    """A group of less than three is not blamed."""
    assert cause(8, 10, chance=(0.0, 10), detail_coarse=(1.0, 8), detail_fine=(0.0, 2)) == ""


def test_formats_beside_the_one_that_is_shown_not_to_be_seen() -> None:
    """Groups too small to show it alone are named with it."""
    media = {"media_png": (0.0, 25), "media_gif": (0.0, 2), "media_jpeg": (1.0, 8)}
    assert cause(8, 35, chance=(0.1, 35), **media) == FORMAT.sentence.format(formats="gif, png")


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.6])
def test_wrong_answers_anywhere_have_no_format(rate: float) -> None:
    """Some small group is wrong as a whole in every third run by chance, and no defect of its own."""
    blamed = 0
    for seed in range(500):
        chance = random.Random(seed)
        groups = {"media_png": 25, "media_jpeg": 5, "media_gif": 3, "media_webp": 3, "detail_fine": 10,
                  "pictures_one": 30, "pictures_several": 6}  # fmt: skip
        right = {name: sum(chance.random() > rate for _ in range(count)) for name, count in groups.items()}
        means = {name: (right[name] / count, count) for name, count in groups.items()}
        blamed += cause(sum(list(right.values())[:4]), 36, chance=(0.05, 36), **means) not in ("", BLIND.sentence)
    assert blamed <= 10


def test_cut_short_answers_are_not_blind() -> None:
    """Wrong answers that have another reason are not laid to the eyes."""
    assert diagnose(sums(chance=(0.1, 100)), 0, 100, explained=80) is None


def test_below_the_reference() -> None:
    """On published data no detail is known; a score below the reference is all that can be said."""
    found = diagnose(sums(chance=(0.1, 100)), 60, 100, below_reference=True)
    assert found is not None
    assert found.cause == WORSE.sentence
