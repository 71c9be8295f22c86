"""Settings from a TOML file that the command line or KVV_CONFIG names; no file is ever looked for."""

import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, get_origin

from kvv_action.errors import Problem, UsageError, in_words, nearest, refusal
from kvv_action.settings import SECRETS, Settings, field_name, is_given, option_name, variable_of

VARIABLE = "KVV_CONFIG"
LARGEST = 2**20
"""Bytes of such a file."""


def with_config(values: Mapping[str, Any], path: str | None, model: type[Settings]) -> dict[str, Any]:
    """Options, and the settings of a file that neither options nor inputs nor variables give.

    Args:
        values: what the command line gave, by field name.
        path: of the file; None for what KVV_CONFIG names.
        model: which settings there are.

    Raises:
        UsageError: the file cannot be read, or holds what is no setting or a secret.
    """
    named = os.environ.get(VARIABLE, "") if path is None else path
    if not named:
        return dict(values)
    config = _checked(_read(named), named, model)
    return {name: value for name, value in config.items() if not is_given(values, name)} | dict(values)


def placed(problem: Problem, arguments: Sequence[str] | None, model: type[Settings]) -> Problem:
    """The problem with the variable, or the line of the file, that set what is wrong.

    An option or an input needs no place: its name says it.

    Args:
        problem: of any origin.
        arguments: the command line; None for the action, which reads no file of settings.
        model: which settings there are.
    """
    name, option = field_name(problem.name), f"--{problem.name}"
    if name not in model.model_fields or any(word.split("=")[0] == option for word in arguments or ()):
        return problem
    if variable := variable_of(name):
        return problem if variable in str(problem) else replace(problem, place=f"the variable {variable}")
    path = "" if arguments is None else _config_of(arguments)
    if not path or is_given({}, name):
        return problem
    try:
        place = _line(path, name)
    except (OSError, ValueError):
        return problem
    return replace(problem, place=place) if place != path else problem


def _config_of(arguments: Sequence[str]) -> str:
    """The file that `--config` or KVV_CONFIG names."""
    words = [part for word in arguments for part in word.split("=", 1)]
    return next((path for word, path in pairwise(words) if word == "--config"), os.environ.get(VARIABLE, ""))


def _line(path: str, name: str) -> str:
    """The file, and its line in which a setting stands; the file alone where none is found."""
    spelt = "[_-]".join(name.split("_"))
    found = re.search(rf"""^\s*\[?\s*["']?{spelt}["']?\s*[=.\]]""", text := _text(path), re.MULTILINE)
    return f"{path}, line {text.count(chr(10), 0, found.end()) + 1}" if found else path


def _read(path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(_text(path))
    except FileNotFoundError:
        raise _unusable(path, "No such file; KVV_CONFIG and --config name one that is there.") from None
    except OSError as error:
        raise _unusable(path, f"The file cannot be read: {refusal(error)}.") from None
    except ValueError as error:
        raise _unusable(
            path, f"It is no file of settings (TOML: one `name = value` a line): {in_words(error)}."
        ) from None


def _text(path: str) -> str:
    """The text of the file, whatever it says; raises OSError, ValueError."""
    with Path(path).open("rb") as file:
        text = file.read(LARGEST + 1)
    if len(text) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST} bytes")
    return text.decode()


def _unusable(path: str, why: str) -> UsageError:
    return UsageError([Problem(name="config", value=path, allowed=why)])


def _checked(config: Mapping[str, Any], path: str, model: type[Settings]) -> dict[str, Any]:
    """The file's settings by field name."""
    fields = model.model_fields
    problems = [
        Problem(name=f"config {_line(path, field_name(name))}", value=name, allowed=why, nearest=guess)
        for name in config
        for why, guess in [_wrong(field_name(name), config[name], fields)]
        if why
    ]
    if problems:
        raise UsageError(problems)
    return {field_name(name): _as_given(value) for name, value in config.items()}


def _wrong(name: str, value: Any, fields: Mapping[str, Any]) -> tuple[str, str | None]:
    if name in SECRETS:
        return f"A secret does not belong into a file; set KVV_{name.upper()}.", None
    kind = get_origin(fields[name].annotation) if name in fields else None
    if isinstance(value, dict) and kind is not dict:
        return "It is a table; write settings without one, `name = value` a line.", None
    if name not in fields:
        guess = nearest(name, fields)
        return "There is no such setting; `kvv run --help` lists them.", option_name(guess) if guess else None
    if isinstance(value, list) and kind not in (dict, tuple):
        return "It is a list, and this setting has one value.", None
    return "", None


def _as_given(value: Any) -> Any:
    """A value in the form that options have; tables stay tables."""
    if isinstance(value, dict):
        return value
    if isinstance(value, list):
        return [str(part) for part in value]
    return str(value).lower() if isinstance(value, bool) else str(value)
