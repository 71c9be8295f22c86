"""Long work runs in a thread, so that the event loop can serve all other requests."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

from kvv_action.schema import Completion, Exchange

LONG = 128 * 1024
"""Texts with more characters are worked on in a thread; work takes up to 40 ns a character."""
P = ParamSpec("P")
T = TypeVar("T")


async def in_turn(long: bool, work: Callable[P, T], *args: P.args, **more: P.kwargs) -> T:
    """Do work and return its result: long work in a thread, other work at once.

    A single call into C blocks all threads until it returns; so work on a long text should make many short calls. A
    cancelled task still waits for its thread: a thread cannot be ended, and both would use the same objects.
    """
    return await to_the_end(asyncio.to_thread(work, *args, **more)) if long else work(*args, **more)


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do work and return its result; a task that is cancelled meanwhile ends after the work, which goes on."""
    doing = asyncio.create_task(work)
    try:
        return await asyncio.shield(doing)
    except asyncio.CancelledError:
        while not doing.done():  # the task may be cancelled again
            with suppress(asyncio.CancelledError):
                await asyncio.wait({doing})
        if not doing.cancelled():
            doing.exception()  # it is of no interest any more
        raise


def is_long(exchanges: Iterable[Exchange], more: int = 0) -> bool:
    """Whether the answers, and `more` characters beside them, are long together."""
    answers = (exchange.completion for exchange in exchanges)
    return more + sum(map(_characters, filter(None, answers))) > LONG


def _characters(completion: Completion) -> int:
    arguments = sum(len(call.arguments) for call in completion.tool_calls)
    return len(completion.content) + len(completion.reasoning) + arguments
