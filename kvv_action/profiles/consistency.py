"""Finds contradictions in a well-formed profile."""

from collections.abc import Iterator
from dataclasses import dataclass

from kvv_action.profiles.document import Document, to_profile
from kvv_action.profiles.model import BenchmarkRules, ImmutableParameter, Profile
from kvv_action.profiles.thinking import sampling_for, thinks


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake at a place in the TOML; `value` is empty when the key itself is the mistake."""

    loc: tuple[str | int, ...]
    allowed: str
    value: str = ""
    nearest: str | None = None


def contradictions(document: Document) -> list[Mistake]:
    """All contradictions in a well-formed document."""
    profile = to_profile("", document)
    return [*_thinking(profile), *_parameters(profile), *_benchmarks(profile)]


def _thinking(profile: Profile) -> Iterator[Mistake]:
    rules = profile.thinking
    if not rules.supported and (rules.switchable or rules.default or rules.keep or rules.efforts):
        yield Mistake(loc=("thinking", "supported"), value="false", allowed="Other keys say that the model thinks.")
    if rules.supported and not rules.switchable and not rules.default:
        allowed = "A model whose thinking cannot be switched thinks by default: set true."
        yield Mistake(loc=("thinking", "default"), value="false", allowed=allowed)
    if rules.default_effort and rules.default_effort not in rules.efforts:
        allowed = f"Must be one of efforts ({', '.join(rules.efforts) or 'empty'})."
        yield Mistake(loc=("thinking", "default_effort"), value=rules.default_effort, allowed=allowed)


def _parameters(profile: Profile) -> Iterator[Mistake]:
    seen: set[str] = set()
    for place, parameter in enumerate(profile.parameters):
        if parameter.name in seen:
            yield Mistake(loc=("parameters", place, "name"), value=parameter.name, allowed="It is a duplicate.")
        seen.add(parameter.name)
        for value in (parameter.value, parameter.thinking_value):
            if value in parameter.rejected:
                allowed = "A value cannot be both the only one accepted and rejected."
                yield Mistake(loc=("parameters", place, "rejected"), value=str(value), allowed=allowed)
                break


def _benchmarks(profile: Profile) -> Iterator[Mistake]:
    rules = profile.thinking
    for id_, benchmark in profile.benchmarks.items():
        if benchmark.thinking and not rules.supported:
            allowed = "The model does not think: leave it out."
            yield Mistake(loc=("benchmarks", id_, "thinking"), value="true", allowed=allowed)
        if benchmark.thinking is False and rules.supported and not rules.switchable:
            allowed = "The model's thinking cannot be turned off: leave it out."
            yield Mistake(loc=("benchmarks", id_, "thinking"), value="false", allowed=allowed)
        states = {thinks(rules, benchmark.thinking), thinks(rules, False)}
        for state in sorted(states, reverse=True):
            yield from _locked(profile.parameters, id_, benchmark, state)


def _locked(
    parameters: tuple[ImmutableParameter, ...], id_: str, rules: BenchmarkRules, thinking: bool
) -> Iterator[Mistake]:
    sampling = sampling_for(rules, thinking)
    for parameter in parameters:
        only = parameter.thinking_value if thinking else parameter.value
        if parameter.name in sampling and sampling[parameter.name] != only:
            overridden = not thinking and parameter.name in rules.without_thinking
            table = "without_thinking" if overridden else "sampling"
            state = "while thinking" if thinking else "while not thinking"
            remedy = "Change [[parameters]] as well." if thinking else "Set it in without_thinking."
            yield Mistake(
                loc=("benchmarks", id_, table, parameter.name),
                value=str(sampling[parameter.name]),
                allowed=f"The profile locks {parameter.name} to {only} {state}. {remedy}",
            )
