"""The image of this very container: told where it can be known, never required."""

import os
import sys
from pathlib import Path
from typing import Any

import pytest

from kvv_action.github import context
from kvv_action.sandbox.engine import NoEngine
from kvv_action.sandbox.own_image import own_image


class Engine:
    """An engine that knows one container."""

    def __init__(self, digests: list[str], path: str = f"{Path(sys.executable).parent}/kvv") -> None:
        self.digests = digests
        self.path = path
        self.closed = False

    def inspect_container(self, name: str) -> dict[str, Any]:
        assert name == os.uname().nodename
        return {"Image": "sha256:abc", "Path": self.path}

    def inspect_image(self, image: str) -> dict[str, Any]:
        assert image == "sha256:abc"
        return {"RepoDigests": self.digests}

    def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize(("digests", "told"), [(["ghcr.io/x/y@sha256:1"], "ghcr.io/x/y@sha256:1"), ([], "sha256:abc")])
def test_inside_a_container(digests: list[str], told: str, tmp_path: Path) -> None:
    """Its repository digest, or the content id where it was built here."""
    (tmp_path / "marker").touch()
    engine = Engine(digests)
    assert own_image(marker=tmp_path / "marker", engine=lambda: engine) == told
    assert engine.closed


def test_another_container_of_that_name_is_not_ours(tmp_path: Path) -> None:
    """Containers that share a network share a name; what is known of the other one is not said of this one."""
    (tmp_path / "marker").touch()
    assert own_image(marker=tmp_path / "marker", engine=lambda: Engine([], "tail")) == ""


def test_outside_nobody_is_asked(tmp_path: Path) -> None:
    """On a laptop there is no such image."""
    assert own_image(marker=tmp_path / "marker", engine=lambda: pytest.fail("asked")) == ""


def test_an_engine_that_does_not_tell_fails_nothing(tmp_path: Path) -> None:
    """No socket, no right, another hostname."""
    (tmp_path / "marker").touch()

    def none() -> Any:
        raise NoEngine("no socket")

    assert own_image(marker=tmp_path / "marker", engine=none) == ""


@pytest.mark.parametrize(
    ("said", "told"), [("ghcr.io/x@sha256:1 ", "ghcr.io/x@sha256:1"), ("a\nb", ""), ("x" * 301, "")]
)
def test_a_deployment_can_say(said: str, told: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Kubernetes, where a container cannot ask; what is said must be a name."""
    monkeypatch.setenv("KVV_IMAGE", said)
    assert context.image() == told
