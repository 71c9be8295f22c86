"""Judges how reliably answers arrive: what the server accepted and then broke, on the first try of each request.

A retry that works hides a broken try from every score, but not from a client that does not retry. So the first try is
judged, and retries are told beside it. What is no promise of the server's is left out: connections that were never
there, deadlines of our own, requests that we withdrew. Lack of capacity (429, 503, 529) is told apart.
"""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from kvv_action.journal.reading import Sent
from kvv_action.schema import Attempt, Delivery, FailureKind, RunPlan, Verdict
from kvv_action.statistics.intervals import exact_limits

BROKEN = frozenset(
    {
        FailureKind.TRUNCATED,
        FailureKind.STREAM_ERROR,
        FailureKind.EMPTY_STREAM,
        FailureKind.BAD_RESPONSE,
        FailureKind.DISCONNECTED,
        FailureKind.SERVER_ENDED,
        FailureKind.SERVER_ERROR,
    }
)
"""Failures after the server had accepted the request."""
CUT = frozenset({FailureKind.TRUNCATED, FailureKind.DISCONNECTED})
BUSY = frozenset({429, 503, 529})
"""Statuses that say: no capacity now."""
INCIDENTS = 3
"""Incidents below which delivery does not fail: one restart of a server breaks everything that is in flight."""
INCIDENT_SECONDS = 60.0
"""Broken tries without an answer between them are one incident when they are no further apart."""
SAME_MOMENT = 0.1
"""Seconds within which broken tries are one incident, whatever was answered between them."""
FAIL_ERROR, PASS_ERROR = 0.01, 0.05
"""One-sided errors of the limits: of failing a server at the limit, and of passing one there."""
TIMEOUT_LEAST, TIMEOUT_SPREAD = 5.0, 0.03
"""Seconds from which equal durations of cut answers mean a timeout, and how far they may differ from their median."""
WORDS = {
    FailureKind.TRUNCATED: "streams were cut",
    FailureKind.STREAM_ERROR: "streams ended in an error",
    FailureKind.EMPTY_STREAM: "streams were empty",
    FailureKind.BAD_RESPONSE: "answers could not be read",
    FailureKind.DISCONNECTED: "connections were reset",
    FailureKind.SERVER_ENDED: "answers were given up by the server",
    FailureKind.SERVER_ERROR: "requests got a server error (5xx)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A request whose first try broke; `answered` when a later try brought an answer."""

    attempts: tuple[Attempt, ...]
    answered: bool

    @property
    def first(self) -> Attempt:
        return self.attempts[0]


@dataclass(slots=True, kw_only=True)
class DeliveryTally:
    """Collects the first tries; memory grows by eight bytes a request, and with the requests that broke."""

    answered_at: "array[float]" = field(default_factory=lambda: array("d"))
    broken: list[_Broken] = field(default_factory=list)
    retries: int = 0
    busy: int = 0

    def add(self, sent: Sent) -> None:
        """Count one request to the endpoint under test."""
        exchange = sent.exchange
        answer = (exchange.completion or exchange.rejection) if exchange else None
        attempts = answer.attempts if answer else sent.attempts
        if sent.endpoint or not attempts:
            return
        first = attempts[0]
        self.retries += len(attempts) - 1
        if first.status in BUSY:
            self.busy += 1
        elif first.failure in (None, FailureKind.REJECTED):  # a refusal is an answer, too
            self.answered_at.append(_ended(first))
        elif _is_broken(first):
            self.broken.append(_Broken(attempts=attempts, answered=answer is not None))

    def delivery(self, plan: RunPlan) -> Delivery | None:
        """What the tries show; None for a plan that does not ask."""
        limit = plan.max_broken_tries
        if limit is None:
            return None
        answered = sorted(self.answered_at)
        broken = [one for one in self.broken if not _crashes_alone(one, answered)]
        count, requests = len(broken), len(broken) + len(answered)
        kinds = Counter(str(one.first.failure) for one in broken)
        incidents = _incidents([_ended(one.first) for one in broken], answered)
        low = exact_limits(count, requests, FAIL_ERROR)[0]
        high = exact_limits(count, requests, PASS_ERROR)[1]
        verdict = _verdict(low, high, limit, incidents)
        told = _kinds_in_words(kinds)
        return Delivery(
            requests=requests,
            broken=count,
            incidents=incidents,
            kinds=dict(kinds.most_common()),
            share=count / requests if requests else None,
            interval=(round(low, 6), round(high, 6)),
            limit=limit,
            verdict=verdict,
            reason=_reason(count, requests, told, (low, high), limit, verdict),
            first_try_rate=len(answered) / requests if requests else None,
            final_rate=(len(answered) + sum(one.answered for one in broken)) / requests if requests else None,
            retries=self.retries,
            busy=self.busy,
            cut_after=_cut_after([one.first for one in broken if one.first.failure in CUT]),
        )


def _ended(attempt: Attempt) -> float:
    """When a try was over, in seconds since the epoch."""
    return attempt.started + attempt.duration


def _is_broken(attempt: Attempt) -> bool:
    """Whether the server accepted this try and then broke it."""
    if attempt.failure is FailureKind.SERVER_ERROR:
        return attempt.status is not None and attempt.status >= 500
    return attempt.failure in BROKEN


def _crashes_alone(one: _Broken, answered: Sequence[float]) -> bool:
    """Whether this very request crashes the server: every try got a 5xx while other requests were answered.

    It says nothing about how reliably others arrive; the benchmark that asked it says what is wrong.
    """
    if one.answered or len(one.attempts) < 2 or not all(_is_server_error(attempt) for attempt in one.attempts):
        return False
    return bisect_left(answered, one.first.started) < bisect_left(answered, _ended(one.attempts[-1]))


def _is_server_error(attempt: Attempt) -> bool:
    return attempt.failure is FailureKind.SERVER_ERROR and _is_broken(attempt)


def _incidents(broken: Sequence[float], answered: Sequence[float]) -> int:
    """Groups of broken tries that one event explains.

    A restart or an outage breaks what is in flight and all that follows, and nothing is answered meanwhile; a server
    that cuts some of its streams goes on answering others.

    Args:
        broken: when each broken try was over.
        answered: when each answered one was, in order.
    """
    ordered = sorted(broken)
    apart = 0
    for one, following in pairwise(ordered):
        between = bisect_left(answered, following) - bisect_left(answered, one)
        alone = following - one <= INCIDENT_SECONDS and not between
        apart += not (alone or following - one <= SAME_MOMENT)
    return apart + bool(ordered)


def _verdict(low: float, high: float, limit: float, incidents: int) -> Verdict:
    if low > limit and incidents >= INCIDENTS:
        return Verdict.FAIL
    return Verdict.PASS if high < limit else Verdict.INCONCLUSIVE


def _cut_after(cut: Sequence[Attempt]) -> float | None:
    """Seconds after which most cut answers end, where a timeout on the way shows; None where none does."""
    durations = sorted(attempt.duration for attempt in cut)
    if len(durations) < INCIDENTS:
        return None
    middle = median(durations)
    near = [value for value in durations if abs(value - middle) <= max(0.5, TIMEOUT_SPREAD * middle)]
    return round(middle, 1) if middle >= TIMEOUT_LEAST and 2 * len(near) > len(durations) else None


def _kinds_in_words(kinds: Counter[str]) -> str:
    return ", ".join(f"{count} {WORDS[FailureKind(kind)]}" for kind, count in kinds.most_common())


def _reason(count: int, requests: int, told: str, limits: tuple[float, float], limit: float, verdict: Verdict) -> str:
    if not requests:
        return "nothing was delivered"
    if not count:
        return f"all {requests} requests arrived whole at the first try"
    low, high = (f"{100 * value:.1f} %" for value in limits)
    seen = f"{count} of {requests} requests broke at the first try ({100 * count / requests:.1f} %): {told}"
    match verdict:
        case Verdict.FAIL:
            return f"{seen}; at least {low} break, more than max-broken-tries {100 * limit:g} %"
        case Verdict.PASS:
            return f"{seen}; at most {high} break, fewer than max-broken-tries {100 * limit:g} %"
    return f"{seen}; too few to tell whether more than max-broken-tries {100 * limit:g} % break"
