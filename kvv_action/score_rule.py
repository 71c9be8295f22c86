"""What a score rule is: how the score of a benchmark comes from its answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from kvv_action.schema import Diagnosis, Score

Columns = Mapping[str, Sequence[int]]
"""By name of a count: its sum for each sample of the plan."""

Term = tuple[float, float]
"""What one answer adds to the part and to the whole of the share that the score is made from."""

WRONG: Term = (0.0, 1.0)
RIGHT: Term = (1.0, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Answers without a score.

    Attributes:
        answers: failed and skipped ones together.
        failed: those that were sent.
        sums: every summed count, also those of `Sample.unanswered`.
    """

    answers: int
    failed: int
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregated:
    """A score and what belongs to it.

    Attributes:
        bounds: the score with everything missing counted wrong, and right.
        absent: why there is no score.
    """

    score: float | None
    interval: tuple[float, float] | None
    bounds: tuple[float, float] | None
    metrics: Mapping[str, float] = field(default_factory=dict)
    diagnosis: tuple[Diagnosis, ...] = ()
    absent: str = ""


def mean_term(score: Score) -> Term:
    """An answer counts its value."""
    return score.value, 1.0


def either(counts: Mapping[str, int]) -> tuple[Term, Term]:
    """An answer that did not come could have been wrong or right."""
    del counts
    return WRONG, RIGHT


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A rule: how a score comes from its answers.

    Attributes:
        columns: the counts it needs by sample.
        compute: what it makes of them; None leaves it to the mean.
        f1: the score is the F1 of a share, else the share itself.
        term: what an answer adds to the share.
        unanswered: what a failed answer would have added, had it been wrong, and right, by its `unanswered` counts.
        own: what an answer says about the reference's own score on the same sample; None where it says nothing.
    """

    columns: tuple[str, ...] = ()
    compute: Callable[[Columns, Missing], Aggregated] | None = None
    f1: bool = False
    term: Callable[[Score], Term] = mean_term
    unanswered: Callable[[Mapping[str, int]], tuple[Term, Term]] = either
    own: Callable[[Score], Term] | None = None
