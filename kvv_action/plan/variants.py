"""Plans varied items: the same tasks in other words or another order, instead of the published ones or beside them."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from random import Random

from kvv_action.plan.plan import Loaded
from kvv_action.schema import Sample

OFF, VARY, BOTH = "off", "vary", "both"
SUFFIX = "-varied"
NOTHING_VARIED = "none of the samples can be put another way"


def applied(loaded: Sequence[Loaded], mode: str, seed: int) -> tuple[Loaded, ...]:
    """The benchmarks of a run, as the mode asks them.

    Args:
        loaded: with the published items.
        mode: `off`, `vary` (instead of the published ones, where they can be varied) or `both`.
        seed: chooses the variation of each sample.
    """
    return tuple(_applied(loaded, mode, seed))


def _applied(loaded: Sequence[Loaded], mode: str, seed: int) -> Iterator[Loaded]:
    for item in loaded:
        varies = item.benchmark.varies
        if mode != VARY or not varies:
            yield item
        if mode != OFF and varies:
            yield _instead(item, seed) if mode == VARY else _beside(item, seed)


def _variation(item: Loaded, sample: Sample, seed: int) -> Sample | None:
    draw = Random(f"{seed}:{item.planned.id}:{sample.id}")  # noqa: S311 - the choice must be the same everywhere
    varied = item.benchmark.vary(sample, draw)
    assert varied is None or (varied.id == sample.id and varied.variation), sample.id
    return varied


def _instead(item: Loaded, seed: int) -> Loaded:
    """The same benchmark with varied samples; what cannot be varied is asked as it was published."""

    def read() -> Iterator[Sample]:
        for sample in item.samples():
            yield _variation(item, sample, seed) or sample

    planned = item.planned
    counts = Counter(way for sample in read() for way in sample.variation)
    varied = replace(planned, title=f"{planned.title}, varied", varies=planned.id, variations=_named(counts))
    return replace(item, planned=varied, samples=read)


def _beside(item: Loaded, seed: int) -> Loaded:
    """Another benchmark with the varied samples alone; it is compared with the published ones and nothing else."""

    def read() -> Iterator[Sample]:
        found = (_variation(item, sample, seed) for sample in item.samples())
        return (sample for sample in found if sample is not None)

    planned, counts, ids = item.planned, Counter[str](), list[str]()
    for sample in read():
        counts.update(sample.variation)
        ids.append(sample.id)
    varied = replace(
        planned,
        id=planned.id + SUFFIX,
        title=f"{planned.title}, varied",
        samples=round(len(ids) * item.each),
        ids=tuple(ids) if not item.stand_ins and (planned.ids or len(ids) < planned.samples) else (),
        ids_digest=sha256("\n".join(ids).encode()).hexdigest(),
        reference=None,
        margin=None,
        looks=(),
        clusters=(),
        peers=(),
        skip=planned.skip or ("" if ids else NOTHING_VARIED),
        varies=planned.id,
        variations=_named(counts),
    )
    return replace(item, planned=varied, samples=read)


def _named(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))
