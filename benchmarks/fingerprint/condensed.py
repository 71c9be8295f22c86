"""How a plan keeps a reference, and a score keeps answers: as numbers alone, from which everything is judged again.

The plan holds the reference without its prefixes, condensed to one session. A score holds what was read from each
answer, with its tokens as numbers: the places of the reference's tokens first, then those of others in the order in
which they came. So a journal without texts is judged like one with them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from benchmarks.fingerprint.causes import NO_LOGPROBS, OF_CONTENT, UNREAD, UNREADABLE
from kvv_action.causes import Cause
from kvv_action.fingerprint.position import Covers, Position, PositionReading
from kvv_action.fingerprint.reference import PROCESSED, CaptureSession, MeasuredPosition, Reference, ReferencePrefix
from kvv_action.fingerprint.reference_file import as_bytes, parse
from kvv_action.schema import Json

_UNTOLD = ({"role": "user", "content": ""},)
"""In place of the messages of a prefix."""
_DIGITS = 6


def facts_of(reference: Reference) -> dict[str, Json]:
    """What a plan keeps of a reference: the lines of its file, condensed."""
    return {"reference": as_bytes(_condensed(reference)).decode().splitlines()}


def reference_in(facts: Mapping[str, Json]) -> Reference:
    """The condensed reference of a plan.

    Raises:
        KvvError: it was changed, or is none.
    """
    lines = [f"{line}\n" for line in facts.get("reference", ())]
    return parse("".join(lines).encode(), "the plan's reference")


def _condensed(reference: Reference) -> Reference:
    tolerance, noise = reference.tolerance, reference.noise
    if tolerance is not None:
        tolerance = replace(tolerance, evidence=(max(tolerance.evidence, key=lambda one: one.nats),))
    prefixes = tuple(_without_text(one, noise) for one in reference.prefixes)
    return replace(reference, inside=(), sessions=(_one_session(reference),), prefixes=prefixes, tolerance=tolerance)


def _one_session(reference: Reference) -> CaptureSession:
    processed = any(session.probabilities == PROCESSED for session in reference.sessions)
    first, traits = reference.sessions[0], reference.traits
    told = PROCESSED if processed else first.probabilities
    return replace(first, grain=traits.grain, cut=traits.cut, probabilities=told, note="")


def _without_text(one: ReferencePrefix, noise: float | None) -> ReferencePrefix:
    """The mean of all sessions; each prefix gets the noise of the whole, so that the whole keeps its noise."""
    seen = MeasuredPosition(session=0, calls=1, position=one.position, noise=noise)
    return ReferencePrefix(prefix=replace(one.prefix, messages=_UNTOLD, begun="", tools=()), measured=(seen,))


def cause_of(reading: PositionReading) -> Cause:
    """Why an answer has no probabilities that can be compared."""
    if reading.covers is Covers.CONTENT:
        return OF_CONTENT
    missing = ("the answer has no logprobs", "the request was refused")
    return NO_LOGPROBS if reading.reason.startswith(missing) else UNREADABLE


def data_of(reference: Position, readings: Iterable[PositionReading]) -> dict[str, Json]:
    """What a score keeps of the answers to one prefix."""
    numbers = {token: number for number, token in enumerate(reference.tokens)}
    return {"askings": [_asking(reading, reference, numbers) for reading in readings]}


def _asking(reading: PositionReading, reference: Position, numbers: dict[bytes, int]) -> dict[str, Json]:
    position = reading.position
    if position is None:
        return {"unread": UNREAD.index(cause_of(reading))}
    known = bool(position.prompt_ids and reference.prompt_ids)
    sampled = position.sampled
    return {
        "tokens": [
            [numbers.setdefault(token, len(numbers)), round(value, _DIGITS)] for token, value in position.tokens.items()
        ],
        "asked": position.asked,
        "listed": position.listed,
        "cut": position.cut,
        "unusable": round(position.unusable, _DIGITS),
        "sampled": None if sampled is None else numbers.setdefault(sampled, len(numbers)),
        "prompt_tokens": position.prompt_tokens,
        "same_ids": position.prompt_ids == reference.prompt_ids if known else None,
    }


def readings_in(data: Mapping[str, Json], reference: Position) -> list[PositionReading]:
    """The readings that a score keeps: what `data_of` was given."""
    names = list(reference.tokens)
    return [_reading(one, reference, names) for one in data["askings"]]


def _reading(asking: Mapping[str, Json], reference: Position, names: Sequence[bytes]) -> PositionReading:
    if "unread" in asking:
        return PositionReading(reason=UNREAD[asking["unread"]].sentence)
    ids = {None: "", True: reference.prompt_ids, False: "another"}[asking["same_ids"]]
    position = Position(
        tokens={_token(number, names): value for number, value in asking["tokens"]}, asked=asking["asked"],
        listed=asking["listed"], cut=asking["cut"], unusable=asking["unusable"],
        sampled=None if asking["sampled"] is None else _token(asking["sampled"], names),
        prompt_tokens=asking["prompt_tokens"], prompt_ids=ids,
    )  # fmt: skip
    return PositionReading(position=position, covers=position.covers)


def _token(number: int, names: Sequence[bytes]) -> bytes:
    """One of the reference's tokens, or a name that none of them has."""
    return names[number] if number < len(names) else b"\0%d" % number
