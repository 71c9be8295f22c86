"""Pulls images: with the user's own registry login, and with patience where the registry asks for it."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from kvv_action.errors import SandboxError
from kvv_action.sandbox.engine import Engine, EngineError

if TYPE_CHECKING:
    from docker import APIClient

PULL = 3600
"""Seconds for one try; large images over a slow line take long."""
TRIES = 6
BASE, LONGEST = 2.0, 60.0
"""Seconds of the first pause, and of the longest; a registry that counts pulls is given the longest from the start."""
COUNTED = re.compile(r"toomanyrequests|\b429\b|rate limit", re.IGNORECASE)
HOPELESS = re.compile(
    r"not found|manifest unknown|no matching manifest|denied|unauthorized|authentication required|no basic auth"
    r"|invalid reference|does not exist|unsupported|no space left|docker-credential",
    re.IGNORECASE,
)
FOREIGN = "no matching manifest"
PLATFORM = "linux/amd64"
"""What is taken of an image that does not exist for the engine's own platform; it is emulated, if at all."""


async def pull(
    engine: Engine,
    name: str,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    uniform: Callable[[float, float], float] = random.uniform,
) -> None:
    """Pull an image; again after a pause when the registry is overloaded, unreachable or counts pulls.

    Raises:
        SandboxError: it cannot be had; the message says what to do.
    """
    for number in range(1, TRIES + 1):
        try:
            await _once(engine, name)
        except EngineError as error:
            counted = bool(COUNTED.search(str(error)))
            if number == TRIES or (HOPELESS.search(str(error)) and not counted):
                raise SandboxError(f"{error}{_advice(str(error), counted=counted)}") from error
            longest = LONGEST if counted else min(LONGEST, BASE * 2 ** (number - 1))
            await sleep(uniform(longest / 2, longest))
        else:
            return


async def _once(engine: Engine, name: str) -> None:
    what = f"pulling the image {name}"
    try:
        await engine.call(what, lambda: _pull(engine.client, name, None), seconds=PULL)
    except EngineError as error:
        if FOREIGN not in str(error):
            raise
        await engine.call(what, lambda: _pull(engine.client, name, PLATFORM), seconds=PULL)


def _pull(client: "APIClient", name: str, platform: str | None) -> None:
    """Raise what the engine says, which it may only do in the middle of its progress."""
    from docker.errors import DockerException

    event: Any
    for event in client.pull(name, stream=True, decode=True, platform=platform):
        if isinstance(event, dict) and "error" in event:
            raise DockerException(str(event["error"])[:500])


def _advice(message: str, *, counted: bool) -> str:
    if counted:
        return "; log in to the registry (docker login), or name a mirror with container-mirror"
    if "docker-credential" in message:
        return "; its login is kept by a helper that is not here: log in with a plain configuration (DOCKER_CONFIG)"
    if re.search("denied|unauthorized|authentication|basic auth", message):
        return "; if it exists, log in to its registry (docker login, or DOCKER_CONFIG)"
    return ""
