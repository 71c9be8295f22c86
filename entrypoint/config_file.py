"""Settings from a TOML file that the command line or KVV_CONFIG names; no file is ever looked for."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kvv_action.errors import Problem, UsageError, in_words, nearest, refusal
from kvv_action.settings import SECRETS, Settings, field_name, is_given, option_name

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


def _read(path: str) -> dict[str, Any]:
    try:
        with Path(path).open("rb") as file:
            text = file.read(LARGEST + 1)
        if len(text) > LARGEST:
            raise ValueError(f"it is larger than {LARGEST} bytes")
        return tomllib.loads(text.decode())
    except FileNotFoundError:
        raise _unusable(path, "No such file; KVV_CONFIG and --config name one that is there.") from None
    except OSError as error:
        raise _unusable(path, f"The file cannot be read: {refusal(error)}.") from None
    except ValueError as error:
        raise _unusable(
            path, f"It is no file of settings (TOML: one `name = value` a line): {in_words(error)}."
        ) from None


def _unusable(path: str, why: str) -> UsageError:
    return UsageError([Problem(name="config", value=path, allowed=why)])


def _checked(config: Mapping[str, Any], path: str, model: type[Settings]) -> dict[str, Any]:
    """The file's settings by field name."""
    fields = model.model_fields
    problems = [
        Problem(name=f"config {path}", value=name, allowed=why, nearest=guess)
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
    if isinstance(value, dict) and name not in fields:
        return "It is a table; write settings without one, `name = value` a line.", None
    if name not in fields:
        guess = nearest(name, fields)
        return "There is no such setting; `kvv run --help` lists them.", option_name(guess) if guess else None
    return "", None


def _as_given(value: Any) -> Any:
    """A value in the form that options have; numbers stay numbers."""
    return [str(part) for part in value] if isinstance(value, list) else value
