"""Pre-Verification as a benchmark: every sample is a probe, every probe must hold."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from benchmarks.precheck.crashes import (
    TRIES_OF_INVALID,
    CrashStudy,
    crashed,
    is_no_answer,
    judged_crash,
    may_be_refused,
    own_of,
)
from benchmarks.precheck.options import PrecheckOptions
from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import chosen
from kvv_action.aside import in_turn, is_long
from kvv_action.benchmark import USUAL, BenchmarkBase, Generate, Options, Outline, Rows, Sandbox, Typical
from kvv_action.errors import EndpointError
from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, BenchmarkKind, Exchange, Message, Request, Sample, Score


class Precheck(BenchmarkBase):
    """Runs first and gates the rest."""

    id = "precheck"
    title = "Pre-Verification"
    version = "4"
    metric = "probes_held"
    kind = BenchmarkKind.CONTRACT
    gates = True
    typical = Typical(thinking=300, plain=60, source="assumed: probes are answered in a sentence")

    def __init__(self, options: Options = USUAL, own: PrecheckOptions | None = None) -> None:
        self._options = options
        self._own = own or PrecheckOptions()
        self._probes: dict[str, Probe] = {}
        self._crashes: CrashStudy | None = None

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample a probe; there is no dataset."""
        del rows
        if not self._probes:
            self._probes = {probe.id: probe for probe in chosen(profile, self._options, self._own)}
            self._crashes = CrashStudy(profile=profile, think_mode=self._options.think_mode)
        for probe in self._probes.values():
            yield Sample(id=probe.id, input=None, category=probe.suite)

    def outline(self, sample: Sample) -> Outline:
        """The probe's requests, and how many may follow."""
        probe = self._probes[sample.id]
        return Outline(requests=probe.requests, follows=probe.follows, at_most=probe.at_most)

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """Send the probe's requests, then those that follow from the answers; look into what crashed the server."""
        del sandbox
        probe, study = self._probes[sample.id], self._crashes
        assert study is not None, "a sample comes from `samples`"
        asked: list[tuple[Request, Exchange]] = []
        try:
            async for request, exchange in _answers(probe, generate):
                asked.append((request, exchange))
                study.note(request, exchange)
        except EndpointError:
            if not probe.optional or not asked:
                raise
            return
        lost = next((request for request, exchange in asked if crashed(exchange)), None)
        exchanges = [exchange for _, exchange in asked]
        if lost is None or probe.judges_crashes(exchanges):
            return
        refusable = not is_no_answer(probe, exchanges)
        if not (refusable and any(exchange.completion is not None for exchange in exchanges)):
            await study.look_into(probe.id, lost, generate, refusable=refusable)

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """1 when the contract holds."""
        return await in_turn(is_long(exchanges), self._judged, sample, exchanges)

    def _judged(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        probe = self._probes[sample.id]
        if not any(map(crashed, exchanges)) or probe.judges_crashes(own_of(exchanges)):
            return probe.judge(exchanges)
        if probe.optional and not crashed(exchanges[0]):
            return probe.judge([exchange for exchange in own_of(exchanges) if not crashed(exchange)])
        return judged_crash(probe, exchanges)

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """Probes are answered by the embedded vendor's own rules."""
        del sample, messages
        return None


async def _answers(probe: Probe, generate: Generate) -> AsyncIterator[tuple[Request, Exchange]]:
    """Every request of a probe with its answer; nothing follows a crash of the server."""
    exchanges: list[Exchange] = []
    following: Request | None
    if probe.together:
        requests = [replace(request, may_crash=True) for request in probe.requests]
        # calls are numbered when they are made, so the order of the answers does not matter
        for request, exchange in zip(
            requests, await _all(generate(one, may_reject=True) for one in requests), strict=True
        ):
            exchanges.append(exchange)
            yield request, exchange
    for following in () if probe.together else probe.requests:
        tries = TRIES_OF_INVALID if may_be_refused(probe, exchanges) else 0
        exchanges.append(await generate(replace(following, may_crash=True, tries=tries), may_reject=True))
        yield following, exchanges[-1]
        if not tries and not _goes_on(probe, exchanges):
            return
    while probe.then and _goes_on(probe, exchanges) and (following := probe.then(exchanges)):
        exchanges.append(await generate(replace(following, may_crash=True), may_reject=True))
        yield following, exchanges[-1]


def _goes_on(probe: Probe, exchanges: Sequence[Exchange]) -> bool:
    """Whether a probe goes on: after a crash only if it is about crashes."""
    return not crashed(exchanges[-1]) or probe.judges_crashes(exchanges)


async def _all(asked: Iterable[Coroutine[Any, Any, Exchange]]) -> Sequence[Exchange]:
    """Wait for every request, also when one fails: what is in flight has been paid for, and its answer is evidence."""
    came = await asyncio.gather(*asked, return_exceptions=True)
    for one in came:
        if isinstance(one, BaseException):
            raise one
    return [one for one in came if isinstance(one, Exchange)]
