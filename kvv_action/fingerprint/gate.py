"""Judges whether a serving change moved the model: compares a candidate's probabilities with the baseline's own repeat.

A baseline holds two captures from two starts of the server. Had nothing changed, the candidate would be a third one,
and would be as far from the first as the second is: the signed-rank test of the differences of log nats needs nothing
else. It sees changes that do no harm, so a regression takes more: a distance that surely is above a tolerance.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from statistics import stdev

from kvv_action.digits import small
from kvv_action.fingerprint.calibration import single
from kvv_action.fingerprint.comparison import FAR, ComparedPosition, SeriesComparison, compare_captures
from kvv_action.fingerprint.distance import Exponent, of_log
from kvv_action.fingerprint.reference import FEWEST, Reference
from kvv_action.statistics.intervals import one_sided, student
from kvv_action.statistics.paired import chance, signed_rank

TOLERANCE = 0.002
"""A distance up to so many nats is never a regression."""
TIMES_NOISE = 5
"""A distance up to so many times the baseline's own noise is no regression either."""
REGRESSION_ERROR = 0.01
"""One-sided error of the limit that must be above the tolerance."""
NOTICE_ERROR = 0.005
"""Chance of a notice, and of far positions by chance, when nothing has changed."""
RESTART = (
    "Restart noise is not covered: the baseline has captures of one start of the server only, so a difference below "
    "the tolerance is not told from it. Restart the server and run `kvv baseline --restarted`."
)

UNLIKE = (
    "The candidate was not asked as often as the baseline, so a difference below the tolerance is not told from noise."
)


class ModelChange(StrEnum):
    """Whether and how the model changed."""

    REGRESSION = "regression"
    NUMERICS = "numerics changed"
    NONE = "none"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class GateJudgement:
    """The answer, with what it rests on.

    Attributes:
        change: the answer.
        headline: it in a sentence; `notes` say what else a reader should know.
        positions: prefixes that all three captures have, with equal prompts.
        nats: geometric mean of the candidate's distance from the baseline.
        low, high: its one-sided limits of 1 %.
        noise: geometric mean of the distance between the baseline's own two captures.
        tolerance: the larger of the fixed one and a multiple of the noise.
        p: of the signed-rank test; small when the candidate is further away than the baseline's repeat.
        far, far_again: positions above 0.05 nats, of the candidate and of the baseline's repeat.
        restart_covered: the baseline's captures are of two starts of the server.
        asked_alike: candidate and repeat were asked as often, so that their means are as noisy.
        another_prompt: prefixes of which the candidate's prompt has other tokens.
        exponent: power of the candidate's probabilities that is nearest to the baseline's.
    """

    change: ModelChange
    headline: str
    positions: int = 0
    nats: float | None = None
    low: float | None = None
    high: float | None = None
    noise: float | None = None
    tolerance: float = TOLERANCE
    p: float = 1.0
    far: int = 0
    far_again: int = 0
    restart_covered: bool = False
    asked_alike: bool = True
    another_prompt: int = 0
    exponent: float = 1.0
    notes: tuple[str, ...] = ()


def judge_gate(baseline: Reference, candidate: Reference) -> GateJudgement:
    """Compare a candidate, asked once, with a baseline that was asked at least twice. Pure.

    Args:
        baseline: one session for each capture; those of different starts of the server count as such.
        candidate: its first session is the candidate.
    """
    baseline, candidate = baseline.with_inside, candidate.with_inside
    first, again = _two_sessions(baseline)
    changed = compare_captures(first, next(single(candidate)))
    if again is None:
        return _unknown(changed, "the baseline was captured once; a second capture is needed to know its noise")
    repeat = {one.prefix: one for one in compare_captures(first, again).compared}
    pairs = [(one, repeat[one.prefix]) for one in changed.compared if one.prefix in repeat]
    if len(pairs) < FEWEST:
        why = f", mostly because: {changed.mostly}" if changed.left_out else ""
        return _unknown(changed, f"{len(pairs)} positions can be compared, at least {FEWEST} are needed{why}")
    covered = first.sessions[0].start != again.sessions[0].start
    alike = again.sessions[0].calls == candidate.sessions[0].calls
    return _judged(changed, pairs, covered=covered, alike=alike)


def _two_sessions(baseline: Reference) -> tuple[Reference, Reference | None]:
    """The first capture, and one to compare it with: of another start of the server where there is one."""
    first, *others = single(baseline)
    start = first.sessions[0].start
    return first, next(iter(sorted(others, key=lambda one: one.sessions[0].start == start)), None)


def _unknown(changed: SeriesComparison, why: str) -> GateJudgement:
    another = len(changed.another_prompt)
    told = f"{why}; at {another} prefixes the prompt has other tokens than before" if another else why
    return GateJudgement(
        change=ModelChange.UNKNOWN, headline=f"Cannot tell: {told}.", another_prompt=another,
        notes=tuple(_prompts(another)),
    )  # fmt: skip


def _judged(
    changed: SeriesComparison,
    pairs: Sequence[tuple[ComparedPosition, ComparedPosition]],
    *,
    covered: bool,
    alike: bool,
) -> GateJudgement:
    now, before = [one.log for one, _ in pairs], [one.log for _, one in pairs]
    noise = of_log(math.fsum(before) / len(before))
    mean, half = math.fsum(now) / len(now), _half(now)
    found = GateJudgement(
        change=ModelChange.NONE, headline="", positions=len(pairs), nats=of_log(mean), low=of_log(mean - half),
        high=of_log(mean + half), noise=noise, tolerance=max(TOLERANCE, TIMES_NOISE * noise),
        p=signed_rank([one - other for one, other in zip(now, before, strict=True)]),
        far=sum(one.far > 0 for one, _ in pairs), far_again=sum(one.far > 0 for _, one in pairs),
        restart_covered=covered, asked_alike=alike, another_prompt=len(changed.another_prompt),
        exponent=changed.exponent.applied,
    )  # fmt: skip
    change, notes = _change(found, pairs), tuple(_notes(found, changed.exponent))
    return replace(found, change=change, headline=_headline(change, found), notes=notes)


def _half(logs: Sequence[float]) -> float:
    return student(one_sided(REGRESSION_ERROR), len(logs) - 1) * stdev(logs) / math.sqrt(len(logs))


def _change(found: GateJudgement, pairs: Sequence[tuple[ComparedPosition, ComparedPosition]]) -> ModelChange:
    moved = chance([float(before.far > 0) - float(now.far > 0) for now, before in pairs]).worse
    if (found.low or 0.0) > found.tolerance or moved <= NOTICE_ERROR:
        return ModelChange.REGRESSION
    if found.another_prompt:
        return ModelChange.UNKNOWN
    certain = found.restart_covered and found.asked_alike and found.p <= NOTICE_ERROR
    return ModelChange.NUMERICS if certain else ModelChange.NONE


def _headline(change: ModelChange, found: GateJudgement) -> str:
    distance = (
        f"at {found.positions} positions next-token probabilities differ from the baseline by {small(found.nats)} nats "
        f"(from {small(found.low)} to {small(found.high)}), its own captures by {small(found.noise)}"
    )
    match change:
        case ModelChange.REGRESSION if (found.low or 0.0) > found.tolerance:
            return f"Regression: {distance}; the tolerance is {small(found.tolerance)}."
        case ModelChange.REGRESSION:
            told = f"{found.far} positions are above {FAR:g} nats, {found.far_again} between the baseline's captures"
            return f"Regression: {told}; {distance}."
        case ModelChange.NUMERICS:
            return f"Numerics changed, within the tolerance of {small(found.tolerance)} nats: {distance}."
        case ModelChange.UNKNOWN:
            return f"Cannot tell: {found.another_prompt} prefixes have another prompt than before; {distance}."
        case _:
            return f"No change: {distance}."


def _notes(found: GateJudgement, exponent: Exponent) -> Iterator[str]:
    if not found.restart_covered:
        yield RESTART
    if not found.asked_alike:
        yield UNLIKE
    yield from _prompts(found.another_prompt)
    if exponent.differs:
        yield (
            f"Probabilities are those of another temperature: raised to the power of {exponent.value:.3g} they are "
            "nearest to the baseline's, and so they were compared."
        )


def _prompts(another: int) -> Iterator[str]:
    if another:
        yield (
            f"At {another} prefixes the prompt has other tokens than before: the change touched the chat template, the "
            "tokenizer or what is put before the conversation. They were not compared."
        )
