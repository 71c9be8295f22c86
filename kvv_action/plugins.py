"""The benchmarks that other packages bring, found by the entry points of the group `kvv.benchmarks`.

An entry point names a class: `name = "package.module:Class"`, where `name` is the id of the benchmark. Nothing is read
before somebody asks, and a package is imported only when its benchmark is needed.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from kvv_action.benchmark import BenchmarkBase
from kvv_action.entry_points import offered
from kvv_action.errors import KvvError
from kvv_action.options import BenchmarkOptions, is_choice
from kvv_action.score_rule import Aggregate

ID = re.compile("[a-z][a-z0-9_]{0,39}")


class NotInstalled(KvvError):
    """A run used a benchmark that is not installed here."""

    def __init__(self, benchmark: str) -> None:
        super().__init__(f"this run used benchmark {benchmark!r}, which is not installed here")


class BrokenPlugin(KvvError):
    """A package that is installed offers a benchmark that cannot be used."""


def names() -> tuple[str, ...]:
    """Ids of the benchmarks that packages bring, sorted; nothing is imported."""
    return tuple(offered())


@cache
def load(name: str) -> type[BenchmarkBase]:
    """The class of a benchmark that a package brings.

    Raises:
        NotInstalled: no package brings it.
        BrokenPlugin: the package cannot be imported, or what it names is no benchmark of this id.
    """
    point = offered().get(name)
    if point is None:
        raise NotInstalled(name)
    where = f"the benchmark {name!r}, which {point.dist.name if point.dist else 'a package'} brings, cannot be used"
    try:
        found = point.load()
    except Exception as error:
        raise BrokenPlugin(f"{where}: {type(error).__name__}: {error}") from error
    if not (isinstance(found, type) and issubclass(found, BenchmarkBase)):
        raise BrokenPlugin(f"{where}: {point.value} is no class derived from kvv_action.benchmark.BenchmarkBase")
    if problem := _problem(found, name):
        raise BrokenPlugin(f"{where}: {problem}")
    return found


def _problem(found: type[BenchmarkBase], name: str) -> str:
    """What is wrong with a class; empty when it can be used."""
    if not ID.fullmatch(name):
        return "an id has at most 40 small letters, digits and underscores, and begins with a letter"
    missing = [part for part in ("id", "title", "metric", "kind") if not hasattr(found, part)]
    if missing:
        return f"its class lacks {', '.join(missing)}"
    if found.id != name:
        return f"its class calls itself {found.id!r}"
    options: Any = found.options
    if not (isinstance(options, type) and issubclass(options, BenchmarkOptions)):
        return "its options are not derived from kvv_action.options.BenchmarkOptions"
    plain = [option for option, field in found.options.model_fields.items() if not is_choice(field)]
    return f"its options {', '.join(plain)} are not made with kvv_action.options.choice" if plain else ""


def score_rules(name: str) -> Mapping[str, Aggregate]:
    """The rules by which a benchmark that a package brings makes scores.

    Raises:
        NotInstalled, BrokenPlugin: as for `load`.
    """
    return load(name).score_rules
