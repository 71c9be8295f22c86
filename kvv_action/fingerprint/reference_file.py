"""The file of a reference: JSON lines in canonical bytes with a seal, and the strict reader of such files.

The first line is the header: profile, sessions, tolerance with its evidence, expiry, number of prefixes, seal. Each
further line is a prefix with what every session saw there; the last ones may be texts with places inside them. The same
reference gives the same bytes.
"""

import base64
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, TypeVar

import orjson
from pydantic import Field, ValidationError
from pydantic.dataclasses import dataclass

from kvv_action.adapters import adapter
from kvv_action.errors import KvvError
from kvv_action.fingerprint.asking import Asking, Dialect
from kvv_action.fingerprint.position import ABSENT, LONGEST_TOKEN, MOST_INSIDE, MOST_LISTED, SLACK, Covers, Position
from kvv_action.fingerprint.prefix_part import STRICT, Amount, PrefixPart, Word, first_of, prefix_of
from kvv_action.fingerprint.reference import (
    PROCESSED,
    RAW,
    UNKNOWN,
    CaptureSession,
    HonestEvidence,
    InsidePosition,
    InsideText,
    MeasuredPosition,
    Reference,
    ReferencePrefix,
    Tolerance,
)
from kvv_action.schema import Json, Thinking

FORM = "kvv fingerprint reference 1"
LARGEST = 32 * 2**20
"""Bytes of a file at most."""
MOST_PREFIXES, MOST_SESSIONS, MOST_EVIDENCE = 4096, 64, 4096
_DIGITS = 5

Share = Annotated[float, Field(ge=0, le=1)]
Nats = Annotated[float, Field(ge=0, le=1000)]
Some = Annotated[int, Field(ge=1, le=100_000)]
Token = tuple[
    Annotated[str, Field(max_length=2 * LONGEST_TOKEN)],
    Annotated[float, Field(ge=ABSENT, le=0)],
    Annotated[float, Field(ge=0, le=1000)],
]
"""Base64 of the bytes; mean and deviation of the logarithm."""


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _AskingPart:
    temperature: Annotated[float, Field(ge=0, le=10)] | None
    top_p: Share | None
    top_logprobs: Annotated[int, Field(ge=1, le=MOST_LISTED)]
    max_tokens: Some
    dialect: Dialect
    thinking: Thinking


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _SessionPart:
    vendor: Word
    model: Word
    started: Amount
    version: Word
    asking: _AskingPart
    calls: Some
    grain: Share
    cut: bool
    probabilities: Annotated[str, Field(pattern=f"^({RAW}|{PROCESSED}|{UNKNOWN})$")]
    covers: Covers
    note: Word
    start: Some


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _EvidencePart:
    vendor: Word
    day: Word
    against: Word
    positions: Some
    nats: Nats
    far: Annotated[int, Field(ge=0, le=100_000)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _TolerancePart:
    nats: Annotated[float, Field(gt=0, le=1000)]
    far_share: Share
    evidence: Annotated[tuple[_EvidencePart, ...], Field(min_length=1, max_length=MOST_EVIDENCE)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Header:
    form: Word
    seal: Word
    profile: Word
    expires: Word
    sessions: Annotated[tuple[_SessionPart, ...], Field(min_length=1, max_length=MOST_SESSIONS)]
    tolerance: _TolerancePart | None
    prefixes: Annotated[int, Field(ge=1, le=MOST_PREFIXES)]
    inside: Annotated[int, Field(ge=0, le=MOST_PREFIXES)] = 0


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _MeasuredPart:
    session: Annotated[int, Field(ge=0, lt=MOST_SESSIONS)]
    calls: Annotated[int, Field(ge=1, le=1024)]
    asked: Annotated[int, Field(ge=1, le=MOST_LISTED)]
    listed: Annotated[int, Field(ge=0, le=MOST_LISTED)]
    cut: bool
    unusable: Share
    prompt_tokens: Amount | None
    prompt_ids: Word
    covers: Covers
    noise: Nats | None
    tokens: Annotated[tuple[Token, ...], Field(max_length=MOST_LISTED)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _Line:
    prefix: PrefixPart
    measured: Annotated[tuple[_MeasuredPart, ...], Field(min_length=1, max_length=MOST_SESSIONS)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _PlacePart:
    at: Annotated[int, Field(ge=0, le=MOST_INSIDE)]
    measured: Annotated[tuple[_MeasuredPart, ...], Field(min_length=1, max_length=MOST_SESSIONS)]


@dataclass(frozen=True, slots=True, kw_only=True, config=STRICT)
class _InsideLine:
    prefix: PrefixPart
    positions: Annotated[tuple[_PlacePart, ...], Field(min_length=1, max_length=MOST_INSIDE)]


Part = TypeVar("Part")


def as_bytes(reference: Reference) -> bytes:
    """The file: canonical, with its seal."""
    lines = [_dump({"prefix": one.prefix, "measured": list(map(_plain, one.measured))}) for one in reference.prefixes]
    header = {
        "form": FORM, "profile": reference.profile, "expires": reference.expires, "sessions": reference.sessions,
        "tolerance": reference.tolerance, "prefixes": len(lines),
        **({"inside": len(reference.inside)} if reference.inside else {}),
    }  # fmt: skip
    lines += map(_inside_line, reference.inside)
    seal = hashlib.sha256(b"".join([_dump(header), *lines])).hexdigest()
    return b"".join([_dump({**header, "seal": seal}), *lines])


def _inside_line(text: InsideText) -> bytes:
    places = [{"at": one.at, "measured": list(map(_plain, one.measured))} for one in text.positions]
    return _dump({"prefix": text.prefix, "positions": places})


def digest(reference: Reference) -> str:
    """SHA-256 of the file, by which a plan and an address name it."""
    return hashlib.sha256(as_bytes(reference)).hexdigest()


def _dump(content: Mapping[str, Json]) -> bytes:
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _plain(one: MeasuredPosition) -> dict[str, Json]:
    position = one.position
    tokens = sorted(position.tokens.items(), key=lambda item: (-round(item[1], _DIGITS), item[0]))
    return {
        "session": one.session, "calls": one.calls, "asked": position.asked, "listed": position.listed,
        "cut": position.cut, "unusable": round(position.unusable, _DIGITS),
        "prompt_tokens": position.prompt_tokens, "prompt_ids": position.prompt_ids, "covers": position.covers,
        "noise": None if one.noise is None else round(one.noise, 9),
        "tokens": [
            [base64.b64encode(token).decode(), round(value, _DIGITS), round(one.deviations.get(token, 0.0), _DIGITS)]
            for token, value in tokens
        ],
    }  # fmt: skip


def parse(data: bytes, where: str) -> Reference:
    """Read a reference, and check that it is whole and unchanged.

    Args:
        data: the file.
        where: its name, for messages.

    Raises:
        KvvError: it is none, or is damaged; the message says where and what is allowed.
    """
    if len(data) > LARGEST:
        raise KvvError(f"{where}: is larger than {LARGEST} bytes, so it is no fingerprint reference")
    first, *lines = data.splitlines(keepends=True) or [b""]
    _of_this_form(first, where)
    header = _part(_Header, first, f"{where}, line 1")
    if len(lines) != header.prefixes + header.inside:
        said = f"{header.prefixes} prefixes" + (f" and {header.inside} texts" if header.inside else "")
        raise KvvError(f"{where}: has {len(lines)} lines below the first one, which says {said}")
    places, sessions = [f"{where}, line {number}" for number in range(2, len(lines) + 2)], len(header.sessions)
    located = list(zip(lines, places, strict=True))
    prefixes = tuple(_prefix(_part(_Line, line, at), sessions, at) for line, at in located[: header.prefixes])
    inside = tuple(_inside(_part(_InsideLine, line, at), sessions, at) for line, at in located[header.prefixes :])
    reference = Reference(
        profile=header.profile, expires=_day(header.expires, where),
        sessions=tuple(map(_session, header.sessions)), prefixes=prefixes,
        tolerance=_tolerance(header.tolerance) if header.tolerance else None, inside=inside,
    )  # fmt: skip
    if len({*(one.prefix.id for one in prefixes), *(one.prefix.id for one in inside)}) < len(lines):
        raise KvvError(f"{where}: has two prefixes with one id")
    if as_bytes(reference) != data:
        raise KvvError(f"{where}: was changed after it was made")
    return reference


def _of_this_form(first: bytes, where: str) -> None:
    try:
        content = orjson.loads(first)
    except orjson.JSONDecodeError:
        content = None
    form = content.get("form") if isinstance(content, dict) else None
    if form != FORM:
        said = f"its form is {str(form)[:100]!r}" if form is not None else "its first line is no header"
        raise KvvError(f"{where}: is no fingerprint reference: {said}; this version reads {FORM!r}")


def _part(kind: type[Part], line: bytes, where: str) -> Part:
    try:
        return adapter(kind).validate_json(line)
    except ValidationError as error:
        raise KvvError(f"{where}: {first_of(error)}") from None


def _session(part: _SessionPart) -> CaptureSession:
    fields = {name: getattr(part, name) for name in _names(part)}
    asking = Asking(**{name: getattr(part.asking, name) for name in _names(part.asking)})
    return CaptureSession(**{**fields, "asking": asking})


def _names(part: Any) -> Sequence[str]:
    return tuple(part.__dataclass_fields__)


def _tolerance(part: _TolerancePart) -> Tolerance:
    evidence = tuple(HonestEvidence(**{name: getattr(one, name) for name in _names(one)}) for one in part.evidence)
    return Tolerance(nats=part.nats, far_share=part.far_share, evidence=evidence)


def _prefix(line: _Line, sessions: int, where: str) -> ReferencePrefix:
    measured = _all_measured(line.measured, sessions, where)
    return ReferencePrefix(prefix=prefix_of(line.prefix, where), measured=measured)


def _inside(line: _InsideLine, sessions: int, where: str) -> InsideText:
    places = [one.at for one in line.positions]
    if places != sorted(set(places)):
        raise KvvError(f"{where}: positions.at: each place once, in rising order")
    positions = tuple(
        InsidePosition(at=one.at, measured=_all_measured(one.measured, sessions, where)) for one in line.positions
    )
    return InsideText(prefix=prefix_of(line.prefix, where), positions=positions)


def _all_measured(parts: Sequence[_MeasuredPart], sessions: int, where: str) -> tuple[MeasuredPosition, ...]:
    numbers = [one.session for one in parts]
    if len(set(numbers)) < len(numbers) or max(numbers) >= sessions:
        raise KvvError(f"{where}: measured.session must be one of the {sessions} sessions, each once")
    return tuple(_measured(one, where) for one in parts)


def _measured(part: _MeasuredPart, where: str) -> MeasuredPosition:
    tokens = {token: (mean, deviation) for token, mean, deviation in _decoded(part.tokens, where)}
    mass = math.fsum(math.exp(mean) for mean, _ in tokens.values()) + part.unusable
    if len(tokens) < len(part.tokens) or mass > 1 + part.asked * SLACK + SLACK:
        raise KvvError(f"{where}: measured.tokens: each token once, with probabilities of at most 1 together")
    position = Position(
        tokens={token: mean for token, (mean, _) in tokens.items()}, asked=part.asked, listed=part.listed,
        cut=part.cut, unusable=part.unusable, prompt_tokens=part.prompt_tokens, prompt_ids=part.prompt_ids,
        covers=part.covers,
    )  # fmt: skip
    deviations = {token: deviation for token, (_, deviation) in tokens.items()} if part.calls > 1 else {}
    return MeasuredPosition(
        session=part.session, calls=part.calls, position=position, deviations=deviations, noise=part.noise
    )


def _decoded(tokens: Sequence[Token], where: str) -> Iterator[tuple[bytes, float, float]]:
    try:
        for token, mean, deviation in tokens:
            yield base64.b64decode(token, validate=True), mean, deviation
    except ValueError:
        raise KvvError(f"{where}: measured.tokens: a token is no base64") from None


def _day(text: str, where: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise KvvError(f"{where}: expires must be a day, as YYYY-MM-DD") from None
