"""Loads a profile by name or path, and reports all its mistakes."""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kvv_action.errors import Problem, UsageError, nearest
from kvv_action.profiles import layers as files
from kvv_action.profiles.consistency import Mistake, contradictions
from kvv_action.profiles.document import Document, keys_at, to_profile
from kvv_action.profiles.fields import NOT_JSON
from kvv_action.profiles.layers import Layer, names
from kvv_action.profiles.model import Profile
from kvv_action.schema import TIERS

__all__ = ["load", "names"]


def load(name_or_path: str) -> Profile:
    """Load a built-in profile by name, or a TOML file by path (with a separator, or ending in `.toml`).

    A file may extend a built-in profile or another file (relative to its own folder): tables merge, other values are
    replaced.

    Raises:
        UsageError: one `Problem` per mistake.
    """
    try:
        layers = files.read(name_or_path)
        content = files.merged(layers)
        profile, mistakes = _validated(Path(name_or_path).name.removesuffix(".toml"), content)
        problems = [_problem(mistake, layers) for mistake in (*mistakes, *_unknown(content, layers))]
    except RecursionError:
        raise files.refused(f"profile {name_or_path}", "", "Tables or lists are nested too deeply.") from None
    if profile is None or problems:
        raise UsageError(problems)
    return profile


def _validated(name: str, content: files.Content) -> tuple[Profile | None, list[Mistake]]:
    try:
        profile = to_profile(name, Document.model_validate_json(json.dumps(content, default=str)))
    except ValidationError as error:
        return None, [_mistake(details) for details in error.errors(include_url=False)]
    return profile, [*_dates(content), *contradictions(profile)]


def _dates(value: Any, loc: tuple[str | int, ...] = ()) -> Iterator[Mistake]:
    """Dates where no day is expected: JSON has none."""
    match value:
        case dict() | list():
            for key, item in value.items() if isinstance(value, dict) else enumerate(value):
                if key != "date":
                    yield from _dates(item, (*loc, key))
        case date() | time():
            yield Mistake(loc=loc, value=str(value), allowed=NOT_JSON)


def _unknown(content: files.Content, layers: Sequence[Layer]) -> Iterator[Mistake]:
    """Benchmarks that nobody knows; what is built in is right by test."""
    tables = content.get("benchmarks")
    if not isinstance(tables, dict) or all(layer.path is None for layer in layers):
        return
    known = files.benchmarks()
    for name in tables:
        if name not in known:
            allowed = f"Unknown benchmark. Known: {', '.join(known)}."
            yield Mistake(loc=("benchmarks", name), allowed=allowed, nearest=nearest(name.lower(), known))


def _mistake(details: ErrorDetails) -> Mistake:
    loc, value = details["loc"], details["input"]
    is_key = loc[-1:] == ("[key]",)  # the key itself is wrong, and its place ends with it
    loc = loc[:-1] if is_key else loc
    match details["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            keys = keys_at(loc[:-1])
            allowed = f"Unknown key. Known here: {', '.join(keys)}."
            return Mistake(loc=loc, allowed=allowed, nearest=nearest(str(loc[-1]).lower(), keys))
        case "value_error" if is_key and loc[-2] == "tiers":
            allowed = f"Unknown tier. Known: {', '.join(TIERS)}."
            return Mistake(loc=loc, allowed=allowed, nearest=nearest(str(value).lower(), TIERS))
        case "missing":
            return Mistake(loc=loc, allowed="Required, but missing.")
        case "enum":
            known = re.findall(r"'([^']+)'", details["ctx"]["expected"])
            allowed = f"It is one of {', '.join(known)}."
            spelt = {word.lower(): word for word in known}
            near = spelt.get(nearest(str(value).lower(), spelt) or "")
            return Mistake(loc=loc, value=files.cut(value), allowed=allowed, nearest=near)
        case _:
            said = details["msg"].removeprefix("Value error, ").replace("Input should", "Must", 1).rstrip(".")
            return Mistake(loc=loc, value=files.cut(value), allowed=f"{said}.")


def _problem(mistake: Mistake, layers: Sequence[Layer]) -> Problem:
    where = ".".join(map(str, mistake.loc))
    return Problem(
        name=f"profile {_blamed(mistake.loc, layers).shown}: {where}",
        value=mistake.value,
        allowed=mistake.allowed,
        nearest=mistake.nearest,
    )


def _blamed(loc: tuple[str | int, ...], layers: Sequence[Layer]) -> Layer:
    """The outermost file with this key; the profile itself when only a built-in profile or none has it."""
    return next((layer for layer in layers if layer.path and _has(layer.content, loc)), layers[0])


def _has(content: Any, loc: tuple[str | int, ...]) -> bool:
    try:
        for part in loc:
            content = content[part]
    except (KeyError, IndexError, TypeError):
        return False
    return True
