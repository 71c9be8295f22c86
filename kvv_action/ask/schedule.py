"""In which order the benchmarks of a stage share the connections.

All run under one limit of connections, those with the longest answers first: what takes long must begin early, and
short answers fill the gaps at the end (Graham 1969, "Bounds on multiprocessing timing anomalies": longest processing
time first). The whole then takes about max(work / connections, longest item), the time of the bottleneck and not the
sum. Within a benchmark the order is the plan's: looking early at a verdict rests on it.

A benchmark whose items hold a container for long, and a connection only now and then, has workers of its own, as many
as the engine has places. They do not fill the connections, nor do the others make them wait: a connection for each
place, of half of them at most, is left free for them while they have something to do.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane(Generic[T]):
    """What is asked of one benchmark.

    Attributes:
        items: in the order in which they are begun; may end early.
        seconds: what one is expected to take.
        places: how many can be under way because of something else than connections; None for no such limit.
    """

    items: Iterator[T]
    seconds: float
    places: int | None = None


def alternate(first: Iterator[T], second: Iterator[T]) -> Iterator[T]:
    """One of each in turn, then what is left of either."""
    sources = [first, second]
    while sources:
        for source in tuple(sources):
            try:
                yield next(source)
            except StopIteration:
                sources.remove(source)


async def drive(lanes: Sequence[Lane[T]], work: Callable[[T], Awaitable[None]], connections: int) -> None:
    """Work on every item of every lane.

    Args:
        lanes: of one stage.
        work: does one item; what it raises ends everything.
        connections: requests in flight at most; the client holds that limit, this decides who asks.

    Raises:
        BaseExceptionGroup: of what `work` or an iterator raised.
    """
    ordered = sorted(lanes, key=lambda lane: -lane.seconds)
    bound = [lane for lane in ordered if lane.places is not None]
    free = [lane for lane in ordered if lane.places is None]
    kept = min(sum(lane.places or 0 for lane in bound), connections // 2)
    async with asyncio.TaskGroup() as group:
        held = [group.create_task(_serve((lane,), work)) for lane in bound for _ in range(lane.places or 0)]
        for _ in range(connections - kept):
            group.create_task(_serve(free, work))
        for _ in range(kept):
            group.create_task(_serve_after(held, free, work))


async def _serve(lanes: Sequence[Lane[T]], work: Callable[[T], Awaitable[None]]) -> None:
    """One item after the other, from the first lane that has any."""
    for lane in lanes:
        for item in lane.items:
            await work(item)


async def _serve_after(
    held: "Sequence[asyncio.Task[None]]", lanes: Sequence[Lane[T]], work: Callable[[T], Awaitable[None]]
) -> None:
    """The same, once nothing holds places any more."""
    await asyncio.wait(held)
    await _serve(lanes, work)
