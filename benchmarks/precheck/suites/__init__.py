"""The suites, one module each: `probes(profile, options)` yields what applies to a profile, in order."""

import fnmatch
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from importlib import import_module

from benchmarks.precheck.options import PrecheckOptions
from benchmarks.precheck.probe import NAMED, TIERS, Judge, Probe, weighed
from benchmarks.precheck.suites import mfjs
from kvv_action.benchmark import Options
from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.profiles.model import Contract, Profile
from kvv_action.schema import Exchange, Score, Severity

SUITES = (
    "endpoint", "parameters", "thinking", "tools", "arguments", "calls", "mfjs", "dynamic-tools", "response-format",
    "tokens", "streaming", "limits", "sizes", "cache", "vision", "surfaces", "text", "messages",
)  # fmt: skip
"""Names as in the ids of the probes, in the order in which they are sent. Each is a module here, with `_` for `-`."""
CONTRACTS: Mapping[Contract, str] = {
    Contract.TOOL_SCHEMA: "mfjs.",
    Contract.TOOL_CHOICE: "tools.choice-",
    Contract.DYNAMIC_TOOLS: "dynamic-tools.",
    Contract.RESPONSE_FORMAT: "response-format.",
}
"""How the ids of a contract's probes begin."""
EVERYTHING = PrecheckOptions()


def all_probes(profile: Profile, options: Options, own: PrecheckOptions = EVERYTHING) -> Iterator[Probe]:
    """Every probe that applies, of every tier."""
    for name in SUITES:
        for probe in import_module(f"{__name__}.{name.replace('-', '_')}").probes(profile, options):
            yield _of_contract(profile, probe)
        if name == "mfjs":
            for probe in mfjs.further(profile, own.mfjs_cases):
                yield _of_contract(profile, probe)


def _of_contract(profile: Profile, probe: Probe) -> Probe:
    """The probe, weighed as the profile weighs its contract."""
    found = (level for contract, level in profile.contract_levels.items() if probe.id.startswith(CONTRACTS[contract]))
    level = next(found, None)
    return probe if level is None else replace(probe, judge=partial(_weighed, probe.judge, level))


def _weighed(judge: Judge, level: Severity, exchanges: Sequence[Exchange]) -> Score:
    return weighed(judge(exchanges), level)


def chosen(profile: Profile, options: Options, own: PrecheckOptions = EVERYTHING) -> tuple[Probe, ...]:
    """The probes of the tier, or those that were named (of every tier).

    Raises:
        UsageError: a pattern fits no probe and no suite.
    """
    probes = tuple(all_probes(profile, options, own))
    if not own.probes:
        level = TIERS.index(options.tier)
        return tuple(probe for probe in probes if TIERS.index(probe.tier) <= level)
    known, exactly = {name for probe in probes for name in (probe.suite, probe.id)}, frozenset(own.probes)
    wild = [pattern for pattern in own.probes if pattern not in known]
    problems = [
        Problem(
            name="probes",
            value=pattern,
            allowed=f"No probe of this profile fits. Suites are {', '.join(SUITES)}; `tokens.*` and full ids work too.",
            nearest=nearest(pattern, [*SUITES, *(probe.id for probe in probes)]),
        )
        for pattern in wild
        if not any(fnmatch.fnmatchcase(probe.id, pattern) for probe in probes)
    ]
    if problems:
        raise UsageError(problems)
    return tuple(
        probe for probe in probes if probe.id in exactly or (probe.tier != NAMED and _fits(probe, exactly, wild))
    )


def _fits(probe: Probe, exactly: Container[str], wild: Iterable[str]) -> bool:
    return probe.suite in exactly or any(fnmatch.fnmatchcase(probe.id, pattern) for pattern in wild)
