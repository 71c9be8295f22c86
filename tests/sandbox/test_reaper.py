"""Clean-up by label."""

from typing import Any

import pytest
from docker.errors import APIError
from requests import ConnectionError as EngineGone
from requests import ReadTimeout

from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.labels import EXPIRES, RUN
from kvv_action.sandbox.reaper import ContainerSelection, leftovers, reap


class Engine:
    """The two requests of the engine's API that the reaper makes."""

    def __init__(self, containers: dict[str, dict[str, str]], refusals: dict[str, int] | None = None) -> None:
        self.labels = containers
        self.refusals = refusals or {}
        self.closed = False

    def __call__(self) -> Any:
        return self

    def containers(self, *, all: bool, filters: dict[str, list[str]]) -> list[dict[str, Any]]:  # noqa: A002
        assert all
        (label,) = filters["label"]
        name, _, value = label.partition("=")
        return [
            {"Id": key, "Names": [f"/{key}"], "State": "running", "Labels": labels}
            for key, labels in self.labels.items()
            if name in labels and value in ("", labels[name])
        ]

    def remove_container(self, container: str, *, force: bool, v: bool) -> None:
        assert force
        assert v
        if status := self.refusals.get(container):
            response = type("Response", (), {"status_code": status, "reason": "no", "url": ""})()
            raise APIError("refused", response=response, explanation="because")
        del self.labels[container]

    def close(self) -> None:
        self.closed = True


def test_only_containers_of_the_run() -> None:
    """Those of another attempt and those without a label stay."""
    engine = Engine({"mine": {RUN: "1-1-a"}, "other": {RUN: "1-2-a"}, "stranger": {}})
    assert reap(ContainerSelection(run="1-1-a"), engine=engine).removed == ("mine",)
    assert set(engine.labels) == {"other", "stranger"}
    assert engine.closed


def test_only_expired_containers() -> None:
    """Of any run, once their time has passed; a time that is no number never passes, and a stranger's is not ours."""
    times = {"old": "100", "new": "300", "odd": "soon"}
    engine = Engine({name: {RUN: "r", EXPIRES: at} for name, at in times.items()} | {"stranger": {EXPIRES: "100"}})
    assert reap(ContainerSelection(expired=True), engine=engine, clock=lambda: 200.0).removed == ("old",)


def test_all_of_ours() -> None:
    """Of every run; what carries no label of ours is not touched, nor what carries an empty one."""
    engine = Engine({"one": {RUN: "a", EXPIRES: "300"}, "two": {RUN: "b"}, "empty": {RUN: ""}, "stranger": {"x": "y"}})
    assert reap(ContainerSelection(all=True), engine=engine).removed == ("one", "two")
    assert set(engine.labels) == {"empty", "stranger"}


def test_looking_removes_nothing() -> None:
    """What is left can be listed first."""
    engine = Engine({"one": {RUN: "a", EXPIRES: "100", "kvv.instance": "i", "kvv.role": "agent"}})
    (found,) = leftovers(ContainerSelection(expired=True), engine=engine, clock=lambda: 200.0)
    assert (found.name, found.run, found.instance, found.role, found.expires) == ("one", "a", "i", "agent", 100)
    assert set(engine.labels) == {"one"}
    assert engine.closed


def test_nothing_asked_nothing_removed() -> None:
    """An empty run is not `all runs`."""
    engine = Engine({"one": {RUN: ""}})
    assert reap(ContainerSelection(), engine=engine).removed == ()


@pytest.mark.parametrize("status", [404, 409])
def test_gone_already(status: int) -> None:
    """A container that somebody else has removed, or is removing, is gone."""
    assert reap(ContainerSelection(run="r"), engine=Engine({"a": {RUN: "r"}}, {"a": status})).removed == ("a",)


def test_refusals_are_told() -> None:
    """What cannot be removed is named with the reason; the rest goes."""
    engine = Engine({"a": {RUN: "r"}, "b": {RUN: "r"}}, {"a": 500})
    reaped = reap(ContainerSelection(run="r"), engine=engine)
    assert (reaped.removed, reaped.failed) == (("b",), ("a: because",))


def test_engine_that_goes_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks is no defect of ours."""
    engine = Engine({})

    def gone(**_: object) -> None:
        raise EngineGone("reset")

    monkeypatch.setattr(engine, "containers", gone)
    with pytest.raises(NoEngine, match="does not answer"):
        reap(ContainerSelection(run="r"), engine=engine)


def test_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """DOCKER_HOST decides where to ask; nothing there is said plainly."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(NoEngine, match="no container engine"):
        connect()


def test_slow_to_remove_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that does not come in time is told, and the others are removed."""
    engine = Engine({"a": {RUN: "r"}, "b": {RUN: "r"}})
    remove = engine.remove_container

    def slow(container: str, **options: Any) -> None:
        if container == "a":
            raise ReadTimeout("60 s")
        remove(container, **options)

    monkeypatch.setattr(engine, "remove_container", slow)
    reaped = reap(ContainerSelection(run="r"), engine=engine)
    assert (reaped.removed, reaped.failed) == (("b",), ("a: the container engine does not answer (60 s)",))
