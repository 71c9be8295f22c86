"""A profile for readers: all that it holds, with its sources."""

from collections.abc import Iterator

import orjson

from benchmarks import registry
from kvv_action.benchmark import Options
from kvv_action.digits import counted, figure
from kvv_action.profiles.model import BenchmarkRules, ImmutableParameter, Profile, RightRefusal, ThinkingRules
from kvv_action.profiles.token_cases import load as load_cases
from kvv_action.report.text import number, percent
from kvv_action.schema import BenchmarkKind, Json, Severity


def shown(profile: Profile) -> Iterator[str]:
    """A line a fact; what the profile does not say is left out, but for scores that nobody published."""
    yield f"{profile.title} ({profile.name}), official model name {profile.model}"
    if profile.served_names:
        yield f"also served as: {', '.join(profile.served_names)}"
    yield f"thinking: {_thinking(profile.thinking)}"
    yield from _asked(profile.thinking) if profile.thinking.supported else ()
    yield from map(_locked, profile.parameters)
    yield from _limits(profile)
    yield from _tokens(profile)
    for name, rules in profile.benchmarks.items():
        yield from _benchmark(name, rules)
    yield from _unpublished(profile)
    if profile.reference_pack:
        yield f"reference pack: {profile.reference_pack}"
    for fact in profile.facts:
        yield f"{', '.join(fact.about)}: {fact.source}, {fact.date}"
        yield from [f"  {fact.note}"] if fact.note else []
    told = {fact.source for fact in profile.facts}
    yield from (f"source: {source}" for source in profile.sources if source not in told)


def _thinking(rules: ThinkingRules) -> str:
    if not rules.supported:
        return "none"
    switch = "always, or can be switched: sources disagree" if rules.switch_open else "always"
    levels = f", efforts {', '.join(rules.efforts)}" if rules.efforts else ""
    if rules.effort_range:
        levels += f"{' and' if levels else ', efforts'} {rules.effort_range[0]} to {rules.effort_range[1]}"
    levels += f" (default {rules.default_effort})" if rules.default_effort else ""
    levels += " as reasoning_effort alone" if rules.effort_alone else ""
    usual = "on" if rules.default else "off"
    words = f"can be switched, {usual} by default" if rules.switchable else switch
    words += ", as the question needs it" if rules.adaptive else ""
    return words + levels + (", not told in the prompt" if levels and rules.effort_untold else "")


def _asked(rules: ThinkingRules) -> Iterator[str]:
    """How thinking is asked for, and where it stands."""
    asking, names = rules.asking, rules.template
    ways = {"on": asking.on, "off": asking.off, "keep": asking.keep if rules.keep else None}
    said = [f"{way} {_json(fields)}" for way, fields in ways.items() if fields]
    if asking.effort and (rules.efforts or rules.effort_range):
        said.append(f"effort in {asking.effort}")
    yield f"asked for by the official API: {', '.join(said) or 'nothing'}"
    kept = {"switch": names.switch, "keep": names.keep if rules.keep else "", "effort": names.effort}
    used = [f"{what} {name}" for what, name in kept.items() if name]
    yield f"asked for in chat_template_kwargs: {', '.join(used) or 'nothing'}"
    stands = f"the content, between {rules.inline[0]} and {rules.inline[1]}" if rules.inline else rules.answer_field
    yield f"thinking stands in: {stands}; that of earlier turns is {'kept' if rules.keep else 'not kept'}"
    if rules.strict:
        yield "while thinking: forced calls, and tool turns without their thinking, are refused"


def _locked(parameter: ImmutableParameter) -> str:
    """The only values, those that are refused, and those about which sources disagree."""
    told = f"locked: {parameter.name} = {parameter.thinking_value} thinking, {parameter.value} not"
    if parameter.rejected:
        told += f"; refused {', '.join(map(str, parameter.rejected))}"
    for bounds, when in ((parameter.open, "thinking"), (parameter.open_without_thinking, "not thinking")):
        told += f"; open {figure(bounds[0])} to {figure(bounds[1])} {when}" if bounds else ""
    return told


def _limits(profile: Profile) -> Iterator[str]:
    """Window and output, pictures, contracts, refusals, surfaces, options of engines."""
    window, output = profile.context_window, profile.output_limit
    yield f"window: {'not documented' if window is None else f'{number(window)} tokens'}"
    yield f"output limit: {'not documented' if output is None else f'{number(output)} tokens'}"
    if profile.word_tokens != 1:
        yield f"tokens of a short English word: {profile.word_tokens:g}"
    yield f"pictures: {'read' if profile.vision else 'not read'}"
    levels = {one: profile.contract_levels.get(one, Severity.FAILURE) for one in profile.contracts}
    contracts = [f"{one} ({level} where broken)" for one, level in levels.items()]
    yield f"contracts: {', '.join(contracts) or 'none beside plain answers and calls'}"
    for one in profile.refusals:
        must = one is RightRefusal.LONG_OUTPUT
        yield f"refused by the official API: {one}, so a vendor {'must (contract: official)' if must else 'may'}"
    if profile.surfaces:
        yield f"further surfaces: {', '.join(profile.surfaces)}"
    for engine, options in profile.engine_options.items():
        yield f"{engine} serves it with: {' '.join(f'{name} {value}' for name, value in options.items())}"


def _tokens(profile: Profile) -> Iterator[str]:
    """Counts of prompts, ids of calls, control tokens."""
    if profile.tokens.cases:
        measured = "" if profile.tokens.measured else " (of an earlier model: reported, not judged)"
        known = load_cases(profile.tokens.cases)
        yield f"prompt tokens: {len(known.cases)} exact counts{measured}: {known.source}, {known.date}"
    for probe, count in profile.prompt_tokens.items():
        yield f"prompt tokens of {probe}: {count}"
    if profile.call_ids.format:
        ids = profile.call_ids
        yield f"ids of calls: {ids.format}, else {ids.official} (official) or {ids.compatible} (compatible)"
    if profile.markers:
        yield f"control tokens: {' '.join(profile.markers)}"


def _benchmark(name: str, rules: BenchmarkRules) -> Iterator[str]:
    sampling = " ".join(f"{key}={value}" for key, value in rules.sampling.items())
    thinks = "" if rules.thinking is None else f", thinking {'on' if rules.thinking else 'off'}"
    yield f"{name}: {sampling}{thinks}, {counted(rules.epochs, 'answer')} per sample at full"
    if rules.without_thinking:
        yield "  without thinking: " + " ".join(f"{key}={value}" for key, value in rules.without_thinking.items())
    for tier, rule in rules.tiers.items():
        said = ["all samples" if rule.limit is None else counted(rule.limit, "sample"), f"{rule.epochs} of each"]
        said += ["only where benchmarks names it"] if rule.only_named else []
        if (rule.limit, rule.only_named, rule.epochs) != (None, False, rules.epochs):
            yield f"  {tier}: {', '.join(said)}"
    if rules.reference:
        margin = f", margin {percent(rules.margin)}" if rules.margin is not None else ""
        reference = rules.reference
        level = f" at effort {reference.effort}" if reference.effort else ""
        level += f", {counted(reference.n, 'answer')}" if reference.n else ""
        yield f"  reference {percent(reference.value)}{level}{margin}: {reference.source}, {reference.date}"
        yield from [f"    {reference.note}"] if reference.note else []
    if rules.reference_file:
        yield f"  reference file: {rules.reference_file}"
    yield from [f"  {rules.note}"] if rules.note else []


def _unpublished(profile: Profile) -> Iterator[str]:
    """What is judged by itself, and what needs something to compare with."""
    known = [name for name in profile.benchmarks if name in registry.ids()]
    kinds = {name: registry.create(name, Options(model=profile.model)).kind for name in known}
    alone = [name for name, kind in kinds.items() if kind is BenchmarkKind.CONTRACT]
    bare = [name for name in known if name not in alone and profile.benchmarks[name].reference is None]
    yield f"judged by itself: {', '.join(alone) or 'nothing'}"
    if bare and not profile.reference_pack:
        yield f"no score is published for {', '.join(bare)}: not judged without a run, a pack or a result file"
        yield "  of an endpoint that you trust (reference, reference-pack); kvv fingerprint compares without any score"


def _json(value: Json) -> str:
    return orjson.dumps(value).decode()
