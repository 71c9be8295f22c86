"""Decides what will be asked, before anything is sent."""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import orjson

from kvv_action.benchmark import Benchmark, Rows
from kvv_action.dataset.subset import stratified
from kvv_action.errors import DatasetError, Problem, UsageError
from kvv_action.plan.order import looks_at_ends, looks_for
from kvv_action.plan.shuffle import shuffled
from kvv_action.plan.strata import ASKED, NO_STRATA, PackedItem, Strata, again, strata_of
from kvv_action.profiles.model import BenchmarkRules, Profile
from kvv_action.profiles.thinking import asked_effort, sampling_for, thinks
from kvv_action.schema import BenchmarkKind, DatasetInfo, PlannedBenchmark, Reference, RunPlan, Sample
from kvv_action.statistics.aggregates import rule_of

Read = Callable[[], Iterator[Sample]]

NO_DATASET = DatasetInfo(source="code", location="", count=0, digest="", pinned=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A planned benchmark with its samples at hand.

    Attributes:
        mine: ids of the samples that this process asks; None for all of them.
        every: all samples of the dataset, by which it can be planned in another size.
        measured_at: level of thinking effort of the reference, where this run asks for another one; else empty.
        stand_ins: `samples` are bundled ones in place of a dataset that is not here, for an estimate.
        each: planned samples that one of `samples` stands for; 1 unless they are stand-ins.
        prompt: tokens of a usual prompt in such an estimate; 0 where those of `samples` stand for them.
        strata: by which the samples were chosen; None where they were not.
    """

    benchmark: Benchmark
    planned: PlannedBenchmark
    samples: Callable[[], Iterator[Sample]]
    mine: frozenset[str] | None = None
    every: "Sequence[Named]" = ()
    measured_at: str = ""
    stand_ins: bool = False
    each: float = 1.0
    prompt: int = 0
    strata: Strata | None = None

    @property
    def count(self) -> int:
        """How many samples this process asks."""
        return self.planned.samples if self.mine is None else len(self.mine)

    def asks(self, sample_id: str) -> bool:
        """Whether this process asks a sample."""
        return self.mine is None or self.stand_ins or sample_id in self.mine


PEER_MARGIN = 0.05
"""Margin against a run of the reference where the profile has none: what a regression of a model is often called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceRun:
    """A benchmark in a run against the reference, with which answers are compared sample by sample.

    Attributes:
        planned: as that run asked it.
        values: by sample id, the mean value of its answers.
        reference: its score over these.
        effort: level of thinking effort that it asked for; empty leaves it to the endpoint.
        drift: variance of a difference from it, because endpoints differ from day to day; 0 where none is counted.
        sampled_alike: only a run that sends the same sampling can be compared with it.
        several: by sample id, its answers, where a pack has several to each.
        pack: SHA-256 of the file of the pack; empty for a run.
    """

    planned: PlannedBenchmark
    values: Mapping[str, float]
    reference: Reference
    effort: str = ""
    drift: float = 0.0
    sampled_alike: bool = False
    several: Mapping[str, PackedItem] = field(default_factory=dict)
    pack: str = ""

    @property
    def held_out(self) -> "ReferenceRun":
        """The same by the answers alone that did not choose the strata: these chose by luck, too."""
        held_out = {name: one.held_out for name, one in self.several.items()}
        return replace(self, values={name: value for name, value in held_out.items() if value is not None})


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much the user asked for; None follows tier and profile.

    Attributes:
        sequential: may end early when all is clear.
        shuffle: not in the order of the dataset.
        reference_runs: runs of the reference, by benchmark.
        effort: level of thinking effort that is sent; empty leaves it to the endpoint.
        strata: by benchmark, those of a plan that is made again, without its reference.
    """

    tier: str
    limit: int | None
    epochs: int | None
    seed: int
    sequential: bool = False
    shuffle: bool = False
    reference_runs: Mapping[str, ReferenceRun] = field(default_factory=dict)
    effort: str = ""
    strata: Mapping[str, Strata] = field(default_factory=lambda: NO_STRATA)


def plan_benchmark(benchmark: Benchmark, rows: Rows | None, profile: Profile, amount: Amount) -> Loaded:
    """Choose samples and epochs of one benchmark.

    Bundled samples and contract probes are few: all of them are asked, once, unless the user says otherwise.

    Raises:
        DatasetError: two samples have the same id.
        UsageError: the run of the reference was asked something else.
    """
    read = partial(benchmark.samples, rows, profile)
    if amount.shuffle and benchmark.kind is BenchmarkKind.SCORED and not benchmark.chained:
        read = partial(shuffled, read, amount.seed)
    every = _ids(benchmark.id, read)
    info = rows.info if rows is not None else NO_DATASET
    strata = _strata(benchmark, info, every, profile, amount)
    planned = _planned(benchmark, info, every, profile, amount, strata)
    if planned.looks and amount.shuffle:  # looking early asks in a random order of its own
        return plan_benchmark(benchmark, rows, profile, replace(amount, shuffle=False))
    return Loaded(
        benchmark=benchmark, planned=planned, samples=_reader(read, planned.ids), every=every,
        measured_at=_measured_at(planned, profile, amount), strata=strata,
    )  # fmt: skip


def left_out(benchmark: Benchmark, profile: Profile, amount: Amount, reason: str) -> Loaded:
    """A benchmark of which nothing is asked, and why; its dataset is not read, so its size is that of the pin."""
    count = benchmark.pin.count if benchmark.pin is not None else 0
    every = [Named(id=f"{number}", category="", cluster="") for number in range(count)]
    strata = _strata(benchmark, NO_DATASET, every, profile, amount)
    planned = _planned(benchmark, NO_DATASET, every, profile, amount, strata)
    planned = replace(planned, ids=(), ids_digest="", looks=(), order_seed=0, skip=reason)
    return Loaded(benchmark=benchmark, planned=planned, samples=lambda: iter(()), every=every)


def counted(loaded: Loaded, profile: Profile, amount: Amount) -> Loaded:
    """A benchmark whose dataset is not here, for an estimate: as large as the pin says, each sample as a bundled one.

    Args:
        loaded: with its bundled samples.
        profile: of the model.
        amount: as for `plan_benchmark`.
    """
    absent = left_out(loaded.benchmark, profile, amount, "")
    planned = replace(planned_at(absent, profile, amount), ids=())
    prompt = loaded.benchmark.pin.prompt if loaded.benchmark.pin is not None else 0
    each = planned.samples / (loaded.count or 1)
    return replace(loaded, planned=planned, every=absent.every, stand_ins=True, each=each, prompt=prompt)


def planned_at(loaded: Loaded, profile: Profile, amount: Amount) -> PlannedBenchmark:
    """The same benchmark in another size, or one that was left out as if it were the pinned dataset; reads nothing."""
    info, pin = loaded.planned.dataset, loaded.benchmark.pin
    if info.source == NO_DATASET.source and pin is not None:
        info = DatasetInfo(source="hub", location=pin.hub_id, count=pin.count, digest=pin.digest, pinned=True)
    strata = _strata(loaded.benchmark, info, loaded.every, profile, amount)
    return _planned(loaded.benchmark, info, loaded.every, profile, amount, strata)


STRATIFIED = "smoke"
"""The tier that asks border items and sure ones beside a pack; the others ask so many that chance is enough."""


def asks_by_strata(tier: str, limit: int | None) -> bool:
    """Whether a tier asks strata of a benchmark, by the number of samples that it asks else; None: all."""
    return tier == STRATIFIED and (limit or ASKED) >= ASKED


def _strata(
    benchmark: Benchmark, info: DatasetInfo, every: "Sequence[Named]", profile: Profile, amount: Amount
) -> Strata | None:
    """The strata by which samples are chosen; None where they are not.

    They are where a pack has several answers to each, and the tier asks at least as many samples as one stratum has.
    """
    ids, run = [sample.id for sample in every], amount.reference_runs.get(benchmark.id)
    if benchmark.id in amount.strata and run is None:
        return again(amount.strata[benchmark.id], ids, amount.seed)
    tier = profile.benchmarks.get(benchmark.id, BenchmarkRules()).tiers.get(amount.tier)
    limit = tier.limit if tier else None
    small = benchmark.exact or benchmark.kind is BenchmarkKind.CONTRACT or info.source == "bundled"
    asks = amount.limit is None and asks_by_strata(amount.tier, limit)
    if run is None or not run.several or not asks or small or benchmark.aggregate != "mean":
        return None
    return strata_of(run.several, ids, amount.seed)


def strata_at(loaded: Loaded, profile: Profile, amount: Amount) -> Strata | None:
    """The strata of the same benchmark at another tier; reads nothing."""
    return _strata(loaded.benchmark, loaded.planned.dataset, loaded.every, profile, amount)


def _chosen(every: "Sequence[Named]", limit: int | None, seed: int, strata: Strata | None) -> tuple[str, ...]:
    """Ids of the samples that are asked, in the order of the dataset; empty for all of them."""
    if strata is not None:
        return strata.drawn([sample.id for sample in every], seed)
    if limit is None or limit >= len(every):
        return ()
    return stratified([(sample.id, sample.category) for sample in every], limit, seed)


def _planned(
    benchmark: Benchmark,
    info: DatasetInfo,
    every: "Sequence[Named]",
    profile: Profile,
    amount: Amount,
    strata: Strata | None,
) -> PlannedBenchmark:
    rules = profile.benchmarks.get(benchmark.id, BenchmarkRules())
    tier = rules.tiers.get(amount.tier)
    whole = benchmark.kind is BenchmarkKind.CONTRACT or info.source == "bundled"
    limit = amount.limit or (None if whole or tier is None else tier.limit)
    epochs = amount.epochs or (1 if whole else (tier.epochs if tier and tier.epochs else rules.epochs))
    if benchmark.kind is BenchmarkKind.CONTRACT:
        limit, epochs = None, 1
    chosen = _chosen(every, limit, amount.seed, strata)
    asked, wanted = chosen or [sample.id for sample in every], frozenset(chosen)
    exact = benchmark.exact
    planned = PlannedBenchmark(
        id=benchmark.id,
        title=benchmark.title,
        version=benchmark.version,
        metric=benchmark.metric,
        kind=benchmark.kind,
        dataset=info,
        samples=len(asked),
        epochs=epochs,
        ids=chosen,
        ids_digest=hashlib.sha256("\n".join(asked).encode()).hexdigest(),
        sampling=sampling_for(rules, thinks(profile.thinking, rules.thinking)),
        thinking=rules.thinking,
        gates=benchmark.gates,
        aggregate=benchmark.aggregate,
        against=benchmark.against,
        exact=exact,
        notes=benchmark.notes,
        reference=None if exact or rules.reference is None or not benchmark.published_fits else rules.reference.planned,
        margin=None if exact else rules.margin,
        clusters=_clusters([sample.cluster or sample.id for sample in every if not chosen or sample.id in wanted]),
    )
    run = amount.reference_runs.get(benchmark.id) if benchmark.comparable else None
    if run is not None and not planned.must_be_right and not rule_of(planned).f1:  # F1 has a way of its own
        planned = _beside(planned, run.held_out if strata else run, asked)
    elif not benchmark.published_decides:
        planned = replace(planned, margin=None)
    if _measured_at(planned, profile, amount):
        planned = replace(planned, margin=None, peers=())
    if amount.sequential and planned.comparable:
        looks = looks_for(planned.samples, planned.epochs)
        if benchmark.chained and planned.clusters and planned.epochs == 1:
            looks = looks_at_ends(looks, planned.clusters, amount.seed)
        return replace(planned, looks=looks, order_seed=amount.seed)
    return planned


def _measured_at(planned: PlannedBenchmark, profile: Profile, amount: Amount) -> str:
    """The level of effort of the benchmark's reference, where this run asks for another one; else empty."""
    rules, thinking = profile.benchmarks.get(planned.id, BenchmarkRules()), profile.thinking
    if planned.must_be_right or planned.reference is None or not thinks(thinking, rules.thinking):
        return ""
    run = amount.reference_runs.get(planned.id)
    published = rules.reference.effort if rules.reference is not None else ""
    measured = published if run is None else asked_effort(thinking, run.effort)
    return measured if measured != asked_effort(thinking, amount.effort) else ""


def _sampling(planned: PlannedBenchmark) -> str:
    thinking = {None: "as the model does", True: "on", False: "off"}[planned.thinking]
    return ", ".join([*(f"{key} {value}" for key, value in sorted(planned.sampling.items())), f"thinking {thinking}"])


def _beside(planned: PlannedBenchmark, run: ReferenceRun, asked: Sequence[str]) -> PlannedBenchmark:
    """The benchmark compared with a run of the reference instead of a published score."""
    theirs = run.planned
    for name, mine, other in (
        ("samples", planned.dataset.digest[:16], theirs.dataset.digest[:16]),
        ("version", planned.version, theirs.version),
        ("metric", planned.metric, theirs.metric),
        ("variation", planned.varies, theirs.varies),
        *((("sampling", _sampling(planned), _sampling(theirs)),) if run.sampled_alike else ()),
    ):
        if mine != other:
            allowed = f"{planned.title}: its {name} {other or 'none'} is not that of this run, {mine or 'none'}."
            raise UsageError([Problem(name="reference", value=run.reference.source, allowed=allowed)])
    found = tuple(round(run.values[name], 6) if name in run.values else None for name in asked)
    known = [value for value in found if value is not None]
    if not known:
        allowed = f"{planned.title}: it has no answer to any of the samples that are asked."
        raise UsageError([Problem(name="reference", value=run.reference.source, allowed=allowed)])
    reference = replace(run.reference, value=round(sum(known) / len(known), 6))
    margin = PEER_MARGIN if planned.margin is None else planned.margin
    return replace(planned, peers=found, reference=reference, margin=margin)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What the plan must know of every sample; samples themselves can be large."""

    id: str
    category: str
    cluster: str


def _ids(benchmark: str, read: Read) -> Sequence[Named]:
    """Id, category and cluster of every sample."""
    every = [Named(id=sample.id, category=sample.category, cluster=sample.cluster) for sample in read()]
    seen = set[str]()
    for sample in every:
        if sample.id in seen:
            raise DatasetError(f"{benchmark}: the sample id {sample.id[:80]!r} occurs twice")
        seen.add(sample.id)
    return every


def _clusters(names: Sequence[str]) -> tuple[int, ...]:
    """The number of each sample's cluster, in the order of their first samples; empty when each has its own."""
    numbers: dict[str, int] = {}
    found = tuple(numbers.setdefault(name, len(numbers)) for name in names)
    return found if len(numbers) < len(names) else ()


def _reader(read: Read, chosen: Sequence[str]) -> Read:
    wanted = frozenset(chosen)

    def asked() -> Iterator[Sample]:
        for sample in read():
            if not wanted or sample.id in wanted:
                yield sample

    return asked


def plan_digest(plan: RunPlan) -> str:
    """SHA-256 of the canonical plan: two runs with the same digest ask the same."""
    return hashlib.sha256(orjson.dumps(plan, option=orjson.OPT_SORT_KEYS)).hexdigest()
