"""The interval of F1 holds what it promises."""

import pytest

from kvv_action.statistics.aggregates import AGGREGATES, Missing, f1_of
from tests.toolcall.harness import Served, bundled

RUNS = 100
F1 = AGGREGATES["f1"]


@pytest.mark.pipeline
@pytest.mark.parametrize("rate", [0.1, 0.3])
async def test_the_interval_of_f1_covers_the_truth(rate: float) -> None:
    """With `triggers-differently` at a known rate, at least 90 of 100 seeded runs cover the true F1."""
    bench = bundled()
    served = Served(bench)
    positive = [any(sample.target) for sample in bench.samples]
    # a request that forbids calls cannot be answered with one
    free = [sample.input.get("tool_choice") != "none" for sample in bench.samples]
    flipped = sum(not called and can for called, can in zip(positive, free, strict=True))
    truth = f1_of(sum(positive) * (1 - rate), (sum(positive) + flipped) * rate)
    assert truth is not None
    covered = 0
    for seed in range(RUNS):
        scores = await served.scores(f"triggers-differently={rate}", seed)
        columns = {name: [score.counts.get(name, 0) for score in scores] for name in F1.columns}
        assert F1.compute is not None
        found = F1.compute(columns, Missing(answers=0, failed=0, sums={}))
        assert found.interval is not None
        covered += found.interval[0] <= truth <= found.interval[1]
    await bench.benchmark.aclose()
    assert covered >= 90
