"""Asks once or twice more before a slip of the model is called a defect of the server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.probe import REFUSALS, Judge, Probe, Then, broken, holds, refused
from kvv_action.errors import Undecided
from kvv_action.schema import Completion, Exchange, Request, Score

TRIES = 3
SHOWN = 120
"""Characters of an endpoint's text that an explanation quotes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeFinding:
    """What is wrong with one answer.

    Attributes:
        slip: the model may have chosen this, because models sample; it counts only if it comes again.
    """

    explanation: str
    cause: ProbeCause
    slip: bool = False


def defect(explanation: str, cause: ProbeCause) -> ProbeFinding:
    """A finding that no model causes by chance: one such answer is enough."""
    return ProbeFinding(explanation=explanation, cause=cause)


def slip(explanation: str, cause: ProbeCause) -> ProbeFinding:
    """A finding that may be the model's choice."""
    return ProbeFinding(explanation=explanation, cause=cause, slip=True)


Check = Callable[[Completion], "ProbeFinding | str"]
"""Looks at one whole answer; returns what is wrong with it, or a sentence that says why it holds."""
Look = Callable[[Exchange], "ProbeFinding | str"]


def quoted(text: str) -> str:
    """The beginning of a text from the endpoint."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeRefusal:
    """What a refusal means: the cause of the first word in `named` that it holds, else `cause` (None: it is fine)."""

    cause: ProbeCause | None
    named: Mapping[str, ProbeCause] = field(default_factory=dict)

    def of(self, exchange: Exchange) -> ProbeCause | None:
        """The cause of this refusal."""
        said = f"{refused(exchange)} {exchange.rejection.body if exchange.rejection else ''}".lower()
        return next((cause for word, cause in self.named.items() if word in said), self.cause)


def asked_again(
    name: str, request: Request, check: Check, *, refusal: ProbeRefusal | ProbeCause | None, tier: str
) -> Probe:
    """A probe of one request, which is sent up to `TRIES` times while the answer is a slip or was cut off.

    Args:
        name: the probe's id.
        request: what is asked, each time.
        check: looks at each whole answer.
        refusal: what it means when the request is refused; None when that is fine.
        tier: the smallest that sends it.
    """
    return asked_by_look(name, request, partial(looked_at, check, refusal), tier=tier)


def asked_by_look(name: str, request: Request, look: Look, *, tier: str, tries: int = TRIES) -> Probe:
    """A probe of one request, which is sent up to `tries` times while `look` leaves it open."""
    return Probe(
        id=name,
        requests=(request,),
        judge=partial(judged, look),
        then=partial(_once_more, look, request, tries),
        at_most=tries - 1,
        tier=tier,
    )


def looked_at(check: Check, refusal: ProbeRefusal | ProbeCause | None, exchange: Exchange) -> ProbeFinding | str:
    """What one answer says; `refusal` as in `asked_again`.

    Raises:
        Undecided: there is no whole answer, or a refusal for another reason than what was asked.
    """
    if exchange.rejection is not None:
        cause = refusal_of(refusal if isinstance(refusal, ProbeRefusal) else ProbeRefusal(cause=refusal), exchange)
        explanation = f"refused: {refused(exchange)}"
        return explanation if cause is None else ProbeFinding(explanation=explanation, cause=cause)
    return check(whole(exchange))


def refusal_of(refusal: ProbeRefusal, exchange: Exchange) -> ProbeCause | None:
    """The cause of a refusal; None when it is fine.

    Raises:
        Undecided: it is no refusal of what was asked.
    """
    if exchange.rejection is None or exchange.rejection.status not in REFUSALS:
        raise Undecided(f"the request got {refused(exchange)}, which says nothing about what was asked")
    return refusal.of(exchange)


def whole(exchange: Exchange) -> Completion:
    """The answer, when it was not cut off.

    Raises:
        Undecided: there is none, or it ended at max_tokens.
    """
    if exchange.completion is None:
        raise Undecided(f"there is no answer ({refused(exchange)})" if exchange.rejection else "there is no answer")
    if exchange.completion.finish_reason == "length":
        raise Undecided("the answer was cut off at max_tokens before it could be judged")
    return exchange.completion


def judged(look: Look, exchanges: Sequence[Exchange]) -> Score:
    """The score of all tries: one defect breaks the probe. Without a defect, it holds if at least one answer holds.

    Raises:
        Undecided: no answer could be judged.
    """
    slips: list[ProbeFinding] = []
    doubts: list[Undecided] = []
    held = ""
    for exchange in exchanges:
        try:
            finding = look(exchange)
        except Undecided as doubt:
            doubts.append(doubt)
            continue
        if isinstance(finding, str):
            held = held or finding
        elif finding.slip:
            slips.append(finding)
        else:
            return broken(finding.explanation, finding.cause)
    if held:
        return holds(held if not slips else f"{held} (at try {len(exchanges)})")
    if doubts:
        raise doubts[-1]
    if not slips:
        raise Undecided("nothing was asked")
    times = f" ({len(slips)} times in a row)" if len(slips) > 1 else ""
    return broken(f"{slips[-1].explanation}{times}", slips[-1].cause)


def _once_more(look: Look, request: Request, tries: int, exchanges: Sequence[Exchange]) -> Request | None:
    """The same request, when the last answer leaves it open and tries are left."""
    return request if len(exchanges) < tries and open_after(look, exchanges[-1]) else None


def open_after(look: Look, exchange: Exchange) -> bool:
    """Whether an answer leaves it open: a slip, or cut off."""
    try:
        finding = look(exchange)
    except Undecided:
        return exchange.completion is not None
    return isinstance(finding, ProbeFinding) and finding.slip


def with_control(probe: Probe, control: Request, what: str) -> Probe:
    """The same probe; if its request is refused, a control shows whether the probe's subject is the reason.

    Args:
        probe: asks up to `TRIES` times.
        control: the request without the probe's subject; sent only after a refusal.
        what: the control as a noun phrase.
    """
    judge, then = partial(_controlled, probe.judge, what), partial(_then_control, probe.then, control)
    return replace(probe, judge=judge, then=then)


def _then_control(then: Then | None, control: Request, exchanges: Sequence[Exchange]) -> Request | None:
    if any(exchange.rejection for exchange in exchanges[:-1]):
        return None
    if exchanges[-1].rejection is not None:
        return control if len(exchanges) < TRIES else None
    return then(exchanges) if then else None


def _controlled(judge: Judge, what: str, exchanges: Sequence[Exchange]) -> Score:
    """The probe's own score, unless its control is refused as well.

    Raises:
        Undecided: the control is refused, or the probe says so.
    """
    place = next((place for place, exchange in enumerate(exchanges) if exchange.rejection), len(exchanges))
    controls = exchanges[place + 1 :]
    if controls and controls[0].completion is None:
        raise Undecided(f"{what} is not accepted either ({refused(controls[0]) or 'no answer'})")
    return judge(exchanges[: place + 1])


def must_refuse(whats: str | Sequence[str], controls: str | Sequence[str], cause: ProbeCause) -> Judge:
    """A judge of several answers: those of the controls, then one to each request that breaks a rule.

    Args:
        whats: what is wrong with each request, as noun phrases; a single text for a single request.
        controls: what each control asks, as noun phrases; they have the shape of the requests, and keep the rule.
        cause: of a request being accepted.
    """
    return partial(_must_refuse, _listed(whats), _listed(controls), cause)


def _listed(value: str | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else value


def _must_refuse(
    whats: Sequence[str], controls: Sequence[str], cause: ProbeCause, exchanges: Sequence[Exchange]
) -> Score:
    if len(exchanges) != len(whats) + len(controls):
        raise Undecided("the control or a request has no answer")
    for control, exchange in zip(controls, exchanges, strict=False):
        if exchange.completion is None:
            raise Undecided(f"{control} is not accepted ({refused(exchange)}), so a refusal would prove nothing")
    pairs = list(zip(whats, exchanges[len(controls) :], strict=True))
    accepted = [what for what, exchange in pairs if exchange.completion is not None]
    if accepted:
        return broken(f"accepted: {', '.join(accepted)}", cause, outcome="accepted")
    for what, exchange in pairs:
        if exchange.rejection is None or exchange.rejection.status not in REFUSALS:
            raise Undecided(f"{what} got {refused(exchange) or 'no answer'}, which is no refusal of it")
    return holds(f"refused: {', '.join(whats)} ({refused(pairs[0][1])})")
