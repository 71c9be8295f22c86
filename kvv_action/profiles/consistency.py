"""Finds contradictions in a well-formed profile."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter

from kvv_action.errors import nearest
from kvv_action.profiles.document import Document
from kvv_action.profiles.model import BenchmarkRules, ImmutableParameter, Profile, RightRefusal, ThinkingRequest
from kvv_action.profiles.thinking import sampling_for, thinks
from kvv_action.profiles.token_cases import STOPPED, load

_PINNED = re.compile(r"https?://\S+@(?:sha256:)?[0-9a-fA-F]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One mistake at a place in the TOML; `value` is empty when the key itself is the mistake."""

    loc: tuple[str | int, ...]
    allowed: str
    value: str = ""
    nearest: str | None = None


def contradictions(profile: Profile) -> list[Mistake]:
    """All contradictions in a well-formed profile."""
    return [
        *_thinking(profile),
        *_parameters(profile),
        *_call_ids(profile),
        *_tokens(profile),
        *_facts(profile),
        *_benchmarks(profile),
        *_limits(profile),
        *_addresses(profile),
    ]


def _thinking(profile: Profile) -> Iterator[Mistake]:
    rules = profile.thinking
    others = (
        rules.switchable, rules.switch_open, rules.default, rules.keep, rules.efforts, rules.strict, rules.adaptive,
        rules.effort_range, rules.inline,
    )  # fmt: skip
    if not rules.supported and any(others):
        yield Mistake(loc=("thinking", "supported"), value="false", allowed="Other keys say that the model thinks.")
    if rules.supported and not rules.switchable and not rules.default:
        allowed = "A model whose thinking cannot be switched thinks by default: set true."
        yield Mistake(loc=("thinking", "default"), value="false", allowed=allowed)
    if rules.switchable and rules.switch_open:
        allowed = "Thinking either can be switched, or it is open whether it can: set one of them."
        yield Mistake(loc=("thinking", "switch_open"), value="true", allowed=allowed)
    if rules.effort_alone and not rules.efforts:
        allowed = "There is no effort to ask for: leave it out."
        yield Mistake(loc=("thinking", "effort_alone"), value="true", allowed=allowed)
    if rules.default_effort and rules.default_effort not in rules.efforts:
        allowed = f"Must be one of efforts ({', '.join(rules.efforts) or 'empty'})."
        yield Mistake(loc=("thinking", "default_effort"), value=rules.default_effort, allowed=allowed)
    if rules.effort_range and rules.effort_range[0] >= rules.effort_range[1]:
        yield Mistake(
            loc=("thinking", "effort_range"), value=str(rules.effort_range), allowed="The lower one is first."
        )
    if rules.effort_alone and rules.request != ThinkingRequest():
        allowed = "effort_alone already says how the official API is asked: leave one of them out."
        yield Mistake(loc=("thinking", "request"), allowed=allowed)
    levels = rules.efforts or rules.effort_range
    if levels and not (rules.asking.effort or rules.template.effort):
        allowed = "There are levels of effort: name the field that takes one."
        yield Mistake(loc=("thinking", "request", "effort"), allowed=allowed)


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
        yield from _open(place, parameter)


def _open(place: int, parameter: ImmutableParameter) -> Iterator[Mistake]:
    """Open values: from the lower to the higher, and none that must be refused in both modes."""
    for key, bounds in (("open", parameter.open), ("open_without_thinking", parameter.open_without_thinking)):
        if bounds and bounds[0] > bounds[1]:
            allowed = "The first number is the lower one."
            yield Mistake(loc=("parameters", place, key), value=f"{bounds[0]} to {bounds[1]}", allowed=allowed)
    for value in parameter.rejected:
        if all(parameter.is_open(value, thinking=thinking) for thinking in (True, False)):
            allowed = "A value cannot be both open and rejected."
            yield Mistake(loc=("parameters", place, "rejected"), value=str(value), allowed=allowed)


def _limits(profile: Profile) -> Iterator[Mistake]:
    """Nothing asks for more than the output limit, which lies within the window; levels are of contracts there are."""
    limit = profile.output_limit
    if limit is not None and profile.context_window is not None and limit > profile.context_window:
        allowed = f"It is larger than context_window ({profile.context_window})."
        yield Mistake(loc=("output_limit",), value=str(limit), allowed=allowed)
    if limit is None and profile.may_refuse(RightRefusal.LONG_OUTPUT):
        yield Mistake(loc=("output_limit",), allowed="refusals names long-output: say how long.")
    for id_, rules in profile.benchmarks.items():
        asked = rules.sampling.get("max_tokens")
        if limit is not None and isinstance(asked, int) and asked > limit:
            loc = ("benchmarks", id_, "sampling", "max_tokens")
            yield Mistake(loc=loc, value=str(asked), allowed=f"The model writes at most output_limit ({limit}) tokens.")
    for contract in profile.contract_levels:
        if contract not in profile.contracts:
            yield Mistake(loc=("contract_levels", contract), allowed="contracts does not name it.")


def _call_ids(profile: Profile) -> Iterator[Mistake]:
    """Formats of ids name the call's place, and nothing but the tool beside it."""
    forms = {profile.call_ids.format: ("call_ids", "format"), profile.tool_call_id: ("tool_call_id",)}
    for form, loc in forms.items():
        if form and not _is_format(form):
            allowed = "It holds {index}, and perhaps {name}, and no other braces."
            yield Mistake(loc=loc, value=form, allowed=allowed)


def _is_format(form: str) -> bool:
    try:
        named = {name for _, name, _, _ in Formatter().parse(form) if name is not None}
    except ValueError:
        return False
    return "index" in named and named <= {"name", "index"}


def _tokens(profile: Profile) -> Iterator[Mistake]:
    """Cases ask for efforts that the model has; constants belong to cases, where there are any."""
    if not profile.tokens.cases:
        return
    cases = load(profile.tokens.cases).cases
    lacking = sorted({case.effort for case in cases} - {*profile.thinking.efforts, STOPPED, ""})
    if lacking:
        allowed = f"Its requests ask for the effort {lacking[0]}, which thinking.efforts does not have."
        yield Mistake(loc=("tokens", "cases"), value=profile.tokens.cases, allowed=allowed)
    known = {case.id for case in cases}
    for name in profile.prompt_tokens:
        if name not in known:
            allowed = f"No case of {profile.tokens.cases} has this id."
            yield Mistake(loc=("prompt_tokens", name), allowed=allowed, nearest=nearest(name, sorted(known)))


def _addresses(profile: Profile) -> Iterator[Mistake]:
    """A file at an address has its digest beside it, so that it cannot change unseen."""
    named: dict[tuple[str | int, ...], str] = {("reference_pack",): profile.reference_pack}
    for id_, rules in profile.benchmarks.items():
        named["benchmarks", id_, "reference_file"] = rules.reference_file
    for loc, name in named.items():
        if name.startswith(("http://", "https://")) and not _PINNED.fullmatch(name):
            yield Mistake(loc=loc, value=name, allowed="An address needs the digest of its file: URL@sha256:DIGEST.")


def _facts(profile: Profile) -> Iterator[Mistake]:
    """Facts are about keys that a profile has."""
    keys = tuple(Document.model_fields)
    for place, fact in enumerate(profile.facts):
        for about in fact.about:
            if about.partition(".")[0] not in keys:
                yield Mistake(
                    loc=("facts", place, "about"), value=about, allowed="It is no key of a profile.",
                    nearest=nearest(about, keys),
                )  # fmt: skip


def _benchmarks(profile: Profile) -> Iterator[Mistake]:
    rules = profile.thinking
    for id_, benchmark in profile.benchmarks.items():
        if benchmark.thinking and not rules.supported:
            allowed = "The model does not think: leave it out."
            yield Mistake(loc=("benchmarks", id_, "thinking"), value="true", allowed=allowed)
        effort = benchmark.reference.effort if benchmark.reference is not None else ""
        if effort and effort not in rules.efforts:
            allowed = f"Must be one of thinking.efforts ({', '.join(rules.efforts) or 'empty'})."
            loc = ("benchmarks", id_, "reference", "effort")
            yield Mistake(loc=loc, value=effort, allowed=allowed)
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
