"""Generates the inputs and outputs of `action.yml` from the code."""

import json
from collections.abc import Iterable

from pydantic import BaseModel

from kvv_action.settings import option_name

OUTPUTS = {
    "verdict": "pass, fail, inconclusive or skipped.",
    "reason": "Why, in one line; characters that a shell acts on inside quotes are taken out.",
    "report-path": "Path of report.json, relative to the workspace; empty when there is none.",
    "junit-path": "Path of junit.xml, relative to the workspace; empty when there is none.",
    "summary-path": "Path of summary.md, relative to the workspace; empty when there is none.",
    "html-path": "Path of report.html, one page without scripts, relative to the workspace; empty when there is none.",
    "regression": "none, regression or unknown, compared with baseline; empty without one.",
    "compare-path": "Path of compare.json, relative to the workspace; empty when there is none.",
    "journal-path": "Path of journal.jsonl, the evidence, relative to the workspace; empty when there is none.",
    "bundle-path": "Path of the evidence bundle, relative to the workspace; empty when there is none.",
    "bundle-sha256": "SHA-256 of the evidence bundle; empty when there is none.",
    "effort-path": "With effort: all, path of effort.json, the table of all levels; the other paths and the scores are "
    "those of the level at which the references were measured. Empty otherwise.",
    "gate": "For command: plan, true when shard 1 is Pre-Verification, for which the others wait; else false.",
    "shards": "For command: plan, the numbers of the other shards as a JSON array, for a matrix.",
    "of": "For command: plan, how many shards there are in all: shard is N/of.",
    "leaderboard-pr-url": "Address of the pull request with the result; empty when there is none.",
    "leaderboard-operation": "created, updated or none: what became of it; empty without leaderboard-repo.",
}
"""Outputs that are always set, with their descriptions."""
_SECTIONS = ("inputs", "outputs")


def score_output(benchmark: str) -> str:
    """The name of the output with a benchmark's score."""
    return f"score-{benchmark}"


def inputs_block(settings: type[BaseModel]) -> str:
    """`inputs:` with every setting, without `default`: the settings have their own defaults."""
    described = {option_name(name): field.description or "" for name, field in settings.model_fields.items()}
    return _block("inputs", described)


def outputs_block(benchmarks: Iterable[str]) -> str:
    """`outputs:` with the fixed outputs and a score for each benchmark."""
    scores = {score_output(name): f"Score of {name}, 0 to 1; empty when nothing was scored." for name in benchmarks}
    return _block("outputs", {**OUTPUTS, **scores})


def regenerate(text: str, settings: type[BaseModel], benchmarks: Iterable[str]) -> str:
    """`action.yml` with both blocks replaced.

    Raises:
        ValueError: a block is missing.
    """
    for section, block in zip(_SECTIONS, (inputs_block(settings), outputs_block(benchmarks)), strict=True):
        text = _replace(text, section, block)
    return text


def _block(name: str, described: dict[str, str]) -> str:
    lines = [f"{name}:"]
    for key, description in described.items():
        lines += [f"  {key}:", f"    description: {json.dumps(description, ensure_ascii=False)}"]
        if name == "inputs":
            lines.append("    required: false")
    return "\n".join(lines) + "\n"


def _replace(text: str, section: str, block: str) -> str:
    """Replace a top-level mapping: its line and the indented lines below."""
    lines = text.splitlines(keepends=True)
    try:
        start = lines.index(f"{section}:\n")
    except ValueError:
        raise ValueError(f"action.yml has no {section!r} at its top level") from None
    end = next((i for i in range(start + 1, len(lines)) if not lines[i].startswith((" ", "#"))), len(lines))
    return "".join([*lines[:start], block, *lines[end:]])
