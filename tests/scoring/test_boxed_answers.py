"""Whole numbers in one box are judged without math-verify, as math-verify judges them."""

import time

import pytest

from kvv_action.scoring import math_worker
from kvv_action.scoring.boxed import BoxedNumber, boxed_number
from kvv_action.scoring.math import MathScorer
from tests.scoring.boxed_answers import PLAIN, boxed_answers, in_words_of_the_worker


def test_both_ways_say_the_same() -> None:
    """Value and text of generated answers; `tests/perf/test_math.py` looks at 100 000 of them."""
    math_worker.warm()
    found = [(one, boxed_number(*one)) for one in boxed_answers(seed=7, count=600)]
    decided = [(one, judgement) for one, judgement in found if judgement is not None]
    assert len(decided) > 150
    for one, judgement in decided:
        assert in_words_of_the_worker(judgement) == math_worker.judge(*one), one


@pytest.mark.parametrize("form", PLAIN)
def test_usual_forms_are_plain(form: str) -> None:
    """Right and wrong ones."""
    assert boxed_number("204", form % 204) == BoxedNumber(answer="204", right=True)
    assert boxed_number("204", form % 205) == BoxedNumber(answer="205", right=False)
    assert boxed_number("068", form % "068") == BoxedNumber(answer="068", right=True)
    assert boxed_number("068", form % 68) == BoxedNumber(answer="68", right=True)


@pytest.mark.parametrize(
    "answer",
    [
        r"\boxed{1234567890}", r"\boxed{1.5}", r"\boxed{-3}", r"\boxed{3}\%", r"\boxed{3} or \boxed{3}",
        r"\boxed{\frac{4}{2}}", r"\boxed{3} and so on", r"final answer is 5. I hope it is correct. \boxed{3}",
        r"\fbox{4} \boxed{3}",
        r"the final answer is $1$ and $\boxed{3}$", "3", r"\boxed{x=3}", r"\boxed{3}}", "x" * 20_001 + r"\boxed{3}",
    ],
)  # fmt: skip
def test_anything_else_is_left_to_the_library(answer: str) -> None:
    """What the library could read otherwise."""
    assert boxed_number("3", answer) is None


@pytest.mark.parametrize(
    "answer",
    [
        r"\boxed{3}" + " " * 19_000 + "x", "final answer" + " " * 19_000 + r"$x$ \boxed{3}",
        "final answer" + " $" * 9_000 + r"\boxed{3}", r"\boxed{3}." * 1_900, "\\" * 19_000 + r"\boxed{3}",
        r"\boxed{3}" + " . * " * 3_000 + "y", "x" * 19_990 + r"\boxed{3}", r"\boxed{" * 2_800,
    ],
)  # fmt: skip
def test_no_answer_keeps_the_loop_waiting(answer: str) -> None:
    """A pattern that goes back over what it matched would take seconds."""
    boxed_number("3", "a")
    began = time.thread_time()
    boxed_number("3", answer)
    assert time.thread_time() - began < 0.01


async def test_no_process_is_started_before_an_answer_that_needs_it() -> None:
    """A run of whole numbers never starts one; later answers share it."""
    scorer = MathScorer()
    try:
        assert (await scorer.score("204", r"\boxed{204}")).value == 1.0
        assert scorer._worker._process is None
        assert (await scorer.score("2", r"\boxed{\frac{4}{2}}")).value == 1.0
        process = scorer._worker._process
        assert process is not None
        assert (await scorer.score("3", "The answer is 3.")).value == 1.0
        assert scorer._worker._process is process
    finally:
        await scorer.aclose()
