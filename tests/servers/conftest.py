"""A clean environment for every run; where the servers are stays known."""

import os
from collections.abc import Iterator

import pytest

from tests.servers.install import VARIABLE


@pytest.fixture(autouse=True, scope="module")
def clean_environment() -> Iterator[None]:
    """No setting of the user's and no proxy; also for servers that serve a whole module."""
    with pytest.MonkeyPatch.context() as patch:
        for name in os.environ:
            if name.startswith(("KVV_", "INPUT_", "GITHUB_")) and name != VARIABLE:
                patch.delenv(name)
        patch.setenv("COLUMNS", "100")
        patch.setenv("NO_PROXY", "*")
        yield
