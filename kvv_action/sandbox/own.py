"""The image that this process itself runs in, as the engine names it."""

import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvv_action.sandbox.engine import connect

if TYPE_CHECKING:
    from docker import APIClient

IN_CONTAINER = Path("/.dockerenv")
"""Docker puts this file into every container."""
PATIENCE = 3
"""Seconds that the engine may take; a run does not wait for provenance."""


def _connect() -> "APIClient":
    return connect(PATIENCE)


def own_image(*, marker: Path = IN_CONTAINER, engine: Callable[[], "APIClient"] = _connect) -> str:
    """Repository digest (`name@sha256:…`), or the content id of an image that was built here.

    Returns:
        Empty outside a container, and where the engine does not tell: provenance is told, never required.
    """
    if not marker.exists():
        return ""
    try:
        client: Any = engine()
        try:
            container = client.inspect_container(socket.gethostname())
            if not str(container["Path"]).startswith(str(Path(sys.executable).parent)):
                return ""  # where several containers share a network they share a name; this one is another
            image_id = str(container["Image"])
            digests = client.inspect_image(image_id).get("RepoDigests") or []
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever the engine has, a verification does not fail for it
        return ""
    return str(digests[0]) if digests else image_id
