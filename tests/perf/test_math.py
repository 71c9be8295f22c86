"""What judging answers in boxes takes, with the library and without; `pytest -m perf -s tests/perf/test_math.py`."""

import time

import pytest

from kvv_action.scoring import math_worker
from kvv_action.scoring.boxed import boxed_number
from tests.scoring.boxed_answers import PLAIN, boxed_answers, in_words_of_the_worker

pytestmark = [pytest.mark.perf, pytest.mark.timeout(900)]

WANTED = 100_000


def test_whole_numbers_are_judged_alike() -> None:
    """100 000 generated answers that are judged without the library, and with it."""
    math_worker.warm()
    seen, quick, slow = 0, 0.0, 0.0
    for one in boxed_answers(seed=3, count=10 * WANTED):
        began = time.thread_time()
        judgement = boxed_number(*one)
        between = time.thread_time()
        if judgement is None:
            continue
        assert in_words_of_the_worker(judgement) == math_worker.judge(*one), one
        quick, slow, seen = quick + between - began, slow + time.thread_time() - between, seen + 1
        if seen == WANTED:
            break
    assert seen == WANTED
    print(
        f"\n{seen} answers alike: {1e3 * quick / seen:.3f} ms without the library, {1e3 * slow / seen:.2f} ms with it"
    )


@pytest.mark.parametrize("form", PLAIN)
def test_every_number_of_an_aime_answer(form: str) -> None:
    """All whole numbers that an answer of AIME can be, right and wrong, in the usual forms."""
    math_worker.warm()
    for number in range(1000):
        for target in (str(number), str(number + 1)):
            judgement = boxed_number(target, form % number)
            assert judgement is not None
            assert in_words_of_the_worker(judgement) == math_worker.judge(target, form % number)
