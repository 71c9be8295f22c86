"""What a contract probe is: requests, and a pure judgement of the answers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.precheck.causes import ProbeCause
from kvv_action.schema import Completion, Exchange, Request, Score, Severity

Judge = Callable[[Sequence[Exchange]], Score]
Then = Callable[[Sequence[Exchange]], Request | None]

REFUSALS = (400, 422)
"""The statuses that count as refusing a request; every other 4xx means something else."""

HOLDS = "holds"
"""The answer of a probe whose contract holds; with `information` and `warning` it holds as well."""
NAMED = "named"
"""The tier of probes that cost so much that they are sent only if their id is named."""
TIERS = ("smoke", "standard", "full", NAMED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One contract.

    Attributes:
        id: `suite.name`, stable.
        requests: sent in this order, one after the other, or all at once when `together`; each may get a 4xx.
        judge: turns the answers, in the order of the requests, into 1 (holds) or 0; pure, so that an audit repeats it.
        then: the next request, from the answers so far; None ends the probe. Asked again after each answer.
        follows: how many requests `then` makes of answers that are all right.
        at_most: how many it makes at most; 0 without `then`.
        optional: the endpoint need not have what it asks for: a request that fails for good ends it, and is no failure.
        judges_crashes: whether, given these answers, its own judge handles requests that crashed the server.
        tier: the smallest tier that sends it, or `NAMED`.
    """

    id: str
    requests: tuple[Request, ...]
    judge: Judge
    then: Then | None = None
    follows: int = 0
    at_most: int = 0
    together: bool = False
    optional: bool = False
    judges_crashes: Callable[[Sequence[Exchange]], bool] = lambda _: False
    tier: str = "smoke"

    @property
    def suite(self) -> str:
        """The family it is reported under."""
        return self.id.partition(".")[0]


def holds(explanation: str, **metrics: float) -> Score:
    """The contract holds."""
    return Score(value=1.0, answer=HOLDS, explanation=explanation, metrics=metrics)


def broken(explanation: str, cause: ProbeCause, *, outcome: str = "broken", **metrics: float) -> Score:
    """The contract does not hold; `outcome` is a stable word for how."""
    return Score(
        value=0.0,
        answer=outcome,
        explanation=explanation,
        cause=cause.cause,
        remedy=cause.remedy,
        metrics=metrics,
    )


def weighed(score: Score, level: Severity) -> Score:
    """The score of something that the contract only recommends: reported, but it does not fail the endpoint.

    A warning keeps its cause and remedy; information keeps its explanation alone.
    """
    if score.value == 1.0 or level is Severity.FAILURE:
        return score
    if level is Severity.WARNING:
        return replace(score, value=1.0, answer="warning")
    return replace(
        score, value=1.0, answer="information", explanation=f"{score.cause}: {score.explanation}",
        cause="", remedy="", findings={},
    )  # fmt: skip


def weighed_for(probe: Probe, level: Severity, *causes: ProbeCause) -> Probe:
    """The probe with some causes weighed as `weighed` does; other causes still break it."""
    sentences = frozenset(cause.cause for cause in causes)

    def judge(exchanges: Sequence[Exchange]) -> Score:
        score = probe.judge(exchanges)
        return weighed(score, level) if score.cause in sentences else score

    return replace(probe, judge=judge)


def informs(explanation: str) -> Score:
    """Something that the contract neither asks for nor forbids."""
    return Score(value=1.0, answer="information", explanation=explanation)


def refused(exchange: Exchange) -> str:
    """How the endpoint refused, empty when it answered."""
    rejection = exchange.rejection
    if rejection is None:
        return ""
    if rejection.status < 400:  # the answer that had begun was lost
        return rejection.message
    return f"HTTP {rejection.status}: {rejection.message}" if rejection.message else f"HTTP {rejection.status}"


def completions(exchanges: Sequence[Exchange]) -> list[Completion]:
    """The answers that are completions."""
    return [exchange.completion for exchange in exchanges if exchange.completion is not None]
