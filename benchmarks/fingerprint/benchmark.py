"""Fingerprint: 96 prefixes, and how far the probabilities of the next token are from the official endpoint's."""

import asyncio
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import MappingProxyType

from benchmarks.fingerprint.causes import ANOTHER_PROMPT, CAUSES, PROMPT_UNTOLD, UNREAD
from benchmarks.fingerprint.conclusion import concluded, no_score
from benchmarks.fingerprint.condensed import cause_of, data_of, facts_of, reference_in
from benchmarks.fingerprint.options import COPY, FingerprintOptions
from kvv_action import whole_files
from kvv_action.benchmark import (
    USUAL,
    BenchmarkBase,
    ExportSource,
    Generate,
    Options,
    Outline,
    Rows,
    Sandbox,
    Typical,
)
from kvv_action.causes import Cause
from kvv_action.dataset.named_file import read_named_file
from kvv_action.digits import small
from kvv_action.errors import KvvError, Problem, UsageError
from kvv_action.fingerprint.asking import Asking
from kvv_action.fingerprint.distance import ComparedPair, divergence, traits_of
from kvv_action.fingerprint.position import Position, PositionReading, read_position
from kvv_action.fingerprint.reference import Reference, ReferencePrefix, another_prompt, same_prompt
from kvv_action.fingerprint.reference_file import LARGEST, parse
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.report.text import one_line
from kvv_action.schema import Answer, BenchmarkKind, Exchange, Message, Request, Sample, Score
from kvv_action.score_rule import Aggregate

ASKINGS = 4
"""Times that each prefix is asked: whether drawn tokens have the temperature that was asked for shows in so many."""
SETTING = "fingerprint"


class Fingerprint(BenchmarkBase):
    """Next-token probabilities against a reference, judged over all prefixes together."""

    id = "fingerprint"
    title = "Fingerprint"
    version = f"1 ({ASKINGS} askings)"
    metric = "nats"
    kind = BenchmarkKind.SCORED
    aggregate = "fingerprint"
    options = FingerprintOptions
    extras = (COPY,)
    rules = BenchmarkRules()
    causes = CAUSES
    score_rules = MappingProxyType({"fingerprint": Aggregate(compute=no_score, together=concluded)})

    def __init__(self, options: Options = USUAL, own: FingerprintOptions | None = None) -> None:
        self._options = options
        self._own = own or FingerprintOptions()
        self._file = b""
        self._reference: Reference | None = None
        self._positions: Mapping[str, Position] = {}

    def unfit(self, profile: Profile, today: str) -> Iterator[Problem]:
        """What is wrong with the reference: it cannot be read, is of another model, or is too old."""
        found = partial(Problem, name=SETTING, value=one_line(self._name(profile), 200))
        try:
            reference = self._learn(profile)
        except KvvError as error:
            yield found(allowed=f"It cannot be used: {error}.")
            return
        if reference.profile and reference.profile != profile.name:
            yield found(allowed=f"It is of profile {reference.profile}, this run is by {profile.name}.")
        if reference.expired(today):
            again = "endpoints change; capture the official one again"
            yield found(allowed=f"It expired on {reference.expires}: {again}.")

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample a prefix of the reference."""
        del rows
        for one in self._learn(profile).prefixes:
            yield Sample(id=one.prefix.id, input=one, category=one.prefix.domain.value)

    def _name(self, profile: Profile) -> str:
        rules = profile.benchmarks.get(self.id, BenchmarkRules())
        return self._own.fingerprint or rules.reference_file

    def _learn(self, profile: Profile) -> Reference:
        """Read the reference, once.

        Raises:
            KvvError: it cannot be read, or is no reference.
        """
        if self._reference is not None:
            return self._reference
        name = self._name(profile)
        if not name:
            raise UsageError([Problem(name=SETTING, value="", allowed=self._own.lacks())])
        self._file = read_named_file(
            name, what="a fingerprint reference", largest=LARGEST, cache=self._options.dataset_cache
        )
        self._reference = reference = parse(self._file, name)
        self.facts = facts_of(reference)
        self._positions = {one.prefix.id: one.position for one in reference_in(self.facts).prefixes}
        self.against = _against(reference, self._file)
        generated = reference.asking.max_tokens
        self.typical = Typical(thinking=generated, plain=generated, source="what the requests allow")
        return reference

    @property
    def _asking(self) -> Asking:
        assert self._reference is not None, "samples were read"
        return self._reference.asking

    def opening(self, sample: Sample) -> Sequence[Message]:
        """The conversation of the prefix, with the beginning of the answer where there is one."""
        return self._asking.messages(_prefix(sample).prefix)

    def _request(self, sample: Sample) -> Request:
        return replace(self._asking.request(_prefix(sample).prefix), metered=True)

    def outline(self, sample: Sample) -> Outline:
        """The request of the prefix; it is sent several times if the first answer has probabilities."""
        return Outline(requests=(self._request(sample),), follows=ASKINGS - 1, at_most=ASKINGS - 1)

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """Ask once, and again if the answer has probabilities; after a refusal nothing more is asked."""
        del sandbox
        request = self._request(sample)
        first = await generate(request, may_reject=True)
        if self._read(first).position is None:
            return
        further = await asyncio.gather(*(generate(request) for _ in range(ASKINGS - 1)), return_exceptions=True)
        for lost in further:  # all are done by now, so that none is answered behind the result
            if isinstance(lost, BaseException):
                raise lost

    def _read(self, exchange: Exchange) -> PositionReading:
        return read_position(exchange, asked=self._asking.top_logprobs)

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """1 if the prefix can be compared; the verdict is made later, of all prefixes together."""
        readings, mine = [self._read(exchange) for exchange in exchanges], self._positions[sample.id]
        data = data_of(mine, readings)
        cause = _cause(readings, mine)
        if cause is not None:
            told = next((reading.reason for reading in readings if reading.reason), cause.sentence)
            return Score(
                value=0.0, unparsed=cause in UNREAD, explanation=told, cause=cause.sentence, remedy=cause.remedy,
                data=data,
            )  # fmt: skip
        found = [reading.position for reading in readings if reading.position is not None]
        return Score(value=1.0, answer=self._told(mine, found), data=data)

    def _told(self, mine: Position, theirs: Sequence[Position]) -> str:
        """How far each answer is from the reference, without what only all prefixes together show."""
        assert self._reference is not None
        compare = partial(divergence, reference=self._reference.traits, candidate=traits_of(theirs))
        pairs = [ComparedPair(reference=mine, candidate=position) for position in theirs]
        seen = [found.nats for pair in pairs if (found := compare(pair)) is not None]
        return f"{', '.join(map(small, seen))} nats" if seen else "too little in common"

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """None: the embedded vendor has probabilities of its own."""
        del sample, messages
        return None

    async def export(self, out: Path, source: ExportSource) -> None:
        """A copy of the reference, with which an audit scores the answers again."""
        whole_files.write(out / COPY, source.redactor.bytes(self._file))


def _prefix(sample: Sample) -> ReferencePrefix:
    found: ReferencePrefix = sample.input
    return found


def _cause(readings: Sequence[PositionReading], mine: Position) -> Cause | None:
    """Why a prefix cannot be compared; None where it can."""
    for reading in readings:
        if reading.position is None:
            return cause_of(reading)
        if another_prompt(mine, reading.position):
            return ANOTHER_PROMPT
        if not same_prompt(mine, reading.position):
            return PROMPT_UNTOLD
    return None


def _against(reference: Reference, data: bytes) -> str:
    days = sorted({session.day for session in reference.sessions})
    vendor = one_line(reference.sessions[0].vendor, 80)
    digest = hashlib.sha256(data).hexdigest()[:12]
    return f"fingerprint of {one_line(reference.model, 80)} at {vendor}, {', '.join(days[:3])}, sha256 {digest}"
