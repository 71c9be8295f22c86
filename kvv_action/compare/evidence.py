"""The samples that both runs judged differently, with what was asked and answered."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from heapq import nlargest, nsmallest

from kvv_action.compare.pairing import Pair, Paired
from kvv_action.compare.records import BenchmarkChange, Flip, ShownAnswer
from kvv_action.compare.sampled import Sampled
from kvv_action.compare.side import Side
from kvv_action.journal.reading import JournalReading
from kvv_action.schema import Case, Exchange, RunReport, Score, Slot
from kvv_action.verdict.tally import cut, ends, evidence_of

FLIP_LIMIT = 50
"""Samples of each direction and benchmark that are listed."""

Place = tuple[str, str, int]
"""Benchmark, sample id, epoch."""


def with_flips(
    found: Sequence[BenchmarkChange], paired: Mapping[str, Paired], base: Side, new: Side
) -> tuple[BenchmarkChange, ...]:
    """The benchmarks with their flips; each run is read once more to find the answers that are listed."""
    chosen = {part.id: _chosen(paired[part.id].matched) for part in found if part.id in paired}
    before = _seen(base, {(name, one[0], _epochs(*one[1:])[0]): one[1] for name in chosen for one in chosen[name]})
    after = _seen(new, {(name, one[0], _epochs(*one[1:])[1]): one[2] for name in chosen for one in chosen[name]})
    return tuple(
        replace(
            part,
            flips=tuple(
                Flip(
                    id=name,
                    category=new_.category or old.category,
                    before=before[part.id, name, _epochs(old, new_)[0]],
                    after=after[part.id, name, _epochs(old, new_)[1]],
                )
                for name, old, new_ in chosen.get(part.id, ())
            ),
        )
        for part in found
    )


def _chosen(matched: Collection[Pair]) -> list[Pair]:
    """The largest changes in each direction; equal changes are in the order of the run."""
    fell = nsmallest(FLIP_LIMIT, (pair for pair in matched if _change(pair) < -1e-9), key=_change)
    rose = nlargest(FLIP_LIMIT, (pair for pair in matched if _change(pair) > 1e-9), key=_change)
    return [*fell, *rose]


def _change(pair: Pair) -> float:
    return pair[2].value - pair[1].value


def _epochs(before: Sampled, after: Sampled) -> tuple[int, int]:
    """The epochs that show the change most clearly: the best answer beside the worst one."""
    if after.value < before.value:
        return before.high[1], after.low[1]
    return before.low[1], after.high[1]


def _seen(side: Side, wanted: Mapping[Place, Sampled]) -> dict[Place, ShownAnswer]:
    """What the run shows at these places."""
    bare = {place: ShownAnswer(value=sampled.value, epoch=place[2]) for place, sampled in wanted.items()}
    found = _in_report(side.report, bare)
    slots = {(name, sampled.index, epoch) for (name, _, epoch), sampled in wanted.items()}
    return found if side.journal is None else _in_journal(side.journal, found, slots)


def _in_report(report: RunReport, wanted: Mapping[Place, ShownAnswer]) -> dict[Place, ShownAnswer]:
    found = dict(wanted)
    for result in report.benchmarks:
        for case in result.cases:
            place = (result.id, case.id, case.epoch)
            if place in found:
                found[place] = _of_case(found[place], case)
    return found


def _of_case(seen: ShownAnswer, case: Case) -> ShownAnswer:
    first, last = (case.evidence[0], case.evidence[-1]) if case.evidence else (None, None)
    return replace(
        seen, answer=case.answer, explanation=case.explanation, finish_reason=case.finish_reason, cause=case.cause,
        request_id=last.request_id if last else "", request=first.request if first else "",
        response=last.response if last else "",
    )  # fmt: skip


def _in_journal(
    journal: JournalReading, wanted: Mapping[Place, ShownAnswer], slots: Collection[Slot]
) -> dict[Place, ShownAnswer]:
    found = dict(wanted)
    for judged in journal.judged(of=slots) if slots else ():
        place = judged.place.benchmark, judged.place.sample, judged.place.epoch
        if place in found and judged.stands and isinstance(judged.result, Score):
            found[place] = _of_answers(found[place], judged.result, judged.exchanges)
    return found


def _of_answers(seen: ShownAnswer, score: Score, asked: Sequence[Exchange]) -> ShownAnswer:
    mine = ends([exchange for exchange in asked if exchange.by_vendor])
    evidence = [evidence_of(exchange) for exchange in mine]
    completion = mine[-1].completion if mine else None
    return replace(
        seen, answer=cut(score.answer), explanation=cut(score.explanation, 1000),
        finish_reason=cut(str(completion.finish_reason), 60) if completion else "",
        cause=score.cause or seen.cause, request_id=evidence[-1].request_id if evidence else "",
        request=evidence[0].request if evidence else "", response=evidence[-1].response if evidence else "",
    )  # fmt: skip
