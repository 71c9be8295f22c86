"""Tests of one group are run by one process, and a test finds by itself whether it is a fast one."""

from pathlib import Path

import pytest

from entrypoint.compose import run_verification
from tests.groups import SLOW_TESTS
from tests.pipeline.command import kvv
from tests.sharing import made_once

ROOT = Path(__file__).parents[2]


@pytest.mark.xdist_group("alone")
def test_groups_are_seen(request: pytest.FixtureRequest) -> None:
    """An xdist that does not know this pytest's ids divides groups without a word."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("tests are not divided among processes by group")
    assert request.node.nodeid.endswith("@alone")


def is_fast(request: pytest.FixtureRequest) -> bool:
    """Whether the running test was found to be fast."""
    return request.node.get_closest_marker("fast") is not None


def ran() -> list[int]:
    """Runs a whole command, inside something that it defines."""
    return [kvv("profiles").status for _ in range(1)]


def around(depth: int) -> int:
    """Leads to no command, by way of itself."""
    return around(depth - 1) if depth else 0


@pytest.fixture
def finished() -> int:
    return ran()[0]


@pytest.fixture
def by_way(finished: int) -> int:
    return finished


def test_a_test_of_functions_is_fast(request: pytest.FixtureRequest) -> None:
    """It needs nothing and calls nothing but a helper."""
    assert around(3) == 0
    assert is_fast(request)


def test_a_helper_that_runs_a_command_is_not(request: pytest.FixtureRequest) -> None:
    """Wherever it is called."""
    assert ran() == [0]
    assert not is_fast(request)


def test_a_fixture_that_runs_a_command_is_not(by_way: int, request: pytest.FixtureRequest) -> None:
    """Also by way of another one."""
    assert by_way == 0
    assert not is_fast(request)


@pytest.mark.slow
def test_what_is_marked_is_not(request: pytest.FixtureRequest) -> None:
    """A marker is enough."""
    assert not is_fast(request)


def test_what_runs_a_whole_run_is_not(request: pytest.FixtureRequest) -> None:
    """Also in the test's own process, without a command."""
    assert callable(run_verification)
    assert not is_fast(request)


@pytest.fixture
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "file-of-groups", lambda folder: (folder / "made").touch())


def test_what_is_made_once_is_shared_in_one_process(made: Path, request: pytest.FixtureRequest) -> None:
    """Others would wait until it is made."""
    assert (made / "made").is_file()
    group = request.node.get_closest_marker("xdist_group")
    assert group is not None
    assert group.args == (__name__,)


@pytest.mark.parametrize("file", SLOW_TESTS)
def test_the_slow_tests_exist(file: str) -> None:
    """A test that was renamed would be fast again without a word."""
    text = (ROOT / file).read_text()
    assert [name for name in SLOW_TESTS[file] if f"def {name}(" not in text] == []
