"""The schedule on a simulated clock: as short as it can be, in order, and fair to what needs containers."""

import asyncio
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from kvv_action.ask.schedule import Lane, drive
from kvv_action.endpoint.limiter import Limiter
from tests.ask.virtual_time import duration

WORTH = 1.1
"""How much longer than the lower bound a schedule may take."""
TWO_ROUNDS = "standard", 200
"""240 answers of AIME on 200 connections: forty must wait for others, so every schedule takes 1.13 of the bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """An item: requests of so many seconds, each followed by so many seconds without a connection."""

    lane: str
    requests: tuple[float, ...]
    between: float = 0.0

    @property
    def asking(self) -> float:
        return sum(self.requests)

    @property
    def seconds(self) -> float:
        return self.asking + self.between * len(self.requests)


def jobs(name: str, count: int, mean: float, spread: float, draws: random.Random) -> list[Job]:
    """Answers whose lengths vary as those of models do: log-normal."""
    return [Job(lane=name, requests=(mean * draws.lognormvariate(-(spread**2) / 2, spread),)) for _ in range(count)]


def agents(count: int, draws: random.Random) -> list[Job]:
    """Instances of twenty steps: ten seconds of thought, then five in the container."""
    return [
        Job(lane="agents", requests=tuple(draws.uniform(5, 15) for _ in range(20)), between=5.0) for _ in range(count)
    ]


@dataclass
class Simulation:
    """Lanes of jobs under one real limiter of connections."""

    lanes: Sequence[tuple[Sequence[Job], float, int | None]]
    connections: int

    def __post_init__(self) -> None:
        self.begun: list[Job] = []
        self.ended: dict[str, float] = {}
        self.busiest = 0
        self._limiter = Limiter(self.connections)

    def run(self) -> float:
        """The makespan."""
        return duration(self._drive())

    async def _drive(self) -> None:
        lanes = [Lane(items=iter(listed), seconds=seconds, places=places) for listed, seconds, places in self.lanes]
        await drive(lanes, self._one, self.connections)

    async def _one(self, job: Job) -> None:
        self.begun.append(job)
        for request in job.requests:
            async with self._limiter:
                self.busiest = max(self.busiest, self._limiter.state.in_flight)
                await asyncio.sleep(request)
            await asyncio.sleep(job.between)
        self.ended[job.lane] = asyncio.get_running_loop().time()

    def bound(self) -> float:
        """No schedule is shorter: all work on all connections, the longest item, a lane on all of its places."""
        every = [job for listed, _, _ in self.lanes for job in listed]
        places = [sum(job.seconds for job in listed) / places for listed, _, places in self.lanes if places]
        return max(sum(job.asking for job in every) / self.connections, max(job.seconds for job in every), *places, 0.0)

    def in_pairs(self) -> float:
        """Another bound: with one item more than connections, two share one; no two are shorter than these."""
        lengths = sorted((job.asking for listed, _, _ in self.lanes for job in listed), reverse=True)
        return sum(lengths[self.connections - 1 : self.connections + 1]) if len(lengths) > self.connections else 0.0


def benchmarks(tier: str, draws: random.Random, wild: float = 1.0) -> list[tuple[list[Job], float, int | None]]:
    """The benchmarks of a tier, in the order of a plan; lengths vary by `wild` times what is usual for them."""
    sizes = {"smoke": (50, 50, 30, 100), "standard": (300, 400, 240, 1000), "full": (1000, 3460, 960, 2000)}[tier]
    means = (("ocrbench", 13.5, 0.5), ("mmmu_pro", 101.0, 0.5), ("aime2025", 576.0, 0.3), ("toolcall", 21.0, 0.7))
    return [
        (jobs(name, count, mean, spread * wild, draws), mean, None)
        for (name, mean, spread), count in zip(means, sizes, strict=True)
    ]


@pytest.mark.parametrize("connections", [1, 10, 50, 200, 500])
@pytest.mark.parametrize("tier", ["smoke", "standard", "full"])
def test_what_is_expected_is_scheduled_in_next_to_no_more_time_than_it_needs(tier: str, connections: int) -> None:
    """Answers as long as the plan expects: within a tenth of the lower bound, or where none can be, none is shorter."""
    found = Simulation(benchmarks(tier, random.Random(0), wild=0.0), connections)
    took = found.run()
    if (tier, connections) == TWO_ROUNDS:
        assert took == pytest.approx(found.in_pairs())
        assert took > WORTH * found.bound()
    else:
        assert took <= WORTH * found.bound()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("connections", [10, 50])
@pytest.mark.parametrize("tier", ["smoke", "standard", "full"])
def test_the_whole_takes_the_time_of_the_bottleneck(tier: str, connections: int, seed: int) -> None:
    """Lengths that vary and are not known before: still within a tenth of it."""
    found = Simulation(benchmarks(tier, random.Random(seed)), connections)
    assert found.run() <= WORTH * found.bound()
    assert found.busiest == connections


def test_lengths_that_nobody_can_know_have_their_price() -> None:
    """Twice as wild, the last answer to begin may be the longest: then it is a fifth on average."""
    worth = []
    for seed in range(20):
        found = Simulation(benchmarks("standard", random.Random(seed), wild=2.0), 50)
        worth.append(found.run() / found.bound())
    assert sum(worth) / len(worth) <= 1.2


def test_the_sum_of_benchmarks_is_clearly_longer() -> None:
    """One benchmark after the other takes half as long again: the test above can fail."""
    lanes = benchmarks("smoke", random.Random(1))
    apart = sum(Simulation([lane], 50).run() for lane in lanes)
    assert apart > 1.2 * Simulation(lanes, 50).run()


def test_long_answers_begin_first_and_each_benchmark_in_order() -> None:
    """By expected seconds, whatever the order of the plan; within a benchmark nothing is exchanged."""
    lanes = benchmarks("smoke", random.Random(2))
    found = Simulation(lanes, 10)
    found.run()
    assert list(dict.fromkeys(job.lane for job in found.begun)) == ["aime2025", "mmmu_pro", "toolcall", "ocrbench"]
    for listed, _, _ in lanes:
        assert [job for job in found.begun if job.lane == listed[0].lane] == listed


@pytest.mark.parametrize("places", [1, 4, 8])
@pytest.mark.parametrize("connections", [8, 50])
def test_containers_neither_starve_nor_hold_connections(places: int, connections: int) -> None:
    """Agents take hardly longer than alone, where connections are scarce half as long again; so does the whole."""
    draws = random.Random(places)
    instances, others = agents(6 * places, draws), benchmarks("standard", draws)
    alone = Simulation([(instances, 300.0, places)], connections).run()
    found = Simulation([*others, (instances, 300.0, places)], connections)
    assert found.run() <= WORTH * found.bound()
    assert found.ended["agents"] <= (1.25 if connections >= 2 * places else 1.5) * alone


def test_a_lane_of_containers_may_be_the_bottleneck() -> None:
    """Then everything else is done meanwhile."""
    draws = random.Random(3)
    instances, others = agents(60, draws), benchmarks("smoke", draws)
    found = Simulation([*others, (instances, 300.0, 2)], 50)
    assert found.run() <= WORTH * found.bound()
    assert max(found.ended[name] for name in ("ocrbench", "aime2025")) < found.ended["agents"] / 2


def test_one_connection_is_enough_for_everything() -> None:
    """Nothing waits for a connection that is never free."""
    draws = random.Random(4)
    found = Simulation([(jobs("a", 5, 3.0, 0.2, draws), 3.0, None), (agents(2, draws), 300.0, 4)], 1)
    assert found.run() <= WORTH * found.bound() + 30
    assert len(found.begun) == 7


def test_a_lane_may_end_early() -> None:
    """What is left of it is never begun, and its workers go on with the next."""
    ends = Job(lane="a", requests=(1.0,))
    other = Job(lane="b", requests=(1.0,))

    def two() -> Iterator[Job]:
        yield ends
        yield ends

    found = Simulation([(list(two()), 9.0, None), ([other] * 3, 1.0, None)], 1)
    assert found.run() == 5.0
    assert [job.lane for job in found.begun] == ["a", "a", "b", "b", "b"]


def test_what_work_raises_ends_everything() -> None:
    """No item is begun after that."""
    begun: list[int] = []

    async def work(item: int) -> None:
        begun.append(item)
        await asyncio.sleep(1)
        raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(ExceptionGroup):
            await drive([Lane(items=iter(range(9)), seconds=1.0)], work, 2)

    assert duration(main()) == 1.0
    assert begun == [0, 1]
