"""The images of a run: pulls each once, and removes it after its last use when disk is short."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

from kvv_action.benchmark import Image
from kvv_action.errors import SandboxError
from kvv_action.sandbox import build as building
from kvv_action.sandbox.engine import Engine, EngineError
from kvv_action.sandbox.labels import BUILD
from kvv_action.sandbox.naming import is_id, mirrored, repository
from kvv_action.sandbox.options import SandboxOptions
from kvv_action.sandbox.pull import pull

SHORT = 8 * 2**30
"""Free bytes on the engine's disk below which unused images are removed."""
AT_A_TIME = 2
"""Images that are pulled at the same time; they share the network and the disk."""


class Images:
    """The images that this run uses, and those of them that it pulled.

    Args:
        engine: the container engine.
        options: pull policy and mirrors.
        free: measures the free bytes on the engine's disk, in a container of an image.
    """

    def __init__(self, engine: Engine, options: SandboxOptions, free: Callable[[Image], Awaitable[int]]) -> None:
        self._engine = engine
        self._free = free
        self._options = options
        self._had: dict[str, asyncio.Task[Image]] = {}
        self._pulled: dict[str, str] = {}
        self._idle: dict[str, None] = {}
        self._line = asyncio.Semaphore(AT_A_TIME)
        self._making_room = asyncio.Lock()
        self._removing = asyncio.Lock()

    async def get(self, name: str) -> Image:
        """An image, pulled if necessary; concurrent callers share one pull.

        Raises:
            SandboxError: the image is not available.
        """
        self._idle.pop(name, None)
        task = self._task(name)
        try:
            return await asyncio.shield(task)
        except SandboxError:
            if self._had.get(name) is task:  # the next caller tries again
                del self._had[name]
            raise

    async def build(self, name: str, files: Mapping[str, bytes], arguments: Mapping[str, str]) -> Image:
        """An image of exactly these files and arguments; built unless the engine has it.

        Raises:
            SandboxError: the build failed.
        """
        async with self._line:
            there = await self._inspect(name)
            if there is None or there.labels.get(BUILD) != building.recipe(files, arguments):
                await building.build(self._engine, name, files, arguments)
                there = await self._inspect(name)
        if there is None:
            raise SandboxError(f"the image {name} was built, but the container engine does not have it")
        return there.image

    async def release(self, name: str) -> None:
        """Mark an image as unused; it is removed when disk is short. Never raises, so that no result is lost."""
        if name in self._pulled:
            self._idle[name] = None
            await self._make_room()

    async def _make_room(self) -> None:
        """Remove unused images, the longest unused first, while disk is short."""
        async with self._making_room:
            while self._idle and self._options.images != "keep":
                name = next(iter(self._idle))
                if self._options.images == "auto" and not await self._is_short(name):
                    return
                if name in self._idle:  # it was not requested meanwhile
                    await self._forget(name)

    async def _is_short(self, name: str) -> bool:
        """Whether the engine's disk is short; a disk that cannot be measured counts as short."""
        try:
            return await self._free(self._had[name].result()) < SHORT
        except SandboxError:
            return True

    async def _forget(self, name: str) -> None:
        self._idle.pop(name, None)
        self._had.pop(name, None)
        place, client = self._pulled.pop(name), self._engine.client
        async with self._removing:
            with suppress(EngineError):  # another container may use it by now
                await self._engine.call(f"removing the image {place}", lambda: client.remove_image(place))

    async def aclose(self) -> None:
        """Cancel all pulls."""
        for task in self._had.values():
            task.cancel()
        await asyncio.gather(*self._had.values(), return_exceptions=True)

    def _task(self, name: str) -> "asyncio.Task[Image]":
        task = self._had.get(name)
        if task is None:
            task = self._had[name] = asyncio.create_task(self._have(name))
        return task

    async def _have(self, name: str) -> Image:
        place = name if is_id(name) else mirrored(name, self._options.mirrors)
        policy = "never" if is_id(name) else self._options.pull
        there = None if policy == "always" else await self._there(name, place)
        if there is None:
            if policy == "never":
                raise SandboxError(f"the container engine has no image {name}, and container-pull is never")
            there = await self._fetch(name, place)
        return replace(there.image, name=name)

    async def _fetch(self, name: str, place: str) -> "_LocalImage":
        async with self._line:
            before = await self._inspect(place)
            await self._make_room()
            await self._pull(place)
            there = await self._inspect(place)
        if there is None:
            raise SandboxError(f"the image {place} was pulled, but the container engine does not have it")
        if before is None:
            self._pulled[name] = place
        return there

    async def _pull(self, place: str) -> None:
        """Pull; when the disk is full, remove unused images and try again."""
        while True:
            try:
                return await pull(self._engine, place)
            except SandboxError as error:
                if "no space left" not in str(error) or self._options.images == "keep" or not self._idle:
                    raise
                await self._forget(next(iter(self._idle)))

    async def _there(self, name: str, place: str) -> "_LocalImage | None":
        """The engine's image by its own name or by the mirror's name; waits for a removal in progress."""
        async with self._removing:
            return await self._inspect(name) or (await self._inspect(place) if place != name else None)

    async def _inspect(self, place: str) -> "_LocalImage | None":
        client = self._engine.client
        try:
            told = await self._engine.call(f"looking for the image {place}", lambda: client.inspect_image(place))
        except EngineError as error:
            if error.status == 404:
                return None
            raise
        repository_digests = (text.partition("@") for text in told.get("RepoDigests") or [])
        digest = next((digest for name, _, digest in repository_digests if name == repository(place)), "")
        labels = (told.get("Config") or {}).get("Labels") or {}
        return _LocalImage(image=Image(name=place, id=told["Id"], digest=digest), labels=labels)


@dataclass(frozen=True, slots=True, kw_only=True)
class _LocalImage:
    """An image that the engine has, with its labels."""

    image: Image
    labels: Mapping[str, str]
