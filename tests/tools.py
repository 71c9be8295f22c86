"""Tools that a machine may lack: tests that need one are skipped, but fail where `KVV_TESTS_EXPECT` names the tool."""

import os
from typing import NoReturn

import pytest

ENGINE, BROWSER, NPM = "engine", "browser", "npm"
EXPECTED = frozenset(os.environ.get("KVV_TESTS_EXPECT", "").split(","))
"""Tools that whoever started the tests promises. Read once: some tests clean the environment."""


def missing(tool: str, reason: str) -> NoReturn:
    """End a test that cannot run here: skip it, or fail it where the tool was promised."""
    if tool in EXPECTED:
        pytest.fail(f"{reason} (KVV_TESTS_EXPECT names {tool})", pytrace=False)
    pytest.skip(reason)
