"""No test finds a container engine by chance: those that need one say so. Fast tests are marked as such."""

import pytest

from tests.groups import is_fast


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if is_fast(item):
            item.add_marker("fast")


@pytest.fixture(autouse=True)
def no_engine_by_chance(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demonstration would work in containers wherever there is an engine, for minutes in each test."""
    if request.node.get_closest_marker("docker") is None:
        monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
