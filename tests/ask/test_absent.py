"""A benchmark that needs what this machine does not have: skipped with the reason, asked where it is there."""

from pathlib import Path

import pytest

from entrypoint.compose import _missing
from entrypoint.settings import ours
from kvv_action.journal.file import Reader
from kvv_action.journal.state import read_state
from kvv_action.schema import BenchmarkKind, RunState, Verdict
from tests.ask.fakes import FakeClient, Quiz, Run, make_run

Settings = ours().model

REASON = "no container engine answers"


def missing(run: Run) -> bool:
    return _missing(read_state(Reader(run.path), run.plan), Settings())


async def test_it_is_skipped_with_the_reason(tmp_path: Path) -> None:
    """Nothing of it is asked, its verdict is skipped, the others are not touched."""
    run = make_run(tmp_path, Quiz(count=3), Quiz(id="box", count=2, sandboxed=True))
    ending = await run.session(FakeClient(), absent={"box": REASON})
    assert ending.state is RunState.COMPLETE
    quiz, box = run.report().benchmarks
    assert (box.verdict, box.reason, box.skips) == (Verdict.SKIPPED, REASON, {REASON: 2})
    assert (quiz.counts.scored, quiz.counts.skipped) == (3, 0)
    assert [name for name, *_ in run.observer.begun] == ["quiz"]


async def test_it_is_asked_where_it_can_be(tmp_path: Path) -> None:
    """Such a run is not complete: the same command goes on with it on a machine that has what was missing."""
    run = make_run(tmp_path, Quiz(count=3), Quiz(id="box", count=2, sandboxed=True))
    await run.session(FakeClient(), absent={"box": REASON})
    assert missing(run)
    client = FakeClient()
    await run.session(client)
    assert len(client.asked) == 2
    box = run.report().benchmarks[1]
    assert (box.counts.scored, box.counts.skipped, box.skips) == (2, 0, {})
    assert not missing(run)


async def test_what_is_done_stays(tmp_path: Path) -> None:
    """A benchmark that is whole already is not skipped afterwards."""
    run = make_run(tmp_path, Quiz(count=1), Quiz(id="box", count=2, sandboxed=True))
    await run.session(FakeClient())
    await run.session(FakeClient(), absent={"box": REASON})
    assert run.report().benchmarks[1].counts.scored == 2
    assert run.lines("skip") == []
    assert not missing(run)


async def test_a_gate_that_does_not_open_does_not_hide_it(tmp_path: Path) -> None:
    """What is missing here is the nearer reason."""
    gate = Quiz(id="gate", count=1, gates=True)
    run = make_run(tmp_path, gate, Quiz(id="box", count=2, sandboxed=True))
    await run.session(
        FakeClient(lambda body: FakeClient().answer({"messages": [{"content": "question 9"}]})), absent={"box": REASON}
    )
    assert run.report().benchmarks[1].skips == {REASON: 2}


@pytest.mark.parametrize(("named", "verdict"), [((), Verdict.PASS), (("box",), Verdict.INCONCLUSIVE)])
async def test_what_was_asked_for_by_name_is_missed(tmp_path: Path, named: tuple[str, ...], verdict: Verdict) -> None:
    """A run without it does not pass; where nobody named it the rest is enough, and the reason tells of it."""
    contract = Quiz(count=2, kind=BenchmarkKind.CONTRACT)
    run = make_run(tmp_path, contract, Quiz(id="box", count=2, sandboxed=True))
    await run.session(FakeClient(), absent={"box": REASON}, named=named)
    report = run.report()
    assert report.verdict is verdict
    assert REASON in report.reason
    await run.session(FakeClient(), named=named)
    assert run.report().benchmarks[1].counts.skipped == 0
    assert REASON not in run.report().reason
