"""Makespans on a simulated clock; run with `pytest -m perf -s tests/perf/test_schedule.py`."""

import random

import pytest

from tests.ask.test_schedule import Simulation, benchmarks

pytestmark = pytest.mark.perf


def test_schedules() -> None:
    """Print how much longer than the lower bound a run takes, and one benchmark after the other."""
    print()
    for tier in ("smoke", "standard", "full"):
        for connections in (10, 50, 200):
            for wild in (0.0, 1.0, 2.0):
                worth, apart = [], []
                for seed in range(10):
                    lanes = benchmarks(tier, random.Random(seed), wild=wild)
                    found = Simulation(lanes, connections)
                    worth.append(found.run() / found.bound())
                    apart.append(sum(Simulation([lane], connections).run() for lane in lanes) / found.bound())
                mean = sum(worth) / len(worth)
                print(
                    f"{tier:<8} {connections:>3} connections, lengths × {wild:g}: {mean:.2f} of the bound on average, "
                    f"{max(worth):.2f} at most; apart {sum(apart) / len(apart):.2f}"
                )
