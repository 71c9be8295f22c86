"""The watch over what a container writes, on a script of what the engine says."""

import asyncio
from collections.abc import Iterator

import pytest

from kvv_action.errors import LimitReached
from kvv_action.sandbox import disk
from kvv_action.sandbox.disk import HOPELESS, MARGIN, DiskWatch
from kvv_action.sandbox.engine import EngineError

LIMIT = 100 * 2**20


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST", "EVERY", "CLOSELY"):
        monkeypatch.setattr(disk, name, 0.001)


def watching(*sizes: int | None) -> DiskWatch:
    """A watch that sees these sizes one after the other; None is an engine that does not answer."""
    script: Iterator[int | None] = iter(sizes)

    async def size() -> int:
        found = next(script, 0)
        if found is None:
            raise EngineError("busy", 500)
        return found

    return DiskWatch(size, LIMIT, None)


async def overflows(watch: DiskWatch, within: float = 60) -> bool:
    try:
        async with asyncio.timeout(within):
            await watch.overflow()
    except TimeoutError:
        return False
    return True


async def test_over_the_limit() -> None:
    """What it has written is looked at again and again."""
    assert await overflows(watching(0, LIMIT, LIMIT + 1))
    assert not await overflows(watching(0, LIMIT, LIMIT), within=0.3)


async def test_some_more_to_tidy_up() -> None:
    """Once stopped it may write a little; when it has tidied up, the limit is the old one."""
    over = LIMIT + 1
    watch = watching(over, over, over + MARGIN, over + MARGIN + 1)
    assert await overflows(watch)
    assert await overflows(watch)
    tidied = watching(over, over, 0, LIMIT + 1)
    assert await overflows(tidied)
    assert await overflows(tidied)


async def test_far_over_the_limit() -> None:
    """It is given up, and that is its own doing."""
    watch = watching(LIMIT + 1, LIMIT + HOPELESS + 1)
    assert await overflows(watch)
    with pytest.raises(LimitReached, match="is given up"):
        await watch.overflow()


async def test_an_engine_that_is_busy() -> None:
    """It is asked again, and is a failure when it never answers."""
    assert await overflows(watching(None, None, LIMIT + 1))
    with pytest.raises(EngineError):
        await watching(None, None, None).overflow()
