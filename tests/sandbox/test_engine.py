"""Where the engine is, and what is said when there is none that will do."""

import hashlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kvv_action.sandbox import engine
from kvv_action.sandbox.engine import Engine, EngineError, EngineInfo, NoEngine, connect, describe, open_engine

GOOD = EngineInfo(
    host="unix:///s", version="28", os="linux", architecture="x86_64", cpus=2, memory=2**33, driver="overlay2 on extfs",
    rootless=False, unlimited=(),
)  # fmt: skip


@contextmanager
def listening(path: Path, answer: bytes) -> Iterator[None]:
    """A socket where something answers everybody with the same bytes; none at all when they are empty."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        held = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                held.append(connection)
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)
                    connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for connection in held:
            connection.close()


@pytest.fixture
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a path short enough for a socket."""
    return tmp_path_factory.mktemp("s")


async def test_certificates_that_are_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The variable and the files are named; docker's own words are about its Python package."""
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:1")
    monkeypatch.setenv("DOCKER_TLS_VERIFY", "1")
    monkeypatch.setenv("DOCKER_CERT_PATH", str(tmp_path))
    with pytest.raises(NoEngine, match=r"does not hold ca.pem, cert.pem and key.pem for TLS; set DOCKER_CERT_PATH"):
        await open_engine()


async def test_nothing_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """The place that was tried is named, and what to do."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    with pytest.raises(NoEngine, match=r"/nowhere/docker.sock: No such file.*DOCKER_HOST"):
        await open_engine()


async def test_nobody_listens(monkeypatch: pytest.MonkeyPatch, short: Path) -> None:
    """A socket that an engine left behind."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short / "d.sock"))
    monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/d.sock")
    with pytest.raises(NoEngine, match="Connection refused"):
        await open_engine()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may do everything")
async def test_not_allowed(monkeypatch: pytest.MonkeyPatch, short: Path) -> None:
    """A socket of others: the message says how to be allowed."""
    with listening(short / "d.sock", b""):
        (short / "d.sock").chmod(0)
        monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/d.sock")
        with pytest.raises(NoEngine, match="join the group"):
            await open_engine()


async def test_engine_that_hangs(monkeypatch: pytest.MonkeyPatch, short: Path) -> None:
    """It is given up after a while."""
    monkeypatch.setattr(engine, "GREETING", 1)
    with listening(short / "d.sock", b""):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/d.sock")
        with pytest.raises(NoEngine, match=r"timed out|did not answer"):
            await open_engine()


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope",
    ],
)
async def test_something_else_answers(monkeypatch: pytest.MonkeyPatch, short: Path, answer: bytes) -> None:
    """No engine; never a traceback."""
    with listening(short / "d.sock", answer):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{short}/d.sock")
        with pytest.raises(NoEngine):
            await open_engine()


async def test_ssh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not supported is said with the way around."""
    monkeypatch.setenv("DOCKER_HOST", "ssh://me@box:22")
    with pytest.raises(NoEngine, match=r"ssh -NL .* box"):
        await open_engine()


def test_what_an_engine_must_be() -> None:
    """Linux containers, and limits that hold."""
    assert GOOD.missing == ""
    assert "Linux containers are needed" in replace(GOOD, os="windows").missing
    assert "cannot limit memory, processes" in replace(GOOD, unlimited=("memory", "processes")).missing
    assert "delegation" in replace(GOOD, unlimited=("memory",), rootless=True).missing


def test_what_an_engine_says() -> None:
    """As engines of several kinds describe themselves; what they leave out is not taken for a lack."""

    class Told:
        def __init__(self, base_url: str = "http+docker://localhost", **told: Any) -> None:
            self.base_url = base_url
            self.told = told

        def info(self) -> dict[str, Any]:
            return self.told

    rootless = {
        "SecurityOptions": ["name=seccomp,profile=builtin", "name=rootless", "name=cgroupns"], "MemoryLimit": False,
        "PidsLimit": True, "CpuCfsQuota": False, "NCPU": 4, "MemTotal": 5, "OSType": "linux",
    }  # fmt: skip
    found = describe(Told(**rootless), "h")  # type: ignore[arg-type]
    assert (found.rootless, found.unlimited, found.cpus) == (True, ("memory", "processor time"), 4)
    xfs = {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "xfs"], ["Supports d_type", "true"]]}
    assert describe(Told(**xfs), "h").driver == "overlay2 on xfs"  # type: ignore[arg-type]
    assert describe(Told(OSType="linux"), "h").missing == ""  # type: ignore[arg-type]
    places = {"http+docker://localhost": False, "https://10.0.0.1:2376": False, "http://10.0.0.1:2375": True}
    assert {url: describe(Told(url), "h").exposed for url in places} == places  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "profile", "refused"),
    [
        (["name=seccomp,profile=default"], "default", ""),
        (["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"], "builtin", ""),
        (["name=seccomp,profile=/etc/own.json"], "/etc/own.json", ""),
        (["name=seccomp"], "default", ""),
        (["name=seccomp,profile=unconfined"], "unconfined", "without a seccomp profile (unconfined)"),
        (["name=apparmor"], "", "has no seccomp"),
        ([], "", "has no seccomp"),
        (None, "", "has no seccomp"),
    ],
)
def test_an_engine_must_have_a_seccomp_profile(options: list[str] | None, profile: str, refused: str) -> None:
    """Without one a container's code could make every system call; no profile of ours replaces the engine's."""

    class Told:
        base_url = "http+docker://localhost"

        def info(self) -> dict[str, Any]:
            return {"SecurityOptions": options, "OSType": "linux", "ServerVersion": "29.1"}

    found = describe(Told(), "h")  # type: ignore[arg-type]
    assert found.seccomp == profile
    assert refused in found.missing
    assert bool(found.missing) is bool(refused)


@pytest.mark.parametrize(
    ("version", "product", "seccomp", "words"),
    [
        ("20.10+x", "Docker Engine", "default", "Docker Engine 20.10+x, seccomp profile default, io_uring open"),
        ("24.0.7", "Docker Engine", "builtin", "Docker Engine 24.0.7, seccomp profile builtin, io_uring open"),
        ("25.0.0", "Docker Engine", "builtin", "Docker Engine 25.0.0, seccomp profile builtin"),
        ("24.0.7", "Docker Engine", "/own.json", "Docker Engine 24.0.7, seccomp profile /own.json"),
        ("5.4.2", "Podman Engine", "default", "Podman Engine 5.4.2, seccomp profile default"),
        ("master-dev", "Docker Engine", "default", "Docker Engine master-dev, seccomp profile default"),
    ],
)
def test_an_engine_in_words(version: str, product: str, seccomp: str, words: str) -> None:
    """What `kvv sandbox check` and the report say of it."""
    assert replace(GOOD, version=version, product=product, seccomp=seccomp).described == words


@pytest.mark.docker
async def test_the_real_one(client: Any) -> None:
    """It is described, and found again through a docker context."""
    found = await open_engine()
    assert found.info.missing == ""
    assert found.info.cpus >= 1
    assert found.info.memory > 2**28
    assert found.info.seccomp in ("default", "builtin")
    found.close()


@pytest.mark.docker
async def test_docker_context(client: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker context use`, which desktop and rootless engines rely on."""
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    folder = tmp_path / "contexts" / "meta" / hashlib.sha256(b"mine").hexdigest()
    folder.mkdir(parents=True)
    endpoints = {"docker": {"Host": host, "SkipTLSVerify": False}}
    (folder / "meta.json").write_text(json.dumps({"Name": "mine", "Metadata": {}, "Endpoints": endpoints}))
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": "mine"}))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    found = await open_engine()
    assert found.info.host == host
    found.close()


@pytest.mark.docker
async def test_an_answer_that_does_not_come(client: Any) -> None:
    """Every request has an end, and what it was for is named."""
    found = Engine(connect(), GOOD)
    waiting = threading.Event()
    with pytest.raises(EngineError, match="looking: the container engine did not answer within"):
        await found.call("looking", waiting.wait, seconds=0.1)
    waiting.set()
    found.close()


@pytest.mark.docker
async def test_refusals_have_their_status(client: Any) -> None:
    """By which callers tell what is gone from what broke; a defect of ours is not disguised."""
    found = Engine(connect(), GOOD)
    with pytest.raises(EngineError, match="No such container") as refused:
        await found.call("looking", lambda: found.client.inspect_container("nothere"))
    assert refused.value.status == 404
    with pytest.raises(ZeroDivisionError):
        await found.call("dividing", lambda: 1 // 0)
    found.close()
