"""Where two JSON values, or two plans, differ."""

from collections.abc import Iterator
from dataclasses import dataclass

import orjson

from kvv_action.schema import Json, RunPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonDifference:
    """A place at which two JSON values differ: a path like `report.benchmarks[0].score`, and both values there."""

    place: str
    old: Json
    new: Json

    def told(self, old: str = "written", new: str = "recomputed") -> str:
        """The difference as a line; `old` and `new` name the two sides."""
        return f"{self.place}: {old} {_short(self.old)}, {new} {_short(self.new)}"


def differing(old: Json, new: Json, place: str = "report") -> Iterator[JsonDifference]:
    """Every place at which two JSON values differ."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted(old.keys() | new.keys()):
            yield from differing(old.get(name), new.get(name), f"{place}.{name}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from differing(one, other, f"{place}[{index}]")
    elif old != new:
        yield JsonDifference(place=place, old=old, new=new)


def compare(written: Json, recomputed: Json, where: str = "report") -> Iterator[str]:
    """The same as lines about what was written and what was recomputed."""
    return (one.told() for one in differing(written, recomputed, where))


def difference(there: RunPlan, now: RunPlan) -> str:
    """The first few places where two plans differ; what a person chose before what follows from it."""
    old, new = (orjson.loads(orjson.dumps(plan)) for plan in (there, now))
    found = list(differing(old, new, "plan"))
    chosen = [one for one in found if not one.place.endswith("digest")] or found
    texts = [one.told("there", "now") for one in sorted(chosen, key=lambda one: one.place.count("."))]
    return "; ".join(texts[:3]) + ("; …" if len(texts) > 3 else "")


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
