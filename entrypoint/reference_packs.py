"""Reference packs: made of runs against an official endpoint, and read from a file or an address."""

from collections.abc import Mapping
from datetime import UTC, datetime

from kvv_action.compare.side import Side
from kvv_action.dataset.named_file import read_named_file
from kvv_action.errors import KvvError
from kvv_action.journal.reading import JournalReading
from kvv_action.plan.plan import ReferenceRun
from kvv_action.plan.reference_pack import LARGEST, PackedBenchmark, PackedRun, ReferencePack, expiry, parse
from kvv_action.report.text import one_line
from kvv_action.schema import BenchmarkKind, DatasetInfo, PlannedBenchmark, Reference, Score

NAMED = 3
"""Endpoints that the source of a reference names."""


def read_pack(name: str) -> ReferencePack:
    """A pack from a file, or from `URL@sha256:DIGEST`.

    Raises:
        KvvError: it cannot be had, is not that of the digest, or is no whole pack.
    """
    return parse(read_named_file(name, what="a reference pack", largest=LARGEST), name)


def packed(side: Side) -> ReferencePack:
    """The pack of one run.

    Raises:
        KvvError: it has no scored answers, or did not ask the published items.
    """
    report = side.report
    if side.journal is None:
        raise KvvError("a run has no journal beside its report: give its whole folder")
    planned = {one.id: one for one in report.plan.benchmarks if one.kind is BenchmarkKind.SCORED and not one.varies}
    items = _items(side.journal, planned)
    benchmarks = {name: _packed(planned[name], found) for name, found in items.items() if _answered(found)}
    if not benchmarks:
        raise KvvError("a run has no score of published items")
    run = PackedRun(
        model=one_line(report.endpoint.model, 80), vendor=one_line(report.endpoint.vendor, 80),
        day=report.timing.started[:10], journal=report.journal.head, version=report.provenance.version,
        effort=report.endpoint.effort,
    )  # fmt: skip
    return ReferencePack(
        profile=report.profile.name, expires=expiry(run.day), runs=(run,), benchmarks=benchmarks,
        demonstration=report.demonstration,
    )  # fmt: skip


Items = dict[str, list[float | None]]


def _items(journal: JournalReading, planned: Mapping[str, PlannedBenchmark]) -> Mapping[str, Items]:
    """By benchmark and sample id, the values of its answers; None where none came."""
    found: dict[str, Items] = {name: {} for name in planned}
    for judged in journal.judged():
        place = judged.place
        if judged.stands and place.benchmark in planned:
            nothing: list[float | None] = [None] * planned[place.benchmark].epochs
            values = found[place.benchmark].setdefault(place.sample, nothing)
            if isinstance(judged.result, Score):
                values[place.epoch] = float(judged.result.value)
    return found


def _answered(items: Items) -> bool:
    return any(value is not None for values in items.values() for value in values)


def _packed(planned: PlannedBenchmark, items: Items) -> PackedBenchmark:
    return PackedBenchmark(
        version=planned.version, metric=planned.metric, dataset=planned.dataset.digest, sampling=planned.sampling,
        thinking=planned.thinking, runs=((0, planned.epochs),), items=items,
    )  # fmt: skip


def refused_because(pack: ReferencePack, profile: str, *, demonstration: bool) -> str:
    """Why a run cannot be judged by a pack; empty when it can."""
    if pack.profile != profile:
        return f"It is of profile {pack.profile}, this run is by {profile}."
    if pack.demonstration != demonstration:
        return "One of the two is of a demonstration with the embedded vendor, the other is not."
    if datetime.now(UTC).date().isoformat() >= pack.expires:
        return f"It expired on {pack.expires}: endpoints change. Ask the official endpoint again, and pack that run."
    return ""


def runs_of(pack: ReferencePack) -> dict[str, ReferenceRun]:
    """Its benchmarks, as a run against the reference that every sample is compared with."""
    digest = pack.digest
    return {name: _run_of(pack, digest, name, one) for name, one in pack.benchmarks.items()}


def _run_of(pack: ReferencePack, digest: str, name: str, one: PackedBenchmark) -> ReferenceRun:
    dataset = DatasetInfo(source="reference pack", location="", count=len(one.items), digest=one.dataset)
    planned = PlannedBenchmark(
        id=name, title=name, version=one.version, metric=one.metric, kind=BenchmarkKind.SCORED, dataset=dataset,
        samples=len(one.items), epochs=one.epochs, sampling=one.sampling, thinking=one.thinking,
    )  # fmt: skip
    values, answers = one.values, sum(value is not None for values in one.items.values() for value in values)
    vendors = sorted({f"{one_line(run.model, 80)} at {one_line(run.vendor, 80)}" for run in pack.runs})
    of = f"{', '.join(vendors[:NAMED])}{', …' if len(vendors) > NAMED else ''}"
    source = f"pack of {len(one.runs)} run{'s' if len(one.runs) > 1 else ''} of {of}, sha256 {digest[:12]}"
    reference = Reference(value=sum(values.values()) / len(values), source=source, date=pack.last_day, n=answers)
    return ReferenceRun(
        planned=planned, values=values, reference=reference, effort=pack.runs[0].effort, drift=pack.drift(name),
        sampled_alike=True, several=one.several, pack=digest,
    )  # fmt: skip
