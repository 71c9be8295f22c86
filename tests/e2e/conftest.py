"""The image, built once, and the embedded vendor in a container of that image."""

import hashlib
import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.runner import Runner
from tests.sharing import one_at_a_time
from tests.tools import ENGINE, missing

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEY = "sk-canary-5f1c9e7b3a2d4860"
CONTEXT = (
    "Dockerfile", ".dockerignore", "pyproject.toml", "README.md", "LICENSE", "requirements.lock",
    ".ci/requirements-dev.lock", "kvv_action", "benchmarks", "entrypoint",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever needs the image first is run first: other tests need no image while it is built."""
    ours = (item for item in items if isinstance(item, pytest.Function) and item.path.is_relative_to(HERE))
    if first := next((item for item in ours if "image" in item.fixturenames), None):
        items.remove(first)
        items.insert(0, first)


@pytest.fixture(scope="session")
def docker() -> str:
    """The docker CLI that builds with BuildKit; skips where there is no engine."""
    if "KVV_BASE_IMAGE" not in os.environ:
        missing(ENGINE, "KVV_BASE_IMAGE is not set: there is no base image to build on")
    cli = os.environ.get("KVV_DOCKER_CLI", "docker")
    try:
        subprocess.run([cli, "version"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        missing(ENGINE, "no Docker Engine is reachable")
    return cli


def _digest() -> str:
    """Of everything that the build reads."""
    found = hashlib.sha256(os.environ["KVV_BASE_IMAGE"].encode())
    for name in CONTEXT:
        top = ROOT / name
        for path in sorted(top.rglob("*")) if top.is_dir() else [top]:
            if path.is_file() and "__pycache__" not in path.parts:
                found.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return found.hexdigest()[:16]


@pytest.fixture(scope="session")
def image(docker: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The action's image, built when its content is new, by one process for all; `KVV_TEST_IMAGE` names another one."""
    if "KVV_TEST_IMAGE" in os.environ:
        return os.environ["KVV_TEST_IMAGE"]
    tag = f"kvv-e2e:{_digest()}"
    with one_at_a_time(tmp_path_factory, "image"):
        if subprocess.run([docker, "image", "inspect", tag], capture_output=True).returncode:
            _build(docker, tag)
    return tag


def _build(docker: str, tag: str) -> None:
    given = {"BASE_IMAGE": os.environ["KVV_BASE_IMAGE"], "REVISION": "c0ffee" * 6 + "0000"}
    argv = [docker, "build", "--tag", tag, *(f"--build-arg={name}={value}" for name, value in given.items())]
    if ca := os.environ.get("KVV_BUILD_CA"):
        argv += ["--secret", f"id=ca,src={ca}"]
    environment = {**os.environ, "DOCKER_BUILDKIT": "1"}
    built = subprocess.run([*argv, str(ROOT)], env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr[-4000:]


Serve = Callable[..., str]


@pytest.fixture(scope="session")
def serve(docker: str, image: str) -> Iterator[Serve]:
    """`serve("--fault", ...)`: the network of a container in which the embedded vendor listens on 127.0.0.1:8080."""
    running: dict[tuple[str, ...], str] = {}

    def start(*options: str) -> str:
        if options not in running:
            name = f"kvv-e2e-vendor-{secrets.token_hex(4)}"
            subprocess.run(
                [docker, "run", "-d", "--rm", "--name", name, "-e", "KVV_API_KEY", "--entrypoint", "/opt/kvv/bin/kvv",
                 image, "simulate", "--host", "127.0.0.1", "--port", "8080", "--profile", "kimi-k2.6",
                 "--dataset", "aime2025=bundled", *options],
                env={**os.environ, "KVV_API_KEY": KEY}, check=True, capture_output=True,
            )  # fmt: skip
            running[options] = name
            _wait_for(docker, name)
        return f"container:{running[options]}"

    yield start
    if running:
        subprocess.run([docker, "kill", *running.values()], capture_output=True)


def _wait_for(docker: str, name: str) -> None:
    probe = "import socket; socket.create_connection(('127.0.0.1', 8080), 1)"
    for _ in range(60):
        argv = [docker, "exec", name, "/opt/kvv/bin/python", "-IB", "-c", probe]
        if subprocess.run(argv, capture_output=True).returncode == 0:
            return
        time.sleep(0.25)
    logs = subprocess.run([docker, "logs", name], capture_output=True, text=True)
    raise AssertionError(f"the embedded vendor did not come up: {logs.stdout}{logs.stderr}")


@pytest.fixture
def port(docker: str, image: str) -> Iterator[int]:
    """Where an embedded vendor listens on the network that act gives to jobs, the host's."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    name = f"kvv-e2e-act-{secrets.token_hex(4)}"
    argv = [docker, "run", "-d", "--rm", "--name", name, "--network", "host", "-e", "KVV_API_KEY"]
    argv += ["--entrypoint", "/opt/kvv/bin/kvv", image, "simulate", "--port", str(number), "--profile", "kimi-k2.6"]
    subprocess.run(argv, env={**os.environ, "KVV_API_KEY": KEY}, check=True, capture_output=True)
    yield number
    subprocess.run([docker, "rm", "-f", name], capture_output=True)


@pytest.fixture
def runner(tmp_path: Path, image: str, docker: str) -> Iterator[Runner]:
    """A fresh job; its container is gone in the end whatever happened."""
    runner = Runner(tmp_path, image, docker)
    yield runner
    subprocess.run([docker, "rm", "-f", runner.name], capture_output=True)
