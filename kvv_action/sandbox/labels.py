"""The labels by which containers and images of ours are known."""

import hashlib
import re
import secrets
from pathlib import Path

RUN = "kvv.run"
"""The run that a container belongs to: `kvv_action.github.context.run_label` in a job, else `of_journal`."""
INSTANCE = "kvv.instance"
ROLE = "kvv.role"
EXPIRES = "kvv.expires"
"""The time after which nobody needs a container any more, in seconds since the epoch."""
BUILD = "kvv.build"
"""On an image that was built here: the digest of what it was built from."""


def of_journal(path: Path) -> str:
    """A run outside GitHub: the same whenever and wherever its journal is gone on with, and of no other one.

    The journal is locked while it is used, so whatever carries this label was left behind.
    """
    with path.open("rb") as stream:
        return "local-" + hashlib.sha256(stream.readline()).hexdigest()[:16]


def labels(run: str, instance: str, role: str, expires: float) -> dict[str, str]:
    """All of them, for a new container."""
    return {RUN: run, INSTANCE: instance, ROLE: role, EXPIRES: str(int(expires))}


def container_name(instance: str, role: str) -> str:
    """A fresh name that says what a container is for."""
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{instance}-{role}")[:80].strip("-.")
    return f"kvv-{words}-{secrets.token_hex(4)}"
