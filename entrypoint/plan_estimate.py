"""The estimate of a prepared run: what each benchmark costs and can decide, as plain records."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from entrypoint.nested import capacity_expected
from entrypoint.prepare import PreparedRun, amount_at, not_asked, rules_beside
from entrypoint.spending import limits_of, prices_of
from kvv_action.digits import figure
from kvv_action.plan.estimate import FIRST_TOKEN, Estimator, ExpectedUse, Room, Spent, by_itself, wall
from kvv_action.plan.plan import Amount, Loaded, planned_at, strata_at
from kvv_action.plan.tokens import Span, total
from kvv_action.schema import LATER, TIERS, PlannedBenchmark
from kvv_action.statistics.aggregates import rule_of
from kvv_action.statistics.power import USUAL, Design
from kvv_action.verdict.noninferiority import family, planned_design
from kvv_action.verdict.rules import JudgingRules, rules_of

ENOUGH = 0.9
"""Share of equal vendors that should pass; where fewer do, the margin is told that it would take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkEstimate:
    """One benchmark; see `ExpectedUse`.

    Attributes:
        wall: seconds that it takes when no other benchmark uses the connections.
        cost: in the currency of the prices; None unless both are known.
        exact: every answer must be right, so there is no smallest difference.
        looks: how often the verdict is checked; if more than once, the benchmark may end with fewer requests.
        beside: id of the benchmark whose published items these vary.
        smallest_difference: the smallest deficit to the reference that fails in `power` of runs, as a fraction; None
            where nothing is compared, or where not even a score of 0 fails.
        counted: its dataset is not here, so that bundled samples stand for as many as the pin says.
        together: all answers are judged together, by a rule of the benchmark's own.
        chained: prompts that begin alike follow one another, so that a prefix cache serves them.
        download: bytes that are fetched first, about; 0 where nobody has told, None where the data is here.
        container_memory: bytes that each of its containers must have; 0 where settings say how many.
        containers: how many of these work at the same time, where that are fewer than of other benchmarks.
    """

    id: str
    title: str
    samples: int
    epochs: int
    skip: str
    requests: Span
    reference_requests: Span
    tokens_in: Span
    tokens_out: Span
    seconds_of_work: Span
    longest_seconds: Span
    wall: Span
    cost: Span | None
    exact: bool
    looks: int
    beside: str
    reference: float | None
    margin: float | None
    smallest_difference: float | None
    basis: str
    counted: bool = False
    together: bool = field(default=False, metadata=LATER)
    chained: bool = field(default=False, metadata=LATER)
    download: int | None = field(default=None, metadata=LATER)
    container_memory: int = field(default=0, metadata=LATER)
    containers: int | None = field(default=None, metadata=LATER)


@dataclass(frozen=True, slots=True, kw_only=True)
class TierEstimate:
    """What a tier can decide about one benchmark with reference and margin.

    Attributes:
        left_out: why the tier does not ask it; empty where it does.
        looks, smallest_difference: see `BenchmarkEstimate`.
        equal_passes: chance that a vendor as good as the reference passes.
        worse_fails: chance that a vendor two margins worse fails.
        pass_margin: the loss that a pass rules out.
        margin_needed: the one with which an equal vendor would pass in nine of ten runs, where fewer pass; else None.
    """

    tier: str
    benchmark: str
    samples: int
    epochs: int
    looks: int = 1
    left_out: str = ""
    smallest_difference: float | None = None
    equal_passes: float = 0.0
    worse_fails: float = 0.0
    pass_margin: float = 0.0
    margin_needed: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEstimate:
    """A whole run before it begins; durations are seconds.

    Attributes:
        containers: how many work at the same time; None where no benchmark needs them.
    """

    profile: str
    model: str
    tier: str
    connections: int
    containers: int | None
    retry_attempts: int
    assumed_speed: float
    assumed_first_token: float
    power: float
    benchmarks: tuple[BenchmarkEstimate, ...]
    requests: Span
    reference_requests: Span
    tokens_in: Span
    tokens_out: Span
    cost: Span | None
    wall: Span
    tiers: tuple[TierEstimate, ...]
    budget: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class EffortEstimate:
    """The runs of all levels of effort, one after the other; `budget` is about all of them together."""

    levels: Mapping[str, PlanEstimate]
    requests: Span
    tokens_in: Span
    tokens_out: Span
    cost: Span | None
    wall: Span
    budget: tuple[str, ...]


def estimate_levels(prepared: Mapping[str, PreparedRun]) -> EffortEstimate:
    """Estimate every level and add up."""
    found = {level: estimate_plan(one, limited=False) for level, one in prepared.items()}
    each = list(found.values())
    costs = [one.cost for one in each if one.cost is not None]
    whole = EffortEstimate(
        levels=found,
        requests=total(one.requests for one in each),
        tokens_in=total(one.tokens_in for one in each),
        tokens_out=total(one.tokens_out for one in each),
        cost=total(costs) if costs else None,
        wall=total(one.wall for one in each),
        budget=(),
    )
    first = next(iter(prepared.values()))
    return replace(whole, budget=tuple(_budget(first, whole, _estimated(first))))


def _estimated(prepared: PreparedRun) -> "list[tuple[Loaded, ExpectedUse]]":
    settings = prepared.settings
    estimator = Estimator(plan=prepared.plan, profile=prepared.profile, speed=settings.assumed_speed)
    return [(loaded, estimator.estimate(loaded)) for loaded in prepared.loaded]


def estimate_plan(prepared: PreparedRun, *, limited: bool = True) -> PlanEstimate:
    """Read every sample and add up; sends nothing. `limited`: tell what the limits of the budget mean for the run."""
    settings = prepared.settings
    estimates = _estimated(prepared)
    boxed = any(estimate.boxed and not loaded.planned.skip for loaded, estimate in estimates)
    room = Room(connections=settings.max_connections, places=1)
    if boxed:
        capacity = capacity_expected(settings)
        room = replace(room, places=capacity.containers, memory=capacity.memory)
    rows = tuple(_row(loaded, estimate, prepared, room) for loaded, estimate in estimates)
    time = wall(estimates, room)
    costs = [row.cost for row in rows if row.cost is not None]
    found = PlanEstimate(
        profile=prepared.profile.name,
        model=prepared.plan.endpoint.model,
        tier=settings.tier,
        connections=room.connections,
        containers=room.places if boxed else None,
        retry_attempts=settings.retry_attempts,
        assumed_speed=settings.assumed_speed,
        assumed_first_token=FIRST_TOKEN,
        power=USUAL,
        benchmarks=rows,
        requests=total(row.requests for row in rows),
        reference_requests=total(row.reference_requests for row in rows),
        tokens_in=total(row.tokens_in for row in rows),
        tokens_out=total(row.tokens_out for row in rows),
        cost=total(costs) if costs else None,
        wall=time,
        tiers=tuple(_tiers(prepared)),
        budget=(),
    )
    return replace(found, budget=tuple(_budget(prepared, found, estimates))) if limited else found


def _row(loaded: Loaded, estimate: ExpectedUse, prepared: PreparedRun, room: Room) -> BenchmarkEstimate:
    planned = loaded.planned
    whole = planned.must_be_right and not planned.is_variant
    design = _design(planned, family(prepared.plan.benchmarks), rules_of(prepared.plan).of(planned.id))
    return BenchmarkEstimate(
        id=planned.id,
        title=planned.title,
        samples=loaded.count,
        epochs=planned.epochs,
        skip=planned.skip,
        requests=estimate.requests,
        reference_requests=estimate.elsewhere,
        tokens_in=estimate.tokens_in,
        tokens_out=estimate.tokens_out,
        seconds_of_work=estimate.work,
        longest_seconds=estimate.longest,
        wall=by_itself(estimate, room),
        cost=_cost(estimate, prepared),
        exact=whole,
        looks=max(1, len(planned.looks)),
        beside=planned.variant_of,
        reference=planned.reference.value if planned.reference and not whole else None,
        margin=planned.margin,
        smallest_difference=design.detectable() if design else None,
        basis=estimate.basis,
        counted=loaded.stand_ins,
        together=rule_of(planned).together is not None,
        chained=loaded.benchmark.chained and not planned.skip,
        download=_download(loaded) if loaded.stand_ins else None,
        container_memory=estimate.memory,
        containers=fewer if estimate.boxed and (fewer := room.containers(estimate)) < room.places else None,
    )


def _download(loaded: Loaded) -> int:
    """Bytes of the dataset that is not here; 0 where nobody has told."""
    pin = loaded.benchmark.pin
    return pin.download if pin else 0


def _cost(estimate: ExpectedUse, prepared: PreparedRun) -> Span | None:
    prices = prices_of(prepared.settings)
    if prices is None:
        return None
    return estimate.tokens_in * (prices.input / 1e6) + estimate.tokens_out * (prices.output / 1e6)


def _budget(
    prepared: PreparedRun, whole: PlanEstimate | EffortEstimate, estimates: Sequence[tuple[Loaded, ExpectedUse]]
) -> Iterator[str]:
    """For each limit: whether the whole fits, and what may be spent beyond it."""
    limits = limits_of(prepared.settings)
    flying = _flying(prepared, estimates)
    if limits.requests is not None:
        yield _fits("max-requests", limits.requests, whole.requests, "never exceeded")
    if limits.tokens is not None:
        yield _fits("max-tokens", limits.tokens, whole.tokens_in + whole.tokens_out, flying)
    if limits.cost is not None:
        yield _fits("max-cost", limits.cost, whole.cost or Span(), flying)
    if limits.minutes is not None:
        yield _fits("max-minutes", limits.minutes, whole.wall * (1 / 60), "what is in flight then is given up")


def _flying(prepared: PreparedRun, estimates: Sequence[tuple[Loaded, ExpectedUse]]) -> str:
    """What can be in flight when a limit is reached."""
    largest = Spent()
    for _, estimate in estimates:
        largest = largest.or_more(estimate.largest)
    count = prepared.settings.max_connections
    boxed = any(estimate.boxed and not loaded.planned.skip for loaded, estimate in estimates)
    contained = " and one for each container," if boxed else ""
    told = f"on top comes what is in flight then, at most {count} answers{contained}"
    if largest.answer is None:
        return f"{told} without a limit of their own"
    return f"{told} of {largest.answer:.0f} tokens with prompts of {largest.prompt:.0f}"


def _fits(name: str, limit: float, span: Span, beyond: str) -> str:
    if span.expected > limit:
        told = "less than expected: the run will end inconclusive"
    elif span.ceiling is None or span.ceiling > limit:
        told = "enough for what is expected, not for the most that is possible"
    else:
        told = "enough in any case"
    return f"{name} {figure(limit)}: {told} ({beyond})"


def _tiers(prepared: PreparedRun) -> Iterator[TierEstimate]:
    """Every tier of every benchmark that can be compared with a reference at one of them."""
    published = [loaded for loaded in prepared.loaded if not loaded.planned.is_variant]
    for tier in TIERS:
        planned = [_at(loaded, tier, prepared) for loaded in published]
        amount, count = _amount(prepared, tier), family(planned)
        drawn = {loaded.planned.id: strata_at(loaded, prepared.profile, amount) for loaded in published}
        strata = {name: found for name, found in drawn.items() if found is not None}
        for one in planned:
            asked = replace(one, skip="")
            rules = rules_beside(tier, [asked], prepared.reference_runs, strata)
            design = _design(asked, count, rules.of(one.id))
            if design is None:
                continue
            found = TierEstimate(
                tier=tier, benchmark=one.id, samples=one.samples, epochs=one.epochs, looks=max(1, len(one.looks)),
                left_out=one.skip,
            )  # fmt: skip
            equal = design.passes()
            yield found if one.skip else replace(
                found, smallest_difference=design.detectable(), equal_passes=equal,
                worse_fails=design.fails(2 * design.margin), pass_margin=design.passing,
                margin_needed=design.margin_to_pass(ENOUGH) if equal < ENOUGH else None,
            )  # fmt: skip


def _at(loaded: Loaded, tier: str, prepared: PreparedRun) -> PlannedBenchmark:
    """A benchmark as another tier would ask it; numbers that the user chose hold at every tier."""
    settings = prepared.settings
    planned = planned_at(loaded, prepared.profile, _amount(prepared, tier))
    return replace(planned, skip=not_asked(planned.id, settings, prepared.profile, tier, planned.dataset.source))


def _amount(prepared: PreparedRun, tier: str) -> Amount:
    """How much another tier asks for, beside the same runs of the reference."""
    amount = amount_at(prepared.settings, tier)
    sequential = amount.sequential and not prepared.settings.shard
    return replace(amount, sequential=sequential, reference_runs=prepared.reference_runs)


def _design(planned: PlannedBenchmark, count: int, rules: JudgingRules) -> Design | None:
    """What can be decided, counting only answers that are certainly independent.

    Nobody knows beforehand how alike the answers within a cluster are. So where the samples stand for others, a cluster
    counts once, like a sample with several epochs.
    """
    if planned.clusters and planned.samples != planned.dataset.count:
        planned = replace(planned, samples=len(set(planned.clusters)), epochs=1, clusters=())
    return planned_design(planned, count, rules)
