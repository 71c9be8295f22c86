"""What a fault must break: probes by pattern with their causes, and nothing else."""

import fnmatch
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.precheck.causes import ProbeCause
from benchmarks.precheck.probe import Probe
from benchmarks.precheck.suites import all_probes
from kvv_action.benchmark import Options
from kvv_action.profiles import loader
from tests.precheck.harness import precheck

SUITES = ("thinking", "tools", "dynamic-tools")
"""Sent whole; of all other suites the smoke tier is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """What Pre-Verification says of one fault.

    Attributes:
        causes: by pattern of the probes that must not hold; of several patterns that fit, the first counts.
        undecided: patterns of the probes that cannot be judged.
        spills: other suites that see the fault as well.
    """

    causes: Mapping[str, ProbeCause]
    undecided: Collection[str] = ()
    spills: Collection[str] = ()
    profile: str = "kimi-k3"


def probes_of(profile: str) -> list[Probe]:
    """Our suites whole, the others at smoke."""
    every = all_probes(loader.load(profile), Options())
    return [probe for probe in every if probe.suite in SUITES or probe.tier == "smoke"]


def assert_broken(out: Path, fault: str, rule: Broken) -> None:
    """Run with one fault, and compare."""
    names = ",".join(probe.id for probe in probes_of(rule.profile))
    seen = precheck(out, profile=rule.profile, faults=(fault,), probes=names)
    assert _ours(seen.broken) == broken_by(rule)
    seen.assert_one_cause()
    assert set(_ours(seen.failed)) == undecided_by(rule)
    others = {_suite(name) for name in (*seen.broken, *seen.failed)} - set(SUITES)
    assert others <= set(rule.spills)


def broken_by(rule: Broken) -> dict[str, str]:
    """The causes of `rule`, by id."""
    names = _names(rule, rule.causes)
    return {name: cause.cause for name in names if (cause := _first(rule.causes, name))}


def undecided_by(rule: Broken) -> set[str]:
    """The ids of the probes that cannot be judged."""
    names = _names(rule, rule.undecided)
    return {name for name in names if any(fnmatch.fnmatchcase(name, pattern) for pattern in rule.undecided)}


def _names(rule: Broken, patterns: Iterable[str]) -> list[str]:
    """Ids of our suites; every pattern fits one."""
    names = [probe.id for probe in probes_of(rule.profile) if probe.suite in SUITES]
    for pattern in patterns:
        assert fnmatch.filter(names, pattern), f"no probe fits {pattern}"
    return names


def _ours(found: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in found.items() if _suite(name) in SUITES}


def calling(cause: ProbeCause, mode: str = "*") -> dict[str, ProbeCause]:
    """One cause for every probe that looks at calls."""
    tools = ("call", "parallel", "ids", "select", "arguments", "no-arguments", "round-trip", "choice-auto")
    dynamic = ("first", "mid-history", "several-messages", "nested-schema", "not-strict", "beside-request")
    dynamic += ("required", "required-beside-request", "last-message", "three-in-one")
    return {
        **{f"tools.{name}.{mode}": cause for name in (*tools, "choice-required")},
        **{f"dynamic-tools.{name}.{mode}": cause for name in (*dynamic, "request-beside") if mode != "plain"},
    }


def _first(causes: Mapping[str, ProbeCause], name: str) -> ProbeCause | None:
    return next((cause for pattern, cause in causes.items() if fnmatch.fnmatchcase(name, pattern)), None)


def _suite(name: str) -> str:
    return name.partition(".")[0]
