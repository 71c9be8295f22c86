"""Which tests are fast. A new test falls into the right group by itself: by its markers, fixtures and imports."""

import inspect

import pytest

from tests.pipeline import command

SLOW_MARKERS = ("docker", "pipeline", "perf")
SLOW_FIXTURES = frozenset({"browser"})
WHOLE_COMMANDS = frozenset({command.kvv, command.demo, command.start, command.fork, command.vendor})


def is_fast(item: pytest.Item) -> bool:
    """Whether a test needs no engine, no browser and no whole command of `kvv`."""
    fixtures = getattr(item, "fixturenames", ())
    slow = any(item.get_closest_marker(name) for name in SLOW_MARKERS) or SLOW_FIXTURES.intersection(fixtures)
    return not slow and not _runs_whole_commands(item)


def _runs_whole_commands(item: pytest.Item) -> bool:
    module = item.getparent(pytest.Module)
    assert module is not None
    return any(value in WHOLE_COMMANDS for value in vars(module.obj).values() if inspect.isfunction(value))
