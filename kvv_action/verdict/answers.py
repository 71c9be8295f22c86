"""What each answer of a benchmark adds to its score: all that a verdict needs, a few bytes an answer."""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kvv_action.journal.reading import JournalReading
from kvv_action.schema import FailureKind, PlannedBenchmark, RunPlan, SampleFailure, Score
from kvv_action.score_rule import RIGHT, WRONG, Term
from kvv_action.statistics.aggregates import rule_of

NOTHING, SCORED, FAILED, LEFT_OUT = 0, 1, 2, 3


@dataclass(slots=True, kw_only=True)
class AnswerTable:
    """By `index * epochs + epoch`.

    Attributes:
        states: `NOTHING`, `SCORED`, `FAILED`, or `LEFT_OUT` of the comparison (refused as the official endpoint does).
        parts, wholes: the term of an answer; of a failed one the term it would have had, had it been right.
        wrong: the term that a failed answer would have had, had it been wrong, where that is not the usual one.
        own_parts, own_wholes: the term of the reference against itself; empty where there is none.
    """

    planned: PlannedBenchmark
    states: bytearray
    parts: "array[float]"
    wholes: "array[float]"
    own_parts: "array[float]"
    own_wholes: "array[float]"
    wrong: dict[int, Term]

    @classmethod
    def empty(cls, planned: PlannedBenchmark) -> "AnswerTable":
        """Nothing is known yet."""
        slots = planned.samples * planned.epochs
        own = slots if rule_of(planned).own else 0
        return cls(
            planned=planned,
            states=bytearray(slots),
            parts=array("d", bytes(8 * slots)),
            wholes=array("d", bytes(8 * slots)),
            own_parts=array("d", bytes(8 * own)),
            own_wholes=array("d", bytes(8 * own)),
            wrong={},
        )

    def note(self, position: int, result: Score | SampleFailure) -> None:
        """Note how an answer ended."""
        if isinstance(result, Score):
            self.score(position, result)
        else:
            self.failure(position, result)

    def score(self, position: int, score: Score) -> None:
        """Note a judged answer."""
        rule = rule_of(self.planned)
        self._note(position, SCORED, rule.term(score))
        if rule.own:
            self.own_parts[position], self.own_wholes[position] = rule.own(score)

    def failure(self, position: int, failure: SampleFailure) -> None:
        """Note an answer that did not come."""
        if failure.kind is FailureKind.REFUSED:
            self._note(position, LEFT_OUT, (0.0, 0.0))
            return
        wrong, right = rule_of(self.planned).unanswered(failure.counts)
        self._note(position, FAILED, right)
        if wrong != WRONG:
            self.wrong[position] = wrong

    def _note(self, position: int, state: int, term: Term) -> None:
        self.states[position] = state
        self.parts[position], self.wholes[position] = term

    def terms(
        self, positions: Iterable[int], missing: Term | None, like: Sequence[float | None] = ()
    ) -> list[tuple[int, Term]]:
        """Sample and term of each answer.

        Args:
            positions: which answers.
            missing: what stands for an answer that did not come: `WRONG` or `RIGHT`; a failed one counts as wrong or as
                right as it could have been, one of which nothing is known as the largest answer does. None leaves it
                out.
            like: for each sample, how right an answer that did not come counts, where that is known; before `missing`.
        """
        states, parts, wholes, epochs = self.states, self.parts, self.wholes, self.planned.epochs
        if missing is None and not like:
            return [(at // epochs, (parts[at], wholes[at])) for at in positions if states[at] == SCORED]
        found: list[tuple[int, Term]] = []
        largest = self._largest()
        unknown = None if missing is None else (missing[0] * largest, missing[1] * largest)
        for position in positions:
            state, sample = states[position], position // epochs
            if state == LEFT_OUT:
                continue
            value = like[sample] if like and state != SCORED else None
            if value is not None:
                found.append((sample, (value, 1.0)))
            elif state == SCORED or (state == FAILED and missing == RIGHT):
                found.append((sample, (parts[position], wholes[position])))
            elif state == FAILED and missing == WRONG:
                found.append((sample, self.wrong.get(position, WRONG)))
            elif unknown is not None:
                found.append((sample, unknown))
        return found

    def _largest(self) -> float:
        """The largest whole of an answer: 1, or as many as an F1's reference has runs."""
        return max(1.0, max(self.wholes, default=1.0))

    def own_terms(self, positions: Iterable[int]) -> list[tuple[int, Term]]:
        """Sample and term of the reference against itself, of each answer; none where it has answered only once."""
        if not self.own_wholes:
            return []
        epochs = self.planned.epochs
        return [(position // epochs, (self.own_parts[position], self.own_wholes[position])) for position in positions]


def tables_of(journal: Path, plan: RunPlan) -> dict[str, AnswerTable]:
    """What a journal's results add to the scores of the benchmarks that may end early.

    The journal is read only where there is such a benchmark.

    Raises:
        JournalError: the journal is damaged.
    """
    tables = {planned.id: AnswerTable.empty(planned) for planned in plan.benchmarks if planned.looks}
    if tables:
        for judged in JournalReading(journal).judged():
            if judged.stands and judged.place.benchmark in tables:
                table = tables[judged.place.benchmark]
                table.note(judged.place.index * table.planned.epochs + judged.place.epoch, judged.result)
    return tables
