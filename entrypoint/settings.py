"""The settings of a run: the engine's, and what each benchmark lets a user choose besides."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError, create_model
from pydantic.fields import FieldInfo

from benchmarks import registry
from benchmarks.registry import ListedBenchmark
from kvv_action.errors import Problem, UsageError, absent
from kvv_action.options import ADDRESSES, BenchmarkOptions, Kept, fact, option_name
from kvv_action.plugins import BrokenPlugin
from kvv_action.schema import Json, PlannedBenchmark, RunPlan
from kvv_action.settings import Settings, SettingsBase, load_as, misspelt, unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Composition:
    """All settings, and the benchmarks that they belong to.

    Attributes:
        model: the engine's settings with the benchmarks' among them.
        benchmarks: all that can be asked.
        own: by name of a setting, the benchmark (the first of several) that it belongs to.
    """

    model: type[Settings]
    benchmarks: Mapping[str, ListedBenchmark]
    own: Mapping[str, ListedBenchmark]

    def named(self, fact_name: str) -> tuple[str, ...]:
        """The benchmarks' settings that have a fact."""
        return tuple(name for name in self.own if fact(self.model.model_fields[name], fact_name))


def _compose(benchmarks: Iterable[ListedBenchmark]) -> Composition:
    """Put the options of benchmarks among the engine's settings.

    A benchmark is left out when another setting has the name of one of its options, or when the setting behind which
    its options should stand does not exist.
    """
    fields, own = Settings.model_fields, dict[str, FieldInfo]()
    owners, taken = dict[str, ListedBenchmark](), dict[str, ListedBenchmark]()
    for one in benchmarks:
        mine = one.options().model_fields
        taken_by_another = any(name in fields or _differs(own.get(name), field) for name, field in mine.items())
        if taken_by_another or one.options().behind not in fields:
            continue
        taken[one.id] = one
        own = mine | own
        owners = dict.fromkeys(mine, one) | owners
    ordered = dict[str, FieldInfo]()
    for engine_name, field in fields.items():
        ordered[engine_name] = field
        for one in taken.values():
            if one.options().behind == engine_name:
                ordered |= {name: own[name] for name in one.options().model_fields if name not in ordered}
    described: dict[str, Any] = {name: (field.annotation, field) for name, field in ordered.items()}
    model = create_model("Settings", __base__=SettingsBase, **described)
    return Composition(model=cast("type[Settings]", model), benchmarks=taken, own=owners)


def _differs(taken: FieldInfo | None, field: FieldInfo) -> bool:
    """Whether a name has another meaning already; two benchmarks may share a setting."""
    return taken is not None and any(
        getattr(taken, part) != getattr(field, part) for part in ("annotation", "default", "description")
    )


@cache
def ours() -> Composition:
    """The documented settings: without benchmarks of other packages."""
    return _compose(registry.OURS.values())


@cache
def composition() -> Composition:
    """All settings here. A benchmark of another package that cannot be used is left out."""
    found = list(registry.usable())
    return _compose(found) if len(found) > len(registry.OURS) else ours()


def composed() -> type[Settings]:
    """The class of all settings here."""
    return composition().model


def load(values: Mapping[str, Any] | None = None) -> Settings:
    """Read the settings: options, then inputs, then environment.

    Raises:
        UsageError: one `Problem` per wrong setting.
    """
    return load_as(composed(), values)


def misspelt_variables() -> tuple[Problem, ...]:
    """`KVV_*` variables that are no setting but look like one."""
    return misspelt(composed())


def unknown_inputs() -> tuple[Problem, ...]:
    """Inputs of the step that do not exist."""
    return unknown(composed())


def title_of(name: str) -> str:
    """The title of the benchmark that a setting belongs to."""
    return composition().own[name].title


def benchmark_of(name: str) -> ListedBenchmark:
    """A benchmark that can be used.

    Raises:
        NotInstalled: there is none of that id.
        BrokenPlugin: the package that brings it cannot be used.
    """
    one = registry.listed(name)
    if name not in composition().benchmarks:
        raise BrokenPlugin(f"the benchmark {name!r} cannot be used: one of its options has the name of another setting")
    return one


def own_options(settings: Settings, benchmark: str) -> BenchmarkOptions:
    """The options of one benchmark, as the settings give them.

    Raises:
        UsageError: they do not go together.
        NotInstalled, BrokenPlugin: as for `benchmark_of`.
    """
    kind = benchmark_of(benchmark).options()
    try:
        return kind.model_validate({name: value_of(settings, name) for name in kind.model_fields})
    except ValidationError as error:
        problems = [Problem(name=benchmark, value="", allowed=f"{found['msg']}.") for found in error.errors()]
        raise UsageError(problems) from None


def value_of(settings: Settings, name: str) -> Any:
    """The value of a setting by its name."""
    return settings.__dict__[name]


def kept_in_choices(settings: Settings, asked: Iterable[str]) -> dict[str, Json]:
    """What a plan with these benchmarks keeps of their options, by the names of their inputs."""
    chosen, found = frozenset(asked), dict[str, Json]()
    for one in composition().benchmarks.values():
        for name, field in one.options().model_fields.items():
            always = fact(field, "kept") is Kept.ALWAYS and one.id in registry.OURS
            if always or (fact(field, "kept") in (Kept.ALWAYS, Kept.ASKED) and one.id in chosen):
                found[option_name(name)] = value_of(settings, name)
    return found


def kept_in_fields(settings: Settings) -> dict[str, Any]:
    """What a plan keeps of benchmarks' options in fields of its own."""
    own = {name: composed().model_fields[name] for name in composition().own}
    return {name: value_of(settings, name) for name, field in own.items() if fact(field, "kept") is Kept.FIELD}


def given_again() -> tuple[str, ...]:
    """Settings that name files or folders, which no plan holds: who scores a run again gives them again."""
    return tuple(name for name, field in composed().model_fields.items() if fact(field, "path"))


def is_pinned(name: str) -> bool:
    """Whether a setting names a file, or the address of one with its digest."""
    return bool(fact(composed().model_fields[name], "path") == "pinned")


def missing_paths(settings: Settings) -> Iterator[Problem]:
    """Files and folders that settings name and that are not there."""
    there = {"file": Path.is_file, "folder": Path.is_dir, "pinned": Path.is_file}
    for name in given_again():
        value, kind = value_of(settings, name), fact(composed().model_fields[name], "path")
        elsewhere = kind == "pinned" and value.startswith(ADDRESSES)
        if value and not elsewhere and not there[kind](Path(value)):
            yield Problem(name=option_name(name), value=value, allowed=absent(Path(value), folder=kind == "folder"))


def options_of_plan(plan: RunPlan, planned: PlannedBenchmark, settings: Settings) -> BenchmarkOptions:
    """The options that one benchmark of a plan was asked with.

    Args:
        plan: also one of an earlier version.
        planned: which benchmark.
        settings: name the files and folders again, which no plan holds.

    Raises:
        NotInstalled, BrokenPlugin: as for `benchmark_of`.
        KvvError: the plan has a choice that this version does not know.
    """
    kind = benchmark_of(planned.published).options()
    named = {name: value_of(settings, name) for name in given_again() if name in kind.model_fields}
    return kind.of_plan(plan, planned).model_copy(update=named)
