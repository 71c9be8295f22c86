"""Going on after an interruption: nothing is lost but what was in flight, nothing is asked or counted twice."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kvv_action.benchmark import Generate
from kvv_action.errors import EndpointError, JournalError, Rejected, RunStopped
from kvv_action.journal.file import Journal, Reader
from kvv_action.journal.state import read_state
from kvv_action.redact import Redactor
from kvv_action.report.files import canonical
from kvv_action.schema import Attempt, Completion, Exchange, FailureKind, RunState, Sample, Score
from kvv_action.verdict.report import build
from tests.ask.fakes import (
    FakeClient,
    Quiz,
    Reply,
    Run,
    asking,
    load_quiz,
    make_run,
    plan_of,
    question,
    right,
    said,
    session_line,
    text_of,
)


def down(body: Mapping[str, Any]) -> Reply:
    return EndpointError(FailureKind.CONNECT, "no route")


def cut(run: Run, lines: int) -> None:
    """What a kill after so many lines leaves."""
    kept = run.path.read_bytes().splitlines(keepends=True)[:lines]
    run.path.write_bytes(b"".join(kept))


async def test_a_complete_run_asks_nothing_again(tmp_path: Path) -> None:
    """And its numbers stay."""
    run = make_run(tmp_path)
    await run.session(FakeClient())
    before, client = run.report(), FakeClient()
    await run.session(client)
    assert client.asked == []
    assert run.report().benchmarks == before.benchmarks
    assert run.report().timing.sessions == 2


async def test_what_failed_is_asked_again(tmp_path: Path) -> None:
    """A later score takes the place of the failure, and the report counts it."""
    run = make_run(tmp_path)
    await run.session(FakeClient(down))
    assert run.report().benchmarks[0].counts.failed == 3
    await run.session(FakeClient())
    report = run.report()
    assert (report.benchmarks[0].counts.scored, report.benchmarks[0].counts.failed) == (3, 0)
    assert report.journal.retried_failures == 3
    assert report.usage.requests == 6


async def test_what_failed_twice_stays_one_failure(tmp_path: Path) -> None:
    """Both tries are evidence, the last one counts."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient(down))
    await run.session(FakeClient(lambda body: EndpointError(FailureKind.SERVER_ERROR, "HTTP 500")))
    (result,) = run.report().benchmarks
    assert [(failure.kind, failure.count) for failure in result.failures] == [("server-error", 1)]
    assert run.report().journal.retried_failures == 1


async def test_failures_stand_when_the_user_says_so(tmp_path: Path) -> None:
    """`retry-failed: false`."""
    run = make_run(tmp_path)
    await run.session(FakeClient(down))
    client = FakeClient()
    await run.session(client, retry_failed=False)
    assert client.asked == []
    assert run.observer.begun[-1] == ("quiz", 3, 3)


async def test_an_answer_without_a_result_is_not_asked_again(tmp_path: Path) -> None:
    """The process was killed between the answer and its score."""
    run = make_run(tmp_path, Quiz(count=2))
    await run.session(FakeClient())
    cut(run, 2)
    assert [line["kind"] for line in run.lines()] == ["session", "answer"]
    client = FakeClient()
    await run.session(client)
    assert client.asked == [question(1)]
    assert run.report().benchmarks[0].counts.scored == 2
    assert run.report().usage.requests == 2


async def test_calls_of_a_sample_are_replayed_one_by_one(tmp_path: Path) -> None:
    """Only the call that was in flight is sent again, and the score sees all answers in order."""
    run = make_run(tmp_path, Quiz(count=1, calls=3))
    await run.session(FakeClient())
    cut(run, 3)
    client = FakeClient()
    await run.session(client)
    assert client.asked == [question(0, 2)]
    assert run.lines("score")[0]["calls"] == [0, 1, 2]


async def test_refusals_are_replayed_too(tmp_path: Path) -> None:
    """A probe's 4xx answer is an answer."""
    run = make_run(tmp_path, Quiz(count=1, may_reject=True))
    await run.session(FakeClient(lambda body: Rejected(FailureKind.REJECTED, "temperature", status=400)))
    cut(run, 2)
    client = FakeClient()
    await run.session(client)
    assert client.asked == []
    assert run.lines("score")[0]["score"]["answer"] == "refused"


async def test_answers_to_other_questions_are_not_used(tmp_path: Path) -> None:
    """The key covers the body: another temperature is another question."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient())
    cut(run, 2)
    run.plan = plan_of(run.loaded, extra_body={"temperature": 0.1})
    client = FakeClient()
    await run.session(client)
    assert client.asked == [question(0)]


async def test_answers_of_an_abandoned_path_are_not_judged(tmp_path: Path) -> None:
    """A conversation that goes another way after resuming is judged, and audited, without the leftovers."""
    run = make_run(tmp_path, Quiz(count=1, calls=3))
    await run.session(FakeClient())
    cut(run, 4)
    shorter: list[int] = []

    async def solving(sample: Sample, generate: Generate) -> None:
        await generate(asking(question(0, 0)))
        await generate(asking("question 0 another way"))

    def judge(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        shorter.append(len(exchanges))
        return Score(value=1.0)

    run.loaded = [load_quiz(Quiz(count=1, solving=solving, judge=judge))]
    await run.session(FakeClient())
    assert shorter == [2]
    assert run.lines("score")[0]["calls"] == [0, 1]
    assert run.report().usage.requests == 4


async def test_another_plan_is_refused(tmp_path: Path) -> None:
    """A journal line that the plan does not have is named."""
    run = make_run(tmp_path, Quiz(count=5))
    await run.session(FakeClient())
    smaller = plan_of([load_quiz(Quiz(count=2))])
    with pytest.raises(JournalError, match="sample 2, epoch 0, which the plan does not have"):
        read_state(Reader(run.path), smaller)
    with pytest.raises(JournalError, match="benchmark 'quiz', which the plan does not have"):
        read_state(Reader(run.path), plan_of([load_quiz(Quiz(id="other"))]))


async def test_a_second_score_is_refused(tmp_path: Path) -> None:
    """Nobody may choose between two scores of one answer."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient())
    score = run.lines("score")[0]
    with Journal(run.path, Redactor()) as journal:
        journal.append({name: value for name, value in score.items() if name != "prev"})
    with pytest.raises(JournalError, match="a second time"):
        run.report()


@pytest.mark.parametrize(
    "line",
    [
        {"no": "kind"},
        {"kind": "skip", "benchmark": "quiz"},
        {"kind": "skip", "benchmark": "other", "reason": "x"},
        {"kind": "answer", "benchmark": "quiz", "sample": "q0", "index": 0, "epoch": 0, "call": 0, "key": "k"},
        {"kind": "answer", "benchmark": "quiz", "sample": "q0", "index": "0", "epoch": 0},
        {"kind": "answer", "benchmark": "quiz", "sample": "q0", "index": -1, "epoch": 0},
        {"kind": "score", "benchmark": "quiz", "sample": "q0", "index": 0, "epoch": 0, "at": 1.0, "score": {"v": 1}},
        {"kind": "failure", "benchmark": "quiz", "sample": "q0", "index": 0, "epoch": 0, "at": 1.0, "failure": "bad"},
        {"kind": "end", "state": "surprise", "at": 1.0, "reason": ""},
        {"kind": "session"},
        {"kind": "mended"},
    ],
)
def test_a_line_of_another_form_is_an_explained_error(tmp_path: Path, line: dict[str, Any]) -> None:
    """The chain can be made again by anybody, so the form is checked too."""
    run = make_run(tmp_path)
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan))
        journal.append(line)
    with pytest.raises(JournalError):
        build(run.path)


def test_an_empty_journal_is_an_explained_error(tmp_path: Path) -> None:
    """Also a missing one, and one that does not begin with a session."""
    path = tmp_path / "j"
    with pytest.raises(JournalError, match="No such file"):
        build(path)
    path.touch()
    with pytest.raises(JournalError, match="does not begin with a session"):
        build(path)
    with Journal(path, Redactor()) as journal:
        journal.append({"kind": "end"})
    with pytest.raises(JournalError, match="does not begin with a session"):
        build(path)


def test_a_journal_of_another_schema_is_refused(tmp_path: Path) -> None:
    """With both versions."""
    run = make_run(tmp_path)
    with Journal(run.path, Redactor()) as journal:
        journal.append({**session_line(run.plan), "schema": 99})
    with pytest.raises(JournalError, match="has schema 99; this version reads 1"):
        build(run.path)


def test_a_plan_of_another_form_is_refused(tmp_path: Path) -> None:
    """An explained error, not a traceback."""
    run = make_run(tmp_path)
    with Journal(run.path, Redactor()) as journal:
        journal.append({**session_line(run.plan), "plan": {"tier": 3}})
    with pytest.raises(JournalError, match="its plan is not as kvv writes it"):
        build(run.path)


async def test_a_killed_run_is_reported_as_interrupted(tmp_path: Path) -> None:
    """Without an `end` line nobody knows whether it still runs."""
    run = make_run(tmp_path)
    await run.session(FakeClient(), finish=False)
    report = run.report()
    assert report.state is RunState.INTERRUPTED
    assert "the same command goes on" in report.state_reason


async def test_skips_of_an_earlier_session_are_forgotten(tmp_path: Path) -> None:
    """A resumed run says itself why something is not asked."""
    run = make_run(tmp_path)
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan))
        journal.append({"kind": "skip", "benchmark": "quiz", "reason": "an old reason"})
        journal.append(session_line(run.plan, 2))
    assert read_state(Reader(run.path), run.plan).progress["quiz"].skip == ""


def mixed(body: Mapping[str, Any]) -> Reply:
    """Right, wrong, half right and failed answers, always the same for one question."""
    number = int(text_of(body).split()[1])
    attempts = (Attempt(number=1, started=1.0, duration=0.1),) * (1 + number % 2)
    if number % 7 == 3:
        return EndpointError(FailureKind.SERVER_ERROR, f"HTTP 500 for {number}", attempts=attempts)
    if number % 5 == 2:
        return said("wrong", finish_reason="length", anomalies=("usage-in-choices",))
    return said(str(number), attempts=attempts, total=number / 8)


def partial(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
    """Values whose sums depend on their order unless somebody sees to it."""
    last = exchanges[-1].completion
    value = (0.1, 0.2, 0.3, 1.0, 0.7)[sample.input % 5] if last and last.content == sample.target else 0.0
    return Score(value=value, answer=last.content if last else "", explanation="?")


@pytest.mark.parametrize("seed", range(20))
async def test_killed_at_any_byte_the_result_is_the_same(tmp_path: Path, seed: int) -> None:
    """Cut at a random byte, gone on with any number of workers, cut again: the same bytes, nothing counted twice."""
    quiz = Quiz(count=12, calls=2, judge=partial)
    whole = make_run(tmp_path / "whole", quiz, epochs=3)
    whole.path.parent.mkdir()
    await whole.session(FakeClient(mixed))
    expected = canonical(whole.report().benchmarks)

    chance = random.Random(seed)
    cut_run = make_run(tmp_path, quiz, epochs=3)
    cut_run.path.write_bytes(whole.path.read_bytes())
    for _ in range(3):
        size = cut_run.path.stat().st_size
        with cut_run.path.open("rb+") as stream:
            stream.truncate(chance.randrange(size))
        await cut_run.session(FakeClient(mixed), workers=chance.randint(1, 6))
    report = cut_run.report()
    assert canonical(report.benchmarks) == expected
    slots = [(line["index"], line["epoch"]) for line in cut_run.lines("score")]
    assert len(set(slots)) == len(slots)


async def test_killed_at_any_byte_of_a_short_journal(tmp_path: Path) -> None:
    """From the first line on, in which there is nothing to go on from."""
    whole = make_run(tmp_path, Quiz(count=1))
    await whole.session(FakeClient())
    expected, content = canonical(whole.report().benchmarks), whole.path.read_bytes()
    for size in (0, 1, *range(50, len(content), 61), len(content) - 1):
        whole.path.write_bytes(content[:size])
        await whole.session(FakeClient())
        assert canonical(whole.report().benchmarks) == expected, size


async def test_a_stopped_run_goes_on(tmp_path: Path) -> None:
    """Once the endpoint is back, the failed sample is asked again and the run completes."""

    class Dying(FakeClient):
        async def complete(self, content: bytes, *, stream: bool) -> Completion:
            if len(self.bodies) == 1:
                raise RunStopped("down") from EndpointError(FailureKind.CONNECT, "refused")
            return await super().complete(content, stream=stream)

    run = make_run(tmp_path)
    await run.session(Dying())
    client = FakeClient(right)
    ending = await run.session(client)
    assert ending.state is RunState.COMPLETE
    assert client.asked == [question(1), question(2)]
    assert run.report().benchmarks[0].counts.scored == 3


async def test_a_mended_line_is_in_the_report(tmp_path: Path) -> None:
    """With its size."""
    run = make_run(tmp_path)
    await run.session(FakeClient())
    run.path.write_bytes(run.path.read_bytes()[:-10])
    await run.session(FakeClient())
    assert run.report().journal.mended_bytes > 0
