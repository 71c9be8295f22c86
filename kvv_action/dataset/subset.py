"""Chooses a reproducible subset: the same seed gives the same samples on every machine and shard."""

import hashlib
import heapq
from collections.abc import Iterable, Mapping, Sequence


def rank(seed: int, sample_id: str) -> bytes:
    """Position of a sample in the seed's random order."""
    return hashlib.sha256(f"{seed}:{sample_id}".encode()).digest()


def choose(ids: Iterable[str], limit: int, seed: int) -> tuple[str, ...]:
    """At most `limit` of `ids`, in the given order."""
    ranked = heapq.nsmallest(limit, enumerate(ids), key=lambda item: rank(seed, item[1]))
    return tuple(sample_id for _, sample_id in sorted(ranked))


def stratified(pairs: Sequence[tuple[str, str]], limit: int, seed: int) -> tuple[str, ...]:
    """At most `limit` ids in the given order, with a fair share for each category.

    Args:
        pairs: id and category of every sample; the category may be empty.
        limit: number of samples to choose.
        seed: seed of the random order within a category.
    """
    groups: dict[str, list[str]] = {}
    for sample_id, category in pairs:
        groups.setdefault(category, []).append(sample_id)
    shares = quotas({name: len(group) for name, group in groups.items()}, min(limit, len(pairs)), seed)
    chosen = {sample_id for name, group in groups.items() for sample_id in choose(group, shares[name], seed)}
    return tuple(sample_id for sample_id, _ in pairs if sample_id in chosen)


def quotas(sizes: Mapping[str, int], limit: int, seed: int) -> dict[str, int]:
    """The number of samples per category: its share, rounded by largest remainder; the seed breaks ties."""
    total = sum(sizes.values())
    shares = {name: size * limit // total for name, size in sizes.items()} if total else {}
    left = limit - sum(shares.values())
    by_remainder = sorted(sizes, key=lambda name: (-(sizes[name] * limit % total), rank(seed, name)))
    for name in by_remainder[:left]:
        shares[name] += 1
    return shares
