"""Which tests are fast. A new test falls into the right group by itself: by markers, fixtures and what it calls."""

import functools
import inspect
from collections.abc import Callable, Iterator
from types import CodeType
from typing import Any

import pytest

from tests.pipeline import command

SLOW_MARKERS = ("docker", "parity", "perf", "pipeline", "servers", "slow")
SLOW_FIXTURES = frozenset({"browser"})
WHOLE_COMMANDS = frozenset({command.kvv, command.demo, command.start, command.fork, command.vendor})
"""What runs `kvv` as a user does, or serves for it."""
WHOLE_RUN = ("entrypoint.compose", "run_verification")
"""What such a command does, by module and name: importing it would take longer than most tests."""

Code = Callable[..., Any]


def is_fast(item: pytest.Item) -> bool:
    """Whether a test needs no engine, no browser, no real records and no whole command, and is not marked slow."""
    if any(item.get_closest_marker(name) for name in SLOW_MARKERS):
        return False
    if not isinstance(item, pytest.Function):
        return True
    if SLOW_FIXTURES.intersection(item.fixturenames):
        return False
    return not any(_reaches_a_whole_command(function) for function in (item.function, *_fixtures(item)))


def _fixtures(item: pytest.Function) -> Iterator[Code]:
    """The functions of all fixtures that a test uses, also by way of others."""
    for name in item.fixturenames:
        for definition in item.session._fixturemanager.getfixturedefs(name, item) or ():
            yield definition.func


@functools.cache
def _reaches_a_whole_command(function: Code) -> bool:
    """Whether a function, or any of the tests' own that it leads to, names a whole command or a whole run."""
    seen, ahead = set[Code](), [inspect.unwrap(function)]
    while ahead:
        found = ahead.pop()
        if found in WHOLE_COMMANDS or _name(found) == WHOLE_RUN:
            return True
        if found not in seen:
            seen.add(found)
            ahead += _named(found)
    return False


def _named(function: Code) -> Iterator[Code]:
    """The functions of `tests`, the methods of its classes, and the whole run, that a function names."""
    code, known = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    for value in (known.get(name) for name in _names(code)):
        if _name(value) == WHOLE_RUN:
            yield value
        elif not _name(value)[0].startswith("tests."):
            continue
        elif inspect.isfunction(value):
            yield value
        elif inspect.isclass(value):
            yield from (method for _, method in inspect.getmembers(value, inspect.isfunction))


def _name(value: object) -> tuple[str, str]:
    """The module and the name of a function or class; empty texts of anything else."""
    return str(getattr(value, "__module__", None) or ""), str(getattr(value, "__name__", ""))


def _names(code: CodeType | None) -> Iterator[str]:
    """Every global name in a function and in what is defined inside it."""
    if code is not None:
        yield from code.co_names
        for constant in code.co_consts:
            if isinstance(constant, CodeType):
                yield from _names(constant)
