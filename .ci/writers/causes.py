"""`docs/causes.md`: every cause that a run can name, with what to do about it."""

from collections.abc import Iterable, Iterator

from benchmarks import registry
from kvv_action.causes import Cause, CauseRegistry, in_general
from kvv_action.verdict.known_causes import FOUND_IN_ANSWERS, OF_BENCHMARKS, severity_by_rule

HEAD = """# Causes

What a run can name as the cause of a failure, and what to do about it. This page is written by `.ci/tables`.

Every report leads with one cause: the one that explains most of the failing answers. They stand in `report.json` under
`causes`, in this order, each with its id (`cause_id`), its share of the failing answers and the ids of the symptoms
that it explains (`symptoms`). A failing answer is one that is not right in a benchmark that fails, or one that shows a
failure.

A **finding** is a cause that was seen in the answers of a run, whichever benchmark asked (`findings` in
`report.json`). A failure fails the run, a warning is told, information is folded. Most findings become a failure when
at least three answers show them, and at least 0.5 % of all answers (by the lower limit at 95 %). Other causes explain
why a probe or an answer of a benchmark is not right (`diagnosis` of that benchmark).

Options of engines stand here under the name that their documentation gives them; where none is listed, none is known.
`NAME` stands for a value that each model has of its own: a report of a run says it, if the model's
[profile](profiles.md) does (`engine_options`). The help of `vllm serve` and of SGLang's server list what there is.
"""

SHOWN = 30
"""Symptoms that are listed by name."""


def causes() -> str:
    """The page."""
    known, written = registry.all_causes(), set[str]()
    owners = {"Findings": FOUND_IN_ANSWERS} | {one.title: one.causes() for one in registry.OURS.values()}
    parts = [HEAD]
    for title, found in (owners | {"Scores": OF_BENCHMARKS}).items():
        fresh = {cause.id for cause in found} - written
        parts += [f"## {title}\n", *_sections(fresh, known)] if fresh else []
        written |= fresh
    return "\n".join(parts)


def _sections(ids: Iterable[str], known: CauseRegistry) -> Iterator[str]:
    """A section per cause; what several owners declare stands with the first."""
    for name in sorted(ids):
        cause = known.get(name)
        assert cause is not None
        yield _section(cause, known)


def _section(cause: Cause, known: CauseRegistry) -> str:
    lines = [f"### {cause.id}\n", f"{_sentence(in_general(cause.sentence))}\n", *_severity(cause)]
    lines.append(f"What to do: {cause.remedy}.\n")
    if cause.switches:
        lines += [*(f"- {engine}: `{switch}`" for engine, switch in cause.switches.items()), ""]
    symptoms = known.symptoms(cause.id)
    if len(symptoms) > SHOWN:
        lines.append(f"Where it is found, it explains {len(symptoms)} other causes.\n")
    elif symptoms:
        lines.append(f"Where it is found, it explains: {', '.join(f'[{name}](#{name})' for name in symptoms)}.\n")
    return "\n".join(lines)


def _severity(cause: Cause) -> Iterator[str]:
    often = severity_by_rule(cause.id, 500, 1000)
    if often is not None:
        always = severity_by_rule(cause.id, 1, 1000)
        severity = f"{often}" if always == often else f"{often} (a {always} while few answers show it)"
        yield f"Severity: {severity}.\n"


def _sentence(text: str) -> str:
    """With a large first letter, except for the name of a field."""
    is_field = "_" in text.split(" ", 1)[0]
    return (text if is_field else text[0].upper() + text[1:]) + "."
