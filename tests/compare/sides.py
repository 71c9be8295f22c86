"""Runs to compare, made of per-sample values, without a pipeline."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from kvv_action.compare.sampled import Sampled
from kvv_action.compare.side import Side
from kvv_action.schema import BenchmarkKind, BenchmarkResult, Counts, DatasetInfo, PlannedBenchmark, RunReport, Verdict
from tests.report.reports import PLAN, PLANNED, REPORT, RESULT

Values = Mapping[str, Sequence[float | None]]
"""By sample id the value of each epoch; None where it failed."""

BUNDLED = DatasetInfo(source="bundled", location="quiz/samples", count=3, digest="b" * 64)
CODE = DatasetInfo(source="code", location="", count=0, digest="", pinned=True)


def benchmark(name: str, *, kind: BenchmarkKind = BenchmarkKind.SCORED, dataset: DatasetInfo = PLANNED.dataset,
              **changes: object) -> PlannedBenchmark:  # fmt: skip
    """A planned benchmark."""
    return replace(PLANNED, id=name, title=name.title(), kind=kind, dataset=dataset, **changes)  # type: ignore[arg-type]


def probes(**changes: object) -> PlannedBenchmark:
    """A planned benchmark of contract probes."""
    return benchmark("probes", kind=BenchmarkKind.CONTRACT, dataset=CODE, **changes)


def side(*benchmarks: tuple[PlannedBenchmark, Values], report: RunReport = REPORT) -> Side:
    """A run that asked these benchmarks and got these values."""
    planned = tuple(one for one, _ in benchmarks)
    samples = {one.id: {name: sampled(epochs) for name, epochs in values.items()} for one, values in benchmarks}
    plan = replace(PLAN, benchmarks=planned)
    results = tuple(result(one, values) for one, values in benchmarks)
    return Side(report=replace(report, plan=plan, benchmarks=results), samples=samples)


def sampled(epochs: Sequence[float | None]) -> Sampled:
    """One sample over its epochs."""
    found = Sampled(category="any")
    for epoch, value in enumerate(epochs):
        if value is None:
            found.fail(epoch)
        else:
            found.add(value, epoch)
    return found


def result(planned: PlannedBenchmark, values: Values) -> BenchmarkResult:
    """What a report says of it."""
    verdict = Verdict.PASS if values else Verdict.SKIPPED
    counts = RESULT.counts if values else Counts(planned=3, sent=0, scored=0, unparsed=0, failed=0, skipped=3)
    return replace(
        RESULT, counts=counts, id=planned.id, title=planned.title, kind=planned.kind, dataset=planned.dataset, cases=(),
        diagnosis=(), failures=(), verdict=verdict, reason="" if values else "the gate closed",
    )  # fmt: skip


def rates(count: int, rng: random.Random) -> list[float]:
    """How likely a good model answers each sample rightly: most of them nearly always, some now and then."""
    return [rng.betavariate(5, 0.6) for _ in range(count)]


def answers(
    likely: Sequence[float], rng: random.Random, *, epochs: int = 1, wrong: float = 0.0
) -> dict[str, list[float]]:
    """Independent answers at these rates, of which a share `wrong` is made wrong."""
    return {
        f"s{number}": [float(rng.random() < rate and rng.random() >= wrong) for _ in range(epochs)]
        for number, rate in enumerate(likely)
    }
