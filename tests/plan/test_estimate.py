"""The time that a plan says, held against the schedule on a simulated clock."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pytest

from kvv_action.plan.estimate import ExpectedUse, Room, Spent, by_itself, wall
from kvv_action.plan.plan import Loaded
from kvv_action.plan.tokens import Span
from tests.ask.fakes import Quiz, load_quiz
from tests.ask.test_schedule import Job, Simulation, benchmarks

STEPS, THOUGHT, BETWEEN = 40, 16.0, 4.5
"""Of an instance of SWE-bench: requests, seconds of each, and seconds in the container after each."""
Lanes = Sequence[tuple[Sequence[Job], float, int | None]]


@dataclass
class Boxed(Simulation):
    """A simulation in which instances wait for a container, of which there are `places`."""

    places: int = 4
    _containers: asyncio.Semaphore = field(init=False)

    async def _drive(self) -> None:
        self._containers = asyncio.Semaphore(self.places)
        await super()._drive()

    async def _one(self, job: Job) -> None:
        if len(job.requests) == 1:
            await super()._one(job)
            return
        async with self._containers:
            await super()._one(job)


def instances(count: int) -> list[Job]:
    """Instances as a plan expects them."""
    return [Job(lane="swebench", requests=(THOUGHT,) * STEPS, between=BETWEEN)] * count


def estimate_of(listed: Sequence[Job], *, boxed: bool) -> ExpectedUse:
    """What a plan that knows the lengths makes of a lane."""

    def span(value: float) -> Span:
        return Span(expected=value, ceiling=value)

    return ExpectedUse(
        id=listed[0].lane, items=len(listed), requests=span(sum(len(job.requests) for job in listed)),
        elsewhere=Span(), tokens_in=Span(), tokens_out=Span(), asking=span(sum(job.asking for job in listed)),
        work=span(sum(job.seconds for job in listed)), longest=span(max(job.seconds for job in listed)),
        largest=Spent(), boxed=boxed, basis="",
    )  # fmt: skip


def said(lanes: Lanes, room: Room) -> float:
    """Seconds by the plan."""
    scored = load_quiz(Quiz())
    estimates: list[tuple[Loaded, ExpectedUse]] = [
        (scored, estimate_of(listed, boxed=places is not None)) for listed, _, places in lanes
    ]
    return wall(estimates, room).expected


@pytest.mark.parametrize("count", [3, 5, 50, 500])
@pytest.mark.parametrize("places", [1, 4, 8])
@pytest.mark.parametrize("connections", [10, 50])
def test_containers_are_the_bottleneck_of_what_needs_them(count: int, places: int, connections: int) -> None:
    """Instances take their places for as long as they work, whatever the connections."""
    lanes = [(instances(count), 640.0, places + 1)]
    took = Boxed(lanes, connections, places=places).run()
    assert said(lanes, Room(connections=connections, places=places)) == pytest.approx(took, rel=0.1)


@pytest.mark.parametrize("tier", ["smoke", "standard", "full"])
@pytest.mark.parametrize("connections", [10, 50, 200])
@pytest.mark.parametrize("count", [0, 5, 50])
def test_a_whole_run_takes_what_was_said(tier: str, connections: int, count: int) -> None:
    """Benchmarks of all kinds at once, as long as expected: within a tenth, where connections are scarce a fifth."""
    lanes: Lanes = benchmarks(tier, random.Random(0), wild=0.0)
    if count:
        lanes = [*lanes, (instances(count), 640.0, 5)]
    took = Boxed(lanes, connections).run()
    close = 0.2 if count and connections == 10 else 0.1
    assert said(lanes, Room(connections=connections, places=4)) == pytest.approx(took, rel=close)


def test_the_full_swebench_takes_most_of_a_day() -> None:
    """500 instances of 40 steps on four containers: 28 hours, however many connections there are."""
    estimate = estimate_of(instances(500), boxed=True)
    found = by_itself(estimate, Room(connections=50, places=4)).expected
    assert found == 500 / 4 * STEPS * (THOUGHT + BETWEEN)
    assert found > 10 * by_itself(replace(estimate, boxed=False), Room(connections=50, places=4)).expected


def test_containers_that_need_more_memory_are_fewer() -> None:
    """What a task names decides, not what settings give a container: three fit by count, and one by memory."""
    estimate = replace(estimate_of([Job(lane="work", requests=(10.0,))] * 6, boxed=True), memory=8)
    room = Room(connections=50, places=3, memory=12)
    assert (room.containers(estimate), replace(room, memory=32).containers(estimate)) == (1, 3)
    assert by_itself(estimate, room).expected == 3 * by_itself(estimate, replace(room, memory=32)).expected
    assert by_itself(replace(estimate, memory=0), room) == by_itself(estimate, replace(room, memory=None))
    assert replace(room, memory=4).containers(estimate) == 1


def test_a_benchmark_by_itself_is_asked_in_rounds() -> None:
    """Sixty answers of ten seconds on fifty connections take two rounds; none takes no time."""
    answers = [Job(lane="quiz", requests=(10.0,))] * 60
    room = Room(connections=50, places=1)
    assert by_itself(estimate_of(answers, boxed=False), room).expected == 20
    assert by_itself(replace(estimate_of(answers, boxed=False), items=0), room) == Span()
