"""The labels that mark containers and images of kvv."""

import hashlib
import re
import secrets
from pathlib import Path

RUN = "kvv.run"
"""The run of a container: `kvv_action.github.context.run_label` in a GitHub job, else `of_journal`."""
INSTANCE = "kvv.instance"
ROLE = "kvv.role"
EXPIRES = "kvv.expires"
"""When a container is no longer needed, in seconds since the epoch."""
BUILD = "kvv.build"
"""On an image that was built here: the digest of its files and arguments."""


def of_journal(path: Path) -> str:
    """The label of a run outside GitHub; it stays the same when the journal is continued, and no other run has it.

    The journal is locked while a run uses it, so containers with its label are left over from an earlier process.
    """
    with path.open("rb") as stream:
        return "local-" + hashlib.sha256(stream.readline()).hexdigest()[:16]


def labels(run: str, instance: str, role: str, expires: float) -> dict[str, str]:
    """All labels of a new container."""
    return {RUN: run, INSTANCE: instance, ROLE: role, EXPIRES: str(int(expires))}


def container_name(instance: str, role: str) -> str:
    """A new name that tells what the container is for."""
    words = re.sub(r"[^A-Za-z0-9_.-]+", "-", f"{instance}-{role}")[:80].strip("-.")
    return f"kvv-{words}-{secrets.token_hex(4)}"
