"""Answers in boxes: what is right, what is wrong, what is none, and what the scorer survives."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from types import ModuleType

import pytest
import pytest_asyncio

from kvv_action.errors import ScoringError
from kvv_action.scoring.math import LONGEST_ANSWER, MathScorer
from kvv_action.worker import ENVIRONMENT
from tests.processes import environment_of
from tests.scoring import dying_worker, sleeping_worker


@pytest_asyncio.fixture
async def scorer() -> AsyncIterator[MathScorer]:
    it = MathScorer()
    yield it
    await it.aclose()


RIGHT = [
    ("130", r"The final answer is $\boxed{130}$."),
    ("068", r"\boxed{68}"),
    ("68", r"\boxed{068}"),
    ("7", r"We get $x=7$, so \boxed{7}"),
    ("2", r"\boxed{\frac{4}{2}}"),
    ("1", r"\boxed{x=1}"),
    ("1", r"\boxed{\text{1}}"),
    ("5", "The answer is 5."),
    ("1", r"\boxed{1} and again \boxed{1}"),
    ("12", "first 3, then $12$. \\boxed{12}\n\nThat is it."),
    ("7", "word " * 100_000 + r"\boxed{7}"),
]
WRONG = [
    ("1", r"\boxed{2}"),
    ("1", r"\boxed{1} or \boxed{2}"),
    ("1", r"\boxed{2} or \boxed{1}"),
    ("1", r"\boxed{1,2}"),
    ("130", r"\boxed{13}"),
    ("1", "1 and then 2"),
    ("12", r"\boxed{12.5}"),
]
NONE = ["", "   ", "I do not know.", r"\boxed{", "\x00\x1b\ud7ff", "```" * 100, r"\boxed{" * 3000, "𝕏" * 1000]


async def test_right_answers(scorer: MathScorer) -> None:
    """In a box or as the last number; leading zeros and the same value in another form count."""
    for target, answer in RIGHT:
        score = await scorer.score(target, answer)
        assert (score.value, score.unparsed, score.explanation) == (1.0, False, "equal"), answer[-40:]


async def test_wrong_answers(scorer: MathScorer) -> None:
    """Two boxes that differ are no answer, even when one of them is right."""
    for target, answer in WRONG:
        score = await scorer.score(target, answer)
        assert (score.value, score.unparsed, score.explanation) == (0.0, False, f"expected {target}"), answer


async def test_no_answers(scorer: MathScorer) -> None:
    """They are wrong and marked as unparsed; hostile input is one of them."""
    for answer in NONE:
        score = await scorer.score("1", answer)
        assert (score.value, score.unparsed) == (0.0, True), answer[:40]


async def test_the_answer_found_is_told(scorer: MathScorer) -> None:
    """For people who look why."""
    assert (await scorer.score("1", r"\boxed{42}")).answer == "42"


async def test_only_the_end_of_a_huge_answer_is_looked_at(scorer: MathScorer) -> None:
    """Final answers stand last."""
    score = await scorer.score("1", r"\boxed{1}" + "x" * LONGEST_ANSWER)
    assert score.unparsed


async def test_many_answers_at_once(scorer: MathScorer) -> None:
    """They take turns at one process, and each gets its own judgement."""
    scores = await asyncio.gather(
        *(scorer.score("1", rf"\boxed{{\frac{{{number % 2}}}{{1}}}}") for number in range(20))
    )
    assert [score.value for score in scores] == [float(number % 2) for number in range(20)]


async def test_line_breaks_do_not_confuse_the_protocol(scorer: MathScorer) -> None:
    """An answer may hold what separates requests."""
    assert (await scorer.score("3", 'a\nb\r\n{"target":"x"}\n\u2028\\boxed{3}')).value == 1.0


def test_the_version_is_evidence() -> None:
    """Another version may judge otherwise."""
    assert MathScorer.version() == "math-verify 0.8.0"


def fake(program: ModuleType, deadline: float = 20.0) -> MathScorer:
    return MathScorer(program=program, deadline=deadline)


async def test_a_comparison_without_end_is_given_up() -> None:
    """The answer counts as unparsed, the next one gets a new process."""
    scorer = fake(sleeping_worker, deadline=0.5)
    started = time.monotonic()
    score = await scorer.score("1", "sleep")
    assert (score.value, score.unparsed, score.explanation) == (0.0, True, "no comparison within 0.5 s")
    assert time.monotonic() - started < 30, "the worker sleeps for a minute"
    assert (await scorer.score("1", "next")).answer == "next"
    await scorer.aclose()


@pytest.mark.parametrize(
    ("how", "message"),
    [("die", "ended with status 3"), ("half", "something else than"), ("chatter", "something else than")],
)
async def test_a_process_that_breaks_is_an_error(how: str, message: str) -> None:
    """Never a wrong answer; the next answer gets a new process."""
    scorer = fake(dying_worker)
    first = (await scorer.score("1", "who")).answer
    with pytest.raises(ScoringError, match=message):
        await scorer.score("1", how)
    assert (await scorer.score("1", "who")).answer not in ("", first)
    await scorer.aclose()


async def test_a_cancelled_comparison_leaves_a_working_scorer() -> None:
    """The process that is busy with it is ended."""
    scorer = fake(sleeping_worker)
    await scorer.score("1", "warm")
    task = asyncio.create_task(scorer.score("1", "sleep"))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (await scorer.score("1", "next")).answer == "next"
    await scorer.aclose()


async def test_no_process_is_left() -> None:
    """`aclose` ends what runs."""
    scorer = fake(dying_worker)
    process = int((await scorer.score("1", "who")).answer)
    os.kill(process, 0)
    await scorer.aclose()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_the_process_knows_nothing_of_our_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys stand there, and what is judged is not trusted."""
    monkeypatch.setenv("KVV_API_KEY", "sk-canary-77aa")
    scorer = MathScorer()
    await scorer.score("1", "The answer is 1.")
    assert scorer._worker._process is not None
    assert environment_of(scorer._worker._process.pid) == ENVIRONMENT
    await scorer.aclose()
