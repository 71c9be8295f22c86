"""The connection to the container engine, and the engine's abilities."""

import asyncio
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
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
"""Seconds for the engine's first answer."""
POOL = 64
"""Connections to keep open."""
OLDEST = (1, 40)
"""Engine API of Docker 19.03, the first with everything that kvv needs."""

IO_URING_CLOSED = 25
"""First version of Docker whose seccomp profile forbids io_uring, which has had many security holes."""

T = TypeVar("T")


class NoEngine(SandboxError):
    """No usable container engine; the message says what to do."""


class EngineError(SandboxError):
    """The engine refused or failed.

    Attributes:
        status: HTTP status; None when there was no answer.
    """

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineInfo:
    """The engine's description of itself.

    Attributes:
        host: its address.
        cpus: processors for containers.
        memory: bytes.
        driver: storage driver with its file system, such as `overlay2 on extfs`.
        unlimited: limits that it cannot enforce, in words.
        product: its name, such as `Docker Engine` or `Podman Engine`.
        seccomp: its profile of system calls: `default`, `builtin`, a path; `unconfined` or empty for none; `not told`.
        exposed: it listens on a port without authentication.
        name: host name of its machine.
        root: its folder on that machine for images and containers.
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
    product: str = "Docker Engine"
    seccomp: str = "default"
    exposed: bool = False
    name: str = ""
    root: str = ""

    @property
    def missing(self) -> str:
        """Why this engine cannot run a model's code; empty when it can."""
        if self.os != "linux":
            return f"the container engine runs {self.os} containers; Linux containers are needed"
        if self.unlimited:
            cure = "a rootless engine needs cgroup v2 with delegation" if self.rootless else "enable them in its kernel"
            return f"the container engine cannot limit {', '.join(self.unlimited)}, which untrusted code needs; {cure}"
        if self.seccomp in ("", "unconfined"):
            what = "has no seccomp" if not self.seccomp else "runs containers without a seccomp profile (unconfined)"
            return (
                f"the container engine {what}, so a model's code could make every system call of the kernel; "
                "start it with its default profile (no --seccomp-profile=unconfined) on a kernel that has seccomp"
            )
        return ""

    @property
    def described(self) -> str:
        """The engine in words: product, version, seccomp profile, and what that leaves open."""
        hole = ", io_uring open" if self.io_uring else ""
        return f"{self.product} {self.version}, seccomp profile {self.seccomp}{hole}"

    @property
    def io_uring(self) -> bool:
        """Whether Docker's own profile lets containers use io_uring, as it did before Docker 25."""
        major = self.version.partition(".")[0]
        ours = self.product.startswith("Docker") and self.seccomp in ("default", "builtin")
        return ours and major.isdecimal() and int(major) < IO_URING_CLOSED


class Engine:
    """A connection to the engine; every request goes through `call`.

    Attributes:
        client: the SDK's `APIClient`; its published types are incomplete.
    """

    def __init__(self, client: "APIClient", info: EngineInfo) -> None:
        self.client: Any = client
        self.info = info

    async def call(self, what: str, function: Callable[[], T], *, seconds: float | None = TIMEOUT) -> T:
        """The result of a blocking function that asks the engine.

        Args:
            what: the action, for messages.
            function: uses `client`; a late answer is dropped.
            seconds: the deadline; None when `function` has its own.

        Raises:
            EngineError: the function failed, or the deadline passed.
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
        """Close the connections."""
        with contextlib.suppress(Exception):
            self.client.close()


def translated(what: str, error: Exception) -> EngineError:
    """An exception of the SDK or its transport as `EngineError`; any other is a defect and is raised as it is."""
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
    """A client of the engine that DOCKER_HOST or the docker context names, or of a local socket.

    Raises:
        NoEngine: no engine answers.
    """
    return _reached(timeout)[1]


def _reached(timeout: int) -> "tuple[str, APIClient]":
    """The address of the first engine that answers, and a client of it."""
    import docker
    from docker.errors import DockerException
    from requests import RequestException

    tried = []
    for host, options in _candidates():
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
    info: dict[str, Any] = client.info()
    limits = (("MemoryLimit", "memory"), ("PidsLimit", "processes"), ("CpuCfsQuota", "processor time"))
    backing = dict(info.get("DriverStatus") or []).get("Backing Filesystem", "")
    return EngineInfo(
        host=host,
        version=str(info.get("ServerVersion", "")),
        os=str(info.get("OSType", "")),
        architecture=str(info.get("Architecture", "")),
        cpus=int(info.get("NCPU") or 1),
        memory=int(info.get("MemTotal") or 0),
        driver=str(info.get("Driver", "")) + (f" on {backing}" if backing else ""),
        rootless=any("rootless" in str(option) for option in info.get("SecurityOptions") or []),
        unlimited=tuple(word for name, word in limits if info.get(name) is False),
        product="Podman Engine" if "BuildahVersion" in info else "Docker Engine",
        seccomp=_seccomp(info["SecurityOptions"] or ()) if "SecurityOptions" in info else "not told",
        exposed=str(client.base_url).startswith("http://"),  # sockets are http+docker, and TLS is https
        name=str(info.get("Name", "")),
        root=str(info.get("DockerRootDir", "")),
    )


def _seccomp(options: Iterable[object]) -> str:
    """The profile among the engine's security options (`name=seccomp,profile=default`); empty when there is none."""
    for option in options:
        fields = dict(part.partition("=")[::2] for part in str(option).split(","))
        if fields.get("name") == "seccomp":
            return fields.get("profile") or "default"
    return ""


def ending_events(client: Any, container: str, state: Mapping[str, Any]) -> frozenset[str]:
    """Names of the events of a container's end that the engine remembers; none when the engine was restarted since.

    Args:
        client: the SDK's `APIClient`.
        container: id of one that has ended.
        state: what `inspect` says of it.
    """
    events = client.events(
        since=_timestamp(state["StartedAt"]), until=_timestamp(state["FinishedAt"], later=1), decode=True,
        filters={"type": "container", "container": container, "event": ["die", "kill"]},
    )  # fmt: skip
    return frozenset(str(event.get("Action") or event.get("status")) for event in events)


def _timestamp(told: str, *, later: int = 0) -> str:
    """A time of the engine's (RFC 3339) as its lists of events take it: seconds, a dot, nanoseconds."""
    whole, _, rest = told.partition(".")
    seconds = int(datetime.fromisoformat(f"{whole[:19]}+00:00").timestamp()) + later
    return f"{seconds}.{rest.rstrip('Z').ljust(9, '0')[:9]}"


async def open_engine() -> Engine:
    """A usable engine.

    Raises:
        NoEngine: no engine answers, or it cannot enforce a limit; the message explains it to the user.
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


def may_be_there() -> bool:
    """Whether an engine is named, or a usual socket is there; this costs nothing, and a client of an engine does."""
    return (
        bool(os.environ.get("DOCKER_HOST"))
        or (Path.home() / ".docker/config.json").exists()
        or any(path.exists() for path in _sockets())
    )


def _sockets() -> tuple[Path, ...]:
    return (
        Path("/var/run/docker.sock"),
        Path(f"/run/user/{os.getuid()}/docker.sock"),
        Path.home() / ".docker/run/docker.sock",
    )


def _candidates() -> Iterator[tuple[str, dict[str, Any]]]:
    """Addresses to try, each with options for the client: the user's choice, else the usual sockets."""
    from docker.errors import TLSParameterError
    from docker.utils import kwargs_from_env

    try:
        options = kwargs_from_env()
    except TLSParameterError as error:
        folder = os.environ.get("DOCKER_CERT_PATH") or "~/.docker"
        advice = "set DOCKER_CERT_PATH to the folder that does, or unset DOCKER_TLS_VERIFY"
        raise NoEngine(f"{folder} does not hold ca.pem, cert.pem and key.pem for TLS; {advice}") from error
    if host := options.get("base_url"):
        yield host, dict(options)
        return
    yield from _context()
    sockets = _sockets()
    present = [path for path in sockets if path.exists()]
    for path in present or sockets[:1]:
        yield f"unix://{path}", {"base_url": f"unix://{path}"}


def _context() -> Iterator[tuple[str, dict[str, Any]]]:
    """The context of `docker context use`, which desktop and rootless engines set up."""
    from docker.context import ContextAPI
    from docker.errors import DockerException

    with contextlib.suppress(DockerException, OSError, ValueError, KeyError):
        context = ContextAPI.get_current_context()
        if context is not None and context.name != "default" and context.Host:
            yield context.Host, {"base_url": context.Host, "tls": context.TLSConfig}


def _cause(error: BaseException) -> str:
    """The innermost cause, which is the most specific, on one line."""
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
