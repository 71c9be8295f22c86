"""From a journal to the run report: a pure function, so that anyone who has the journal can recompute it."""

import math
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from kvv_action.adapters import adapter
from kvv_action.journal.reading import JournalReading, Sent
from kvv_action.journal.state import BenchmarkProgress, JournalState
from kvv_action.plan.plan import plan_digest
from kvv_action.schema import (
    SCHEMA_VERSION,
    BenchmarkResult,
    Case,
    Cost,
    Counts,
    Delivery,
    Diagnosis,
    Exchange,
    Finding,
    JournalInfo,
    Judged,
    Outcome,
    PlannedBenchmark,
    Prices,
    Provenance,
    Quantiles,
    RunPlan,
    RunReport,
    SampleFailure,
    Saved,
    Score,
    Slot,
    Speed,
    Timing,
    Usage,
    Verdict,
)
from kvv_action.score_rule import Aggregated, Missing
from kvv_action.statistics.aggregates import rule_of
from kvv_action.statistics.intervals import clustered
from kvv_action.verdict.checks.findings import AnswerChecks, in_order
from kvv_action.verdict.checks.sightings import SeenFinding
from kvv_action.verdict.comparison import Compared, compare_all
from kvv_action.verdict.delivery import DeliveryTally
from kvv_action.verdict.gap import Pairs, judged
from kvv_action.verdict.known_causes import causes_of
from kvv_action.verdict.noninferiority import family, stand
from kvv_action.verdict.pace import pace
from kvv_action.verdict.refusals import RefusalTally
from kvv_action.verdict.rules import VerdictRules, rules_of
from kvv_action.verdict.shown import Shown, in_their_order
from kvv_action.verdict.sight import diagnose
from kvv_action.verdict.state import OTHERS, state_of
from kvv_action.verdict.tally import CUT_SHORT, UNKNOWN, Tally, mean, total
from kvv_action.verdict.together import concluded
from kvv_action.verdict.verdict import VerdictEvidence, judge, of_shard, overall, with_findings, with_one_cause

Rescored = Mapping[Slot, Score]
"""Scores that replace those of the journal (audit)."""


class _Traffic:
    """Tokens and durations over every answer."""

    def __init__(self) -> None:
        self.requests = self.attempts = self.prompt = self.completion = self.unknown = 0
        self.first_token: array[float] = array("d")
        self.total: array[float] = array("d")
        self.speeds: array[float] = array("d")

    def answer(self, exchange: Exchange) -> None:
        self.requests += 1
        answer = exchange.completion or exchange.rejection
        self.attempts += len(answer.attempts) if answer else 0
        completion = exchange.completion
        if completion is None or not completion.by_model:  # a list of models is no answer of the model
            return
        self.total.append(completion.total)
        if completion.streamed:
            self.first_token.append(completion.first_token)
        counted = completion.tokens
        if counted is None:
            self.unknown += 1
        else:
            self.prompt += counted[0]
            self.completion += counted[1]
        if (speed := pace(completion)) is not None:
            self.speeds.append(speed)

    def error(self, attempts: int) -> None:
        self.requests += 1
        self.attempts += attempts

    def withdrawn(self) -> None:
        self.requests += 1
        self.attempts += 1

    def speed(self, wall: float) -> Speed | None:
        """The speed at the load of this run, which took `wall` seconds; None without an answer."""
        if not self.total or wall <= 0:
            return None
        per_answer = quantiles(self.speeds)
        slow = quantiles([-one for one in self.speeds]).p95
        return Speed(
            in_flight=round(math.fsum(self.total) / wall, 2), first_token=quantiles(self.first_token),
            per_answer=per_answer.p50, slow_answer=None if slow is None else -slow,
            in_all=round(self.completion / wall, 2), answers=len(self.speeds),
        )  # fmt: skip

    def usage(self) -> Usage:
        return Usage(
            requests=self.requests, attempts=self.attempts, prompt_tokens=self.prompt,
            completion_tokens=self.completion, answers_without_usage=self.unknown,
        )  # fmt: skip


def quantiles(values: Sequence[float]) -> Quantiles:
    """Median, 95th percentile (nearest rank) and maximum."""
    if not values:
        return Quantiles()
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 4)

    return Quantiles(p50=at(0.5), p95=at(0.95), max=round(ordered[-1], 4))


def build(journal: Path | JournalReading, rescored: Rescored | None = None) -> RunReport:
    """Recompute the report of a journal.

    Args:
        journal: its path, or a reading of it.
        rescored: scores to use instead of those written.

    Raises:
        JournalError: the journal cannot be read or does not hold together.
    """
    reading = JournalReading(journal) if isinstance(journal, Path) else journal
    plan, found = reading.plan, reading.state
    tallies = {planned.id: Tally.empty(planned, plain=plan.plain_reports) for planned in plan.benchmarks}
    traffic = _Traffic()
    pairs = Pairs(plan)
    arrivals, checks, refusals = DeliveryTally(), AnswerChecks(plan), RefusalTally()
    _count(reading, tallies, traffic, (arrivals.add, checks.see, refusals.add), pairs, rescored or {}, arrivals.settle)
    delivery, (state, state_reason) = arrivals.delivery(plan), state_of(found, plan)
    of_run = list(_of_run(plan, arrivals, delivery, refusals.began(state_reason, plain=plan.plain_reports)))
    of_answers = list(checks.seen())
    findings = (*(one.finding for one in of_run), *in_order([one.finding for one in of_answers]))
    gaps = pairs.gaps()
    results = judged(_results(tallies, found, plan, state_reason), plan, gaps)
    shown = Shown(plan=plan, results=results, tallies=tallies, seen=[*of_run, *of_answers], gaps=gaps)
    causes = shown.causes()
    findings, results = in_their_order(causes, findings, results)
    verdict, reason = _concluded(reading, results, findings, refusals.cause())
    return RunReport(
        schema_version=SCHEMA_VERSION,
        verdict=verdict,
        reason=reason,
        state=state,
        state_reason=state_reason,
        demonstration=plan.demonstration,
        endpoint=plan.endpoint,
        profile=plan.profile,
        plan=plan,
        plan_digest=plan_digest(plan),
        benchmarks=results,
        usage=traffic.usage(),
        timing=_timing(found, traffic),
        provenance=adapter(Provenance).validate_python(found.sessions[-1]["provenance"]),
        journal=JournalInfo(
            lines=found.lines,
            head=reading.head,
            mended_bytes=found.mended_bytes,
            retried_failures=found.retried_failures,
            redacted_from=found.redacted_from,
        ),
        gaps=gaps,
        delivery=delivery,
        findings=findings,
        causes=causes,
        speed=traffic.speed(found.seconds) if plan.plain_reports else None,
        cost=_cost(found, traffic.usage()),
    )


def _of_run(
    plan: RunPlan, arrivals: DeliveryTally, delivery: Delivery | None, began: Finding | None
) -> Iterator[SeenFinding]:
    """What the requests of a run show together: that answers do not arrive whole, that the endpoint began to refuse."""
    broken = arrivals.finding(delivery) if delivery else None
    if broken is not None:
        yield SeenFinding(finding=broken, slots=arrivals.slots())
    if began is not None and plan.checks is not None:
        yield SeenFinding(finding=began, slots=())


def _results(
    tallies: Mapping[str, Tally], found: JournalState, plan: RunPlan, state_reason: str
) -> tuple[BenchmarkResult, ...]:
    """The result of each benchmark, in the order of the plan."""
    unasked = state_reason or (OTHERS if plan.shard is not None else "")
    compared = _compared(tallies, rules_of(plan))
    return tuple(
        _result(tallies[planned.id], found.progress[planned.id], unasked, compared.get(planned.id), plan)
        for planned in plan.benchmarks
    )


def _concluded(
    reading: JournalReading, results: Sequence[BenchmarkResult], findings: Sequence[Finding], refused: str
) -> tuple[Verdict, str]:
    """The verdict of the run, or of its shard, and the reason; `refused`: the one cause of all refusals."""
    plan, found = reading.plan, reading.state
    state, state_reason = state_of(found, plan)
    advisory = plan.advisory
    if plan.shard is not None:
        return of_shard(plan.shard, results, state, state_reason, advisory=advisory)
    wanted = [name for name, progress in found.progress.items() if progress.named]
    wanted += plan.without_data
    beside = [planned.id for planned in plan.benchmarks if planned.is_variant]
    verdict, reason = overall(results, state, state_reason, advisory=advisory, wanted=wanted, beside=beside)
    verdict, reason = with_findings(verdict, reason, findings)
    return verdict, with_one_cause(reason, refused, state)


def _count(
    reading: JournalReading,
    tallies: Mapping[str, Tally],
    traffic: _Traffic,
    watching: Sequence[Callable[[Sent], None]],
    pairs: Pairs,
    rescored: Rescored,
    settle: Callable[[Judged], None],
) -> None:
    """Count the requests to the endpoint under test, and the results that stand."""
    for event in reading.events():
        tally, place = tallies[event.place.benchmark], event.place
        if isinstance(event, Sent):
            if not event.endpoint:
                _sent(event, reading.state.progress[place.benchmark], tally, traffic)
                for see in watching:
                    see(event)
            continue
        settle(event)
        if event.stands and isinstance(event.result, Score):
            score = rescored.get(place.slot) or event.result
            tally.score(place.index, place.epoch, place.sample, score, event.exchanges)
            pairs.add(place, score.value)
        elif event.stands and isinstance(event.result, SampleFailure):
            tally.failure(place.index, place.epoch, place.sample, event.result)
            pairs.lose(place)


def _sent(sent: Sent, progress: BenchmarkProgress, tally: Tally, traffic: _Traffic) -> None:
    """Count a request, and whether its sample came to no result."""
    if sent.exchange is not None:
        traffic.answer(sent.exchange)
    elif sent.withdrawn:
        traffic.withdrawn()
    else:
        traffic.error(len(sent.attempts))
        return
    tally.begun += not progress.last[progress.position(sent.place.index, sent.place.epoch)]


def _timing(found: JournalState, traffic: _Traffic) -> Timing:
    def iso(at: float) -> str:
        return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")

    started = [float(session["started"]) for session in found.sessions]
    return Timing(
        started=iso(min(started)),
        finished=iso(max(found.at)),
        wall=round(found.seconds, 3),
        sessions=len(started),
        first_token=quantiles(traffic.first_token),
        total=quantiles(traffic.total),
    )


def _cost(found: JournalState, usage: Usage) -> Cost | None:
    """What the answers cost by the prices of the last session; None if it was not given both."""
    told = found.sessions[-1].get("prices")
    if told is None:
        return None
    prices = adapter(Prices).validate_python(told)
    amount = (usage.prompt_tokens * prices.input + usage.completion_tokens * prices.output) / 1e6
    return Cost(prices=prices, amount=round(amount, 6))


def counts_of(tally: Tally) -> Counts:
    """The denominators, asserted."""
    planned = tally.planned.samples * tally.planned.epochs
    sent = tally.scored + tally.failed + tally.refused
    return Counts(
        planned=planned, sent=sent, scored=tally.scored, unparsed=tally.unparsed, failed=tally.failed,
        skipped=planned - sent, refused=tally.refused,
    )  # fmt: skip


def _compared(tallies: Mapping[str, Tally], rules: VerdictRules) -> dict[str, Compared]:
    """How each benchmark stands against its reference, where it has one."""
    standings = [stand(tally.planned, tally.ledger, rules.of(name)) for name, tally in tallies.items()]
    ledgers = {name: tally.ledger for name, tally in tallies.items()}
    return compare_all(standings, ledgers, family(tally.planned for tally in tallies.values()))


def _result(
    tally: Tally, board: BenchmarkProgress, state_reason: str, compared: Compared | None, plan: RunPlan
) -> BenchmarkResult:
    planned, counts = tally.planned, counts_of(tally)
    early = compared is not None and compared.comparison.early
    found = _aggregated(tally, counts, unknown=counts.failed + (0 if early else counts.skipped))
    shown = _of_every_answer(tally, found) if planned.must_be_right and plan.plain_reports else found
    because = planned.skip or board.skip or state_reason
    cases = tally.cases.cases()
    reference = None if planned.must_be_right else planned.reference
    evidence = replace(_evidence(tally, counts, found, cases, plan), compared=compared, because=because)
    verdict, reason = judge(evidence)
    whole = concluded(tally, plan, counts)
    if whole is not None:
        verdict, reason = whole.verdict, whole.reason
    return BenchmarkResult(
        id=planned.id,
        title=planned.title,
        version=planned.version,
        kind=planned.kind,
        verdict=verdict,
        reason=reason,
        score=shown.score,
        interval=None if planned.must_be_right else found.interval,
        bounds=shown.bounds,
        reference=evidence.reference,
        reference_source=f"{reference.source} ({reference.date})" if reference else "",
        margin=evidence.margin,
        counts=counts,
        metrics=_metrics(tally, planned, found, whole.metrics if whole else {}),
        samples=planned.samples,
        epochs=planned.epochs,
        dataset=planned.dataset,
        finish_reasons=dict(sorted(tally.finish_reasons.items())),
        anomalies=dict(sorted(tally.anomalies.items())),
        failures=tuple(evidence.failures),
        skips={because or "not asked": counts.skipped} if counts.skipped else {},
        categories=tally.category_scores(),
        diagnosis=_named(
            (
                *(whole.diagnosis if whole else ()),
                *found.diagnosis,
                *_diagnosis(tally, verdict, exact=planned.must_be_right),
            ),
            plan,
        ),
        cases=cases,
        cases_omitted=tally.cases.seen - len(cases),
        aggregate=planned.aggregate,
        breakdowns=tally.breakdowns(),
        distributions=tally.distributions.histograms(),
        comparison=compared.comparison if compared else None,
        saved=_saved(tally, counts) if early else None,
        orientation=bool(whole.measurement.advisory) if whole else evidence.orientation and not planned.is_variant,
        measurement=whole.measurement if whole else None,
    )


def _evidence(tally: Tally, counts: Counts, found: Aggregated, cases: Sequence[Case], plan: RunPlan) -> VerdictEvidence:
    """What the answers alone say for a verdict."""
    planned = tally.planned
    reference, margin = (None, None) if planned.must_be_right else (planned.reference, planned.margin)
    return VerdictEvidence(
        kind=planned.kind,
        exact=planned.must_be_right,
        counts=counts,
        right=tally.right,
        score=found.score,
        most_failures=plan.max_failure_rate,
        lost_exactly=rules_of(plan).sharp,
        available=planned.dataset.count * planned.epochs,
        reference=reference.value if reference else None,
        margin=margin,
        failures=tally.failure_counts(),
        wrong_ids=[case.id for case in cases if case.outcome not in (Outcome.RIGHT, Outcome.FAILED)],
        absent=found.absent,
        bundled=planned.dataset.source == "bundled",
        measured_at=plan.reference_efforts.get(planned.id, ""),
    )


def _named(diagnosis: Sequence[Diagnosis], plan: RunPlan) -> tuple[Diagnosis, ...]:
    """With the stable names of the causes, where the plan asks for findings; older reports keep their bytes."""
    if plan.checks is None:
        return tuple(diagnosis)
    known = causes_of(plan.asked)
    return tuple(replace(found, cause_id=known.id_of(found.cause)) for found in diagnosis)


def _saved(tally: Tally, counts: Counts) -> Saved:
    """What the answers that were not asked for would have taken, by the mean of those that were.

    Requests whose answers came too late, or were given up, were sent and save nothing.
    """
    asked, tokens = tally.distributions.answers, tally.distributions.tokens
    per_sample = asked / counts.sent if counts.sent else 0.0
    requests = max(0, round(counts.skipped * per_sample) - tally.begun)
    return Saved(requests=requests, tokens=round(requests * tokens / asked) if tokens else None)


def _aggregated(tally: Tally, counts: Counts, unknown: int) -> Aggregated:
    """The score with its interval: by the plan's aggregate, or else the mean; `unknown` answers could change it."""
    compute = rule_of(tally.planned).compute
    if compute is not None:
        missing = Missing(answers=unknown, failed=counts.failed, sums=tally.sums_by_name)
        return compute(tally.columns, missing)
    sums, answers = tally.per_sample()
    total, known = sum(sums), (counts.scored + unknown) or 1
    return Aggregated(
        score=total / counts.scored if counts.scored else None,
        interval=clustered(*_by_cluster(tally.planned, sums, answers)),
        bounds=(total / known, (total + unknown) / known) if counts.sent else None,
    )


def _of_every_answer(tally: Tally, found: Aggregated) -> Aggregated:
    """The share of right answers as the score, where every answer must be right: F1 can be 1 beside wrong answers."""
    if found.score is None:
        return found
    right = sum(tally.per_sample()[0])
    planned = tally.planned.samples * tally.planned.epochs
    missing = planned - tally.scored - tally.refused
    whole = (tally.scored + missing) or 1
    return replace(found, score=right / tally.scored, bounds=(right / whole, (right + missing) / whole))


def _by_cluster(
    planned: PlannedBenchmark, sums: Sequence[float], answers: Sequence[int]
) -> tuple[Sequence[float], Sequence[int]]:
    """Summed scores and answers of the samples that belong together."""
    if not planned.clusters:
        return sums, answers
    found: dict[int, tuple[float, int]] = {}
    for cluster, value, count in zip(planned.clusters, sums, answers, strict=True):
        before = found.get(cluster, (0.0, 0))
        found[cluster] = before[0] + value, before[1] + count
    return [value for value, _ in found.values()], [count for _, count in found.values()]


def _diagnosis(tally: Tally, verdict: Verdict, *, exact: bool) -> tuple[Diagnosis, ...]:
    """Causes that single answers show, after the one that only all of them together show."""
    below = verdict is Verdict.FAIL and not exact
    sums = {name: (total(values), values.total()) for name, values in tally.metrics.items()}
    right = sum(value for value in tally.values if value != UNKNOWN)
    explained = sum(count for (cause, _), count in tally.causes.items() if cause == CUT_SHORT.sentence) + tally.unparsed
    if tally.planned.is_variant:  # what is wrong with these is told by their gap
        return tally.diagnoses()
    whole = diagnose(sums, right, tally.scored, explained=explained, below_reference=below)
    rule = rule_of(tally.planned)
    own = rule.diagnose(sums) if rule.diagnose is not None else ()
    return (*((whole,) if whole else ()), *own, *tally.diagnoses())


def _metrics(
    tally: Tally, planned: PlannedBenchmark, found: Aggregated, further: Mapping[str, float]
) -> dict[str, float]:
    """Every number by name; only what was measured."""
    metrics: dict[str, float] = {name: float(count) for name, count in tally.sums_by_name.items() if "/" not in name}
    metrics.update(found.metrics)
    metrics.update(further)
    if found.score is not None:
        metrics[planned.metric] = found.score
    if tally.scored:
        metrics["unparsed_rate"] = tally.unparsed / tally.scored
        metrics["first_try_rate"] = tally.first_try / (tally.scored + tally.failed)
    metrics.update({name: mean(values) for name, values in tally.metrics.items()})
    return dict(sorted(metrics.items()))
