"""`docs/causes.md`: every cause that a run can name, with what to do about it."""

from collections.abc import Iterator, Mapping
from importlib import import_module
from pkgutil import iter_modules

from benchmarks.precheck import causes as probes
from benchmarks.precheck import suites, token_pattern
from benchmarks.precheck.stream_items import ITEMS
from kvv_action.causes import Cause, id_of_sentence
from kvv_action.verdict.known_causes import all_causes, in_general, severity_by_rule

HEAD = """# Causes

What a run can name as the cause of a failure, and what to do about it. This page is written by `.ci/tables`.

A **finding** is a cause that was seen in the answers of a run, whichever benchmark asked. It stands in `report.json`
under `findings` with its id (`cause_id`). A failure fails the run, a warning is told, information is folded. Most
findings become a failure when at least three answers show them, and at least 0.5 % of all answers (by the lower limit
at 95 %).

A cause of **Pre-Verification** explains why a probe does not hold. It stands in the `diagnosis` of that benchmark.

## Findings
"""


def causes() -> str:
    """The page."""
    parts = [HEAD, *(_finding(cause) for cause in sorted(all_causes(), key=lambda one: one.id))]
    return "\n".join([*parts, "## Pre-Verification\n", *_of_probes()])


def _finding(cause: Cause) -> str:
    always = severity_by_rule(cause.id, 1, 1000)
    often = severity_by_rule(cause.id, 500, 1000)
    severity = f"{often}" if always == often else f"{often} (a {always} while few answers show it)"
    lines = [f"### {cause.id}\n", f"{_sentence(in_general(cause.id))}\n", f"Severity: {severity}.\n"]
    lines.append(f"What to do: {cause.remedy}.\n")
    if cause.switches:
        lines += [*(f"- {engine}: `{switch}`" for engine, switch in cause.switches.items()), ""]
    if cause.explains:
        lines.append(f"Where it is found, it explains: {', '.join(cause.explains)}.\n")
    return "\n".join(lines)


def _of_probes() -> Iterator[str]:
    modules = [
        probes,
        token_pattern,
        *(import_module(f"{suites.__name__}.{one.name}") for one in iter_modules(suites.__path__)),
    ]
    values = [value for module in modules for value in vars(module).values()]
    values += [one for value in values if isinstance(value, Mapping) for one in value.values()]
    values += [probes.ProbeCause(cause=item.rule, remedy=item.remedy) for item in ITEMS if item.remedy]
    known = {in_general(cause.id) for cause in all_causes()}
    found = {one.cause: one for one in values if isinstance(one, probes.ProbeCause) and one.cause not in known}
    for sentence, one in sorted(found.items()):
        yield f"### {id_of_sentence(sentence)}\n\n{_sentence(sentence)}\n\nWhat to do: {one.remedy}.\n"


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."
