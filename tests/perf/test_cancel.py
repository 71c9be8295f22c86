"""How long a cancelled step takes to end; run with `-m perf -s`, where there is an engine."""

import pytest

from tests.e2e import test_action, test_sandbox
from tests.e2e.conftest import Serve, docker, image, runner, serve  # noqa: F401 - fixtures
from tests.e2e.runner import Runner

pytestmark = [pytest.mark.perf, pytest.mark.docker, pytest.mark.timeout(900)]
WITHIN = 7.0
"""Seconds; GitHub's runner kills a step 7.5 s after it asked it to end."""


@pytest.mark.parametrize("seed", range(4))
def test_containers_at_work(runner: Runner, docker: str, seed: int) -> None:  # noqa: F811
    """With four instances in nested containers."""
    assert test_sandbox.cancel(runner, docker, seed) < WITHIN


def test_answers_on_their_way(runner: Runner, serve: Serve, docker: str) -> None:  # noqa: F811
    """With a vendor that takes a minute for each."""
    took = test_action.cancel(runner, serve, docker)
    print(f"\ngone after {took:.1f} s")
    assert took < WITHIN
