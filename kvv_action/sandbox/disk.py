"""Keeps a container from filling the engine's disk, where the storage driver cannot."""

import asyncio
from typing import Any

from kvv_action.errors import SandboxError
from kvv_action.sandbox.engine import Engine

FIRST, EVERY = 0.4, 1.0
"""Seconds after which a running command is first looked at, and from then on."""
CLOSELY = 0.1
"""The same for a container that is over its limit already."""
PATIENCE = 20
"""A look that takes long is followed by a pause this many times as long: walking many files costs the engine."""
HOPELESS = 4 * 2**30
"""A container that is by so many bytes over its limit is given up; a fast disk takes as much between two looks."""
MARGIN = 16 * 2**20
"""Bytes that a container over its limit may still grow in one command, so that it can tidy up."""


async def written(engine: Engine, container: str) -> int:
    """Bytes in a container's own layer; files that are deleted but open are not among them.

    Raises:
        EngineError: the engine does not say.
    """

    def ask() -> int:
        client = engine.client
        url = client._url("/containers/{0}/json", container)  # noqa: SLF001 - its own method cannot ask for it
        told: Any = client._result(client._get(url, params={"size": 1}), json=True)  # noqa: SLF001
        return int(told.get("SizeRw") or 0)

    return await engine.call("measuring a container's layer", ask)


async def overflow(engine: Engine, container: str, limit: int) -> int:
    """Wait until a container has written more than it may; cancelled when its command is done.

    Returns:
        Bytes in its layer.

    Raises:
        EngineError: the engine does not say.
        SandboxError: earlier commands have written far too much already.
    """
    loop = asyncio.get_running_loop()
    before = await written(engine, container)
    if before > limit + HOPELESS:
        raise SandboxError(f"a container's layer holds {before} bytes, {limit} are allowed: it is given up")
    bound = max(limit, before + MARGIN)
    pause = CLOSELY if before > limit else FIRST
    while True:
        await asyncio.sleep(pause)
        began = loop.time()
        size = await written(engine, container)
        if size > bound:
            return size
        pause = max(CLOSELY if before > limit else EVERY, PATIENCE * (loop.time() - began))
