"""Runs nektos act beside others of its kind: what it makes on the engine has names of one test."""

import os
import secrets
import subprocess
import sys
import zlib
from pathlib import Path

from tests.e2e.conftest import KEY


def unique() -> str:
    """A name for a workflow: act names what it makes on the engine by it, and first removes what has those names."""
    return f"e2e-{secrets.token_hex(4)}"


def commit(repository: Path) -> None:
    """Make a folder a repository, or commit what has changed in it."""
    for git in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=n", "-c", "user.email=e@x", "commit", "--allow-empty", "-qm", "all"],
    ):
        subprocess.run(["git", *git], cwd=repository, check=True)


def act(
    repository: Path, *arguments: str | Path, home: Path, key: str = KEY, timeout: float = 1500
) -> "subprocess.CompletedProcess[str]":
    """Always with an image: on the host itself (`-self-hosted`) even a dry run carries out the scripts.

    Both kinds of machine get one: act reckons `runs-on` of all jobs of a matrix in one record that they share, so that
    a job may get the machine of another. Runs of one repository are attempts of one workflow run; the post step of
    another removes none of its containers.
    """
    run = str(zlib.crc32(str(repository).encode()))
    machines = [f"--platform={name}={os.environ['KVV_BASE_IMAGE']}" for name in ("ubuntu-24.04", "ubuntu-24.04-arm")]
    argv = [Path(sys.executable).with_name("act"), *arguments, "--pull=false", *machines,
            "--env", f"GITHUB_RUN_ID={run}"]  # fmt: skip
    environment = {**os.environ, "KEY": key, "HOME": str(home)}
    return subprocess.run(argv, cwd=repository, env=environment, capture_output=True, text=True, timeout=timeout)
