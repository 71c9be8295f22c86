"""All causes of Pre-Verification, and what explains them where it is found.

A leak of markers breaks every probe that reads a text; a request that is refused whatever it asks breaks all that build
on it. Such symptoms are folded under their cause. What explains what is kept in this one place, because most relations
hold between suites.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from benchmarks import precheck
from benchmarks.precheck import stream_items, suites
from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.suites import mfjs

EXPLAINS: Mapping[str, tuple[str, ...]] = {}
"""By id of a cause, of whatever owner, the ids of Pre-Verification's causes that are only its symptoms."""


def declared() -> Iterator[ProbeCause]:
    """Every cause as its suite declares it."""
    for package in (precheck, suites):
        for one in iter_modules(package.__path__):
            yield from _in(import_module(f"{package.__name__}.{one.name}"))
    yield from (mfjs.refused_cause(keyword) for keyword in ("", *mfjs.REFUSABLE))
    yield from (ProbeCause(cause=item.rule, remedy=item.remedy) for item in stream_items.ITEMS if item.remedy)


def _in(module: ModuleType) -> Iterator[ProbeCause]:
    """Those that a module declares, by themselves or in a table."""
    for value in vars(module).values():
        for one in value.values() if isinstance(value, Mapping) else (value,):
            if isinstance(one, ProbeCause):
                yield one


def causes() -> tuple[ProbeCause, ...]:
    """Every cause, once, with what explains it."""
    found = {one.id: one for one in reversed([*declared()])}
    return tuple(map(_explained, reversed(found.values())))


def _explained(one: ProbeCause) -> ProbeCause:
    above = tuple(cause for cause, symptoms in EXPLAINS.items() if one.id in symptoms)
    return ProbeCause(
        cause=one.sentence, remedy=one.remedy, switches=one.switches, explains=one.explains,
        symptom_of=(*one.symptom_of, *above),
    )  # fmt: skip
