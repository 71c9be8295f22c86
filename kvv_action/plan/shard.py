"""Divides a plan into shards that machines can ask without knowing of each other.

The plan alone decides which shard asks what, so all machines agree. Shard 1 asks what gates (Pre-Verification) and
nothing else, so that a workflow can wait for it before the others begin; the rest is dealt to the other shards. Each of
them gets its share of every category, to within one sample. Epochs of a sample stay together.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from kvv_action.dataset.subset import rank
from kvv_action.errors import JournalError
from kvv_action.plan.plan import Loaded, plan_digest
from kvv_action.schema import RunPlan, Shard

Pairs = Sequence[tuple[str, str]]
"""Id and category of each sample of a benchmark; where its samples are chained, the cluster is in its place."""


def numbers(text: str) -> tuple[int, int]:
    """Which shard of how many, from the setting `I/N`."""
    number, _, of = text.partition("/")
    return int(number), int(of)


def shards_for(*, gates: bool, alone: bool, of: int) -> range:
    """The shards that ask benchmarks of one kind.

    Args:
        gates: benchmarks that gate, or the others.
        alone: the plan has only one of the two kinds.
        of: shards of the run.
    """
    if of == 1 or alone:
        return range(1, of + 1)
    return range(1, 2) if gates else range(2, of + 1)


def deal(
    benchmarks: Mapping[str, Pairs],
    shards: range,
    seed: int,
    together: frozenset[str] = frozenset(),
    whole: frozenset[str] = frozenset(),
) -> "Hands":
    """Give every sample to one shard.

    Args:
        benchmarks: their samples.
        shards: numbers of the shards; the dealing goes on from one benchmark to the next, so that all get as many.
        seed: of the random order within a category.
        together: benchmarks whose samples of one category share something costly (layers of an image). Their categories
            are cut into as few pieces as possible instead of being dealt out.
        whole: benchmarks whose samples of one group (a conversation) begin alike; a group goes to one shard.
    """
    hands: dict[str, dict[int, set[str]]] = {name: {shard: set() for shard in shards} for name in benchmarks}
    start = 0
    for name, pairs in benchmarks.items():
        ordered = sorted(pairs, key=lambda pair: (pair[1], rank(seed, pair[0]), pair[0]))
        groups = {group: number for number, group in enumerate(dict.fromkeys(group for _, group in ordered))}
        for place, (sample_id, group) in enumerate(ordered):
            turn = place * len(shards) // len(ordered) if name in together else start + place
            turn = start + groups[group] if name in whole else turn
            hands[name][shards[turn % len(shards)]].add(sample_id)
        start += len(groups) if name in whole else len(ordered)
    return {name: {shard: frozenset(ids) for shard, ids in hand.items()} for name, hand in hands.items()}


Hands = Mapping[str, Mapping[int, frozenset[str]]]
"""By benchmark and shard, the ids of its samples."""


def divide(plan: RunPlan, loaded: Sequence[Loaded], number: int, of: int) -> tuple[RunPlan, tuple[Loaded, ...]]:
    """The plan and the benchmarks as one shard has them.

    No shard knows what the others have seen, so nothing ends early: the whole is a run without looks.
    """
    loaded = [replace(item, planned=replace(item.planned, looks=())) for item in loaded]
    plan = replace(plan, benchmarks=tuple(item.planned for item in loaded))
    gates = [item for item in loaded if item.planned.gates]
    rest = [item for item in loaded if not item.planned.gates]
    mine: dict[str, frozenset[str]] = {}
    for group, others in ((gates, rest), (rest, gates)):
        shards = shards_for(gates=group is gates, alone=not others, of=of)
        together = frozenset(item.planned.id for item in group if item.benchmark.together)
        chained = frozenset(item.planned.id for item in group if item.benchmark.chained)
        hands = deal({item.planned.id: list(_pairs(item)) for item in group}, shards, plan.seed, together, chained)
        mine.update({name: hand.get(number, frozenset()) for name, hand in hands.items()})
    sizes = {item.planned.id: len(mine[item.planned.id]) for item in loaded}
    shard = Shard(number=number, of=of, plan=plan_digest(plan), samples=sizes)
    return replace(plan, shard=shard), tuple(_dealt(item, mine[item.planned.id]) for item in loaded)


def _dealt(item: Loaded, mine: frozenset[str]) -> Loaded:
    """A benchmark with what one shard has of it; of stand-ins, each stands for its part of that."""
    each = item.each * len(mine) / (item.planned.samples or 1) if item.stand_ins else item.each
    return replace(item, mine=mine, each=each)


def _pairs(item: Loaded) -> Iterator[tuple[str, str]]:
    if item.stand_ins:  # the dataset is not here: as many as it has, each a category of its own
        yield from ((f"{number}", f"{number}") for number in range(item.planned.samples))
        return
    for sample in item.samples():
        yield sample.id, (sample.cluster or sample.id) if item.benchmark.chained else sample.category


def whole(plan: RunPlan) -> RunPlan:
    """The plan of all shards together.

    Raises:
        JournalError: it is not the one that the shard was made from.
    """
    shard, together = plan.shard, replace(plan, shard=None)
    if shard is not None and shard.plan != plan_digest(together):
        raise JournalError(
            f"shard {shard.number} of {shard.of} belongs to a plan with digest {shard.plan[:16]}, "
            f"its own plan has {plan_digest(together)[:16]}; it was changed or damaged"
        )
    return together
