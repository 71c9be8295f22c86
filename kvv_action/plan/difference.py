"""What does not agree between two JSON values, two plans, or a run and what is recomputed from it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from kvv_action.digits import exact
from kvv_action.schema import Json, RunPlan


class DifferenceKind(StrEnum):
    """What differs: each value is the sentence about it, with a place for either side."""

    VALUE = "{written}, {recomputed}"
    SCORE = "the journal says {written}, scoring again gives {recomputed}"
    UNSCORABLE = "cannot be scored from the journal ({recomputed})"
    PROFILE = "at hand {recomputed}, the run used {written}"
    BENCHMARK = "this version has no such benchmark"
    DATASET = "the dataset at hand has digest {recomputed}, the run used {written}"
    AGAINST = "compared with {recomputed}, the run with {written}"
    SAMPLES = "the samples at hand are not those of the run"
    SAMPLE = "the dataset has another sample in this place"
    VERSION = "scored by version {written}, at hand is {recomputed}"
    NO_REPORT = "no such file: the run was not finished, or the file was removed"
    NO_JSON = "not JSON ({recomputed})"
    NO_FILE = "is missing"
    FILE = "differs from the manifest"
    RENDERED = "does not follow from the journal"
    JOURNAL = "{recomputed}"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditDifference:
    """One thing that does not agree.

    Attributes:
        place: a path in a JSON value, a file, a benchmark or a sample; empty for a journal that does not hold together.
        written: what the run says; for `VALUE` any JSON value, else a text.
        recomputed: what follows from its evidence, or why nothing does.
    """

    place: str
    kind: DifferenceKind
    written: Any = ""
    recomputed: Any = ""

    def __str__(self) -> str:
        """The difference as a line."""
        if self.kind is DifferenceKind.VALUE:
            return self.told("written", "recomputed")
        text = self.kind.value.format(written=self.written, recomputed=self.recomputed)
        return f"{self.place}: {text}" if self.place else text

    def told(self, written: str, recomputed: str) -> str:
        """Two values as a line; the arguments name the two sides."""
        return f"{self.place}: {written} {_short(self.written)}, {recomputed} {_short(self.recomputed)}"

    def in_words(self, written: str, recomputed: str) -> str:
        """The same with settings and values as a person writes them."""
        name = self.place.removeprefix("plan.").removeprefix("choices.").removeprefix("endpoint.")
        return f"{name}: {written} {_said(self.written)}, {recomputed} {_said(self.recomputed)}"


def differing(written: Any, recomputed: Any, where: str = "report") -> Iterator[AuditDifference]:
    """Every place at which two JSON values differ."""
    if isinstance(written, dict) and isinstance(recomputed, dict):
        for name in sorted(written.keys() | recomputed.keys()):
            yield from differing(written.get(name), recomputed.get(name), f"{where}.{name}")
    elif isinstance(written, list) and isinstance(recomputed, list) and len(written) == len(recomputed):
        for index, (old, new) in enumerate(zip(written, recomputed, strict=True)):
            yield from differing(old, new, f"{where}[{index}]")
    elif written != recomputed:
        yield AuditDifference(place=where, kind=DifferenceKind.VALUE, written=written, recomputed=recomputed)


def difference(there: RunPlan, now: RunPlan) -> str:
    """The first few places where two plans differ: what a person chose, else what follows from that."""
    old, new = (orjson.loads(orjson.dumps(plan)) for plan in (there, now))
    found = list(differing(old, new, "plan"))
    named = [one for one in found if not one.place.endswith(("digest", "shard.plan"))] or found
    chosen = [one for one in named if not one.place.startswith("plan.benchmarks[")] or named
    first = sorted(chosen, key=lambda one: one.place.count("."))
    ids = [planned.id for planned in now.benchmarks]
    texts = [f"{_named(one.place, ids)}: there {_said(one.written)}, now {_said(one.recomputed)}" for one in first[:3]]
    return "; ".join(texts) + ("; …" if len(first) > 3 else "")


def _named(place: str, ids: Sequence[str]) -> str:
    """A place in a plan as a user knows it: the name of a setting, or what follows from it for a benchmark."""
    name = place.removeprefix("plan.").removeprefix("choices.").removeprefix("endpoint.").replace("_", "-")
    if found := re.match(r"benchmarks\[(\d+)\]\.", name):
        name = f"{ids[int(found[1])]}, {name[found.end() :]}"
    return name.replace(".", ", ")


def _said(value: Json) -> str:
    """A value of a plan in words."""
    match value:
        case None:
            return "not set"
        case bool():
            return str(value).lower()
        case float():
            return exact(value)
        case dict():
            told = ", ".join(f"{name} {_said(one)}" for name, one in value.items() if one is not None)
            return told if len(told) <= 80 else told[:79] + "…"
        case list() if len(value) <= 20 and all(isinstance(one, str) for one in value):
            return ", ".join(value) or "none"
        case list() if value and all(isinstance(one, dict) and "id" in one for one in value):
            return ", ".join(str(one["id"]) for one in value)
    return _short(value)


def _short(value: Json) -> str:
    """A value as a few words; of records only the ids, because long records begin alike."""
    if isinstance(value, list) and value and all(isinstance(one, dict) and "id" in one for one in value):
        value = [one["id"] for one in value]
    text = repr(value)
    return text if len(text) <= 80 else text[:79] + "…"
