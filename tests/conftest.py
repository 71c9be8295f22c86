"""Every test starts from the same ground: no engine by chance, signals as in a terminal.

Fast tests are marked, those that share what is made once are grouped, and names of tests are kept short.
"""

import gc
import re
import signal
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.groups import is_fast, shared_by

settings.register_profile("ours", deadline=None, max_examples=50)
settings.load_profile("ours")
LONGEST_NAME = 200
"""Characters of a text that stands in the name of a test."""
HERE = Path(__file__).parent
ON_DEMAND = ("perf", "servers")
"""Folders whose tests all have the marker of their folder's name."""


def pytest_configure() -> None:
    """A shell's background jobs ignore SIGINT, and so would every process that the tests start and interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Tests on demand take long to import: where the marker expression does not ask for them, they are not read."""
    name, wanted = collection_path.name, config.option.markexpr
    if collection_path.parent != HERE or name not in ON_DEMAND or not wanted:
        return None
    return None if re.search(rf"(?<!not )\b{name}\b", wanted) else True


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and tests stay: garbage is looked for neither while they are made nor among them, and later seldom."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(50_000)  # a run allocates as many in a moment: a twentieth of the time of all tests
        gc.enable()


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """A long text is no name: pytest would pass megabytes of it between its processes, and into every report."""
    if isinstance(val, str | bytes) and len(val) > LONGEST_NAME:
        return f"{argname} of {len(val)}"
    return None


@pytest.hookimpl(tryfirst=True)  # before xdist looks at groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_fast(item):
            item.add_marker("fast")
        if (module := shared_by(item)) is not None and item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(module))


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    """The step takes signals over, in whatever process it runs; processes that later tests start would inherit that."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(autouse=True)
def no_engine_by_chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demonstration would work in containers wherever there is an engine, for minutes in each test."""
    if request.node.get_closest_marker("docker") is None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
