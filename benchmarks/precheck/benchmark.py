"""Pre-Verification as a benchmark: every sample is a probe, every probe must hold."""

import asyncio
from collections.abc import Coroutine, Iterable, Iterator, Sequence
from typing import Any

from benchmarks.precheck.options import PrecheckOptions
from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import chosen
from kvv_action.benchmark import USUAL, BenchmarkBase, Generate, Options, Outline, Rows, Sandbox, Typical
from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, BenchmarkKind, Exchange, Message, Sample, Score


class Precheck(BenchmarkBase):
    """Runs first and gates the rest."""

    id = "precheck"
    title = "Pre-Verification"
    version = "2"
    metric = "probes_held"
    kind = BenchmarkKind.CONTRACT
    gates = True
    typical = Typical(thinking=300, plain=60, source="assumed: probes are answered in a sentence")

    def __init__(self, options: Options = USUAL, own: PrecheckOptions | None = None) -> None:
        self._options = options
        self._own = own or PrecheckOptions()
        self._probes: dict[str, Probe] = {}

    def samples(self, rows: Rows | None, profile: Profile) -> Iterator[Sample]:
        """One sample a probe; there is no dataset."""
        del rows
        if not self._probes:
            self._probes = {probe.id: probe for probe in chosen(profile, self._options, self._own)}
        for probe in self._probes.values():
            yield Sample(id=probe.id, input=None, category=probe.suite)

    def outline(self, sample: Sample) -> Outline:
        """The probe's requests, and how many may follow."""
        probe = self._probes[sample.id]
        return Outline(requests=probe.requests, follows=probe.follows, at_most=probe.at_most)

    async def solve(self, sample: Sample, generate: Generate, sandbox: Sandbox | None) -> None:
        """Send the probe's requests, then those that follow from the answers."""
        del sandbox
        probe = self._probes[sample.id]
        if probe.together:
            # calls are numbered when they are made, so the order of the answers does not matter
            await _all(generate(request, may_reject=True) for request in probe.requests)
            return
        exchanges = [await generate(request, may_reject=True) for request in probe.requests]
        while probe.then and (request := probe.then(exchanges)):
            exchanges.append(await generate(request, may_reject=True))

    async def score(self, sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        """1 when the contract holds."""
        return self._probes[sample.id].judge(exchanges)

    def exemplar(self, sample: Sample, messages: Sequence[Message]) -> Answer | None:
        """Probes are answered by the embedded vendor's own rules."""
        del sample, messages
        return None


async def _all(asked: Iterable[Coroutine[Any, Any, Exchange]]) -> None:
    """Wait for every request, also when one fails: what is in flight has been paid for, and its answer is evidence."""
    for came in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(came, BaseException):
            raise came
