"""The verdict on a candidate's next-token probabilities, with its reasons. Pure: equal answers get equal verdicts.

Two tests share one error: Student's t on the mean logarithm of the nats against the tolerance, and the exact binomial
limit of the share of far positions against the honest share, which sees a router that a mean does not.
"""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from statistics import stdev

from kvv_action.digits import small
from kvv_action.fingerprint.comparison import FAR, ComparedPosition, SeriesComparison, compare_series
from kvv_action.fingerprint.distance import Exponent, ListingTraits, log_nats, of_log
from kvv_action.fingerprint.position import PositionReading
from kvv_action.fingerprint.prefixes import Domain
from kvv_action.fingerprint.reference import FEWEST, PROCESSED, Reference
from kvv_action.fingerprint.sampling import DrawnTokens, drawn_tokens
from kvv_action.statistics.intervals import count_tail, exact_limits, one_sided, student, student_tail

FAILS_AT = 0.003
"""Error of a FAIL: the share of honest deployments at the tolerance that fail."""
PASS_ERROR = 0.05
"""Error of a PASS: the share of deployments beyond the tolerance that pass."""
ASSUMED_NATS, ASSUMED_FAR = 0.001, 0.01
"""Tolerance where none was measured; what is judged by it is advisory."""
MOST_MISSING = 0.25
"""Share of the reference's prefixes that a PASS may lack."""


class FingerprintVerdict(StrEnum):
    """The verdict; ADVISORY if the reference has no measured tolerance."""

    PASS = "pass"  # noqa: S105 - a verdict, not a secret
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    ADVISORY = "advisory"


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainNats:
    """The prefixes of one domain: compared, geometric mean in nats, and how many are far."""

    domain: Domain
    positions: int
    nats: float
    far: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FingerprintJudgement:
    """All that a report says.

    Attributes:
        verdict, reasons: the sentences that carry it, the weightiest first.
        planned: prefixes of the reference.
        compared: those at which probabilities were compared.
        nats: geometric mean; None where nothing was compared.
        low, high: its interval of 95 %.
        upper: its one-sided limit of 5 %, which a PASS needs below the tolerance.
        tolerance, calibrated: in nats, and whether it was measured.
        honest: the largest geometric mean of an honest deployment; None where none was measured.
        noise: the reference's own, in nats; None where it was asked once.
        mean_p, far_p, p: of the mean, of far positions, and of both together.
        far: prefixes with an asking above 0.05 nats; `far_low`, `far_high` limits of their share (95 %).
        far_share: share of far requests that honest deployments have at most.
        askings: to a prefix at most.
        exponent: fitted before the comparison.
        explained: it is that of the temperature that was asked for: one side tells its probabilities before it, the
            other after it.
        drawn: whether tokens were drawn as asked.
        another_prompt: ids of prefixes with another prompt.
        left_out: why askings were not compared, with their number.
        domains: the same figures by domain.
        traits: how the candidate tells its probabilities.
    """

    verdict: FingerprintVerdict
    reasons: tuple[str, ...]
    planned: int
    compared: tuple[ComparedPosition, ...] = ()
    nats: float | None = None
    low: float | None = None
    high: float | None = None
    upper: float | None = None
    tolerance: float = ASSUMED_NATS
    calibrated: bool = False
    honest: float | None = None
    noise: float | None = None
    mean_p: float = 1.0
    far_p: float = 1.0
    p: float = 1.0
    far: int = 0
    far_low: float = 0.0
    far_high: float = 1.0
    far_share: float = ASSUMED_FAR
    askings: int = 0
    exponent: Exponent = field(default_factory=Exponent)
    explained: bool = False
    drawn: DrawnTokens = field(default_factory=DrawnTokens)
    another_prompt: tuple[str, ...] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    domains: tuple[DomainNats, ...] = ()
    traits: ListingTraits = field(default_factory=ListingTraits)

    @property
    def beyond_mean(self) -> bool:
        """The mean is surely above the tolerance."""
        return 2 * self.mean_p <= FAILS_AT

    @property
    def beyond_far(self) -> bool:
        """Surely more prefixes are far than the tolerance allows."""
        return 2 * self.far_p <= FAILS_AT

    @property
    def beyond(self) -> bool:
        """The probabilities surely differ by more than the tolerance."""
        return self.beyond_mean or self.beyond_far

    @property
    def another_model(self) -> bool:
        """No exponent makes the probabilities equal, so that the fitted one belongs to no temperature."""
        return self.beyond and self.exponent.differs

    @property
    def tempered(self) -> bool:
        """The probabilities are the reference's at another temperature, which nothing that was asked for explains."""
        return self.exponent.differs and not self.explained and not self.beyond

    @property
    def drawn_otherwise(self) -> bool:
        """The tokens that were drawn do not fit the probabilities at the temperature that was asked for."""
        return self.drawn.otherwise and not self.another_model


def judge(reference: Reference, asked: Mapping[str, Sequence[PositionReading]]) -> FingerprintJudgement:
    """Judge a candidate by its answers.

    Args:
        reference: what it is compared with.
        asked: by id of a prefix, what was read from each asking; prefixes of which nothing came may be missing.
    """
    readings = [reading for one in reference.prefixes for reading in asked.get(one.prefix.id, ())]
    positions = {
        name: [reading.position for reading in found if reading.position is not None] for name, found in asked.items()
    }
    series = compare_series(reference, positions)
    unread = Counter(reading.reason for reading in readings if reading.position is None)
    return judge_series(reference, series, unread)


def judge_series(
    reference: Reference, series: SeriesComparison, unread: Mapping[str, int] | None = None
) -> FingerprintJudgement:
    """Judge what was compared; `unread` are reasons for which askings showed no position, with their number."""
    measured = _measured(reference, series, unread or {})
    verdict, reasons = _concluded(measured)
    return replace(measured, verdict=verdict, reasons=reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mean:
    """The mean logarithm of nats over prefixes, as nats."""

    mean: float
    error: float
    degrees: int

    @classmethod
    def of(cls, logs: Sequence[float]) -> "_Mean":
        error = stdev(logs) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
        return cls(mean=math.fsum(logs) / len(logs), error=error, degrees=len(logs) - 1)

    def limit(self, error: float, sign: int) -> float:
        """The upper (`sign` 1) or lower (-1) limit with a one-sided error."""
        half = student(one_sided(error), self.degrees) * self.error if self.error else 0.0
        return of_log(self.mean + sign * half) if half < math.inf else (math.inf if sign > 0 else 0.0)

    def chance(self, tolerance: float) -> float:
        """Of such a mean, or a higher one, where the true one is at the tolerance."""
        above = self.mean - log_nats(tolerance)
        if not self.error:
            return float(above <= 0)
        return student_tail(above / self.error, self.degrees)


def _measured(reference: Reference, series: SeriesComparison, unread: Mapping[str, int]) -> FingerprintJudgement:
    """Every figure, without a verdict."""
    tolerance, asking, found = reference.tolerance, reference.asking, series.compared
    limit = tolerance.nats if tolerance else ASSUMED_NATS
    share = tolerance.far_share if tolerance else ASSUMED_FAR
    raw = all(session.probabilities != PROCESSED for session in reference.sessions)
    drawn = drawn_tokens(
        (position for positions in series.askings for position in positions),
        temperature=asking.temperature or 1.0, top_p=asking.top_p or 1.0,
        exponent=series.exponent.applied / ((raw and asking.temperature) or 1.0),
    )  # fmt: skip
    judged = FingerprintJudgement(
        verdict=FingerprintVerdict.INCONCLUSIVE, reasons=(), planned=len(reference.prefixes), compared=found,
        tolerance=limit, calibrated=tolerance is not None, honest=tolerance.largest if tolerance else None,
        noise=reference.noise, far_share=share, exponent=series.exponent, drawn=drawn,
        explained=_explained(series.exponent, asking.temperature or 1.0),
        another_prompt=series.another_prompt, left_out={**series.left_out, **unread}, domains=_domains(found),
        traits=series.traits,
    )  # fmt: skip
    return _tested(judged, _Mean.of([one.log for one in found])) if found else judged


def _explained(exponent: Exponent, asked: float) -> bool:
    """Whether one side tells raw probabilities, and the other those of the temperature that was asked for."""
    return asked != 1 and any(exponent.low <= told <= exponent.high for told in (asked, 1 / asked))


def _tested(judged: FingerprintJudgement, mean: _Mean) -> FingerprintJudgement:
    """With both tests."""
    size, far = len(judged.compared), sum(one.far > 0 for one in judged.compared)
    askings = max(len(one.nats) for one in judged.compared)
    mean_p = mean.chance(judged.tolerance) if size > 1 else 1.0
    far_p = count_tail(far, size, 1 - (1 - judged.far_share) ** askings)
    far_low, far_high = exact_limits(far, size, 0.025)
    return replace(
        judged, nats=of_log(mean.mean), low=mean.limit(0.025, -1), high=mean.limit(0.025, 1),
        upper=mean.limit(PASS_ERROR, 1), mean_p=mean_p, far_p=far_p, p=min(1.0, 2 * min(mean_p, far_p)),
        far=far, far_low=far_low, far_high=far_high, askings=askings,
    )  # fmt: skip


def _concluded(judged: FingerprintJudgement) -> tuple[FingerprintVerdict, tuple[str, ...]]:
    """The verdict, and the sentences that carry it."""
    if not judged.compared:
        return FingerprintVerdict.INCONCLUSIVE, (_nothing(judged),)
    failing, open_ = list(_failing(judged)), list(_open(judged))
    told = _told(judged)
    if not judged.calibrated:
        assumed = (
            f"The reference has no tolerance that was measured on honest deployments, so this is advisory; "
            f"{small(judged.tolerance)} nats are assumed."
        )
        return FingerprintVerdict.ADVISORY, (told, assumed, *failing, *open_)
    enough = len(judged.compared) >= FEWEST
    if failing and enough:
        return FingerprintVerdict.FAIL, (*failing, told, *open_)
    if failing or open_:
        return FingerprintVerdict.INCONCLUSIVE, (*open_, told, *failing)
    return FingerprintVerdict.PASS, (told,)


def _nothing(judged: FingerprintJudgement) -> str:
    if judged.another_prompt:
        return f"{_another(judged)} No probability could be compared."
    why = max(judged.left_out, key=judged.left_out.__getitem__, default="nothing was answered")
    return f"No probability could be compared: {why}."


def _told(judged: FingerprintJudgement) -> str:
    honest = "" if judged.honest is None else f"; honest deployments differ by at most {small(judged.honest)}"
    return (
        f"At {len(judged.compared)} prefixes next-token probabilities differ from the reference by "
        f"{small(judged.nats)} nats (interval {small(judged.low)} to {small(judged.high)}){honest}."
    )


def _failing(judged: FingerprintJudgement) -> Iterator[str]:
    if judged.beyond_mean:
        yield f"The difference is above the tolerance of {small(judged.tolerance)} nats."
    if judged.beyond_far:
        yield (
            f"{judged.far} of {len(judged.compared)} prefixes differ by more than {FAR:g} nats, more than the "
            f"{judged.far_share:.1%} of requests that the tolerance allows: another model may answer some."
        )
    if judged.drawn_otherwise:
        at = "" if judged.drawn.temperature is None else f", but as at temperature {judged.drawn.temperature:.2g}"
        yield f"Tokens are not drawn with the sampling that was asked for{at}."


def _open(judged: FingerprintJudgement) -> Iterator[str]:
    """Why a deployment does not pass although no test fails it."""
    count = len(judged.compared)
    if count < FEWEST:
        yield f"{count} prefixes could be compared; at least {FEWEST} are needed."
    if judged.another_prompt:
        yield _another(judged)
    elif count < (1 - MOST_MISSING) * judged.planned:
        why = max(judged.left_out, key=judged.left_out.__getitem__, default="they were not answered")
        yield f"{judged.planned - count} of {judged.planned} prefixes could not be compared, mostly because: {why}."
    if judged.upper is not None and judged.upper >= judged.tolerance and not judged.beyond_mean:
        yield (
            f"The difference may be above the tolerance of {small(judged.tolerance)} nats: its upper limit is "
            f"{small(judged.upper)}."
        )
    if not judged.beyond_far and judged.far_p <= PASS_ERROR:
        yield f"{judged.far} of {count} prefixes differ by more than {FAR:g} nats, which is many for chance."
    if judged.tempered:
        yield (
            f"The probabilities are those of another temperature: raised to the power of {judged.exponent.value:.3g} "
            "they are nearest to the reference's, and so they were compared."
        )


def _another(judged: FingerprintJudgement) -> str:
    count = len(judged.another_prompt)
    return (
        f"At {count} of {judged.planned} prefixes the prompt has another number of tokens than the reference's, so "
        "another prompt was answered: compare the chat template and what is put before the conversation."
    )


def _domains(compared: Sequence[ComparedPosition]) -> tuple[DomainNats, ...]:
    rows = []
    for domain in Domain:
        found = [one for one in compared if one.domain is domain]
        if found:
            nats = of_log(math.fsum(one.log for one in found) / len(found))
            far = sum(one.far > 0 for one in found)
            rows.append(DomainNats(domain=domain, positions=len(found), nats=nats, far=far))
    return tuple(rows)
