"""Runs whose journals hold what a benchmark saw elsewhere than at the endpoint: compared, shown and compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from entrypoint.reference_runs import reference_runs_of
from kvv_action.benchmark import Generate
from kvv_action.bundle.redaction import redacted
from kvv_action.compare.judge import compare
from kvv_action.compare.records import Effect, Regression, RunComparison
from kvv_action.compare.side import Side, of_journal, read
from kvv_action.errors import EndpointError, UsageError
from kvv_action.journal.lines import PLAIN
from kvv_action.plan.plan import Amount, plan_benchmark
from kvv_action.report.files import REPORT, canonical
from kvv_action.schema import Completion, Exchange, FailureKind, Sample, Score
from kvv_action.settings import Settings
from kvv_action.verdict.report import build
from tests.ask.fakes import (
    FakeClient,
    FakeRows,
    Quiz,
    Run,
    asking,
    fake_profile,
    make_run,
    question,
    right,
    said,
    text_of,
)

LOG = "a line of a test log\n" * (PLAIN // 16)
COUNT = 40


async def worked(sample: Sample, generate: Generate) -> None:
    """An agent: a step, what its command printed, another step, and a long log in the end."""
    await generate(asking(question(sample.input)))
    generate.observe("tool", {"exit": 0}, "printed")
    await generate(asking(question(sample.input, 1)))
    generate.observe("tests", {"patch": f"patch {sample.input}"}, LOG)


async def only_run(sample: Sample, generate: Generate) -> None:
    """A self-test: nobody is asked, something is run."""
    generate.observe("tests", {"patch": f"patch {sample.input}"}, LOG)


def graded(broken: Sequence[str] = ()) -> Quiz:
    """Samples that are judged by their last log, and of which some no longer pass."""

    def judge(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        seen = exchanges[-1].observation
        assert seen is not None
        passes = seen.text == LOG and sample.id not in broken
        return Score(value=float(passes), answer=str(seen.data["patch"]), explanation="passes" if passes else "breaks")

    return Quiz(count=COUNT, solving=worked, judge=judge)


def fresh(folder: Path, quiz: Quiz) -> Run:
    """A run in a folder of its own that has not begun."""
    folder.mkdir()
    return make_run(folder, quiz)


async def ran(folder: Path, quiz: Quiz, client: FakeClient | None = None) -> Run:
    """A finished run with its report beside its journal."""
    run = fresh(folder, quiz)
    await run.session(client or FakeClient())
    run.path.with_name(REPORT).write_bytes(canonical(run.report()))
    return run


async def compared(tmp_path: Path, base: Quiz, new: Quiz) -> RunComparison:
    """Two runs, read from their folders and compared."""
    await ran(tmp_path / "base", base)
    await ran(tmp_path / "new", new)
    return compare(read(tmp_path / "base"), read(tmp_path / "new"))


async def test_an_agents_runs_are_compared(tmp_path: Path) -> None:
    """Its answers are traffic, what it saw is not."""
    found = await compared(tmp_path, graded(), graded())
    assert (found.regression, found.parts[0].finding, found.parts[0].matched) == (Regression.NONE, Effect.SAME, COUNT)
    shift = {one.name: one for one in found.shifts}["completion_tokens"]
    assert (shift.before, shift.samples) == (10.0, COUNT)


async def test_a_flip_shows_requests_and_answers(tmp_path: Path) -> None:
    """Of the endpoint: the first request, the last answer; what was seen elsewhere is no answer of it."""
    found = await compared(tmp_path, graded(), graded([f"q{number}" for number in range(COUNT)]))
    assert found.regression is Regression.REGRESSION
    flip = found.parts[0].flips[3]
    assert (flip.id, flip.before.explanation, flip.after.explanation) == ("q3", "passes", "breaks")
    for seen in (flip.before, flip.after):
        assert (seen.answer, seen.finish_reason) == ("patch 3", "stop")
        assert question(3) in seen.request
        assert '"content":"3"' in seen.response


async def test_runs_that_asked_nobody_are_compared(tmp_path: Path) -> None:
    """A self-test or given patches: there is no request to show."""
    quizzes = (replace(graded(broken), solving=only_run) for broken in ((), [f"q{number}" for number in range(COUNT)]))
    found = await compared(tmp_path, *quizzes)
    assert found.regression is Regression.REGRESSION
    assert found.shifts == ()
    assert (found.parts[0].flips[0].after.request, found.parts[0].flips[0].after.explanation) == ("", "breaks")


async def test_a_run_that_was_killed_is_compared(tmp_path: Path) -> None:
    """What was seen before is there twice; the later counts."""
    run = await ran(tmp_path / "base", graded())
    whole = run.path.read_bytes().splitlines(keepends=True)
    run.path.write_bytes(b"".join(whole[:4]))
    assert [line["kind"] for line in run.lines()] == ["session", "answer", "observation", "answer"]
    await run.session(FakeClient())
    side = of_journal(run.report(), run.path)
    assert compare(side, side).regression is Regression.NONE


async def test_without_its_texts_a_run_is_compared(tmp_path: Path) -> None:
    """A redacted bundle has digests in their places."""
    base, new = await ran(tmp_path / "base", graded()), await ran(tmp_path / "new", graded(["q3"]))
    bare = tmp_path / "bare.jsonl"
    bare.write_bytes(b"".join(redacted(base.path)))
    side: Side = of_journal(build(bare), bare)
    (part,) = compare(side, of_journal(new.report(), new.path)).parts
    assert (part.matched, part.fell, part.flips[0].before.answer[:10]) == (COUNT, 1, "[redacted:")


async def test_an_agents_run_is_a_reference(tmp_path: Path) -> None:
    """Its values by sample, from its journal alone."""
    await ran(tmp_path / "official", graded(["q3"]))
    settings = Settings(reference=[str(tmp_path / "official")])
    peers = reference_runs_of(settings, "fake", (), asked=False, demonstration=False)
    assert dict(peers["quiz"].values) == {f"q{number}": float(number != 3) for number in range(COUNT)}
    amount = Amount(tier="full", limit=None, epochs=None, seed=0, reference_runs=peers)
    planned = plan_benchmark(graded(), FakeRows(), fake_profile(), amount).planned
    assert planned.peers == tuple(float(number != 3) for number in range(COUNT))


async def test_a_run_that_measured_something_else_is_no_reference(tmp_path: Path) -> None:
    """A self-test has the same samples and version, and says nothing about a model."""
    await ran(tmp_path / "official", replace(graded(), metric="self_test_rate"))
    settings = Settings(reference=[str(tmp_path / "official")])
    peers = reference_runs_of(settings, "fake", (), asked=False, demonstration=False)
    amount = Amount(tier="full", limit=None, epochs=None, seed=0, reference_runs=peers)
    with pytest.raises(UsageError, match="its metric self_test_rate is not that of this run, accuracy"):
        plan_benchmark(graded(), FakeRows(), fake_profile(), amount)


async def test_a_failure_after_something_was_seen_is_no_answer(tmp_path: Path) -> None:
    """The sample counts as failed, and as answered once a later session scored it."""

    def lost(body: Mapping[str, Any]) -> Completion | Exception:
        return EndpointError(FailureKind.SERVER_ERROR, "down") if "call 1" in text_of(body) else right(body)

    run = await ran(tmp_path / "base", graded(), FakeClient(lost))
    assert all(one.lost == 1 for one in read(tmp_path / "base").samples["quiz"].values())
    await run.session(FakeClient(lambda body: said("again")))
    samples = of_journal(run.report(), run.path).samples["quiz"]
    assert {(one.scored, one.lost) for one in samples.values()} == {(1, 0)}
