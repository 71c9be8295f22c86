"""From a run's report to its record; pure, so that whoever has the evidence reaches the same bytes."""

from collections.abc import Collection
from dataclasses import replace

from kvv_action.errors import Problem, UsageError
from kvv_action.leaderboard.fields import slug
from kvv_action.leaderboard.record import (
    RECORD_VERSION,
    BenchmarkRecord,
    Bundle,
    ComparisonRecord,
    CountsRecord,
    DatasetRecord,
    EvidenceRecord,
    Mark,
    ModelId,
    Origin,
    Record,
    Setup,
    Spread,
    State,
    TimingRecord,
    Trust,
    UsageRecord,
    VendorId,
    VersionsRecord,
    expiry,
)
from kvv_action.leaderboard.whole import choices_of, implied, less_than, profile_of
from kvv_action.report.text import one_line
from kvv_action.schema import BenchmarkResult, PlannedBenchmark, Quantiles, RunReport, RunState

_NAME, _TEXT = 200, 500


def record_of(
    report: RunReport,
    *,
    askable: Collection[str],
    vendor: str = "",
    bundle: Bundle | None = None,
    attested: bool = False,
) -> Record:
    """The record of a measured run.

    Args:
        report: the run.
        askable: the benchmarks that there are.
        vendor: the vendor's id on the leaderboard; by default it follows from the report's name.
        bundle: the evidence archive; without one nobody can recompute the scores.
        attested: claim that the archive's provenance is attested.

    Raises:
        UsageError: no id follows from the vendor's or the model's name.
    """
    marks = marks_of(report, askable)
    day = report.timing.finished[:10]
    return Record(
        schema_version=RECORD_VERSION,
        origin=Origin.MEASURED,
        state=State.PARTIAL if marks else State.COMPLETE,
        marks=marks,
        vendor=VendorId(
            id=_id("leaderboard-vendor", vendor or report.endpoint.vendor), name=_name(report.endpoint.vendor)
        ),
        model=ModelId(
            id=_id("profile", report.profile.name or report.endpoint.model),
            title=_name(report.profile.title or report.endpoint.model),
            served=_name(report.endpoint.model),
        ),
        date=day,
        expires=expiry(day),
        verdict=report.verdict,
        reason=one_line(report.reason, _TEXT),
        trust=Trust.ATTESTED if attested and bundle else Trust.SELF_REPORTED,
        benchmarks=_benchmarks(report),
        setup=_setup(report),
        usage=UsageRecord(
            requests=report.usage.requests,
            attempts=report.usage.attempts,
            prompt_tokens=report.usage.prompt_tokens,
            completion_tokens=report.usage.completion_tokens,
            answers_without_usage=report.usage.answers_without_usage,
        ),
        timing=_timing(report),
        versions=VersionsRecord(
            kvv=_name(report.provenance.version),
            python=_name(report.provenance.python),
            packages={name: _name(version) for name, version in sorted(report.provenance.packages.items())},
        ),
        evidence=EvidenceRecord(journal_lines=report.journal.lines, journal_head=report.journal.head, bundle=bundle),
        provenance={name: _name(value) for name, value in sorted(report.provenance.github.items())},
    )


def marks_of(report: RunReport, askable: Collection[str]) -> tuple[Mark, ...]:
    """Why a run is not a whole, decided one on the published samples; empty when it is."""
    setup, benchmarks, plan = _setup(report), _benchmarks(report), report.plan
    profile = profile_of(report.profile.name)
    found = set(implied(setup, benchmarks, report.verdict))
    if profile is not None:
        found |= less_than(profile, setup, benchmarks, askable)
    further = {
        Mark.DEMONSTRATION: report.demonstration,
        Mark.SELF_TEST: any(planned.exact for planned in plan.benchmarks),
        Mark.INTERRUPTED: report.state is RunState.INTERRUPTED,
        Mark.STOPPED: report.state is RunState.STOPPED,
        Mark.SUBSET: bool(plan.probes) or plan.shard is not None or any(map(_chosen, plan.benchmarks)),
    }
    found |= {mark for mark, applies in further.items() if applies}
    return tuple(mark for mark in Mark if mark in found)


def _chosen(planned: PlannedBenchmark) -> bool:
    """Whether only some of the published samples are asked."""
    return bool(planned.ids) and planned.varies in ("", planned.id)


def _id(setting: str, name: str) -> str:
    found = slug(name)
    if not found:
        allowed = "No id follows from this name; give one of small letters, digits, dots and hyphens."
        raise UsageError([Problem(name=setting, value=one_line(name, 80), allowed=allowed)])
    return found


def _name(text: str) -> str:
    return one_line(text, _NAME)


def _benchmarks(report: RunReport) -> tuple[BenchmarkRecord, ...]:
    against = {planned.id: planned.against for planned in report.plan.benchmarks}
    return tuple(
        replace(_benchmark(result, _metric(report, result.id)), against=_name(against.get(result.id, "")))
        for result in report.benchmarks
    )


def _metric(report: RunReport, benchmark: str) -> str:
    return next((planned.metric for planned in report.plan.benchmarks if planned.id == benchmark), "score")


def _setup(report: RunReport) -> Setup:
    endpoint, plan = report.endpoint, report.plan
    return Setup(
        base_url="" if plan.imported or plan.demonstration else endpoint.base_url,
        think_mode=endpoint.think_mode,
        effort=_name(endpoint.effort),
        stream=endpoint.stream,
        extra_body=tuple(sorted(_name(name) for name in endpoint.extra_body)),
        tier=plan.tier,
        contract=plan.contract,
        precheck=plan.precheck,
        seed=plan.seed,
        limit=plan.limit,
        holdout=plan.holdout,
        max_failure_rate=plan.max_failure_rate,
        choices=choices_of(plan.choices),
        imported=_name(plan.imported),
        profile=_name(report.profile.name),
        profile_digest=report.profile.digest,
        plan_digest=report.plan_digest,
    )


def _benchmark(result: BenchmarkResult, metric: str) -> BenchmarkRecord:
    counts, dataset = result.counts, result.dataset
    return BenchmarkRecord(
        id=result.id,
        title=_name(result.title),
        version=_name(result.version),
        metric=metric,
        kind=result.kind,
        verdict=result.verdict,
        reason=one_line(result.reason, _TEXT),
        score=result.score,
        interval=result.interval,
        bounds=result.bounds,
        reference=result.reference,
        reference_source=one_line(result.reference_source, _TEXT),
        margin=result.margin,
        n=counts.scored,
        samples=result.samples,
        epochs=result.epochs,
        counts=CountsRecord(
            planned=counts.planned,
            sent=counts.sent,
            scored=counts.scored,
            unparsed=counts.unparsed,
            failed=counts.failed,
            skipped=counts.skipped,
            refused=counts.refused,
        ),
        dataset=DatasetRecord(
            source=dataset.source,
            location=_name(dataset.location),
            revision=_name(dataset.revision),
            count=dataset.count,
            digest=_name(dataset.digest),
            pinned=dataset.pinned,
            pinned_by=_name(dataset.pinned_by),
        ),
        metrics=dict(sorted(result.metrics.items())),
        comparison=_comparison(result),
    )


def _comparison(result: BenchmarkResult) -> ComparisonRecord | None:
    found = result.comparison
    if found is None:
        return None
    return ComparisonRecord(
        difference=found.difference,
        low=max(-1.0, found.low),
        high=min(1.0, found.high),
        paired=found.paired,
        early=found.early,
    )


def _timing(report: RunReport) -> TimingRecord:
    timing = report.timing
    return TimingRecord(
        started=timing.started,
        finished=timing.finished,
        wall=timing.wall,
        sessions=timing.sessions,
        first_token=_spread(timing.first_token),
        total=_spread(timing.total),
    )


def _spread(quantiles: Quantiles) -> Spread:
    return Spread(p50=quantiles.p50, p95=quantiles.p95, max=quantiles.max)
