"""All checks over the answers of a run, and the findings that they make."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from kvv_action.journal.reading import Sent
from kvv_action.schema import BenchmarkKind, Exchange, Finding, Place, PlannedBenchmark, RunPlan, Severity
from kvv_action.verdict.checks import calls, damage, exact, filing, markers, usage, wholesale
from kvv_action.verdict.checks.buffering import BufferCheck
from kvv_action.verdict.checks.exact import ExactTextCheck, is_as_asked
from kvv_action.verdict.checks.filing import CUT_THINKING, CutThinkingCheck
from kvv_action.verdict.checks.filtering import FilterCheck
from kvv_action.verdict.checks.identity import IdentityCheck
from kvv_action.verdict.checks.sightings import Base, Rule, SeenAnswer, SeenFinding, Sightings, Sign
from kvv_action.verdict.known_causes import explained

TEXT_CHECKS = (markers, damage, exact, calls, filing, usage, wholesale)
CAUSES = {cause.id: cause for check in TEXT_CHECKS for cause in check.CAUSES}
RULES = {cause_id: rule for check in TEXT_CHECKS for cause_id, rule in check.RULES.items()}
"""By cause; what has no rule of its own is a failure when several answers show it."""
REDACTED = "the text was taken out"
ORDER = (Severity.FAILURE, Severity.WARNING, Severity.INFORMATION)


def text_signs(answer: SeenAnswer, own_markers: tuple[str, ...]) -> Iterator[Sign]:
    """What the texts of one answer show, each cause once; a redacted journal keeps this instead of the texts."""
    found = chain(
        markers.marker_signs(answer, own_markers),
        damage.damage_signs(answer),
        exact.exact_signs(answer),
        calls.call_signs(answer),
        filing.filing_signs(answer),
        usage.usage_signs(answer),
        wholesale.wholesale_signs(answer),
    )
    seen = set[str]()
    for sign in found:
        if sign.cause.id not in seen:
            seen.add(sign.cause.id)
            yield sign


def seen_answer(place: Place, exchange: Exchange, planned: PlannedBenchmark) -> SeenAnswer:
    """An answer as the checks see it; probes ask for limits of their own, which only their requests say."""
    assert exchange.completion is not None
    limit = planned.sampling.get("max_tokens") if planned.kind is BenchmarkKind.SCORED else None
    return SeenAnswer(
        place=place,
        completion=exchange.completion,
        request=exchange.request,
        echo=frozenset(exchange.echo),
        limit=limit if isinstance(limit, int) else None,
    )


class AnswerChecks:
    """Shows every answer of the endpoint under test to every check; does nothing for plans that do not ask for it."""

    def __init__(self, plan: RunPlan) -> None:
        rules = plan.checks
        self._active = rules is not None
        self._planned: Mapping[str, PlannedBenchmark] = {planned.id: planned for planned in plan.benchmarks}
        self._markers = tuple((rules or {}).get("markers", ()))
        self._identity = IdentityCheck(plan.endpoint.model, (rules or {}).get("names", ()))
        self._cap, self._buffer, self._filter = usage.CapCheck(), BufferCheck(), FilterCheck()
        self._thinking, self._exact, self._constant = CutThinkingCheck(), ExactTextCheck(), usage.ConstantCheck()
        self._same = wholesale.SameTextCheck()
        self._looked = dict.fromkeys(Base, 0)
        self._seen: dict[str, Sightings] = {}

    def signs(self, sent: Sent) -> Iterator[Sign]:
        """What the texts of an answer show; of a redacted one, what was kept of that."""
        exchange = sent.exchange
        assert exchange is not None
        if exchange.signs is not None:
            kept = exchange.signs.items()
            return (Sign(cause=CAUSES[cause], shown=REDACTED, word=word) for cause, word in kept if cause in CAUSES)
        return text_signs(seen_answer(sent.place, exchange, self._planned[sent.place.benchmark]), self._markers)

    def see(self, sent: Sent) -> None:
        """Look at what came of a request."""
        if not self._active or sent.endpoint or sent.withdrawn:
            return
        self._filter.see(sent)
        completion = sent.exchange.completion if sent.exchange else None
        if completion is None or not completion.choices:  # a list of models is no answer of the model
            return
        self._looked[Base.ANSWERS] += 1
        self._looked[Base.CALLS] += bool(completion.tool_calls)
        self._looked[Base.PARALLEL] += completion.streamed and len(completion.tool_calls) > 1
        for sign in self.signs(sent):
            if sign.cause is CUT_THINKING:
                self._thinking.add(sent.place, sign.shown)
            elif sign.word and sign.cause in exact.SIGNED:
                self._exact.add(sent.place, sign)
            else:
                self._seen.setdefault(sign.cause.id, Sightings(cause=sign.cause)).add(sent.place, sign.shown, sign.word)
        self._thinking.see(completion)
        self._exact.see(sent.exchange)
        if sent.exchange is not None and not is_as_asked(sent.exchange):
            self._same.see(sent.place, completion)
        self._constant.see(sent.place, completion, sent.exchange.request if sent.exchange else "")
        self._identity.see(sent.place, completion)
        self._cap.see(sent.place, completion, self._planned[sent.place.benchmark].sampling.get("max_tokens"))
        self._buffer.see(sent.place, completion)

    def seen(self) -> Iterator[SeenFinding]:
        """What was found with the answers that show it, whether or not something else explains it; each cause once."""
        found: dict[str, SeenFinding] = {}
        for one in self._all_seen():
            other = found.setdefault(one.finding.cause_id, one)
            if other is not one:
                found[one.finding.cause_id] = _together(one, other)
        yield from found.values()

    def _all_seen(self) -> Iterator[SeenFinding]:
        for cause_id, sightings in self._seen.items():
            rule = RULES.get(cause_id, Rule())
            yield sightings.seen(max(sightings.count, self._looked[rule.of]), rule)
        own = (
            self._constant, self._thinking, self._same, self._exact, self._identity, self._cap, self._buffer,
            self._filter,
        )  # fmt: skip
        for check in own:
            yield from check.findings()


def in_order(found: Sequence[Finding]) -> list[Finding]:
    """The findings, failures first, then by their share; one that another explains is information."""
    told = [replace(one, severity=Severity.INFORMATION) if _is_symptom(one, found) else one for one in found]
    return sorted(told, key=lambda one: (ORDER.index(one.severity), -one.count / one.of, one.cause_id))


def _together(one: SeenFinding, other: SeenFinding) -> SeenFinding:
    """What two checks found of one cause: the one that says more of it, with the answers of both."""
    more = min(one, other, key=lambda each: (ORDER.index(each.finding.severity), -each.finding.count))
    return replace(more, slots={*one.slots, *other.slots})


def _is_symptom(one: Finding, found: Sequence[Finding]) -> bool:
    return any(
        explained(one.cause_id, one.count, one.severity, other.cause_id, other.count, other.severity) for other in found
    )
