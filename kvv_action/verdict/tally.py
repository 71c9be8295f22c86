"""Counts one benchmark's results as they are read from the journal; memory grows by a few bytes per answer.

The order of the lines depends on who was faster and on interruptions; nothing that is reported depends on it. Sums of
floats therefore run in the order of the plan, or of the values.
"""

import heapq
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import orjson

from kvv_action.causes import named
from kvv_action.schema import (
    REFUSED,
    BenchmarkKind,
    Case,
    CategoryScore,
    Completion,
    Diagnosis,
    Evidence,
    Exchange,
    FailureCount,
    FailureKind,
    Outcome,
    PlannedBenchmark,
    SampleFailure,
    Score,
    Slot,
)
from kvv_action.score_rule import AnswerData
from kvv_action.statistics.aggregates import rule_of
from kvv_action.verdict.answers import AnswerTable
from kvv_action.verdict.distribution import Distributions

UNKNOWN = -1.0
"""Stands for the value of an answer that has no score."""
CASE_LIMIT = 5000
TEXT_LIMIT = 300
BREAKDOWN_LIMIT = 50
EVIDENCE_LIMIT = 50
"""Answers of a scored benchmark that are shown with request and response."""


def cut(text: str, limit: int = TEXT_LIMIT) -> str:
    """At most `limit` characters, with an ellipsis when something was left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class CaseList:
    """Keeps the cases that reports show: failed and wrong ones before right ones, early samples before late ones."""

    def __init__(self, limit: int = CASE_LIMIT, evidence_limit: int = EVIDENCE_LIMIT) -> None:
        self._limit = limit
        self._evidence_limit = evidence_limit
        self._heap: list[tuple[tuple[int, int, int], Case]] = []
        self._evidence: list[tuple[tuple[int, int], tuple[Evidence, ...]]] = []
        self.seen = 0

    def evidence(self, index: int, epoch: int, make: Callable[[], tuple[Evidence, ...]]) -> None:
        """Keep the evidence of a case that is not right, of the earliest ones; `make` is called for what is kept."""
        place = (-index, -epoch)
        if len(self._evidence) < self._evidence_limit:
            heapq.heappush(self._evidence, (place, make()))
        elif self._evidence and place > self._evidence[0][0]:
            heapq.heapreplace(self._evidence, (place, make()))

    def passes_over(self, index: int, epoch: int) -> bool:
        """Whether a right answer would not be kept, so that no case need be made of it; it counts as seen."""
        over = len(self._heap) >= self._limit and (-1, -index, -epoch) <= self._heap[0][0]
        self.seen += over
        return over

    def add(self, index: int, case: Case) -> None:
        """Consider one case; the heap's top is the one to give up first."""
        self.seen += 1
        entry = ((-int(case.outcome is Outcome.RIGHT), -index, -case.epoch), case)
        if len(self._heap) < self._limit:
            heapq.heappush(self._heap, entry)
        elif entry[0] > self._heap[0][0]:
            heapq.heapreplace(self._heap, entry)

    def cases(self) -> tuple[Case, ...]:
        """What was kept, by sample and epoch."""
        ordered = sorted(self._heap, key=lambda entry: (-entry[0][1], -entry[0][2]))
        kept = dict(self._evidence)
        return tuple(
            replace(case, evidence=kept[place[1:]]) if place[1:] in kept else case  # evidence is of bad cases only
            for place, case in ordered
        )


@dataclass(slots=True, kw_only=True)
class Tally:
    """Running counts of one benchmark.

    Attributes:
        plain: as `RunPlan.plain_reports`: an answer without a finish_reason has an empty one, and no "None".
        begun: requests of samples that have no result.
        shown: answers that show a cause, by its sentence.
        wrong: answers that are not right.
        data: of the answers that a rule judges together, by position; empty for other rules.
    """

    planned: PlannedBenchmark
    plain: bool = True
    values: "array[float]"
    ledger: AnswerTable
    scored: int = 0
    right: int = 0
    unparsed: int = 0
    failed: int = 0
    refused: int = 0
    begun: int = 0
    first_try: int = 0
    failures: Counter[FailureKind] = field(default_factory=Counter)
    examples: dict[FailureKind, tuple[int, int, str]] = field(default_factory=dict)
    finish_reasons: Counter[str] = field(default_factory=Counter)
    anomalies: Counter[str] = field(default_factory=Counter)
    categories: dict[str, Counter[float]] = field(default_factory=dict)
    causes: Counter[tuple[str, str]] = field(default_factory=Counter)
    shown: dict[str, set[Slot]] = field(default_factory=dict)
    wrong: set[Slot] = field(default_factory=set)
    data: dict[int, AnswerData] = field(default_factory=dict)
    metrics: dict[str, Counter[float]] = field(default_factory=dict)
    sums_by_name: Counter[str] = field(default_factory=Counter)
    columns: "dict[str, array[int]]" = field(default_factory=dict)
    cases: CaseList = field(default_factory=CaseList)
    distributions: Distributions = field(default_factory=Distributions)

    @classmethod
    def empty(cls, planned: PlannedBenchmark, *, plain: bool = True) -> "Tally":
        """Nothing counted yet."""
        return cls(
            planned=planned,
            plain=plain,
            values=array("d", [UNKNOWN]) * (planned.samples * planned.epochs),
            ledger=AnswerTable.empty(planned),
            columns={name: array("l", [0]) * planned.samples for name in rule_of(planned).columns},
        )

    def score(self, index: int, epoch: int, sample: str, score: Score, exchanges: Iterable[Exchange]) -> None:
        """Count a judged answer."""
        asked = tuple([exchange for exchange in exchanges if exchange.by_vendor])
        last = asked[-1].completion if asked else None
        position = index * self.planned.epochs + epoch
        self.scored += 1
        self.right += score.value == 1.0
        self.unparsed += score.unparsed
        self.values[position] = score.value
        self.ledger.score(position, score)
        if rule_of(self.planned).together is not None:
            self.data[position] = AnswerData(sample=sample, index=index, category=score.category, data=score.data)
        if score.category:
            self.categories.setdefault(score.category, Counter())[score.value] += 1
        for name, value in score.metrics.items():
            self.metrics.setdefault(name, Counter())[float(value)] += 1
        self._sum(index, score.counts)
        self._answers(asked)
        cause = score.cause or self._cut_short(score, last)
        if cause or score.findings:
            self._explained(score, cause, (self.planned.id, index, epoch))
        if score.value != 1.0:
            self.wrong.add((self.planned.id, index, epoch))
        if score.value == 1.0 and not score.unparsed and self.cases.passes_over(index, epoch):
            return
        case = _case(sample, epoch, score, asked, cause, self._finish_reason(last))
        if case.outcome is not Outcome.RIGHT:
            if self.planned.kind is BenchmarkKind.CONTRACT:
                case = replace(case, evidence=tuple(evidence_of(exchange) for exchange in asked))
            else:
                self.cases.evidence(index, epoch, lambda: tuple(map(evidence_of, ends(asked))))
        self.cases.add(index, case)

    def _explained(self, score: Score, cause: str, slot: Slot) -> None:
        """Count what a scorer recognised."""
        self.causes.update(score.findings.items())
        if cause:
            self.causes[cause, score.remedy or (CUT_SHORT.remedy if not score.cause else "")] += 1
        for sentence in filter(None, (cause, *score.findings)):
            self.shown.setdefault(sentence, set()).add(slot)

    def _sum(self, index: int, counts: Mapping[str, int]) -> None:
        """Add up whole numbers; those that the aggregate needs by sample are kept by sample."""
        for name, count in counts.items():
            self.sums_by_name[name] += count
            if name in self.columns:
                self.columns[name][index] += count

    def _answers(self, asked: Sequence[Exchange]) -> None:
        completions = [exchange.completion for exchange in asked if exchange.completion]
        for completion in completions:
            for anomaly in completion.anomalies:
                self.anomalies[anomaly] += 1
            self.distributions.answer(completion)
        if completions:
            self.finish_reasons[self._finish_reason(completions[-1])] += 1
        self.first_try += all(len(_attempts(exchange)) <= 1 for exchange in asked)

    def _finish_reason(self, last: Completion | None) -> str:
        if last is None or (self.plain and last.finish_reason is None):
            return ""
        return cut(str(last.finish_reason), 60)

    def _cut_short(self, score: Score, last: Completion | None) -> str:
        """A wrong answer that ended by length long before the length that was asked for."""
        asked = self.planned.sampling.get("max_tokens")
        if last is None or last.finish_reason != "length" or score.value == 1.0 or not isinstance(asked, int):
            return ""
        used = (last.usage or {}).get("completion_tokens")
        if not isinstance(used, int) or used >= 0.9 * asked:
            return ""
        return CUT_SHORT.sentence

    def failure(self, index: int, epoch: int, sample: str, failure: SampleFailure) -> None:
        """Count a sample that was sent and has no score."""
        if failure.kind is FailureKind.REFUSED:
            self.refused += 1
            self.sums_by_name[REFUSED] += 1
            self.sums_by_name[f"{REFUSED}/{failure.message.partition(':')[0]}"] += 1
            return
        self.failed += 1
        self.ledger.failure(index * self.planned.epochs + epoch, failure)
        self._sum(index, failure.counts)
        self.failures[failure.kind] += 1
        example = (index, epoch, cut(failure.message))
        self.examples[failure.kind] = min(example, self.examples.get(failure.kind, example))
        case = Case(
            id=sample, epoch=epoch, outcome=Outcome.FAILED, value=None, explanation=cut(failure.message),
            cause=str(failure.kind),
        )  # fmt: skip
        self.cases.add(index, case)

    def per_sample(self) -> tuple[list[float], list[int]]:
        """Summed score and number of scored answers of each sample."""
        sums, counts, epochs = [], [], self.planned.epochs
        for start in range(0, len(self.values), epochs):
            known = [value for value in self.values[start : start + epochs] if value != UNKNOWN]
            sums.append(sum(known))
            counts.append(len(known))
        return sums, counts

    def failure_counts(self) -> tuple[FailureCount, ...]:
        """Causes of failure, the most frequent first."""
        ordered = sorted(self.failures.items(), key=lambda item: (-item[1], item[0]))
        return tuple(FailureCount(kind=kind, count=count, example=self.examples[kind][2]) for kind, count in ordered)

    def category_scores(self) -> tuple[CategoryScore, ...]:
        """Mean score of each category, by name."""
        return tuple(
            CategoryScore(name=name, score=mean(values), scored=values.total())
            for name, values in sorted(self.categories.items())
        )

    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Recognised causes, the one that explains most first."""
        ordered = sorted(self.causes.items(), key=lambda item: (-item[1], item[0]))
        return tuple(
            Diagnosis(cause=cause, remedy=remedy, count=count, share=round(count / self.scored, 6))
            for (cause, remedy), count in ordered
        )

    def breakdowns(self) -> dict[str, dict[str, int]]:
        """Sums named `group/name`, the largest of each group, by name."""
        groups: dict[str, dict[str, int]] = {}
        for name, count in sorted(self.sums_by_name.items(), key=lambda item: (-item[1], item[0])):
            group, slash, rest = name.partition("/")
            if slash and count and len(groups.setdefault(group, {})) < BREAKDOWN_LIMIT:
                groups[group][cut(rest, 80)] = count
        return {group: dict(sorted(names.items())) for group, names in sorted(groups.items())}


def ends(asked: Sequence[Exchange]) -> Sequence[Exchange]:
    """The first exchange, which has the request, and the last one, whose answer was judged."""
    return asked if len(asked) < 3 else (asked[0], asked[-1])


def evidence_of(exchange: Exchange) -> Evidence:
    """A request and what came of it, for people."""
    completion, rejection = exchange.completion, exchange.rejection
    answer = completion or rejection
    response = ""
    if rejection is not None:
        response = f"HTTP {rejection.status}: {rejection.body or rejection.message}"
    elif completion is not None:
        shown = {
            "content": completion.content,
            "reasoning": completion.reasoning,
            "tool_calls": completion.tool_calls,
            "finish_reason": completion.finish_reason,
            "usage": completion.usage,
            "anomalies": completion.anomalies,
        }
        response = orjson.dumps({name: value for name, value in shown.items() if value}).decode()
    request_id = answer.attempts[-1].request_id if answer and answer.attempts else ""
    return Evidence(request_id=request_id, request=cut(exchange.request, 2000), response=cut(response, 2000))


CUT_SHORT = named(
    "answers end with finish_reason length long before max_tokens",
    "raise the server's own output limit (max model length, max new tokens, proxy limits)",
    switches={"vLLM": "--max-model-len", "SGLang": "--context-length", "TensorRT-LLM": "--max_seq_len"},
    symptom_of=("output-capped", "degenerate-output", "degenerate-loop", "not-language"),
)


def total(values: Counter[float]) -> float:
    """Sum of counted values in their own order, so that it does not depend on the order of answers."""
    return sum(value * count for value, count in sorted(values.items()))


def mean(values: Counter[float]) -> float:
    """Mean of counted values."""
    return total(values) / values.total()


def _attempts(exchange: Exchange) -> tuple[object, ...]:
    answer = exchange.completion or exchange.rejection
    return answer.attempts if answer else ()


def _case(sample: str, epoch: int, score: Score, asked: tuple[Exchange, ...], cause: str, finish_reason: str) -> Case:
    if score.unparsed:
        outcome = Outcome.UNPARSED
    elif score.value in (0.0, 1.0):
        outcome = Outcome.RIGHT if score.value else Outcome.WRONG
    else:
        outcome = Outcome.PARTIAL
    return Case(
        id=sample,
        epoch=epoch,
        outcome=outcome,
        value=score.value,
        answer=cut(score.answer),
        explanation=cut(score.explanation, 1000),
        category=score.category,
        seconds=round(sum(exchange.completion.total for exchange in asked if exchange.completion), 3),
        finish_reason=finish_reason,
        cause=cause,
    )
