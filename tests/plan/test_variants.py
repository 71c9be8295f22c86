"""Published items against varied ones: what is asked, and what is said about the gap."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from kvv_action.errors import EndpointError
from kvv_action.plan.variants import BOTH, NOTHING_VARIED, OFF, VARY, applied
from kvv_action.schema import FailureKind, Place, Sample, Verdict
from kvv_action.verdict.gap import ERROR, Pairs
from kvv_action.verdict.report import build
from tests.ask.fakes import FakeClient, Quiz, Reply, Run, load_quiz, make_run, plan_of, right, said, text_of

BETTER = "published items are answered better; behaviour observed, its cause is not"


@dataclass(kw_only=True)
class Riddle(Quiz):
    """A quiz whose questions from `fixed` on can be asked with another number for the same answer."""

    fixed: int = 0
    cluster: int = 1

    def samples(self, rows: Any, profile: Any) -> Any:
        for sample in super().samples(rows, profile):
            yield replace(sample, cluster=f"c{sample.input // self.cluster}")

    def vary(self, sample: Sample, draw: Random) -> Sample | None:
        if sample.input < self.fixed:
            return None
        return replace(sample, input=sample.input + 1000 * draw.randrange(1, 9), variation=("number moved",))


def riddle_run(tmp_path: Path, riddle: Riddle, mode: str = BOTH, epochs: int = 1, seed: int = 0) -> Run:
    """A run that asks the riddle in this mode."""
    run = make_run(tmp_path, riddle, epochs=epochs)
    run.loaded = applied(run.loaded, mode, seed)
    run.plan = plan_of(run.loaded)
    return run


def remainder(body: Mapping[str, Any]) -> Reply:
    """An honest vendor: the number without its thousands."""
    return said(str(int(text_of(body).split()[1]) % 1000))


def test_off_changes_nothing() -> None:
    """The published items, and no others."""
    loaded = [load_quiz(Riddle())]
    assert applied(loaded, OFF, 1) == tuple(loaded)


def test_what_cannot_be_varied_is_left_alone() -> None:
    """A benchmark without variations is asked as it is in every mode."""
    loaded = [load_quiz(Quiz())]
    assert applied(loaded, BOTH, 1) == applied(loaded, VARY, 1) == tuple(loaded)


def test_instead_keeps_id_number_and_reference() -> None:
    """Varied items take the places of the published ones; what cannot be varied is asked as published."""
    (item,) = applied([load_quiz(Riddle(count=5, fixed=2))], VARY, 1)
    samples = list(item.samples())
    assert [sample.id for sample in samples] == ["q0", "q1", "q2", "q3", "q4"]
    assert [sample.input < 1000 for sample in samples] == [True, True, False, False, False]
    planned = item.planned
    assert (planned.id, planned.varies, planned.samples) == ("quiz", "quiz", 5)
    assert planned.variations == {"number moved": 3}
    assert planned.reference is not None


def test_beside_is_a_benchmark_of_its_own_without_a_reference() -> None:
    """Only what can be varied, with ids that say which."""
    public, varied = applied([load_quiz(Riddle(count=5, fixed=2))], BOTH, 1)
    assert public.planned.varies == ""
    planned = varied.planned
    assert (planned.id, planned.title, planned.varies) == ("quiz-varied", "Quiz, varied", "quiz")
    assert planned.ids == ("q2", "q3", "q4")
    assert (planned.samples, planned.reference, planned.margin) == (3, None, None)


def test_the_seed_chooses_the_variation() -> None:
    """The same seed the same one on every machine; another seed others."""
    inputs = [
        [sample.input for sample in applied([load_quiz(Riddle(count=30))], VARY, seed)[0].samples()]
        for seed in (1, 1, 2)
    ]
    assert inputs[0] == inputs[1] != inputs[2]


async def test_nothing_to_vary_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """No sample, no comparison, and no harm to the verdict."""
    run = riddle_run(tmp_path, Riddle(count=3, fixed=3))
    await run.session(FakeClient())
    report = run.report()
    assert (report.benchmarks[1].verdict, report.benchmarks[1].reason) == (Verdict.SKIPPED, NOTHING_VARIED)
    assert report.gaps == ()


async def test_both_ways_are_asked_in_turn(tmp_path: Path) -> None:
    """So that whatever else changes during a run changes for both."""
    run, client = riddle_run(tmp_path, Riddle(count=4)), FakeClient(remainder)
    await run.session(client)
    assert [line["benchmark"] for line in run.lines("answer")] == ["quiz", "quiz-varied"] * 4


async def test_an_honest_vendor_has_no_gap(tmp_path: Path) -> None:
    """Every pair right: the gap is nothing, its interval says what it could have been."""
    run = riddle_run(tmp_path, Riddle(count=40), epochs=2)
    await run.session(FakeClient(remainder), workers=4)
    report = run.report()
    (gap,) = report.gaps
    assert (gap.benchmark, gap.pairs, gap.public, gap.varied, gap.gap, gap.clear) == ("quiz", 40, 1.0, 1.0, 0.0, False)
    assert gap.interval[0] < 0 < gap.interval[1]
    assert report.benchmarks[1].verdict is Verdict.PASS
    assert "no difference is clear" in report.benchmarks[1].reason


async def test_a_vendor_that_knows_only_published_items_does_not_pass(tmp_path: Path) -> None:
    """The gap is clear and open what it means: not a fail, and not a pass."""
    run = riddle_run(tmp_path, Riddle(count=40))
    await run.session(FakeClient(right))
    report = run.report()
    (gap,) = report.gaps
    assert (gap.gap, gap.clear) == (1.0, True)
    assert report.benchmarks[0].score == 1.0
    assert report.benchmarks[1].verdict is Verdict.INCONCLUSIVE
    assert report.benchmarks[1].reason.endswith(BETTER)
    assert report.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("answered", [0, 4])
async def test_a_vendor_that_does_not_answer_varied_items_does_not_pass(answered: int, tmp_path: Path) -> None:
    """Failures are not wrong answers, but what was answered only because it was published is no pass."""
    run = riddle_run(tmp_path, Riddle(count=40))
    seen: list[int] = []

    def answer(body: Mapping[str, Any]) -> Reply:
        number = int(text_of(body).split()[1])
        if number >= 1000:
            seen.append(number)
            if len(seen) > answered:
                return EndpointError(FailureKind.SERVER_ERROR, "500")
        return remainder(body)

    await run.session(FakeClient(answer))
    report = run.report()
    assert (report.benchmarks[1].verdict, report.verdict) == (Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)
    told = "36 answers failed; had they been wrong" if answered else "no sample was scored in both ways"
    assert told in report.benchmarks[1].reason


async def test_failures_of_both_kinds_are_no_gap(tmp_path: Path) -> None:
    """An endpoint that loses every eighth answer of either kind behaves alike."""
    run = riddle_run(tmp_path, Riddle(count=80))

    def answer(body: Mapping[str, Any]) -> Reply:
        if int(text_of(body).split()[1]) % 8 == 0:
            return EndpointError(FailureKind.SERVER_ERROR, "500")
        return remainder(body)

    await run.session(FakeClient(answer))
    (gap,) = run.report().gaps
    assert (gap.pairs, gap.lost, gap.clear, gap.clear_with_lost) == (70, 20, False, False)


async def test_only_pairs_count(tmp_path: Path) -> None:
    """A sample that was scored in one way alone says nothing."""
    run = riddle_run(tmp_path, Riddle(count=5, fixed=2))

    def answer(body: Mapping[str, Any]) -> Reply:
        return said("4") if text_of(body).split()[1] == "4" else remainder(body)

    await run.session(FakeClient(answer))
    (gap,) = run.report().gaps
    assert gap.pairs == 3


async def test_items_that_are_alike_count_as_one(tmp_path: Path) -> None:
    """The interval of ten items in two clusters is that of two."""
    apart, alike = (riddle_run(tmp_path / str(size), Riddle(count=10, cluster=size)) for size in (1, 5))
    for run in (apart, alike):
        run.path.parent.mkdir(parents=True, exist_ok=True)
        await run.session(FakeClient(right))
    wide, narrow = (run.report().gaps[0].interval for run in (alike, apart))
    assert wide[0] < narrow[0]


async def test_the_gap_follows_from_the_journal_alone(tmp_path: Path) -> None:
    """In whatever order the answers came."""
    quick, slow = riddle_run(tmp_path / "a", Riddle(count=20)), riddle_run(tmp_path / "b", Riddle(count=20))
    for run, workers in ((quick, 1), (slow, 7)):
        run.path.parent.mkdir(parents=True, exist_ok=True)
        await run.session(FakeClient(remainder), workers=workers)
    assert build(quick.path).gaps == build(slow.path).gaps


@pytest.mark.parametrize(("loss", "least", "most"), [(0.0, 0.0, 0.02), (0.3, 0.95, 1.0)])
def test_false_alarms_are_rare_and_real_gaps_are_found(loss: float, least: float, most: float) -> None:
    """500 seeded vendors on 100 pairs at 80 %: an honest one is suspected in next to no run, 30 points are seen."""
    plan = plan_of(applied([load_quiz(Riddle(count=100))], BOTH, 0))
    clear = 0
    for seed in range(500):
        draws, pairs = random.Random(seed), Pairs(plan)
        for index in range(100):
            for benchmark, chance in (("quiz", 0.8), ("quiz-varied", 0.8 - loss)):
                place = Place(benchmark=benchmark, sample=f"q{index}", index=index, epoch=0)
                pairs.add(place, float(draws.random() < chance))
        clear += pairs.gaps()[0].clear
    assert ERROR == 0.01
    assert least <= clear / 500 <= most
