"""Probes that compare the request under test with a control: only their difference can be the cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from benchmarks.precheck.again import TRIES, Look, judged, open_after
from benchmarks.precheck.probe import Probe
from kvv_action.errors import Undecided
from kvv_action.schema import Exchange, Request, Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A request, sent up to `tries` times while `look` leaves it open."""

    request: Request
    look: Look
    tries: int = TRIES

    def asked(self, exchanges: Sequence[Exchange]) -> int:
        """How many of the exchanges, from the first on, belong to this request."""
        tried = exchanges[: self.tries]
        return next((at for at, exchange in enumerate(tried, 1) if not open_after(self.look, exchange)), len(tried))

    def ended(self, exchanges: Sequence[Exchange]) -> bool:
        """Whether no further try follows these."""
        return len(exchanges) == self.tries or (bool(exchanges) and not open_after(self.look, exchanges[-1]))


def controlled(name: str, tested: Trial, control: Trial, *, tier: str) -> Probe:
    """A probe that sends the control only when the request under test does not hold.

    The score is that of the request under test where it holds, or where the control does. Where neither holds, what is
    wrong has nothing to do with the test, and the score is that of the control.
    """
    return Probe(
        id=name,
        requests=(tested.request,),
        judge=partial(_judge, tested, control),
        then=partial(_next, tested, control),
        at_most=tested.tries + control.tries - 1,
        tier=tier,
    )


def _next(tested: Trial, control: Trial, exchanges: Sequence[Exchange]) -> Request | None:
    count = tested.asked(exchanges)
    if not tested.ended(exchanges[:count]):
        return tested.request
    if _holds(tested, exchanges[:count]) or control.ended(exchanges[count:]):
        return None
    return control.request


def _holds(tested: Trial, exchanges: Sequence[Exchange]) -> bool:
    """Whether no control is needed: the request holds, or cannot be judged."""
    try:
        return judged(tested.look, exchanges).value == 1.0
    except Undecided:
        return True


def _judge(tested: Trial, control: Trial, exchanges: Sequence[Exchange]) -> Score:
    count = tested.asked(exchanges)
    score = judged(tested.look, exchanges[:count])
    if score.value == 1.0:
        return score
    if count == len(exchanges):
        raise Undecided(f"no control request was sent to compare with: {score.explanation}")
    other = judged(control.look, exchanges[count:])
    return score if other.value == 1.0 else other
