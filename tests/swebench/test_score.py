"""An instance is judged by its journaled evidence alone."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import orjson
import pytest
import pytest_asyncio

from benchmarks.coding import seen
from benchmarks.coding.agent import Ended
from benchmarks.coding.evaluation import Evaluation
from benchmarks.coding.repository import Taken
from benchmarks.swebench.benchmark import SweBench
from benchmarks.swebench.dataset import PINS
from benchmarks.swebench.options import SweBenchOptions
from kvv_action.benchmark import Options
from kvv_action.dataset.load import load
from kvv_action.errors import ScoringError, Undecided
from kvv_action.profiles import loader
from kvv_action.schema import BenchmarkKind, Exchange, Observation, Sample
from tests.swebench.fakes import FAILING, PASSING, PATCH, row

SHARED = pytest.mark.asyncio(loop_scope="module")
"""With one process that grades."""
pytestmark = pytest.mark.slow  # grades in processes that load the official library

RAN = Evaluation(applied="git apply --verbose", log=PASSING, seconds=1.0)
BROKEN = replace(RAN, log=FAILING)


def evidence(
    *, patch: str = PATCH, ran: Evaluation | None = RAN, gold: Evaluation | None = None, empty: Evaluation | None = None
) -> list[Exchange]:
    """What a journal holds of an instance."""
    observed = [
        Observation(name=seen.CONTROL, data={"control": name, **control.facts()}, text=control.log)
        for name, control in (("gold", gold), ("empty", empty))
        if control is not None
    ]
    ended = Ended(limit="", steps=1, prompt_tokens=1, answer_tokens=1, seconds=1.0)
    observed.append(Observation(name=seen.ENDED, data=asdict(ended)))
    observed.append(Observation(name=seen.PATCH, data=seen.patch_facts(Taken(patch=patch)), text=patch))
    if ran is not None:
        observed.append(Observation(name=seen.TESTS, data=ran.facts(), text=ran.log))
    return [Exchange(call=number, observation=one) for number, one in enumerate(observed)]


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Sample]:
    return samples_of(SweBench(Options()), tmp_path_factory.mktemp("rows"))


def samples_of(benchmark: SweBench, folder: Path) -> list[Sample]:
    path = folder / "rows.jsonl"
    path.write_bytes(orjson.dumps(row()) + b"\n")
    rows = load("swebench", "benchmarks.swebench", PINS["verified"], str(path))
    return list(benchmark.samples(rows, loader.load("kimi-k2.6")))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def benchmark() -> AsyncIterator[SweBench]:
    it = SweBench(Options())
    yield it
    await it.aclose()


@SHARED
async def test_the_log_decides(benchmark: SweBench, samples: Sequence[Sample]) -> None:
    """Not what was concluded when it was written."""
    assert (await benchmark.score(samples[0], evidence())).value == 1.0
    assert (await benchmark.score(samples[0], evidence(ran=BROKEN))).value == 0.0


@SHARED
async def test_an_empty_patch_is_never_resolved(benchmark: SweBench, samples: Sequence[Sample]) -> None:
    """Even where a log of passing tests stood beside it."""
    score = await benchmark.score(samples[0], evidence(patch="", ran=None))
    assert (score.value, score.unparsed) == (0.0, True)


@SHARED
async def test_without_a_patch_there_is_no_verdict(benchmark: SweBench, samples: Sequence[Sample]) -> None:
    """The evidence is not whole."""
    with pytest.raises(ScoringError, match="holds no patch"):
        await benchmark.score(samples[0], evidence()[:1])
    spoiled = [Exchange(call=0, observation=Observation(name=seen.PATCH, data={}))]
    with pytest.raises(ScoringError, match="not as kvv writes it"):
        await benchmark.score(samples[0], spoiled)


@SHARED
async def test_controls_that_hold_change_nothing(benchmark: SweBench, samples: Sequence[Sample]) -> None:
    """Gold resolves, empty does not."""
    score = await benchmark.score(samples[0], evidence(gold=RAN, empty=replace(BROKEN, applied="nothing to apply")))
    assert score.value == 1.0


@SHARED
@pytest.mark.parametrize(
    ("gold", "empty", "said"),
    [
        (BROKEN, None, "the gold patch of owner__pkg-1 does not resolve it .not passed: tests/test_mod.py::test_two"),
        (RAN, RAN, "owner__pkg-1 is resolved without any patch"),
        (Evaluation(applied="", said="corrupt"), None, "does not resolve it, so nothing can be said"),
    ],
)
@SHARED
async def test_controls_that_fail_leave_it_open(
    gold: Evaluation, empty: Evaluation | None, said: str, benchmark: SweBench, samples: Sequence[Sample]
) -> None:
    """The environment is wrong, not the vendor; an audit concludes the same."""
    with pytest.raises(Undecided, match=said):
        await benchmark.score(samples[0], evidence(gold=gold, empty=empty))


@SHARED
async def test_a_flaky_control_has_a_second_chance(benchmark: SweBench, samples: Sequence[Sample]) -> None:
    """The last one counts."""
    again = [*evidence(gold=BROKEN)[:1], *evidence(gold=RAN)]
    assert (await benchmark.score(samples[0], again)).value == 1.0


@pytest.mark.parametrize(
    ("agent", "ran", "value"),
    [("gold", RAN, 1.0), ("gold", BROKEN, 0.0), ("empty", BROKEN, 1.0), ("empty", RAN, 0.0)],
)
async def test_a_self_test_tests_the_environment(agent: str, ran: Evaluation, value: float, tmp_path: Path) -> None:
    """Every instance must be as expected; there is no reference."""
    it = SweBench(own=SweBenchOptions(swebench_agent=agent))
    patch = PATCH if agent == "gold" else ""
    try:
        score = await it.score(samples_of(it, tmp_path)[0], evidence(patch=patch, ran=ran))
    finally:
        await it.aclose()
    assert (score.value, it.exact, it.metric, it.kind) == (value, True, "self_test_rate", BenchmarkKind.SCORED)
    assert it.notes == (f"a self-test of the environment with agent {agent}: no model is asked",)
