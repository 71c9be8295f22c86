"""The container engine: where it is, what it can do, and what is missing."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from kvv_action.errors import SandboxError
from kvv_action.sandbox.threads import off_loop

if TYPE_CHECKING:
    from docker import APIClient

TIMEOUT = 60
"""Seconds for one request to the engine."""
GREETING = 10
"""Seconds in which an engine must answer for the first time."""
POOL = 64
"""Connections that are kept."""
OLDEST = (1, 40)
"""Engine API of Docker 19.03, the first with everything that is asked for."""

T = TypeVar("T")


class NoEngine(SandboxError):
    """There is no container engine, or it does not answer; the message says what to do."""


class EngineError(SandboxError):
    """The engine refused or failed.

    Attributes:
        status: HTTP status, None when no answer came.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """What the engine says about itself.

    Attributes:
        host: how it was reached.
        cpus: processors that it can give.
        memory: bytes.
        driver: storage driver with its file system, as `overlay2 on extfs`.
        unlimited: limits that it cannot hold, in words.
        exposed: whether it listens on a port where nobody has to say who he is.
        name: of the machine that it runs on.
        root: the folder there that holds its images and containers.
    """

    host: str
    version: str
    os: str
    architecture: str
    cpus: int
    memory: int
    driver: str
    rootless: bool
    unlimited: tuple[str, ...]
    exposed: bool = False
    name: str = ""
    root: str = ""

    @property
    def missing(self) -> str:
        """Why code of a model cannot be run there; empty when it can."""
        if self.os != "linux":
            return f"the container engine runs {self.os} containers; Linux containers are needed"
        if self.unlimited:
            cure = "a rootless engine needs cgroup v2 with delegation" if self.rootless else "enable them in its kernel"
            return f"the container engine cannot limit {', '.join(self.unlimited)}, which untrusted code needs; {cure}"
        return ""


class Engine:
    """A connection to the engine; every request goes through `call`.

    Attributes:
        client: the SDK's `APIClient`; its published types are not whole.
    """

    def __init__(self, client: "APIClient", info: EngineInfo) -> None:
        self.client: Any = client
        self.info = info

    async def call(self, what: str, function: Callable[[], T], *, seconds: float | None = TIMEOUT) -> T:
        """The result of a blocking function that asks the engine, within some seconds.

        Args:
            what: what it does, for messages.
            function: uses `client`; an answer that comes too late is dropped.
            seconds: how long may pass; None when `function` sees to that.

        Raises:
            EngineError: it failed.
        """
        try:
            async with asyncio.timeout(seconds):
                return await off_loop(function)
        except TimeoutError as error:
            raise EngineError(f"{what}: the container engine did not answer within {seconds} s") from error
        except SandboxError:
            raise
        except Exception as error:
            raise translated(what, error) from error

    def close(self) -> None:
        """Let go of the connections."""
        with contextlib.suppress(Exception):
            self.client.close()


def translated(what: str, error: Exception) -> EngineError:
    """An exception of the SDK or of its transport as ours; others, which are defects, are raised as they are."""
    from docker.errors import APIError, DockerException
    from requests import RequestException
    from urllib3.exceptions import HTTPError

    if isinstance(error, APIError):
        return EngineError(f"{what}: {error.explanation or error}", error.status_code)
    if isinstance(error, DockerException):
        return EngineError(f"{what}: {_cause(error)}")
    if isinstance(error, (RequestException, HTTPError, OSError)):
        return EngineError(f"{what}: the container engine does not answer ({_cause(error)})")
    raise error


def connect(timeout: int = TIMEOUT) -> "APIClient":
    """A client of the engine that DOCKER_HOST or the chosen docker context names, or of a local socket.

    Raises:
        NoEngine: nothing is there.
    """
    return _reached(timeout)[1]


def _reached(timeout: int) -> "tuple[str, APIClient]":
    """The same, and where it is."""
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    tried = []
    for host, options in _places():
        if host.startswith("ssh://"):
            raise NoEngine(_ssh(host))
        try:
            client = docker.APIClient(version="auto", timeout=min(timeout, GREETING), max_pool_size=POOL, **options)
        except (DockerException, RequestException, OSError, ValueError) as error:
            tried.append(f"{host}: {_cause(error)}")
            continue
        client.timeout = timeout
        return host, client
    raise NoEngine(f"no container engine answers ({'; '.join(tried)}){_advice(tried)}")


def describe(client: "APIClient", host: str) -> EngineInfo:
    """Ask the engine at `host` about itself."""
    told: dict[str, Any] = client.info()
    limits = (("MemoryLimit", "memory"), ("PidsLimit", "processes"), ("CpuCfsQuota", "processor time"))
    backing = dict(told.get("DriverStatus") or []).get("Backing Filesystem", "")
    return EngineInfo(
        host=host,
        version=str(told.get("ServerVersion", "")),
        os=str(told.get("OSType", "")),
        architecture=str(told.get("Architecture", "")),
        cpus=int(told.get("NCPU") or 1),
        memory=int(told.get("MemTotal") or 0),
        driver=str(told.get("Driver", "")) + (f" on {backing}" if backing else ""),
        rootless=any("rootless" in str(option) for option in told.get("SecurityOptions") or []),
        unlimited=tuple(word for name, word in limits if told.get(name) is False),
        exposed=str(client.base_url).startswith("http://"),  # sockets are http+docker, and TLS is https
        name=str(told.get("Name", "")),
        root=str(told.get("DockerRootDir", "")),
    )


async def open_engine() -> Engine:
    """A usable engine.

    Raises:
        NoEngine: there is none, or it cannot hold what it must; the message is the reason for people.
    """

    def ask() -> Engine:
        host, client = _reached(TIMEOUT)
        return Engine(client, describe(client, host))

    try:
        async with asyncio.timeout(3 * GREETING):
            engine = await off_loop(ask)
    except TimeoutError:
        raise NoEngine(f"the container engine did not answer within {3 * GREETING} s") from None
    except NoEngine:
        raise
    except Exception as error:
        raise NoEngine(str(translated("asking the engine", error))) from error
    old = tuple(int(part) for part in engine.client.api_version.split(".")) < OLDEST
    reason = f"the container engine {engine.info.version} is too old; Docker 19.03 or newer" if old else ""
    if reason := reason or engine.info.missing:
        engine.close()
        raise NoEngine(reason)
    return engine


def _places() -> Iterator[tuple[str, dict[str, Any]]]:
    """Where an engine may be, as text and as options of the client: what the user says, or else what is usual."""
    from docker.utils import kwargs_from_env

    options = kwargs_from_env()
    if host := options.get("base_url"):
        yield host, dict(options)
        return
    yield from _context()
    sockets = (
        Path("/var/run/docker.sock"),
        Path(f"/run/user/{os.getuid()}/docker.sock"),
        Path.home() / ".docker/run/docker.sock",
    )
    there = [path for path in sockets if path.exists()]
    for path in there or sockets[:1]:
        yield f"unix://{path}", {"base_url": f"unix://{path}"}


def _context() -> Iterator[tuple[str, dict[str, Any]]]:
    """The context chosen with `docker context use`, as desktop and rootless engines set one up."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, OSError, ValueError, KeyError):
        context = ContextAPI.get_current_context()
        if context is not None and context.name != "default" and context.Host:
            yield context.Host, {"base_url": context.Host, "tls": context.TLSConfig}


def _cause(error: BaseException) -> str:
    """The innermost reason, which is what says something, in one line."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join((text or type(error).__name__).split())[:1500]


def _ssh(host: str) -> str:
    name = urlsplit(host).hostname or "HOST"
    return (
        f"DOCKER_HOST={host} is not supported; forward the socket instead: "
        f"ssh -NL /tmp/docker.sock:/var/run/docker.sock {name}, and DOCKER_HOST=unix:///tmp/docker.sock"
    )


def _advice(tried: list[str]) -> str:
    if any("Permission denied" in text for text in tried):
        return "; join the group of its socket, or use a rootless engine"
    return "; start Docker or Podman, mount its socket, or set DOCKER_HOST"
