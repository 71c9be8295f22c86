"""Scores mathematical answers with math-verify, in a worker process with a deadline for each.

A whole number in a box is judged without the process, which starts when the first other answer comes.
"""

from functools import cache
from importlib import metadata
from types import ModuleType
from typing import Any

from kvv_action.digits import figure
from kvv_action.schema import Score
from kvv_action.scoring import math_worker
from kvv_action.scoring.boxed import boxed_number
from kvv_action.worker import Worker, WorkerLate

LONGEST_ANSWER = 100_000
"""Characters of an answer that are looked at, from its end: final answers stand last."""


class MathScorer:
    """`score(target, text)` judges one answer at a time: about 1000 a second, a whole number in one box far faster.

    Args:
        deadline: seconds for one answer, after which it counts as unparsed.
    """

    def __init__(self, *, deadline: float = 20.0, program: ModuleType = math_worker) -> None:
        self._deadline = deadline
        self._worker = Worker(str(program.__file__), "the math-verify process")

    @staticmethod
    @cache
    def version() -> str:
        """The library's version, which is part of the evidence."""
        return "math-verify " + metadata.version("math-verify")

    async def score(self, target: str, text: str) -> Score:
        """1 when `text` contains an answer equal to `target`, else 0.

        Raises:
            ScoringError: the process could not be started or broke.
        """
        if number := boxed_number(target, text):
            return _compared(target, float(number.right), number.answer)
        request = {"target": target, "answer": text[-LONGEST_ANSWER:]}
        try:
            return _score(target, await self._worker.ask(request, deadline=self._deadline))
        except WorkerLate:
            return Score(value=0.0, unparsed=True, explanation=f"no comparison within {figure(self._deadline)} s")

    async def aclose(self) -> None:
        """End the process."""
        await self._worker.aclose()


def _score(target: str, reply: dict[str, Any]) -> Score:
    if reply["unparsed"]:
        return Score(value=0.0, unparsed=True, explanation=str(reply.get("error") or "no answer found"))
    return _compared(target, float(str(reply["value"])), str(reply["answer"]))


def _compared(target: str, value: float, answer: str) -> Score:
    return Score(value=value, answer=answer, explanation="equal" if value else f"expected {target}")
