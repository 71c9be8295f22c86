"""Ends a benchmark as soon as its verdict is clear, by the same looks at the same answers as the report."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence

from kvv_action.plan.order import positions
from kvv_action.schema import PlannedBenchmark, RunPlan, SampleFailure, Score
from kvv_action.verdict.answers import FAILED, LEFT_OUT, SCORED, AnswerTable
from kvv_action.verdict.noninferiority import ERROR, Look, family, look_at, prepare, stand
from kvv_action.verdict.rules import JudgingRules, rules_of

Waves = Iterator[frozenset[int]]


def waves(planned: PlannedBenchmark, strata: str = "", *, chained: bool = False) -> Waves:
    """The answers in groups, from one look to the next, as `index * epochs + epoch`.

    A group is read in the order of the dataset, once, so that memory does not grow with the samples.

    Args:
        planned: the benchmark.
        strata: as in `positions`.
        chained: as in `positions`.
    """
    order = positions(planned, strata, chained=chained)
    for start, end in zip((0, *planned.looks), planned.looks, strict=False):
        yield frozenset(order[start:end])


class Stopping:
    """Every benchmark of a run that may end early.

    Args:
        plan: what is asked.
        tables: by benchmark, the answers that the journal holds; they are kept up to date here.
        retry_failed: answers that failed in an earlier session are asked again, so that a look waits for them.
    """

    def __init__(self, plan: RunPlan, tables: Mapping[str, AnswerTable], *, retry_failed: bool) -> None:
        count, rules = family(plan.benchmarks), rules_of(plan)
        self._watches = {
            planned.id: _Watch(
                planned, tables[planned.id], ERROR / count, rules.of(planned.id), retry_failed=retry_failed
            )
            for planned in plan.benchmarks
            if planned.looks
        }

    @property
    def looks(self) -> bool:
        """Whether any benchmark may end early."""
        return bool(self._watches)

    def prepare(self) -> None:
        """Compute in advance what looks need; may run in a thread."""
        for watch in self._watches.values():
            watch.prepare()

    def decided(self, benchmark: str) -> str:
        """Why no more is asked; empty while the verdict is open."""
        watch = self._watches.get(benchmark)
        return watch.decided if watch else ""

    def settle(self, benchmark: str, position: int, result: Score | SampleFailure) -> bool:
        """Note a result; True when the verdict has just become clear with answers left to ask."""
        watch = self._watches.get(benchmark)
        return watch is not None and watch.settle(position, result)


class _Watch:
    """One benchmark: how many answers each look still waits for."""

    def __init__(
        self, planned: PlannedBenchmark, table: AnswerTable, error: float, rules: JudgingRules, *, retry_failed: bool
    ) -> None:
        self._planned, self._table, self._error, self._rules = planned, table, error, rules
        self._order: Sequence[int] = positions(planned, rules.asked, chained=rules.chained)
        self._ranks = array("l", bytes(8 * len(self._order)))
        self._waiting = [end - start for start, end in zip((0, *planned.looks), planned.looks, strict=False)]
        self._next = 0
        self.decided = ""
        for rank, position in enumerate(self._order):
            self._ranks[position] = rank
            state = table.states[position]
            if state in (SCORED, LEFT_OUT) or (state == FAILED and not retry_failed):
                self._waiting[self._group(position)] -= 1
        for look in stand(planned, table, rules, ended=False).looks:
            if look.number < len(planned.looks) - 1:  # after the last look nothing is left to end
                self.decided = self.decided or self._clear(look)

    def prepare(self) -> None:
        """See `Stopping.prepare`."""
        prepare(self._planned, self._error, self._rules)

    def _group(self, position: int) -> int:
        """The first look that covers an answer."""
        return bisect_right(self._planned.looks, self._ranks[position])

    def settle(self, position: int, result: Score | SampleFailure) -> bool:
        """See `Stopping.settle`."""
        self._table.note(position, result)
        if self.decided:
            return False
        self._waiting[self._group(position)] -= 1
        while self._next < len(self._waiting) and not self._waiting[self._next]:
            covered = self._order[: self._planned.looks[self._next]]
            look = look_at(self._planned, self._table, covered, self._next, self._rules)
            self._next += 1
            if look is not None and (reason := self._clear(look)):
                self.decided = reason
                return self._next < len(self._waiting)
        return False

    def _clear(self, look: Look) -> str:
        """What a look decides, in words; empty when it leaves the verdict open."""
        outcome = "fail" if look.fails(self._error) else "pass" if look.passes() else ""
        if not outcome:
            return ""
        return f"decided early: {outcome}, after {look.answers} of {len(self._order)} answers"
