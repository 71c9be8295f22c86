"""Which samples of two runs can be compared, and what is left out."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import orjson

from kvv_action.compare.sampled import Sampled
from kvv_action.compare.side import Side
from kvv_action.compare.words import CHANGE, RunNames
from kvv_action.plan.difference import differing
from kvv_action.schema import PlannedBenchmark, RunPlan

Pair = tuple[str, Sampled, Sampled]
"""Sample id, before, after."""
_NOT_ANSWERS = (
    "ids", "ids_digest", "samples", "title", "reference", "margin", "skip", "dataset", "gates", "kind", "looks",
    "order_seed", "clusters", "peers",
)  # fmt: skip
"""Fields of a planned benchmark that change no answer: how much is asked, and how it is judged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The samples of one benchmark in both runs.

    Attributes:
        matched: judged in both.
        unanswered: judged before, and without any answer after.
        lost_before, lost_after: single epochs of the matched samples without an answer.
        left_out: the others, by reason.
    """

    matched: Collection[Pair]
    unanswered: Collection[Pair] = ()
    failed_before: int = 0
    failed_after: int = 0
    lost_before: int = 0
    lost_after: int = 0
    left_out: Mapping[str, int] = field(default_factory=dict)


class _Pairs(Collection[Pair]):
    """Samples of two runs; only their names are kept, for the records of all of them together are large."""

    def __init__(self, base: Mapping[str, Sampled], new: Mapping[str, Sampled], names: Collection[str]) -> None:
        self._base, self._new, self._names = base, new, names

    def __iter__(self) -> Iterator[Pair]:
        return ((name, self._base[name], self._new[name]) for name in self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, found: object) -> bool:
        return any(one == found for one in self)


def pair(base: Mapping[str, Sampled], new: Mapping[str, Sampled], names: RunNames = CHANGE) -> Paired:
    """Match by sample id, in the order of the new run."""
    matched, unanswered, counts = list[str](), list[str](), Counter[str]()
    for name, before, after in _Pairs(base, new, [name for name in new if name in base]):
        counts["failed_before"] += not before.scored
        counts["failed_after"] += not after.scored
        if before.scored and after.scored:
            matched.append(name)
            counts["lost_before"] += before.lost
            counts["lost_after"] += after.lost
        elif before.scored:
            unanswered.append(name)
    left_out = {
        f"only {names.base} asked it": sum(name not in new for name in base),
        f"only {names.new} asked it": sum(name not in base for name in new),
    }
    return Paired(
        matched=_Pairs(base, new, matched),
        unanswered=_Pairs(base, new, unanswered),
        left_out={reason: count for reason, count in left_out.items() if count},
        **counts,
    )


def planned(plan: RunPlan, name: str) -> PlannedBenchmark | None:
    """A benchmark as a run planned it; None when it did not, or could not."""
    return next((one for one in plan.benchmarks if one.id == name and not one.skip), None)


def exact(before: PlannedBenchmark, after: PlannedBenchmark) -> bool:
    """Whether every answer must be right, so that no change is chance."""
    return before.must_be_right and after.must_be_right


def obstacle(base: Side, new: Side, before: PlannedBenchmark, after: PlannedBenchmark, names: RunNames = CHANGE) -> str:
    """Why the answers of two runs to one benchmark cannot be compared; empty when they can."""
    if before.dataset.digest != after.dataset.digest:
        return f"asked of other data ({_both(_data(before), _data(after), names)})"
    if before.version != after.version:
        return f"asked and judged by version {_both(before.version, after.version, names)}"
    if before.against != after.against:
        return f"judged against {_both(before.against or 'nothing', after.against or 'nothing', names)}"
    if (before.aggregate, before.kind, before.exact) != (after.aggregate, after.kind, after.exact):
        return "judged by other rules"
    for side, words in ((base, f"{names.base}'s"), (new, f"{names.new}'s")):
        if before.id in side.partial:
            return f"{words} report.json does not name every sample; give the folder with its journal"
    return ""


def _both(before: str, after: str, names: RunNames) -> str:
    return f"{before} {names.before}, {after} {names.now}" if names.vendors else f"{before}, now {after}"


def _data(one: PlannedBenchmark) -> str:
    return f"{one.dataset.location} {one.dataset.digest[:12]}"


def asked_differently(base: RunPlan, new: RunPlan, names: RunNames = CHANGE) -> Iterator[str]:
    """Where two plans ask in different ways, in words."""
    before, after = _asked(base), _asked(new)
    sides = (names.before, names.now) if names.vendors else ("was", "is")
    plain = new.verdicts is not None  # older comparisons keep their words
    if plain:
        before, after = _of_both(before, after), _of_both(after, before)
    for one in differing(before, after, "plan"):
        if not (names.vendors and one.place in _OF_VENDORS):
            yield one.in_words(*sides) if plain else one.told(*sides).removeprefix("plan.")
    if base.profile.digest != new.profile.digest:
        yield f"profile {new.profile.name}: its rules {'differ' if names.vendors else 'have changed'}"


_OF_VENDORS = ("plan.endpoint.vendor", "plan.endpoint.base_url")
"""What differs because these are two vendors, and is told by their names."""


def _of_both(mine: dict[str, object], other: dict[str, object]) -> dict[str, object]:
    """Without benchmarks and choices of benchmarks that only one of the plans has: that is told beside each of them."""
    kept = {name: value for name, value in mine.items() if name in other}
    choices, others = mine["choices"], other["choices"]
    assert isinstance(choices, dict)
    assert isinstance(others, dict)
    return {**kept, "choices": {name: value for name, value in choices.items() if name in others}}


def _asked(plan: RunPlan) -> dict[str, object]:
    """What could change an answer, with benchmarks by their id."""
    fields = orjson.loads(orjson.dumps(plan))
    benchmarks = {
        one["id"]: {name: value for name, value in one.items() if name not in _NOT_ANSWERS}
        for one in fields.pop("benchmarks")
    }
    for name in ("profile", "max_failure_rate"):
        fields.pop(name)
    fields["choices"].pop("facts", None)  # what they belong to is told by `against`
    fields["choices"].pop("engine-options", None)  # remedies name them, and nothing is asked by them
    return {**fields, **benchmarks}
