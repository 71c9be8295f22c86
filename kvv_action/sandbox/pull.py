"""Pulls images with the user's registry login, and retries when the registry is busy."""

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
"""Seconds for one try; a large image over a slow line takes long."""
TRIES = 6
BASE, LONGEST = 2.0, 60.0
"""Seconds of the first and of the longest pause; at a rate limit every pause is the longest."""
COUNTED = re.compile(r"toomanyrequests|\b429\b|rate limit", re.IGNORECASE)
HOPELESS = re.compile(
    r"not found|manifest unknown|no matching manifest|denied|unauthorized|authentication required|no basic auth"
    r"|invalid reference|does not exist|unsupported|no space left|docker-credential",
    re.IGNORECASE,
)
FOREIGN = "no matching manifest"
PLATFORM = "linux/amd64"
"""The platform to pull when an image does not exist for the engine's own; it runs emulated, if at all."""


async def pull(
    engine: Engine,
    name: str,
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    uniform: Callable[[float, float], float] = random.uniform,
) -> None:
    """Pull an image; try again after a pause when the registry is overloaded, unreachable or limits pulls.

    Raises:
        SandboxError: the image cannot be pulled; the message says what to do.
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
    """Pull, and raise the error that the engine may report among its progress events."""
    from docker.errors import DockerException

    event: Any
    for event in client.pull(name, stream=True, decode=True, platform=platform):
        if isinstance(event, dict) and "error" in event:
            raise DockerException(str(event["error"])[:500])


def _advice(message: str, *, counted: bool) -> str:
    if counted:
        return "; log in to the registry (docker login), or name a mirror with container-mirror"
    if "docker-credential" in message:
        return "; its login is in a credential helper that is not installed here: use a plain file (DOCKER_CONFIG)"
    if re.search("denied|unauthorized|authentication|basic auth", message):
        return "; if the image exists, log in to its registry (docker login, or DOCKER_CONFIG)"
    return ""
