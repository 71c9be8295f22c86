"""Finds the servers that this machine has; a test whose server is not there is skipped, and says how to get it."""

import os
from pathlib import Path

import pytest

from tests.servers.install import PACKAGES, VARIABLE


def program(server: str, name: str = "python") -> Path:
    """A program of a server's own environment; the test is skipped when it is not installed."""
    root = os.environ.get(VARIABLE, "")
    found = Path(root, server, "bin", name)
    if not root or not found.is_file():
        pytest.skip(
            f"{server} is not installed: set {VARIABLE} to a folder, run `python -m tests.servers.install {server}` "
            f"(installs {' '.join(PACKAGES[server])})"
        )
    return found
