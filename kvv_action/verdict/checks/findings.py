"""All checks over the answers of a run, and the findings that they make."""

from collections.abc import Iterator, Mapping

from kvv_action.journal.reading import Sent
from kvv_action.schema import Finding, PlannedBenchmark, RunPlan, Severity
from kvv_action.verdict.checks import calls, damage, filing, markers, usage
from kvv_action.verdict.checks.buffering import BufferCheck
from kvv_action.verdict.checks.identity import IdentityCheck
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sightings, Sign

TEXT_CHECKS = (markers, damage, calls, filing, usage)
CAUSES = {cause.id: cause for check in TEXT_CHECKS for cause in check.CAUSES}
RULES = {cause_id: rule for check in TEXT_CHECKS for cause_id, rule in check.RULES.items()}
"""By cause; what has no rule of its own is a failure when several answers show it."""
REDACTED = "the text was taken out"
ORDER = (Severity.FAILURE, Severity.WARNING, Severity.INFORMATION)


def text_signs(answer: SeenAnswer, own_markers: tuple[str, ...]) -> Iterator[Sign]:
    """What the texts of one answer show; a redacted journal keeps this instead of the texts."""
    yield from markers.marker_signs(answer, own_markers)
    yield from damage.damage_signs(answer)
    yield from calls.call_signs(answer)
    yield from filing.filing_signs(answer)
    yield from usage.usage_signs(answer)


class AnswerChecks:
    """Shows every answer of the endpoint under test to every check; does nothing for plans that do not ask for it."""

    def __init__(self, plan: RunPlan) -> None:
        rules = plan.checks
        self._active = rules is not None
        self._planned: Mapping[str, PlannedBenchmark] = {planned.id: planned for planned in plan.benchmarks}
        self._markers = tuple((rules or {}).get("markers", ()))
        self._identity = IdentityCheck(plan.endpoint.model, (rules or {}).get("names", ()))
        self._cap, self._buffer = usage.CapCheck(), BufferCheck()
        self._answers = self._with_calls = 0
        self._seen: dict[str, Sightings] = {}

    def signs(self, sent: Sent) -> Iterator[Sign]:
        """What the texts of an answer show; of a redacted one, what was kept of that."""
        exchange = sent.exchange
        assert exchange is not None
        assert exchange.completion is not None
        if exchange.signs is not None:
            kept = exchange.signs.items()
            return (Sign(cause=CAUSES[cause], shown=REDACTED, word=word) for cause, word in kept if cause in CAUSES)
        answer = SeenAnswer(
            place=sent.place, completion=exchange.completion, request=exchange.request, echo=frozenset(exchange.echo)
        )
        return text_signs(answer, self._markers)

    def see(self, sent: Sent) -> None:
        """Look at the answer to a request, if there is one."""
        completion = sent.exchange.completion if sent.exchange else None
        if not self._active or sent.endpoint or completion is None or not completion.choices:
            return
        self._answers += 1
        self._with_calls += bool(completion.tool_calls)
        for sign in self.signs(sent):
            self._seen.setdefault(sign.cause.id, Sightings(cause=sign.cause)).add(sent.place, sign.shown, sign.word)
        self._identity.see(sent.place, completion)
        self._cap.see(sent.place, completion, self._planned[sent.place.benchmark].sampling.get("max_tokens"))
        self._buffer.see(sent.place, completion)

    def findings(self) -> Iterator[Finding]:
        """What was found: failures first, then by the share of answers that show it."""
        yield from sorted(
            [*self._of_texts(), *self._identity.findings(), *self._cap.findings(), *self._buffer.findings()],
            key=lambda one: (ORDER.index(one.severity), -one.count / one.of, one.cause_id),
        )

    def _of_texts(self) -> Iterator[Finding]:
        for cause_id, sightings in self._seen.items():
            rule = RULES.get(cause_id, Rule())
            yield sightings.finding(self._with_calls if rule.of_calls else self._answers, rule)
