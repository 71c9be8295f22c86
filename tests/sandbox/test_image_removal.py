"""Images that nobody needs any more, on an engine that is slow, full or gone: a result is never lost to tidying up."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kvv_action.benchmark import Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox.images import Images
from kvv_action.sandbox.options import SandboxOptions


class Engine:
    """Has every image until it is removed, and takes a while for everything."""

    client: Any = None

    def __init__(self) -> None:
        self.removed: list[str] = []

    async def call(self, what: str, function: Callable[[], Any], *, seconds: float = 60) -> Any:
        await asyncio.sleep(0.01)
        self.removed += [what.rpartition(" ")[2]] if what.startswith("removing") else []
        return {"Id": "sha256:0"}


async def brought(engine: Engine, free: Callable[[Image], Awaitable[int]], *names: str) -> Images:
    """The images of a run that pulled some."""
    images = Images(engine, SandboxOptions(run="test"), free)  # type: ignore[arg-type]
    for name in names:
        await images.get(name)
        images._pulled[name] = name
    return images


async def full(image: Image) -> int:
    await asyncio.sleep(0.01)
    return 0


async def test_two_let_go_at_once() -> None:
    """Each image is removed once, and neither instance hears of it."""
    engine = Engine()
    images = await brought(engine, full, "x", "y")
    await asyncio.gather(images.release("x"), images.release("y"))
    assert engine.removed == ["x", "y"]


async def test_asked_for_while_the_disk_is_measured() -> None:
    """An image that somebody needs again meanwhile stays."""
    engine = Engine()
    images = await brought(engine, full, "x")

    async def again() -> Image:
        await asyncio.sleep(0.005)
        return await images.get("x")

    await asyncio.gather(images.release("x"), again())
    assert engine.removed == []


async def test_asked_for_while_it_is_removed() -> None:
    """It is looked for after that, so what comes is not an image that is about to go."""
    engine = Engine()
    images = await brought(engine, full, "x")
    looked = list[list[str]]()
    inspect = images._inspect

    async def watched(place: str) -> Any:
        looked.append(list(engine.removed))
        return await inspect(place)

    images._inspect = watched  # type: ignore[method-assign]
    release = asyncio.create_task(images.release("x"))
    await asyncio.sleep(0.015)
    await images.get("x")
    await release
    assert looked == [["x"]]


async def test_a_disk_that_cannot_be_measured() -> None:
    """It is taken to be full; that is no failure of whoever let go."""

    async def broken(image: Image) -> int:
        raise SandboxError("no space left on device")

    engine = Engine()
    images = await brought(engine, broken, "x")
    await images.release("x")
    assert engine.removed == ["x"]
