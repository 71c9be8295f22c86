"""All faults by name, and the reading of `name`, `name=rate` and `name=amount:amount`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.simulator.coins import toss
from kvv_action.simulator.faults import (
    admission,
    agent,
    arguments,
    caching,
    classes,
    content,
    crash_classes,
    crashes,
    cuts,
    damage,
    delivery,
    deltas,
    distributions,
    dynamic_tools,
    endings,
    filing,
    formats,
    identity,
    judging,
    limits,
    load,
    markers,
    messages,
    oddities,
    official,
    parameters,
    pictures,
    schemas,
    sizes,
    streaming,
    text,
    thinking,
    tokens,
    toolcall,
    tools,
    turns,
    usage,
    usage_lies,
    wholesale,
)
from kvv_action.simulator.faults.model import Amount, Coin, Fault, Visit
from kvv_action.simulator.options import FaultSpec

_MODULES = (
    parameters, content, thinking, tools, dynamic_tools, usage, pictures, toolcall, admission, delivery, tokens,
    streaming, limits, schemas, formats, agent, official, endings, damage, markers, deltas, identity, usage_lies,
    filing, classes, text, messages, cuts, arguments, turns, crashes, crash_classes, sizes, load, caching,
    distributions, wholesale, oddities, judging,
)  # fmt: skip
"""In the order in which `kvv faults` lists them."""
FAULTS: Mapping[str, Fault] = MappingProxyType({fault.name: fault for module in _MODULES for fault in module.FAULTS})


def parse_fault(written: str) -> FaultSpec:
    """Read `name`, `name=rate`, or `name=amount:amount` where the fault takes amounts.

    Raises:
        UsageError: no fault has this name, the rate is not in (0, 1], or an amount is not what the fault takes.
    """
    name, separator, rate = written.strip().partition("=")
    name = name.strip()
    if name not in FAULTS:
        allowed = f"It is none of the {len(FAULTS)} faults that `kvv faults` lists."
        raise UsageError([Problem(name="fault", value=name, allowed=allowed, nearest=nearest(name, FAULTS))])
    takes = FAULTS[name].takes
    if takes:
        return FaultSpec(name=name, values=_amounts(written, rate, takes) if separator else _usual(takes))
    return FaultSpec(name=name, rate=_rate(written, rate) if separator else 1.0)


def _usual(takes: Sequence[Amount]) -> tuple[float, ...]:
    return tuple(amount.usual for amount in takes)


def _amounts(written: str, given: str, takes: Sequence[Amount]) -> tuple[float, ...]:
    """The amounts behind `=`; there must be as many as the fault takes."""
    try:
        values = tuple(map(float, given.split(":")))
    except ValueError:
        values = ()
    if len(values) == len(takes) and all(0 < value <= one.most for value, one in zip(values, takes, strict=True)):
        return values
    name, example = written.partition("=")[0].strip(), ":".join(f"{value:g}" for value in _usual(takes))
    bounds = ", ".join(f"{amount.name} above 0, up to {amount.most:g}" for amount in takes)
    raise UsageError([Problem(name="fault", value=written, allowed=f"{name} takes {bounds}, as in {name}={example}.")])


def _rate(written: str, rate: str) -> float:
    try:
        value = float(rate)
    except ValueError:
        value = 0.0
    if not 0 < value <= 1:
        allowed = "A rate is a number above 0, up to 1, as in slow=0.5."
        raise UsageError([Problem(name="fault", value=written, allowed=allowed)])
    return value


def drawn(specs: Iterable[FaultSpec], visit: Visit) -> tuple[Fault, ...]:
    """The faults that hit this visit, in the order in which they were given."""
    hit = (spec for spec in specs if _hits(spec, visit))
    return tuple(replace(FAULTS[spec.name], values=spec.values) if spec.values else FAULTS[spec.name] for spec in hit)


def _hits(spec: FaultSpec, visit: Visit) -> bool:
    if spec.rate >= 1:
        return True
    number = visit.occurrence if FAULTS[spec.name].coin is Coin.OCCURRENCE else 0
    return toss(visit.options.seed, spec.name, visit.digest, number) < spec.rate
