"""Tests that share one engine are of one group, which one process runs."""

import pytest


@pytest.mark.xdist_group("alone")
def test_groups_are_seen(request: pytest.FixtureRequest) -> None:
    """An xdist that does not know this pytest's ids divides groups without a word."""
    if not getattr(request.config.option, "loadgroup", False):
        pytest.skip("tests are not divided among processes by group")
    assert request.node.nodeid.endswith("@alone")
