"""Judges how reliably answers arrive: what the server accepted and then broke, on the first try of each request.

A retry that works hides a broken try from every score, but not from a client that does not retry. So the first try is
judged, and retries are told beside it. What is no promise of the server's is left out: connections that were never
there, deadlines of our own, requests that we withdrew. Lack of capacity (429, 503, 529) is told apart.
"""

import math
from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

from kvv_action.causes import Cause
from kvv_action.digits import counted, figure, noun
from kvv_action.journal.reading import Sent
from kvv_action.schema import (
    BUSY,
    Attempt,
    Delivery,
    FailureKind,
    Finding,
    FindingExample,
    Judged,
    Place,
    RunPlan,
    Score,
    Severity,
    Slot,
    Verdict,
    all_crashed,
)
from kvv_action.statistics.intervals import exact_limits, wilson

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
GATEWAY_TIMEOUT = frozenset({504, 524})
"""Statuses with which a gateway says that it waited no longer for the server behind it."""
OK = 200
INCIDENTS = 3
"""Incidents below which delivery does not fail: one restart of a server breaks everything that is in flight."""
INCIDENT_SECONDS = 60.0
"""Broken tries within so many seconds are one incident: a restart, an outage, a rollout."""
INCIDENT_SHARE = 1 / 20
"""The same in a run of less than twenty minutes, as a share of it: else a short one could hold no three incidents."""
FAIL_ERROR, PASS_ERROR = 0.01, 0.05
"""One-sided errors of the limits: of failing a server at the limit, and of passing one there."""
TIMEOUT_LEAST, TIMEOUT_SPREAD = 5.0, 0.03
"""Seconds from which equal durations of cut answers mean a timeout, and how far they may differ from their median."""
TOLD_LEAST = 0.9
"""The same where a gateway says that it was a timeout; one that says so at once did not wait at all."""
EXAMPLES, EXAMPLE_LIMIT = 5, 300
WORDS: Mapping[str, tuple[str, str]] = {
    FailureKind.TRUNCATED: ("stream was cut", "streams were cut"),
    FailureKind.STREAM_ERROR: ("stream ended in an error", "streams ended in an error"),
    FailureKind.EMPTY_STREAM: ("stream was empty", "streams were empty"),
    FailureKind.BAD_RESPONSE: ("answer could not be read", "answers could not be read"),
    FailureKind.DISCONNECTED: ("connection was reset", "connections were reset"),
    FailureKind.SERVER_ENDED: ("answer was given up by the server", "answers were given up by the server"),
    FailureKind.SERVER_ERROR: ("request got a server error (5xx)", "requests got a server error (5xx)"),
}


TIMEOUT = Cause(
    id="delivery-timeout",
    sentence="{share} of the answers are cut, most of them after {seconds:g} s: a timeout between client and model",
    remedy=(
        "raise the timeout of what stands between client and model (gateway, load balancer, a proxy of your own) above "
        "the time of the longest answer, or send comments meanwhile"
    ),
    switches={
        "nginx": "proxy_read_timeout, send_timeout",
        "LiteLLM": "request_timeout, stream_timeout",
    },
)
STREAMS_CUT = Cause(
    id="delivery-cut",
    sentence="{share} of the answers are cut before their end at the first try",
    remedy="look for restarts, timeouts and connection limits on the way; log who closes the connection first",
    switches={"nginx": "proxy_read_timeout, proxy_buffering off", "LiteLLM": "request_timeout, stream_timeout"},
)
STREAM_ERRORS = Cause(
    id="delivery-stream-error",
    sentence="{share} of the answers end in an error inside the stream at the first try",
    remedy="find the error in the log of the server; refuse what cannot be served before the stream begins",
)
EMPTY_STREAMS = Cause(
    id="delivery-empty-stream",
    sentence="{share} of the answers are streams without any chunk at the first try",
    remedy="look in the log of the server and the gateway for errors that are swallowed before the first chunk",
)
GIVEN_UP = Cause(
    id="delivery-given-up",
    sentence="{share} of the answers are given up by the server at the first try, which its finish_reason says",
    remedy="look for aborts, preemption and overload in the log of the engine; let it take fewer requests at once",
    switches={
        "vLLM": "--max-num-seqs",
        "SGLang": "--max-running-requests, --max-queued-requests",
        "TensorRT-LLM": "--max_batch_size",
    },
)
SERVER_ERRORS = Cause(
    id="delivery-server-error",
    sentence="{share} of the requests get a server error (5xx) at the first try",
    remedy="find the errors in the log of the server; answer overload with 429 or 503, which clients wait for",
    seldom_shown=True,
)
UNREADABLE = Cause(
    id="delivery-unreadable",
    sentence="{share} of the answers cannot be read at the first try",
    remedy="see the examples; look for a gateway that changes bodies, or for error pages sent with status 200",
)
CAUSES = (
    ({FailureKind.TRUNCATED, FailureKind.DISCONNECTED}, STREAMS_CUT),
    ({FailureKind.STREAM_ERROR}, STREAM_ERRORS),
    ({FailureKind.EMPTY_STREAM}, EMPTY_STREAMS),
    ({FailureKind.SERVER_ENDED}, GIVEN_UP),
    ({FailureKind.SERVER_ERROR}, SERVER_ERRORS),
    ({FailureKind.BAD_RESPONSE}, UNREADABLE),
)
"""Which cause stands for which kinds of broken tries."""
ALL_CAUSES = (TIMEOUT, *(cause for _, cause in CAUSES))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A request whose first try broke; `answered` when a later try brought an answer."""

    place: Place
    call: int
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
    crashes: set[tuple[Slot, int]] = field(default_factory=set)
    asked: int = 0
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
        self.asked += 1
        self.retries += len(attempts) - 1
        if first.status in BUSY and first.failure is not FailureKind.AUTH:  # a spent quota is no lack of capacity
            self.busy += 1
        elif first.failure in (None, FailureKind.REJECTED):  # a refusal is an answer, too
            self.answered_at.append(_ended(first))
        elif _is_broken(first):
            self.broken.append(
                _Broken(place=sent.place, call=sent.call, attempts=attempts, answered=answer is not None)
            )

    def settle(self, judged: Judged) -> None:
        """Take out the requests that always crash the server: the score of their sample says what is wrong."""
        if not isinstance(judged.result, Score):
            return
        for one in judged.exchanges:
            if one.rejection is not None and one.rejection.crashed:
                self.crashes.add((judged.place.slot, one.call))

    def _judged(self) -> tuple[Sequence[float], Sequence[_Broken]]:
        """When first tries were answered, in order, and the requests that broke by no fault of their own."""
        answered = sorted(self.answered_at)
        broken = (one for one in self.broken if (one.place.slot, one.call) not in self.crashes)
        return answered, [one for one in broken if not _crashes_alone(one, answered)]

    def slots(self) -> set[Slot]:
        """The answers whose first try broke, also where a retry mended that."""
        return {one.place.slot for one in self._judged()[1]}

    def finding(self, delivery: Delivery) -> Finding | None:
        """Delivery that fails, as a finding; else None."""
        if delivery.verdict is not Verdict.FAIL or delivery.share is None:
            return None
        cause, (_, broken) = cause_of_delivery(delivery), self._judged()
        shown = [
            FindingExample(
                benchmark=one.place.benchmark, sample=one.place.sample, epoch=one.place.epoch,
                shown=_in_words(one.first),
            )
            for one in sorted(broken, key=lambda one: one.place.slot)[:EXAMPLES]  # whatever came first
        ]  # fmt: skip
        return Finding(
            cause_id=cause.id,
            severity=Severity.FAILURE,
            cause=cause.sentence.format(share=f"{100 * delivery.share:.1f} %", seconds=delivery.cut_after),
            remedy=cause.remedy,
            count=delivery.broken,
            of=delivery.requests,
            interval=wilson(delivery.share, delivery.requests),
            benchmarks=tuple(sorted({one.place.benchmark for one in broken})),
            evidence=tuple(shown),
        )

    def delivery(self, plan: RunPlan) -> Delivery | None:
        """What the tries show; None for a plan that does not ask."""
        limit = plan.max_broken_tries
        if limit is None:
            return None
        answered, broken = self._judged()
        count, requests = len(broken), len(broken) + len(answered)
        kinds = Counter(str(one.first.failure) for one in broken)
        incidents = _incidents([one.first for one in broken], answered)
        low, high = limits(count, requests)
        verdict = _verdict(low, high, limit, incidents)
        told = kinds_in_words(kinds)
        reason = _reason(count, requests, told, (low, high), limit, verdict)
        if requests and not count and self.asked > requests and plan.plain_reports:
            reason = _none_broke(requests, len(self.broken))
        return Delivery(
            requests=requests,
            broken=count,
            incidents=incidents,
            kinds=dict(_most_first(kinds)),
            share=count / requests if requests else None,
            interval=(round(low, 6), round(high, 6)),
            limit=limit,
            verdict=verdict,
            reason=reason,
            first_try_rate=len(answered) / requests if requests else None,
            final_rate=(len(answered) + sum(one.answered for one in broken)) / requests if requests else None,
            retries=self.retries,
            busy=self.busy,
            cut_after=_cut_after([one.first for one in broken]),
        )


class DeliveryFigures(Protocol):
    """The numbers that decide about delivery; a run report and a leaderboard record both have them."""

    @property
    def requests(self) -> int:
        """First tries that were judged."""

    @property
    def broken(self) -> int:
        """Those that broke."""

    @property
    def incidents(self) -> int:
        """Groups of broken tries with one event as their cause."""

    @property
    def kinds(self) -> Mapping[str, int]:
        """Broken tries by kind."""

    @property
    def limit(self) -> float:
        """The share that may break."""

    @property
    def cut_after(self) -> float | None:
        """Seconds after which most broken tries were cut."""


def cause_of_delivery(delivery: DeliveryFigures) -> Cause:
    """The cause that the kind of most broken tries tells; of kinds that are as many, the first by name."""
    if delivery.cut_after is not None:
        return TIMEOUT
    kind = next(name for name, _ in _most_first(delivery.kinds))
    return next(cause for kinds, cause in CAUSES if kind in kinds)


def limits(count: int, requests: int) -> tuple[float, float]:
    """The two limits of the share of broken tries: the lower one of failing, the upper one of passing."""
    return exact_limits(count, requests, FAIL_ERROR)[0], exact_limits(count, requests, PASS_ERROR)[1]


def verdict_of(delivery: DeliveryFigures) -> Verdict:
    """The verdict that follows from the numbers."""
    return _verdict(*limits(delivery.broken, delivery.requests), delivery.limit, delivery.incidents)


def _in_words(broken: Attempt) -> str:
    """When a try broke, how much had come, and the endpoint's words."""
    came = f" and {broken.characters} characters" if broken.failure in CUT else ""
    return f"after {broken.duration:.1f} s{came}: {broken.message}"[:EXAMPLE_LIMIT]


def _ended(attempt: Attempt) -> float:
    """When a try was over, in seconds since the epoch."""
    return attempt.started + attempt.duration


def _is_broken(attempt: Attempt) -> bool:
    """Whether the server accepted this try and then broke it."""
    if attempt.failure is FailureKind.SERVER_ERROR:
        return attempt.status is not None and attempt.status >= 500
    return attempt.failure in BROKEN


def _crashes_alone(one: _Broken, answered: Sequence[float]) -> bool:
    """Whether this very request crashes the server: every try did, while other requests were answered.

    It says nothing about how reliably others arrive; the benchmark that asked it says what is wrong.
    """
    waited = any(attempt.status in GATEWAY_TIMEOUT for attempt in one.attempts)  # a gateway did: a matter of delivery
    if one.answered or len(one.attempts) < 2 or waited or not all_crashed(one.attempts):
        return False
    return bisect_left(answered, one.first.started) < bisect_left(answered, _ended(one.attempts[-1]))


def _incidents(broken: Sequence[Attempt], answered: Sequence[float]) -> int:
    """Groups of broken tries that one event explains.

    Those within a minute of the first one of a group belong to it, in a short run within a part of it. So do those that
    follow while the server shows no sign of life: an outage breaks everything, a server that cuts some of its streams
    goes on answering others.

    Args:
        broken: the first tries that broke.
        answered: when each answered one was over, in order.
    """
    ends = sorted(_ended(attempt) for attempt in broken)
    alive = sorted([*answered, *(_ended(attempt) for attempt in broken if _lives(attempt))])
    everything = sorted([*ends, *answered])
    window = min(INCIDENT_SECONDS, INCIDENT_SHARE * (everything[-1] - everything[0])) if everything else 0.0
    count, began, last = 0, -math.inf, -math.inf
    for at in ends:
        silent = bisect_left(alive, at) == bisect_left(alive, last)
        if not (at - began <= window or (at - last <= INCIDENT_SECONDS and silent)):
            count, began = count + 1, at
        last = at
    return count


def _lives(broken: Attempt) -> bool:
    """Whether a broken try shows that the server works: it said that it would answer, and did more than hang up."""
    return broken.status == OK and (broken.failure is not FailureKind.DISCONNECTED or broken.characters > 0)


def _verdict(low: float, high: float, limit: float, incidents: int) -> Verdict:
    if low > limit and incidents >= INCIDENTS:
        return Verdict.FAIL
    return Verdict.PASS if high < limit else Verdict.INCONCLUSIVE


def _cut_after(broken: Sequence[Attempt]) -> float | None:
    """Seconds after which most broken tries were cut, where a timeout on the way shows; None where none does."""
    cut = [attempt for attempt in broken if attempt.failure in CUT or attempt.status in GATEWAY_TIMEOUT]
    if len(cut) < INCIDENTS:
        return None
    middle = median(attempt.duration for attempt in cut)
    near = [attempt for attempt in cut if abs(attempt.duration - middle) <= max(0.5, TIMEOUT_SPREAD * middle)]
    least = TOLD_LEAST if any(attempt.status in GATEWAY_TIMEOUT for attempt in near) else TIMEOUT_LEAST
    return round(middle, 1) if middle >= least and 2 * len(near) > len(broken) else None


def may_be_cut_after(seconds: float, kinds: Collection[str]) -> bool:
    """Whether broken tries of these kinds can show a timeout of so many seconds."""
    told = FailureKind.SERVER_ERROR in kinds
    return seconds >= (TOLD_LEAST if told else TIMEOUT_LEAST) and (told or not CUT.isdisjoint(kinds))


def kinds_in_words(kinds: Mapping[str, int]) -> str:
    """How many first tries broke in which way, the most frequent one first."""
    return ", ".join(f"{count} {noun(count, *WORDS.get(kind, (kind, kind)))}" for kind, count in _most_first(kinds))


def _most_first(kinds: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(kinds.items(), key=lambda item: (-item[1], item[0]))


def _none_broke(requests: int, crashed: int) -> str:
    """That nothing broke, where some first tries are not judged: of requests that always crash, or were turned away."""
    crashes = f"; {counted(crashed, 'request')} {noun(crashed, 'crashes', 'crash')} the server at every try"
    whole = (
        f"{counted(requests, 'request')} {noun(requests, 'was', 'were')} answered whole at the first try, none broke"
    )
    return whole + (crashes if crashed else "")


def _reason(count: int, requests: int, told: str, limits: tuple[float, float], limit: float, verdict: Verdict) -> str:
    if not requests:
        return "nothing was delivered"
    if not count:
        return f"{f'all {requests} requests' if requests > 1 else 'one request'} arrived whole at the first try"
    low, high = (f"{100 * value:.1f} %" for value in limits)
    seen = f"{count} of {counted(requests, 'request')} broke at the first try ({100 * count / requests:.1f} %): {told}"
    match verdict:
        case Verdict.FAIL:
            return f"{seen}; at least {low} break, more than max-broken-tries {figure(100 * limit)} %"
        case Verdict.PASS:
            return f"{seen}; at most {high} break, fewer than max-broken-tries {figure(100 * limit)} %"
    return f"{seen}; too few to tell whether more than max-broken-tries {figure(100 * limit)} % break"
