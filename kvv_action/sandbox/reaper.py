"""Removes containers that a run has left behind, by their labels and by nothing else."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.labels import EXPIRES, RUN, ours

if TYPE_CHECKING:
    from docker import APIClient


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """Names of the containers that are gone, and of those that are not, with the reason."""

    removed: tuple[str, ...]
    failed: tuple[str, ...] = ()


def reap(
    *,
    run: str = "",
    expired: bool = False,
    engine: Callable[[], "APIClient"] = connect,
    clock: Callable[[], float] = time.time,
) -> Reaped:
    """Remove containers, running or not, with their anonymous volumes.

    Args:
        run: those whose label `kvv.run` has this value.
        expired: those whose label `kvv.expires` is in the past, of any run.
        engine: how to reach the engine.
        clock: seconds since the epoch.

    Raises:
        NoEngine: the engine cannot be asked.
    """
    from docker.errors import DockerException
    from requests import RequestException

    client = engine()
    try:
        names = {**_of_run(client, run), **(_expired(client, clock()) if expired else {})}
        removed, failed = [], []
        for container, name in names.items():
            problem = _remove(client, container)
            if problem:
                failed.append(f"{name}: {problem}")
            else:
                removed.append(name)
    except (DockerException, RequestException) as error:
        raise NoEngine(f"the container engine does not answer ({error})") from error
    finally:
        client.close()
    return Reaped(removed=tuple(removed), failed=tuple(failed))


def _of_run(client: "APIClient", run: str) -> dict[str, str]:
    return {container: name for container, name, _ in _labelled(client, f"{RUN}={run}")} if run else {}


def _expired(client: "APIClient", now: float) -> dict[str, str]:
    return {
        container: name
        for container, name, labels in _labelled(client, EXPIRES)
        if ours(labels) and int(labels[EXPIRES]) <= now
    }


def _labelled(client: "APIClient", label: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    """Id, name and labels of the containers that carry a label."""
    for found in client.containers(all=True, filters={"label": [label]}):
        name = (found["Names"] or [found["Id"][:12]])[0].removeprefix("/")
        yield found["Id"], name, found["Labels"]


def _remove(client: "APIClient", container: str) -> str:
    """Empty when the container is gone or going, else what the engine says."""
    from docker.errors import APIError

    try:
        client.remove_container(container, force=True, v=True)
    except APIError as error:
        if error.status_code in (404, 409):
            return ""
        return str(error.explanation or error)
    return ""
