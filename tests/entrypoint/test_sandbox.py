"""`kvv sandbox`: what is there, what was left, and its removal."""

import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.labels import labels
from kvv_action.sandbox.reaper import ContainerSelection, reap
from tests.pipeline.command import kvv
from tests.tools import ENGINE, missing


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Said in a line, without a traceback."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/d.sock")
    for action in ("check", "list", "reap"):
        ran = kvv("sandbox", action)
        assert (ran.status, ran.err) == (1, "")
        assert "no container engine answers" in ran.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("list", "--dry-run"), "is not an option of `kvv sandbox list`"),
        (("check", "--all"), "is not an option of `kvv sandbox check`"),
        (("reap", "--all", "--run", "x"), "not allowed with"),
        (("prune",), "Use one of: check, list, reap"),
        (("reap", "--everything"), "no such option"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], words: str) -> None:
    """Each mistake is named."""
    ran = kvv("sandbox", *arguments)
    assert ran.status == 2
    assert words in ran.err


@pytest.fixture
def left() -> Iterator[tuple[str, Any]]:
    """A container as a killed run leaves it: its label, and a client."""
    if "KVV_BASE_IMAGE" not in os.environ:
        missing(ENGINE, "KVV_BASE_IMAGE is not set: there is no image to run")
    try:
        client = connect()
    except NoEngine as error:
        missing(ENGINE, str(error))
    run = f"test-{secrets.token_hex(6)}"
    config = {
        "Image": os.environ["KVV_BASE_IMAGE"], "Entrypoint": ["sleep", "300"], "HostConfig": {"NetworkMode": "none"},
        "Labels": labels(run, "some\n::error::instance", "agent", time.time() + 300),
    }  # fmt: skip
    client.start(client.create_container_from_config(config, f"kvv-{run}")["Id"])  # type: ignore[no-untyped-call]
    yield run, client
    reap(ContainerSelection(run=run))
    client.close()


@pytest.mark.docker
def test_list_and_reap(left: tuple[str, Any]) -> None:
    """It is listed, first only named, not removed before its time, and then gone by its run."""
    run, client = left
    listed = kvv("sandbox", "list", "--run", run)
    assert listed.status == 0
    assert f"kvv-{run}  running, 5 min left  agent of some" in listed.out
    assert len(listed.out.splitlines()) == 1
    assert kvv("sandbox", "reap", "--run", run, "--dry-run").out.startswith(f"would remove kvv-{run}")
    assert f"kvv-{run}" not in kvv("sandbox", "reap", "--dry-run").out
    assert client.containers(filters={"label": [f"kvv.run={run}"]})
    assert kvv("sandbox", "reap", "--run", run).out == f"removed kvv-{run}\n"
    assert kvv("sandbox", "reap", "--run", run).out == "nothing to remove\n"
    assert not client.containers(all=True, filters={"label": [f"kvv.run={run}"]})


@pytest.mark.docker
def test_check(left: tuple[str, Any]) -> None:
    """What kind of engine it is, and that it will do."""
    ran = kvv("sandbox", "check")
    assert ran.status == 0
    assert "it has everything that is needed" in ran.out
