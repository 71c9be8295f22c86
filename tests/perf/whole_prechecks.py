"""Whole prechecks without a network, of which some answers are those of a bad vendor; quick enough for hundreds.

Every probe asks, asks again and judges as it does in a run, and every answer is shown to the checks. What the two
vendors answer to a request, and what the checks say of it, is computed once. Other surfaces of the API are left out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import orjson

from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import chosen
from kvv_action.benchmark import Options
from kvv_action.errors import EndpointError, Undecided
from kvv_action.journal.reading import Sent
from kvv_action.profiles import loader
from kvv_action.schema import CHAT, Attempt, Exchange, Place, Request, RunPlan, Severity
from kvv_action.verdict.checks.findings import AnswerChecks, in_order
from tests.precheck.direct import DirectVendor

PROFILE = "kimi-k3"


def probes_of(tier: str, profile: str = PROFILE) -> list[Probe]:
    """The probes of a tier that ask for chats."""
    every = chosen(loader.load(profile), Options(model=profile, tier=tier))
    return [probe for probe in every if all(request.path == CHAT for request in probe.requests)]


class RememberedVendor(DirectVendor):
    """A vendor that answers equal requests alike, with the signs of each answer."""

    def __init__(self, plan: RunPlan, faults: Sequence[str] = ()) -> None:
        super().__init__(PROFILE, faults)
        self._plan, self._known = plan, dict[bytes, Exchange]()

    def exchange(self, request: Request) -> Exchange:
        """What came of it the first time."""
        key = orjson.dumps((request.messages, request.body, request.stream, request.thinking, request.verbatim))
        if key not in self._known:
            self._known[key] = signed(self._plan, super().exchange(request))
        return self._known[key]


class MixedVendor(DirectVendor):
    """A right vendor that answers as a bad one whenever `hit` says so."""

    def __init__(self, right: DirectVendor, bad: DirectVendor, hit: Callable[[], bool]) -> None:
        self._right, self._bad, self._hit = right, bad, hit

    def exchange(self, request: Request) -> Exchange:
        """The answer of one of the two."""
        return (self._bad if self._hit() else self._right).exchange(request)


def signed(plan: RunPlan, exchange: Exchange) -> Exchange:
    """An exchange with what the checks see in it."""
    if exchange.completion is None:
        return exchange
    sent = Sent(place=Place(benchmark="precheck", sample="", index=0, epoch=0), endpoint="", exchange=exchange)
    signs = {sign.cause.id: sign.word for sign in AnswerChecks(plan).signs(sent)}
    return replace(exchange, signs=signs)


def told(plan: RunPlan, probes: Sequence[Probe], vendor: DirectVendor) -> set[str]:
    """Ids of the findings above information, and sentences of the causes that probes name, in one precheck."""
    checks, causes = AnswerChecks(plan), set[str]()
    for index, probe in enumerate(probes):
        place = Place(benchmark="precheck", sample=probe.id, index=index, epoch=0)
        try:
            exchanges = vendor.asked(probe)
        except EndpointError as error:
            failed = Attempt(number=1, started=0.0, duration=0.0, failure=error.kind)
            checks.see(Sent(place=place, endpoint="", attempts=(failed,)))
            continue
        for exchange in exchanges:
            checks.see(Sent(place=place, endpoint="", exchange=exchange))
        causes |= set(_named(probe, exchanges))
    found = in_order([one.finding for one in checks.seen()])
    return causes | {one.cause_id for one in found if one.severity is not Severity.INFORMATION}


def _named(probe: Probe, exchanges: Sequence[Exchange]) -> Iterator[str]:
    try:
        score = probe.judge(exchanges)
    except Undecided:
        return
    if score.cause:
        yield score.cause
