"""The inputs and outputs of action.yml."""

import json
from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from kvv_action.github.outputs import OUTPUTS, score_output
from kvv_action.settings import option_name


def regenerate(text: str, settings: type[BaseModel], benchmarks: Iterable[str]) -> str:
    """`action.yml` with both blocks replaced.

    Raises:
        ValueError: a block is missing.
    """
    for section, block in (("inputs", inputs_block(settings)), ("outputs", outputs_block(benchmarks))):
        text = _replace(text, section, block)
    return text


def inputs_block(settings: type[BaseModel]) -> str:
    """`inputs:` with every setting, without `default`: the settings have their own defaults."""
    described = {option_name(name): field.description or "" for name, field in settings.model_fields.items()}
    return _block("inputs", described)


def outputs_block(benchmarks: Iterable[str]) -> str:
    """`outputs:` with the fixed outputs and a score for each benchmark."""
    scores = {score_output(name): f"Score of {name}, 0 to 1; empty when nothing was scored." for name in benchmarks}
    return _block("outputs", {**OUTPUTS, **scores})


def _block(name: str, described: Mapping[str, str]) -> str:
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
