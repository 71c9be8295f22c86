"""Finds and removes containers that runs have left behind, by their labels only."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from kvv_action.sandbox.engine import NoEngine, connect
from kvv_action.sandbox.labels import EXPIRES, INSTANCE, ROLE, RUN

if TYPE_CHECKING:
    from docker import APIClient

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftoverContainer:
    """A container of kvv, running or not.

    Attributes:
        run, instance, role: its labels; untrusted, because anybody who starts containers can set them.
        state: in the engine's word, such as `running`.
        expires: when it is no longer needed, in seconds since the epoch; None without such a label.
    """

    id: str
    name: str
    run: str
    instance: str
    role: str
    state: str
    expires: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSelection:
    """Selects containers of kvv; nothing by default.

    Attributes:
        run: containers with this value of the label `kvv.run`.
        expired: containers of any run whose label `kvv.expires` is in the past.
        all: all containers, also those in use.
    """

    run: str = ""
    expired: bool = False
    all: bool = False

    def selects(self, found: LeftoverContainer, now: float) -> bool:
        """Whether a container is selected."""
        over = found.expires is not None and found.expires <= now
        return self.all or (bool(self.run) and found.run == self.run) or (self.expired and over)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """Names of the removed containers; names of the others with the reason."""

    removed: tuple[str, ...]
    failed: tuple[str, ...] = ()


def leftovers(
    which: ContainerSelection, *, engine: Callable[[], "APIClient"] = connect, clock: Callable[[], float] = time.time
) -> tuple[LeftoverContainer, ...]:
    """The selected containers.

    Raises:
        NoEngine: the engine cannot be asked.
    """
    return _asked(engine, lambda client: _found(client, which, clock()))


def reap(
    which: ContainerSelection, *, engine: Callable[[], "APIClient"] = connect, clock: Callable[[], float] = time.time
) -> Reaped:
    """Remove containers, running or not, with their anonymous volumes.

    Args:
        which: the containers to remove.
        engine: how to reach the engine.
        clock: seconds since the epoch.

    Raises:
        NoEngine: the engine cannot be asked.
    """

    def remove(client: "APIClient") -> Reaped:
        problems = {found.name: _remove(client, found.id) for found in _found(client, which, clock())}
        return Reaped(
            removed=tuple(name for name, problem in problems.items() if not problem),
            failed=tuple(f"{name}: {problem}" for name, problem in problems.items() if problem),
        )

    return _asked(engine, remove)


def _asked(engine: Callable[[], "APIClient"], question: "Callable[[APIClient], T]") -> T:
    """The engine's answer, over a new connection."""
    from docker.errors import DockerException
    from requests import RequestException

    client = engine()
    try:
        return question(client)
    except (DockerException, RequestException) as error:
        raise NoEngine(f"the container engine does not answer ({error})") from error
    finally:
        client.close()


def _found(client: "APIClient", which: ContainerSelection, now: float) -> tuple[LeftoverContainer, ...]:
    label = f"{RUN}={which.run}" if which.run and not (which.expired or which.all) else RUN
    listed = client.containers(all=True, filters={"label": [label]})
    every = (_left(one["Id"], one["Names"], one["State"], one["Labels"]) for one in listed)
    return tuple(one for one in every if one.run and which.selects(one, now))


def _left(container: str, names: Sequence[str], state: str, labels: Mapping[str, str]) -> LeftoverContainer:
    expires = labels.get(EXPIRES, "")
    return LeftoverContainer(
        id=container,
        name=(names or [container[:12]])[0].removeprefix("/"),
        run=labels.get(RUN, ""),
        instance=labels.get(INSTANCE, ""),
        role=labels.get(ROLE, ""),
        state=state,
        expires=int(expires) if expires.isdecimal() else None,
    )


def _remove(client: "APIClient", container: str) -> str:
    """Remove a container; returns the engine's error, or nothing when the container is gone or being removed."""
    from docker.errors import APIError
    from requests import RequestException

    try:
        client.remove_container(container, force=True, v=True)
    except APIError as error:
        if error.status_code in (404, 409):
            return ""
        return str(error.explanation or error)
    except RequestException as error:  # one slow container does not stop the removal of the others
        return f"the container engine does not answer ({error})"
    return ""
