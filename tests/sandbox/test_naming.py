"""Names of images."""

import pytest

from kvv_action.sandbox.naming import full_name, mirrored, repository

DIGEST = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("name", "whole"),
    [
        ("ubuntu", "docker.io/library/ubuntu:latest"),
        ("ubuntu:24.04", "docker.io/library/ubuntu:24.04"),
        ("swebench/x_1776_y", "docker.io/swebench/x_1776_y:latest"),
        ("ghcr.io/a/b:1", "ghcr.io/a/b:1"),
        ("localhost:5000/a", "localhost:5000/a:latest"),
        (f"a/b@{DIGEST}", f"docker.io/a/b@{DIGEST}"),
        (DIGEST, DIGEST),
    ],
)
def test_full_names(name: str, whole: str) -> None:
    """As the engine understands them."""
    assert full_name(name) == whole


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("swebench/x:1", "mine.example/swe/x:1"),
        ("other/x:1", "mirror.example/hub/other/x:1"),
        ("ubuntu", "mirror.example/hub/library/ubuntu:latest"),
        ("swebenchmark/x", "mirror.example/hub/swebenchmark/x:latest"),
        ("ghcr.io/a/b", "ghcr.io/a/b"),
    ],
)
def test_mirrors(name: str, place: str) -> None:
    """The longest prefix of whole path components wins; what no prefix fits stays."""
    mirrors = {"docker.io": "mirror.example/hub/", "docker.io/swebench": "mine.example/swe"}
    assert mirrored(name, mirrors) == place


@pytest.mark.parametrize(
    ("name", "listed"),
    [
        ("ubuntu:24.04", "ubuntu"),
        ("docker.io/swebench/x:latest", "swebench/x"),
        (f"a/b@{DIGEST}", "a/b"),
        ("localhost:5000/a/b:1", "localhost:5000/a/b"),
    ],
)
def test_repositories(name: str, listed: str) -> None:
    """As the engine lists digests."""
    assert repository(name) == listed
