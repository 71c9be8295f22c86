"""The tolerance of a reference, measured on honest deployments: data, with its evidence."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from kvv_action.errors import KvvError
from kvv_action.fingerprint.comparison import compare_captures, nats_of_one_call
from kvv_action.fingerprint.reference import (
    FEWEST,
    HonestEvidence,
    InsidePosition,
    InsideText,
    MeasuredPosition,
    Reference,
    Tolerance,
)
from kvv_action.statistics.intervals import exact_limits

TIMES = 3
"""The tolerance is so many times the largest honest geometric mean."""
LEAST_NATS = 0.0003
"""The smallest tolerance: another number format of the activations alone changes as much."""
DEPLOYMENTS = 3
"""Honest deployments that a tolerance needs."""
LIMIT_ERROR = 0.05
"""Error of the upper limit of the honest share of far positions."""


def calibrated(reference: Reference, captures: Sequence[Reference]) -> Reference:
    """The reference with a tolerance from captures of honest deployments.

    Every session of every capture is compared with every session of the reference; the largest geometric mean counts.

    Args:
        reference: what was captured of the official endpoint, on one day or several.
        captures: of at least three deployments, which are told apart by the name of their vendor.

    Raises:
        KvvError: there are too few deployments, or one has too few prefixes with an equal prompt.
    """
    names = {session.vendor for capture in captures for session in capture.sessions}
    if len(names) < DEPLOYMENTS:
        raise KvvError(
            f"a tolerance needs captures of at least {DEPLOYMENTS} honest deployments; there are {len(names)}: "
            f"{', '.join(sorted(names)) or 'none'} (name each with --vendor when it is captured)"
        )
    evidence = tuple(
        found for day in single(reference) for capture in captures for one in single(capture)
        for found in _evidence(day, one)
    )  # fmt: skip
    nats = max(LEAST_NATS, TIMES * max(one.nats for one in evidence))
    return replace(reference, tolerance=Tolerance(nats=nats, far_share=_far_share(evidence), evidence=evidence))


def _far_share(evidence: Sequence[HonestEvidence]) -> float:
    """Upper limit of the share of far requests; each capture counts once, with its worst day."""
    worst = dict[tuple[str, str], HonestEvidence]()
    for one in sorted(evidence, key=lambda one: one.far / one.positions):
        worst[one.vendor, one.day] = one
    positions, far = sum(one.positions for one in worst.values()), sum(one.far for one in worst.values())
    return exact_limits(far, positions, LIMIT_ERROR)[1]


def _evidence(day: Reference, capture: Reference) -> Iterator[HonestEvidence]:
    name, series = capture.sessions[0].vendor, compare_captures(day, capture)
    count = len(series.compared)
    if count < FEWEST:
        another = f", {len(series.another_prompt)} have another prompt" if series.another_prompt else ""
        raise KvvError(
            f"{name}: {count} prefixes can be compared with the reference{another}; at least {FEWEST} are needed. "
            "Capture it with `--like REFERENCE`"
        )
    yield HonestEvidence(
        vendor=name, day=capture.sessions[0].day, against=day.sessions[0].day, positions=count,
        nats=nats_of_one_call(series, capture), far=series.far,
    )  # fmt: skip


def single(reference: Reference) -> Iterator[Reference]:
    """Each session as a reference of its own."""
    for number, session in enumerate(reference.sessions):
        prefixes = tuple(
            replace(one, measured=seen) for one in reference.prefixes if (seen := _only(one.measured, number))
        )
        inside = tuple(
            replace(text, positions=places) for text in reference.inside if (places := _places(text, number))
        )
        yield replace(reference, sessions=(session,), prefixes=prefixes, inside=inside, tolerance=None)


def _only(measured: Sequence[MeasuredPosition], number: int) -> tuple[MeasuredPosition, ...]:
    return tuple(replace(one, session=0) for one in measured if one.session == number)


def _places(text: InsideText, number: int) -> tuple[InsidePosition, ...]:
    return tuple(replace(one, measured=seen) for one in text.positions if (seen := _only(one.measured, number)))
