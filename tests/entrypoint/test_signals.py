"""A signal that hits an event loop at any moment ends it in order, and none is lost."""

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest
import uvloop

from entrypoint import signals
from entrypoint.signals import ENDING, Interruption, run_until_signalled

FACTORIES = [uvloop.new_event_loop, None]


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Signals raise KeyboardInterrupt outside of the loop, as in the command; afterwards all is as before."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def sent(number: int = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("factory", FACTORIES)
@pytest.mark.parametrize("number", ENDING)
def test_a_loop_that_waits_is_ended_once(number: int, factory: type) -> None:
    """The task is cancelled and told of, further signals change nothing, and it may make an end of it."""
    told, ended = list[str](), list[str]()

    async def main(interruption: Interruption) -> None:
        threading.Timer(0.05, sent, [number]).start()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            sent(signal.SIGINT)
            sent(signal.SIGTERM)
            await asyncio.sleep(0.01)
            ended.append(interruption.name)

    run_until_signalled(main, told.append, factory)
    name = signal.Signals(number).name
    assert (ended, told) == ([name], [f"{name}: stopping; what came is kept"])
    assert signal.getsignal(number) is signal.SIG_IGN


@pytest.mark.parametrize("factory", FACTORIES)
def test_what_makes_no_end_of_it_is_interrupted(factory: type) -> None:
    """Cleaning up is done first."""
    cleaned = list[bool]()

    async def main(_: Interruption) -> None:
        try:
            sent()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        run_until_signalled(main, lambda _: None, factory)
    assert cleaned == [True]


def test_signals_before_and_after_the_loop_are_not_lost() -> None:
    """One while the loop is made cancels the task at its first wait; one while it is closed interrupts afterwards."""
    reached = list[str]()

    class ClosingLate(asyncio.SelectorEventLoop):
        def close(self) -> None:
            sent()
            super().close()

    def started_late() -> asyncio.AbstractEventLoop:
        sent()
        return uvloop.new_event_loop()

    async def main(_: Interruption) -> None:
        reached.append("begun")
        await asyncio.sleep(0)
        reached.append("ended")

    with pytest.raises(KeyboardInterrupt):
        run_until_signalled(main, lambda _: None, started_late)
    assert reached == ["begun"]
    for number in ENDING:
        signal.signal(number, signal.default_int_handler)
    with pytest.raises(KeyboardInterrupt):
        run_until_signalled(main, lambda _: None, ClosingLate)
    assert reached == ["begun", "begun", "ended"]


def test_a_cancellation_that_is_swallowed_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever swallows one, or waits for ever when it cleans up, does not hold up the end."""
    monkeypatch.setattr(signals, "AGAIN", 0.05)
    swallowed = list[int]()

    async def main(_: Interruption) -> None:
        sent()
        for number in range(3):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(60)
            swallowed.append(number)
        await asyncio.sleep(60)

    with pytest.raises(KeyboardInterrupt):
        run_until_signalled(main, lambda _: None)
    assert swallowed == [0, 1, 2]


def test_other_failures_stay_what_they_are() -> None:
    """A task that is cancelled without a signal, or fails, raises that; the handlers are those of before."""

    async def cancelled(_: Interruption) -> None:
        raise asyncio.CancelledError

    async def fails(_: Interruption) -> None:
        raise ValueError("wrong")

    handler = signal.getsignal(signal.SIGTERM)
    with pytest.raises(asyncio.CancelledError):
        run_until_signalled(cancelled, lambda _: None)
    with pytest.raises(ValueError, match="wrong"):
        run_until_signalled(fails, lambda _: None)
    assert signal.getsignal(signal.SIGTERM) is handler


@pytest.mark.parametrize("factory", FACTORIES)
def test_no_moment_of_many_loses_one(factory: type) -> None:
    """Signals at random moments of a busy loop, from another thread: each ends it."""
    for moment in range(40):
        began = time.monotonic()

        async def main(_: Interruption) -> None:
            end = time.monotonic() + 20
            while time.monotonic() < end:
                await asyncio.gather(*(asyncio.sleep(0) for _ in range(20)))

        def until_interrupted(seconds: float) -> None:
            threading.Timer(seconds, sent).start()
            run_until_signalled(main, lambda _: None, factory)
            time.sleep(10)

        with pytest.raises(KeyboardInterrupt):
            until_interrupted(moment / 10_000)
        assert time.monotonic() - began < 9
        for number in ENDING:
            signal.signal(number, signal.default_int_handler)
