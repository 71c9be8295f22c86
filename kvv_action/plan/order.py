"""The order in which answers are asked when a run may end early: every beginning is a fair sample of the whole.

Datasets are ordered by category. The samples are therefore taken in a random order, in which each twentieth of the plan
holds one sample of every twenty neighbours. With several epochs all samples are asked once, then all of them again.
Chained samples stay together: whole chains are taken in such an order, and looks stand at their ends.
Everything here follows from the plan, so that runner, report and audit agree.
"""

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import accumulate, chain

from kvv_action.schema import PlannedBenchmark

SHARES = (0.05, *(tenth / 10 for tenth in range(1, 11)))
"""When a verdict is looked for, as shares of all answers: early for what is plainly broken, then every tenth."""
NEIGHBOURS = 20
FEWEST = 10
"""Answers below which there is no verdict by statistics."""


def looks_for(samples: int, epochs: int) -> tuple[int, ...]:
    """Numbers of answers after which a verdict is looked for, the last one all; empty when there is only that one."""
    unit, steps = (1, samples) if epochs == 1 else (samples, epochs)
    looks = sorted({max(1, round(share * steps)) * unit for share in SHARES})
    looks = [look for look in looks if look >= min(FEWEST, samples * epochs)]
    return tuple(looks) if len(looks) > 1 else ()


def looks_at_ends(looks: Sequence[int], clusters: Sequence[int], seed: int) -> tuple[int, ...]:
    """The same looks, each put off to the end of the chain that it would cut; empty when only the last one is left."""
    ends = list(accumulate(map(len, _chains(clusters, seed))))
    found = sorted({ends[bisect_left(ends, look)] for look in looks})
    return tuple(found) if len(found) > 1 else ()


def _chains(clusters: Sequence[int], seed: int) -> list[list[int]]:
    """Indices of the samples of each cluster, in the seed's random order of clusters."""
    found: dict[int, list[int]] = {}
    for index, cluster in enumerate(clusters):
        found.setdefault(cluster, []).append(index)
    chains = list(found.values())
    return [chains[number] for number in shuffled(len(chains), seed)]


def shuffled(samples: int, seed: int) -> list[int]:
    """Indices of the samples in the seed's random order."""
    keys: list[tuple[float, bytes, int]] = []
    for start in range(0, samples, NEIGHBOURS):
        ranked = _ranked(range(start, min(start + NEIGHBOURS, samples)), seed)
        keys += [((place + 0.5) / len(ranked), rank, index) for place, (rank, index) in enumerate(ranked)]
    return [index for _, _, index in sorted(keys)]


def _ranked(indices: Iterable[int], seed: int) -> list[tuple[bytes, int]]:
    """Ranks by chance, and what has them, in their order."""
    return sorted((hashlib.sha256(f"order:{seed}:{index}".encode()).digest(), index) for index in indices)


def _in_proportion(strata: str, seed: int) -> list[int]:
    """Indices of the samples in a random order in which every beginning holds the strata in the same proportion."""
    keys: list[tuple[float, bytes, int]] = []
    for name in sorted(set(strata)):
        ranked = _ranked((index for index, one in enumerate(strata) if one == name), seed)
        keys += [((place + 0.5) / len(ranked), rank, index) for place, (rank, index) in enumerate(ranked)]
    return [index for _, _, index in sorted(keys)]


def positions(planned: PlannedBenchmark, strata: str = "", *, chained: bool = False) -> Sequence[int]:
    """Every answer as `index * epochs + epoch`, in the order in which they are asked.

    Args:
        planned: the benchmark.
        strata: of each of its samples, where they were chosen by strata.
        chained: the samples of a cluster are asked one after another.
    """
    samples, epochs = planned.samples, planned.epochs
    if not planned.looks:
        return range(samples * epochs)
    if epochs == 1 and chained and planned.clusters:
        return list(chain.from_iterable(_chains(planned.clusters, planned.order_seed)))
    if epochs == 1:
        return _in_proportion(strata, planned.order_seed) if strata else shuffled(samples, planned.order_seed)
    return [index * epochs + epoch for epoch in range(epochs) for index in range(samples)]
