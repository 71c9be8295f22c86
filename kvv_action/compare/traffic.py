"""Whether answers come slower, longer or from other prompts: ratios on the samples that both runs answered.

Load and network change these numbers as much as the server does, so they are reported and are never a regression.
"""

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from statistics import median

from kvv_action.compare.pairing import Paired
from kvv_action.compare.records import Effect, Shift
from kvv_action.compare.sampled import MEASURES
from kvv_action.statistics.paired import median_interval

MATTERS = 1.1
"""A ratio whose whole interval is beyond this (or its inverse) is a change."""
UNITS = {
    "first_token": "s", "answer": "s", "speed": "tokens/s", "prompt_tokens": "tokens", "completion_tokens": "tokens",
}  # fmt: skip
MORE_IS_BETTER = ("speed",)


def shifts(paired: Mapping[str, Paired], benchmarks: Iterable[str]) -> Iterator[Shift]:
    """Every measure that both runs have, over all the named benchmarks together."""
    known = {name: (array("d"), array("d")) for name in MEASURES}
    for _, old, new in chain.from_iterable(paired[name].matched for name in benchmarks if name in paired):
        for name, (befores, afters) in known.items():
            before, after = old.measure(name), new.measure(name)
            if before is not None and after is not None:
                befores.append(before)
                afters.append(after)
    return (_shift(name, *found) for name, found in known.items() if found[0])


def _shift(name: str, befores: "array[float]", afters: "array[float]") -> Shift:
    """The median ratio: by logarithms, so that twice and half are equally far."""
    logs = array("d", (math.log(after / before) for before, after in zip(befores, afters, strict=True)))
    interval = median_interval(logs)
    ratio = math.exp(median(logs))
    ends = (math.exp(interval[0]), math.exp(interval[1])) if interval else None
    return Shift(
        name=name, unit=UNITS[name], samples=len(logs), before=_exact(median(befores)), after=_exact(median(afters)),
        ratio=ratio, interval=ends, changed=sum(abs(log) > 1e-9 for log in logs) / len(logs),
        finding=_finding(name, ends),
    )  # fmt: skip


def _exact(value: float) -> float:
    """Without the rounding error of the logarithm."""
    return float(f"{value:.9g}")


def _finding(name: str, interval: tuple[float, float] | None) -> Effect:
    if interval is None:
        return Effect.UNCLEAR
    more, less = interval[0] > MATTERS, interval[1] < 1 / MATTERS
    if not (more or less):
        return Effect.SAME
    return Effect.BETTER if more == (name in MORE_IS_BETTER) else Effect.WORSE
