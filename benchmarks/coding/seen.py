"""Reads the evidence of one instance from the journal."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from benchmarks.coding.agent import Ended
from benchmarks.coding.evaluation import Evaluation
from benchmarks.coding.repository import Taken
from kvv_action.errors import ScoringError, in_words
from kvv_action.schema import Exchange, Json, Observation

E = TypeVar("E", bound=Evaluation)

PLACE, CONTROL, ENDED, PATCH, TESTS, TROUBLE = "place", "control", "ended", "patch", "tests", "trouble"
"""Names of observations: the image, a control, how work ended, its patch, its tests, a failure that was retried."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Control(Generic[E]):
    """A run of the tests whose result is known beforehand: `gold` must resolve, `empty` must not."""

    name: str
    evaluation: E


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenInstance(Generic[E]):
    """One instance.

    Attributes:
        taken: the patch.
        evaluation: of the patch; None when nothing was run.
        ended: how the model's work ended; None when no model worked.
        controls: those that were run beside this instance.
    """

    taken: Taken
    evaluation: E | None
    ended: Ended | None
    controls: tuple[Control[E], ...]


def patch_facts(taken: Taken) -> dict[str, Json]:
    """All of a patch but its text."""
    left = {"left_out": taken.left_out} if taken.left_out else {}
    return {"encoding": taken.encoding, "problem": taken.problem, "bytes": len(taken.patch), **left}


def read(exchanges: Sequence[Exchange], kind: type[E]) -> SeenInstance[E]:
    """The evidence of an instance.

    Args:
        exchanges: all of it.
        kind: what the benchmark keeps of the tests of a patch.

    Raises:
        ScoringError: its patch is not among it, or something is not as we write it.
    """
    try:
        last = {observation.name: observation for observation in _observations(exchanges)}
        patch, tests, ended = last.get(PATCH), last.get(TESTS), last.get(ENDED)
        if patch is None:
            raise ScoringError("the journal holds no patch of this instance")
        return SeenInstance(
            taken=Taken(
                patch=patch.text,
                encoding=patch.data["encoding"],
                problem=patch.data["problem"],
                left_out=patch.data.get("left_out", 0),
            ),
            evaluation=kind.of_facts(tests.data, tests.text) if tests else None,
            ended=Ended(**ended.data) if ended else None,
            controls=tuple(
                Control(name=one.data["control"], evaluation=kind.of_facts(one.data, one.text))
                for one in _observations(exchanges)
                if one.name == CONTROL
            ),
        )
    except (KeyError, TypeError) as error:
        raise ScoringError(f"an observation is not as kvv writes it ({in_words(error)})") from error


def _observations(exchanges: Sequence[Exchange]) -> Iterator[Observation]:
    return (exchange.observation for exchange in exchanges if exchange.observation is not None)
