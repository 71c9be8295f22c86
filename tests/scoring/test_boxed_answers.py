"""Whole numbers in one box are judged without math-verify, as math-verify judges them."""

from pathlib import Path

import pytest

from kvv_action.scoring import math_worker
from kvv_action.scoring.math import MathScorer
from tests.scoring.boxed_answers import PLAIN, boxed_answers


def test_both_ways_say_the_same() -> None:
    """Value and text of generated answers; `tests/perf/test_math.py` looks at 100 000 of them."""
    math_worker.load()
    found = [(one, math_worker.plain(*one)) for one in boxed_answers(seed=7, count=600)]
    decided = [(one, judgement) for one, judgement in found if judgement is not None]
    assert len(decided) > 150
    for one, judgement in decided:
        assert judgement == math_worker.judge(*one), one


@pytest.mark.parametrize("form", PLAIN)
def test_usual_forms_are_plain(form: str) -> None:
    """Right and wrong ones."""
    assert math_worker.plain("204", form % 204) == {"value": 1.0, "answer": "204", "unparsed": False}
    assert math_worker.plain("204", form % 205) == {"value": 0.0, "answer": "205", "unparsed": False}
    assert math_worker.plain("068", form % "068") == {"value": 1.0, "answer": "068", "unparsed": False}
    assert math_worker.plain("068", form % 68) == {"value": 1.0, "answer": "68", "unparsed": False}


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
    assert math_worker.plain("3", answer) is None


async def test_the_library_is_loaded_for_the_first_answer_that_needs_it() -> None:
    """A run of whole numbers never imports it; the process that judges stays the same."""
    scorer = MathScorer()
    try:
        assert (await scorer.score("204", r"\boxed{204}")).value == 1.0
        process = scorer._worker._process
        assert process is not None
        assert not _has_sympy(process.pid)
        assert (await scorer.score("2", r"\boxed{\frac{4}{2}}")).value == 1.0
        assert scorer._worker._process is process
        assert _has_sympy(process.pid)
    finally:
        await scorer.aclose()


def _has_sympy(process: int) -> bool:
    """Whether a process has mapped what sympy and its friends need: they take tens of megabytes."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * 4096 > 40e6
