"""The verdict over all prefixes, as the engine keeps and shows it."""

import math
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.fingerprint.causes import DIFFERS, EXPONENT, ROUTER, TEMPERATURE
from benchmarks.fingerprint.condensed import readings_in, reference_in
from kvv_action.causes import Cause
from kvv_action.fingerprint.comparison import FAR, ComparedPosition
from kvv_action.fingerprint.judgement import FAILS_AT, FingerprintJudgement, FingerprintVerdict, judge
from kvv_action.fingerprint.position import PositionReading
from kvv_action.fingerprint.prefixes import Domain
from kvv_action.fingerprint.reference import Reference
from kvv_action.schema import Diagnosis, MeasuredGroup, MeasuredItem, Measurement, Verdict
from kvv_action.score_rule import Aggregated, AllAnswers, Columns, Conclusion, Missing

QUANTITY = "difference of next-token probabilities from the reference"
NOISE, HONEST = "self-noise of the reference", "honest deployments, at most"
FROM_HERE_FAR = "far from here on"
ADVISORY = (
    "the reference has no tolerance that was measured on honest deployments; kvv fingerprint calibrate measures one"
)
NEAR = FAR / 4
"""Nats below which an asking is surely no far one."""
DIGITS = 6
"""Of every number in a report."""
_VERDICTS = {
    FingerprintVerdict.PASS: Verdict.PASS,
    FingerprintVerdict.FAIL: Verdict.FAIL,
    FingerprintVerdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    FingerprintVerdict.ADVISORY: Verdict.INCONCLUSIVE,
}


def no_score(columns: Columns, missing: Missing) -> Aggregated:
    """None: the distance has no largest value, so it cannot be a score from 0 to 1."""
    del columns, missing
    return Aggregated(score=None, interval=None, bounds=None)


def concluded(found: AllAnswers) -> Conclusion:
    """Judge all answers by the reference of the plan.

    Raises:
        KvvError: the plan's reference is damaged.
    """
    reference = _planned(reference_in(found.facts), found.planned.ids)
    positions = {one.prefix.id: one.position for one in reference.prefixes}
    asked: dict[str, list[PositionReading]] = {}
    for one in found.answers:
        asked.setdefault(one.sample, []).extend(readings_in(one.data, positions[one.sample]))
    judgement = judge(reference, asked)
    return Conclusion(
        verdict=_VERDICTS[judgement.verdict], reason=" ".join(judgement.reasons).rstrip("."),
        measurement=_measurement(judgement, reference), metrics=_metrics(judgement),
        diagnosis=tuple(_diagnosis(judgement, len(found.answers))),
    )  # fmt: skip


def _planned(reference: Reference, ids: tuple[str, ...]) -> Reference:
    """The prefixes that are asked: all, or those that were chosen."""
    chosen = frozenset(ids)
    prefixes = tuple(one for one in reference.prefixes if not chosen or one.prefix.id in chosen)
    return replace(reference, prefixes=prefixes)


def _measurement(judgement: FingerprintJudgement, reference: Reference) -> Measurement:
    marks = {NOISE: judgement.noise, HONEST: judgement.honest, FROM_HERE_FAR: FAR}
    drawn = judgement.drawn.p if judgement.drawn_otherwise else 1.0
    return Measurement(
        quantity=QUANTITY, unit="nats", value=_kept(judgement.nats), low=_kept(judgement.low),
        high=_kept(judgement.high), upper=_kept(judgement.upper),
        limit=_kept(judgement.tolerance) if judgement.calibrated else None,
        chance=_kept(min(judgement.p, drawn)) if judgement.compared else None, error=FAILS_AT,
        advisory="" if judgement.calibrated else ADVISORY,
        marks={name: kept for name, value in marks.items() if (kept := _kept(value)) is not None},
        groups=tuple(_groups(judgement, reference)),
        items=tuple(
            MeasuredItem(sample=one.prefix, group=one.domain.value, value=_kept(nats) or 0.0)
            for one in judgement.compared
            for nats in one.nats
        ),
    )  # fmt: skip


def _kept(value: float | None) -> float | None:
    """A number as reports have it, rounded to the digits on which all machines agree; None for infinity."""
    return float(f"{value:.{DIGITS}g}") if value is not None and math.isfinite(value) else None


def _groups(judgement: FingerprintJudgement, reference: Reference) -> Iterator[MeasuredGroup]:
    known = {one.domain: one for one in judgement.domains}
    for domain in Domain:
        planned, one = sum(prefix.prefix.domain is domain for prefix in reference.prefixes), known.get(domain)
        if planned:
            yield MeasuredGroup(
                name=domain.value,
                measured=one.positions if one else 0,
                planned=planned,
                value=_kept(one.nats if one else None),
            )


def _metrics(judgement: FingerprintJudgement) -> dict[str, float]:
    """Further numbers by name; only what was measured."""
    drawn, exponent = judgement.drawn, judgement.exponent
    found = {
        "nats": judgement.nats,
        "nats_low": judgement.low,
        "nats_high": judgement.high,
        "far_prefixes": float(judgement.far) if judgement.compared else None,
        "exponent": exponent.value if exponent.positions else None,
        "drawn_tokens": float(drawn.tokens),
        "drawn_temperature": drawn.temperature,
        "another_prompt": float(len(judgement.another_prompt)),
    }
    return {name: kept for name, value in found.items() if (kept := _kept(value)) is not None}


def _diagnosis(judgement: FingerprintJudgement, answers: int) -> Iterator[Diagnosis]:
    """The causes that all prefixes together show, the most important first."""
    if judgement.beyond:
        routed = _is_routed(judgement)
        yield _shown(ROUTER if routed else DIFFERS, judgement.far if routed else len(judgement.compared), answers)
    if judgement.drawn_otherwise:
        yield _shown(TEMPERATURE, len(judgement.compared), answers)
    if judgement.tempered:
        yield _shown(EXPONENT, len(judgement.compared), answers)


def _is_routed(judgement: FingerprintJudgement) -> bool:
    """Whether most of the far prefixes have another answer to the same request that is near."""
    far = [one for one in judgement.compared if one.far]
    return bool(far) and 2 * sum(map(_is_mixed, far)) > len(far)


def _is_mixed(one: ComparedPosition) -> bool:
    return min(one.nats) < NEAR


def _shown(cause: Cause, count: int, answers: int) -> Diagnosis:
    share = round(count / answers, 6) if answers else None
    return Diagnosis(cause=cause.sentence, count=count, remedy=cause.remedy, share=share)
