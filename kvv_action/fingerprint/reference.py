"""The reference for next-token probabilities: captures of an endpoint, over calls and days, and a tolerance.

A capture is a reference of one session. Captures of several days are merged into one reference. A tolerance that was
measured on honest deployments makes it calibrated; without one its verdicts are advisory.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from statistics import stdev

from kvv_action.errors import KvvError
from kvv_action.fingerprint.asking import Asking
from kvv_action.fingerprint.distance import (
    ComparedPair,
    Divergence,
    ListingTraits,
    divergence,
    geometric,
    traits_of,
)
from kvv_action.fingerprint.position import Covers, Position, mean_of
from kvv_action.fingerprint.prefixes import Prefix

POSITIONS = 96
"""Prefixes of a reference."""
FEWEST = 24
"""Prefixes with which anything is judged."""
EXPIRES_AFTER = 180
"""Days after the last capture in which a reference is used: official endpoints change, too."""
RAW, PROCESSED, UNKNOWN = "raw", "processed", "unknown"
"""Whether a server tells probabilities before the temperature, or after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaptureSession:
    """One time at which an endpoint was asked.

    Attributes:
        vendor, model: who was asked, and the name of the model in the requests.
        started: seconds since the epoch.
        version: of kvv.
        asking: how.
        calls: to each prefix.
        grain, cut: how probabilities were told (`ListingTraits`).
        probabilities: `RAW`, `PROCESSED` or `UNKNOWN`.
        covers: which text they belong to.
        note: what else a reader should know.
        start: number of the server's start, as told by whom captured; captures of one start do not show restart noise.
    """

    vendor: str
    model: str
    started: int
    version: str
    asking: Asking
    calls: int
    grain: float = 0.0
    cut: bool = False
    probabilities: str = UNKNOWN
    covers: Covers = Covers.CONTENT
    note: str = ""
    start: int = 1

    @property
    def day(self) -> str:
        """On which it began, as YYYY-MM-DD in UTC."""
        return (date(1970, 1, 1) + timedelta(seconds=self.started)).isoformat()

    @property
    def traits(self) -> ListingTraits:
        """As the comparison needs them."""
        return ListingTraits(grain=self.grain, cut=self.cut)


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredPosition:
    """What one session saw at one prefix.

    Attributes:
        session: number of the session.
        calls: answers that were read.
        position: their mean.
        deviations: standard deviation of each logarithm; empty for one call.
        noise: nats by which one call differs from the mean of the others, as geometric mean; None for one call.
    """

    session: int
    calls: int
    position: Position
    deviations: Mapping[bytes, float] = field(default_factory=dict)
    noise: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePrefix:
    """A prefix, and what each session saw there."""

    prefix: Prefix
    measured: tuple[MeasuredPosition, ...]

    @property
    def position(self) -> Position:
        """The mean of all sessions, each with the weight of its calls."""
        return mean_of([one.position for one in self.measured], [one.calls for one in self.measured])

    def of_session(self, number: int) -> MeasuredPosition | None:
        """What one session saw."""
        return next((one for one in self.measured if one.session == number), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class InsidePosition:
    """A place inside a prompt, counted in its tokens, and what each session saw there."""

    at: int
    measured: tuple[MeasuredPosition, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsideText:
    """A prompt whose inner positions the server tells (`kvv_action.fingerprint.inside`)."""

    prefix: Prefix
    positions: tuple[InsidePosition, ...]

    def spread(self) -> Iterator[ReferencePrefix]:
        """Each place as a prefix of its own, for a comparison."""
        for one in self.positions:
            prefix = replace(self.prefix, id=f"{self.prefix.id}.{one.at}")
            yield ReferencePrefix(prefix=prefix, measured=one.measured)


@dataclass(frozen=True, slots=True, kw_only=True)
class HonestEvidence:
    """How far an honest deployment was from the reference on one day of it.

    Attributes:
        vendor: name of the deployment.
        day, against: of its capture, and of the reference's session.
        positions: compared.
        nats: geometric mean, for one call.
        far: positions beyond `judgement.FAR`.
    """

    vendor: str
    day: str
    against: str
    positions: int
    nats: float
    far: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The tolerance: the largest differences of honest deployments.

    Attributes:
        nats: geometric mean that is still within.
        far_share: share of requests, 0..1, that may be far.
        evidence: from which both were computed.
    """

    nats: float
    far_share: float
    evidence: tuple[HonestEvidence, ...]

    @property
    def largest(self) -> float:
        """The largest honest geometric mean, in nats."""
        return max(one.nats for one in self.evidence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """Captures of one endpoint; `expires` is the first day on which they are used no more.

    `inside` are positions inside prompts, which compare captures with each other; no benchmark asks for them.
    """

    profile: str
    expires: str
    sessions: tuple[CaptureSession, ...]
    prefixes: tuple[ReferencePrefix, ...]
    tolerance: Tolerance | None = None
    inside: tuple[InsideText, ...] = ()

    @property
    def with_inside(self) -> "Reference":
        """With each place inside a prompt as one more prefix."""
        spread = (prefix for text in self.inside for prefix in text.spread())
        return replace(self, prefixes=(*self.prefixes, *spread), inside=())

    @property
    def model(self) -> str:
        """The name by which it was asked for."""
        return self.sessions[0].model

    @property
    def asking(self) -> Asking:
        """How the first session asked."""
        return self.sessions[0].asking

    @property
    def traits(self) -> ListingTraits:
        """The coarsest rounding of all sessions, and whether any of them cuts tails off."""
        sessions = self.sessions
        return ListingTraits(grain=max(one.grain for one in sessions), cut=any(one.cut for one in sessions))

    @property
    def calls(self) -> int:
        """Calls to each prefix, in all sessions."""
        return sum(session.calls for session in self.sessions)

    @property
    def noise(self) -> float | None:
        """Self-noise: nats by which one call differs from the others, as geometric mean; None where nothing repeats.

        Where there are several days, it is the larger of the noise within a day and from day to day.
        """
        within = [one.noise for prefix in self.prefixes for one in prefix.measured if one.noise is not None]
        found = [geometric(within)] if within else []
        if len(self.sessions) > 1:
            found += [noise for number in range(len(self.sessions)) if (noise := _between(self, number)) is not None]
        return max(found, default=None)

    def expired(self, today: str) -> bool:
        """Whether it is used no more on a day, as YYYY-MM-DD."""
        return today >= self.expires


def _between(reference: Reference, number: int) -> float | None:
    """Nats between one session and the mean of the others."""
    found = []
    for one in reference.prefixes:
        mine = one.of_session(number)
        others = [other.position for other in one.measured if other.session != number]
        if mine is None or not others:
            continue
        pair = ComparedPair(reference=mean_of(others), candidate=mine.position)
        seen = divergence(pair, reference=reference.traits, candidate=reference.sessions[number].traits)
        found += [seen.nats] if seen is not None else []
    return geometric(found) if found else None


def measured(session: int, positions: Sequence[Position], traits: ListingTraits) -> MeasuredPosition:
    """The mean of the answers to one prefix, and how they differ among themselves; at least one answer."""
    mean = mean_of(positions)
    if len(positions) == 1:
        return MeasuredPosition(session=session, calls=1, position=_undrawn(mean))
    deviations = {token: stdev(position.tokens[token] for position in positions) for token in mean.tokens}
    noise = [seen.nats for seen in _from_the_others(mean, positions, traits) if seen is not None]
    return MeasuredPosition(
        session=session, calls=len(positions), position=mean, deviations=deviations,
        noise=geometric(noise) if noise else None,
    )  # fmt: skip


def _from_the_others(
    mean: Position, positions: Sequence[Position], traits: ListingTraits
) -> Iterator[Divergence | None]:
    """The divergence of each answer from the mean of the others, at the tokens that all of them list."""
    count = len(positions)
    for position in positions:
        tokens = {token: (count * value - position.tokens[token]) / (count - 1) for token, value in mean.tokens.items()}
        pair = ComparedPair(reference=replace(mean, tokens=tokens), candidate=position)
        yield divergence(pair, reference=traits, candidate=traits)


def _undrawn(position: Position) -> Position:
    return replace(position, sampled=None, sampled_logprob=None)


def captured(profile: str, session: CaptureSession, answers: Iterable[tuple[Prefix, Sequence[Position]]]) -> Reference:
    """The reference of one session.

    Args:
        profile: id of the profile; empty for none.
        session: its `grain` and `cut` are set from the answers.
        answers: by prefix, in the order in which they are kept; each with an answer at least.
    """
    listed = [(prefix, tuple(positions)) for prefix, positions in answers]
    traits = traits_of(position for _, positions in listed for position in positions)
    kept = tuple(
        ReferencePrefix(prefix=prefix, measured=(measured(0, positions, traits),)) for prefix, positions in listed
    )
    session = replace(session, grain=traits.grain, cut=traits.cut)
    return Reference(profile=profile, expires=expiry(session.day), sessions=(session,), prefixes=kept)


def expiry(day: str) -> str:
    """When a reference expires whose last session was on this day."""
    return (date.fromisoformat(day) + timedelta(days=EXPIRES_AFTER)).isoformat()


def merged(references: Sequence[Reference]) -> Reference:
    """One reference of all sessions; a session that several have counts once. The tolerance must be measured again.

    A prefix stays where every session has it and counted the same prompt tokens.

    Raises:
        KvvError: they are of different models, were asked in different ways, or have too few prefixes in common.
    """
    first, *others = references
    for other in others:
        first = _joined(first, other)
    return first


def _joined(mine: Reference, other: Reference) -> Reference:
    known = {_identity(session): number for number, session in enumerate(mine.sessions)}
    fresh = [number for number, session in enumerate(other.sessions) if _identity(session) not in known]
    if not fresh:
        return mine
    _one_kind(mine, other)
    numbers = {number: len(mine.sessions) + place for place, number in enumerate(fresh)}
    theirs = {one.prefix.digest: one for one in other.prefixes}
    prefixes = tuple(
        both for one in mine.prefixes if (both := _beside(one, theirs.get(one.prefix.digest), numbers)) is not None
    )
    if len(prefixes) < FEWEST:
        raise KvvError(
            f"the captures have {len(prefixes)} prefixes with equal prompt tokens in common, at least {FEWEST} are "
            "needed: capture the next day with `--like FIRST`, which asks the same prefixes"
        )
    sessions = (*mine.sessions, *(other.sessions[number] for number in fresh))
    return Reference(
        profile=mine.profile, expires=max(mine.expires, other.expires), sessions=sessions, prefixes=prefixes,
        inside=tuple(_inside_beside(mine, other, numbers)),
    )  # fmt: skip


def _identity(session: CaptureSession) -> tuple[str, str, int, int]:
    return session.vendor, session.model, session.started, session.start


def _one_kind(mine: Reference, other: Reference) -> None:
    for what, one, another in (
        ("profiles", mine.profile, other.profile),
        ("models", mine.model, other.model),
        ("temperatures", mine.asking.temperature, other.asking.temperature),
        ("values of top_p", mine.asking.top_p, other.asking.top_p),
    ):
        if one != another:
            raise KvvError(f"captures with different {what} ({one} and {another}) cannot be one reference")


def _beside(one: ReferencePrefix, other: ReferencePrefix | None, numbers: Mapping[int, int]) -> ReferencePrefix | None:
    if other is None or not same_prompt(one.measured[0].position, other.measured[0].position):
        return None
    fresh = tuple(replace(seen, session=numbers[seen.session]) for seen in other.measured if seen.session in numbers)
    return replace(one, measured=(*one.measured, *fresh))


def _inside_beside(mine: Reference, other: Reference, numbers: Mapping[int, int]) -> Iterator[InsideText]:
    """The places inside prompts that both have."""
    theirs = {one.prefix.digest: one for text in other.inside for one in text.spread()}
    for text in mine.inside:
        spread = zip(text.positions, text.spread(), strict=True)
        both = [(one.at, _beside(prefix, theirs.get(prefix.prefix.digest), numbers)) for one, prefix in spread]
        kept = tuple(InsidePosition(at=at, measured=found.measured) for at, found in both if found is not None)
        if kept:
            yield replace(text, positions=kept)


def same_prompt(one: Position, other: Position) -> bool:
    """Whether both servers tell that they made the same prompt of it: by its tokens, else by their number."""
    return _prompts_equal(one, other) is True


def another_prompt(one: Position, other: Position) -> bool:
    """Whether they tell that they did not; where one of them tells nothing of its prompt, neither of both holds."""
    return _prompts_equal(one, other) is False


def _prompts_equal(one: Position, other: Position) -> bool | None:
    if one.prompt_ids and other.prompt_ids:
        return one.prompt_ids == other.prompt_ids
    if one.prompt_tokens is None or other.prompt_tokens is None:
        return None
    return one.prompt_tokens == other.prompt_tokens
