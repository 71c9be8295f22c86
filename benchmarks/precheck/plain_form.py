"""A request with its control, the plainest form of the same request. Only what the control does not show is blamed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.precheck.again import TRIES, Check, ProbeFinding, looked_at, open_after
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.probe import REFUSALS, Probe, broken, holds, informs, weighed
from kvv_action.errors import Undecided
from kvv_action.schema import Exchange, Request, Score, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Controlled:
    """A request, and its plainest form, which must be answered before the request is blamed.

    Attributes:
        check: looks at each answer; every finding is a slip, so that it counts only if it comes three times.
        refusal: what it means when the request is refused and the control is not.
        weights: severity of the causes that count less than a failure.
    """

    request: Request
    control: Request
    check: Check
    refusal: ProbeCause
    weights: Mapping[ProbeCause, Severity] = field(default_factory=dict)

    def probe(self, name: str, tier: str) -> Probe:
        """The request, again while it is answered wrong, and the control where that does not end."""
        return Probe(
            id=name, requests=(self.request,), judge=self._judged, then=self._next, at_most=2 * TRIES - 1, tier=tier
        )

    def _look(self, exchange: Exchange) -> ProbeFinding | str:
        return looked_at(self.check, self.refusal, exchange)

    def _asked(self, exchanges: Sequence[Exchange]) -> Sequence[Exchange]:
        """The answers to the request; what follows them are those to the control."""
        for number, exchange in enumerate(exchanges[:TRIES], 1):
            if exchange.rejection is not None or not open_after(self._look, exchange):
                return exchanges[:number]
        return exchanges[:TRIES]

    def _next(self, exchanges: Sequence[Exchange]) -> Request | None:
        asked = self._asked(exchanges)
        last, controls = asked[-1], exchanges[len(asked) :]
        if controls:
            more = len(controls) < TRIES and open_after(self._look, controls[-1])
            return self.control if more else None
        if last.rejection is not None:
            return self.control if last.rejection.status in REFUSALS else None
        if not open_after(self._look, last):
            return None
        return self.request if len(asked) < TRIES else self.control

    def _judged(self, exchanges: Sequence[Exchange]) -> Score:
        if not exchanges:
            raise Undecided("there is no answer")
        asked = self._asked(exchanges)
        found = self._look(asked[-1])
        if isinstance(found, str):
            return holds(found)
        if not exchanges[len(asked) :]:
            raise Undecided(f"{found.explanation}; the control has no answer")
        control = looked_at(self.check, None, exchanges[-1])
        if exchanges[-1].rejection is not None:
            raise Undecided(f"{found.explanation}; the same in its plainest form is refused, too")
        if isinstance(control, ProbeFinding):
            return informs(f"{found.explanation}; the same in its plainest form is not followed either")
        score = broken(f"{found.explanation}; in its plainest form it is answered", found.cause)
        return weighed(score, self.weights.get(found.cause, Severity.FAILURE))
