"""Budgets: never more requests, nothing lost, never a pass, and a larger one goes on."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from kvv_action.ask.budget import Budget, Limits
from kvv_action.benchmark import Generate
from kvv_action.errors import EndpointError
from kvv_action.journal.file import chained
from kvv_action.journal.reading import JournalReading
from kvv_action.plan import tokens
from kvv_action.schema import Attempt, Completion, FailureKind, RunState, Sample, Verdict
from kvv_action.verdict.report import build
from tests.ask.fakes import FakeClient, Quiz, asking, make_run, question, right, said

SPENT = "budget spent: max-requests is {0}, {0} requests were sent; with a larger one the same command goes on"


@pytest.mark.parametrize("calls", [1, 3])
@pytest.mark.parametrize("most", range(1, 14))
async def test_exactly_so_many_requests_are_sent(tmp_path: Path, most: int, calls: int) -> None:
    """Whatever a sample asks and however many work at once, not one request too many and not one too few."""
    run, client = make_run(tmp_path, Quiz(count=4, calls=calls)), FakeClient()
    ending = await run.session(client, workers=3, limits=Limits(requests=most))
    needed = 4 * calls
    assert len(client.bodies) == min(most, needed) == run.report().usage.requests
    assert ending.state is (RunState.COMPLETE if most >= needed else RunState.STOPPED)
    spent = SPENT.format(most).replace(" 1 requests were ", " 1 request was ")
    assert ending.reason == ("" if most >= needed else spent)


async def test_what_is_in_flight_is_waited_for(tmp_path: Path) -> None:
    """Every answer that was paid for is in the journal and judged."""
    run = make_run(tmp_path, Quiz(count=9))
    await run.session(FakeClient(), workers=4, limits=Limits(requests=6))
    assert len(run.lines("answer")) == len(run.lines("score")) == 6
    assert run.report().benchmarks[0].counts.skipped == 3


async def test_a_sample_without_a_request_left_is_untouched(tmp_path: Path) -> None:
    """A second request that may not be sent is no failure; a later session reuses the first one's answer."""
    run = make_run(tmp_path, Quiz(count=2, calls=2))
    await run.session(FakeClient(), limits=Limits(requests=3))
    assert [line["sample"] for line in run.lines("score")] == ["q0"]
    assert run.lines("failure") == []
    client = FakeClient()
    ending = await run.session(client, limits=Limits(requests=4))
    assert client.asked == [question(1, 1)]
    assert ending.state is RunState.COMPLETE


async def test_sessions_share_one_budget(tmp_path: Path) -> None:
    """The same budget again sends nothing; a larger one only the rest of it."""
    run = make_run(tmp_path, Quiz(count=9))
    await run.session(FakeClient(), limits=Limits(requests=4))
    again, larger = FakeClient(), FakeClient()
    ending = await run.session(again, limits=Limits(requests=4))
    assert again.asked == []
    assert ending.reason == SPENT.format(4)
    await run.session(larger, limits=Limits(requests=6))
    assert len(larger.asked) == 2
    report = run.report()
    assert report.usage.requests == 6
    assert report.timing.sessions == 3


async def test_failed_requests_count(tmp_path: Path) -> None:
    """A request that failed for good was sent all the same."""
    run = make_run(tmp_path, Quiz(count=5))
    client = FakeClient(lambda _: EndpointError(FailureKind.SERVER_ERROR, "HTTP 500"))
    await run.session(client, limits=Limits(requests=3))
    assert len(client.bodies) == 3
    after = FakeClient()
    await run.session(after, limits=Limits(requests=4))
    assert len(after.bodies) == 1


@pytest.mark.parametrize("workers", [1, 4])
async def test_tokens_stop_it_but_for_what_is_in_flight(tmp_path: Path, workers: int) -> None:
    """15 tokens an answer: 40 are reached with the third, beside which the other workers' answers may come."""
    run = make_run(tmp_path, Quiz(count=20))
    ending = await run.session(FakeClient(), workers=workers, limits=Limits(tokens=40))
    used = run.report().usage
    assert 40 <= used.prompt_tokens + used.completion_tokens <= 45 + 15 * (workers - 1)
    assert ending.reason.startswith("budget spent: max-tokens is 40, ")


async def test_cost_is_that_of_both_kinds_of_tokens(tmp_path: Path) -> None:
    """10 prompt tokens at 100 000 and 5 answered at 200 000 a million: 2 an answer."""
    run, client = make_run(tmp_path, Quiz(count=20)), FakeClient()
    ending = await run.session(client, limits=Limits(cost=5, price_input=1e5, price_output=2e5))
    assert len(client.bodies) == 3
    assert ending.reason.startswith("budget spent: max-cost is 5, 6 were spent")


async def test_tokens_that_nobody_counted_are_reckoned(tmp_path: Path) -> None:
    """An endpoint without usage does not run on for ever, neither in this session nor in the next."""
    run = make_run(tmp_path, Quiz(count=20))
    client = FakeClient(lambda _: said("a word or two of an answer", usage=None))
    await run.session(client, limits=Limits(tokens=40))
    sent = len(client.bodies)
    assert 1 < sent < 6
    again = FakeClient()
    await run.session(again, limits=Limits(tokens=40))
    assert again.bodies == []


@dataclass
class SlowClient(FakeClient):
    """Answers the first two, then nothing."""

    given_up: list[str] = field(default_factory=list)

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        completion = await super().complete(content, stream=stream)
        if len(self.bodies) > 2:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                self.given_up.append(self.asked[-1])
                raise
        return completion


async def test_time_that_is_up_ends_it_at_once(tmp_path: Path) -> None:
    """What is in flight is given up, and asked again by a session with more time."""
    run, client = make_run(tmp_path, Quiz(count=5)), SlowClient()
    ending = await run.session(client, limits=Limits(minutes=0.2 / 60))
    assert ending.state is RunState.STOPPED
    assert ending.reason.startswith("budget spent: max-minutes is 0.00333333, what was in flight was given up")
    assert client.given_up
    assert len(run.lines("score")) == 2
    after = FakeClient()
    await run.session(after)
    assert after.asked == [question(2), question(3), question(4)]


@dataclass
class Stuck(FakeClient):
    """Answers two requests and leaves all others without an answer; says when the fifth was sent."""

    fifth: asyncio.Event = field(default_factory=asyncio.Event)

    async def complete(self, content: bytes, *, stream: bool) -> Completion:
        answers = len(self.bodies) < 2
        completion = await super().complete(content, stream=stream)
        if len(self.bodies) == 5:
            self.fifth.set()
        if not answers:
            await asyncio.Event().wait()
        return completion


async def test_what_is_given_up_counts_in_every_later_session(tmp_path: Path) -> None:
    """Three sessions whose time is up with four answers on the way, then one without: 20 requests, not one more."""
    run, sent, taken = make_run(tmp_path, Quiz(count=60)), 0, 0.0
    for session in range(1, 4):
        client = Stuck()
        await run.session(client, workers=4, limits=Limits(requests=20, minutes=(taken + 0.1) / 60))
        sent += len(client.bodies)
        taken = run.report().timing.wall
        assert run.report().usage.requests == sent == 6 * session
        assert len(run.lines("withdrawn")) == 4 * session
    after = FakeClient()
    ending = await run.session(after, workers=4, limits=Limits(requests=20))
    assert len(after.bodies) == 2
    assert run.report().usage.requests == 20
    assert ending.reason == SPENT.format(20)


async def test_what_an_interrupted_session_had_on_the_way_counts(tmp_path: Path) -> None:
    """Ctrl-C gives up what is in flight; each of its requests has a line, with what its prompt was reckoned at."""
    run, client = make_run(tmp_path, Quiz(count=9)), Stuck()
    task = asyncio.create_task(run.session(client, workers=3))
    await client.fifth.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    budget = Budget(Limits())
    budget.replay(JournalReading(run.path).sent())
    assert budget.requests == len(client.bodies) == 5
    assert {line["sample"] for line in run.lines("withdrawn")} == {"q2", "q3", "q4"}
    assert budget.prompt == 2 * 10 + sum(line["reckoned"] for line in run.lines("withdrawn"))
    assert all(line["reckoned"] > 5 for line in run.lines("withdrawn"))


async def test_a_journal_of_before_is_counted_as_it_is(tmp_path: Path) -> None:
    """Attempts without characters, no line of what was given up."""
    run = make_run(tmp_path, Quiz(count=3))
    await run.session(FakeClient())
    old = [orjson.loads(orjson.dumps(line)) for line in run.lines()]
    for line in old:
        for attempt in line.get("completion", {}).get("attempts", ()):
            del attempt["characters"]
        del line["prev"]
    run.path.write_bytes(b"".join(chained(orjson.dumps(line)[1:] for line in old)))
    budget = Budget(Limits())
    budget.replay(JournalReading(run.path).sent())
    assert (budget.requests, budget.prompt, budget.generated) == (3, 30, 15)


CUT = Attempt(
    number=1, started=1.0, duration=9.0, status=200, failure=FailureKind.TRUNCATED, characters=4000,
)  # fmt: skip
REFUSED = Attempt(number=1, started=1.0, duration=9.0, status=503, failure=FailureKind.SERVER_ERROR)


async def test_tries_that_were_cut_cost_their_text_and_their_prompt(tmp_path: Path) -> None:
    """A thousand tokens of a try that was repeated, in this session and the next; a refused one costs none."""
    run = make_run(tmp_path, Quiz(count=20))
    tries = (CUT, REFUSED, Attempt(number=3, started=1.0, duration=0.5, status=200))
    client = FakeClient(lambda body: replace(right(body), attempts=tries))
    ending = await run.session(client, limits=Limits(tokens=2500))
    assert len(client.bodies) == 3
    assert ending.reason.startswith("budget spent: max-tokens is 2500, 3075 tokens were used")
    budget = Budget(Limits())
    budget.replay(JournalReading(run.path).sent())
    assert (budget.prompt, budget.generated) == (3 * (10 + 10), 3 * (5 + 1000))


async def test_a_request_that_failed_for_good_costs_what_had_come(tmp_path: Path) -> None:
    """Every try that had begun to answer, with the prompt as it is reckoned."""
    run = make_run(tmp_path, Quiz(count=20))
    client = FakeClient(lambda _: EndpointError(FailureKind.TRUNCATED, "cut off", attempts=(CUT, REFUSED, CUT)))
    ending = await run.session(client, limits=Limits(tokens=4500))
    assert len(client.bodies) == 3
    assert "max-tokens" in ending.reason
    (prompt,) = {line["reckoned"] for line in run.lines("error")}
    budget = Budget(Limits())
    budget.replay(JournalReading(run.path).sent())
    assert (budget.prompt, budget.generated) == (6 * prompt, 6000)


@pytest.mark.parametrize(
    "usage",
    [
        {"prompt_tokens": 0, "completion_tokens": 0},
        {"prompt_tokens": -5, "completion_tokens": -100},
        {"prompt_tokens": 1, "completion_tokens": 1},
        {"prompt_tokens": "10", "completion_tokens": None},
    ],
)
async def test_a_count_that_cannot_be_is_not_believed(tmp_path: Path, usage: Any) -> None:
    """An endpoint that says it was asked nothing and said nothing is reckoned like one that does not say."""
    text = "an answer of some words " * 10
    found = []
    for told in (usage, None):
        folder = tmp_path / f"{told is None}"
        folder.mkdir()
        run = make_run(folder, Quiz(count=60))
        client = FakeClient(lambda _, told=told: said(text, usage=told))
        await run.session(client, limits=Limits(tokens=500))
        again = FakeClient()
        await run.session(again, limits=Limits(tokens=500))
        assert again.bodies == []
        found.append(len(client.bodies))
    assert found[0] == found[1] < 60


def test_a_count_that_can_be_is_believed() -> None:
    """What is reckoned is no tokenizer: up to half of it is the endpoint's to say, and more always is."""
    text = "an answer of some words " * 10
    for counted in (26, 50, 500):
        budget = Budget(Limits())
        budget.count(said(text, usage={"prompt_tokens": 1, "completion_tokens": counted}))
        assert budget.generated == counted


def test_a_plausible_count_is_believed_without_reckoning(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds from the lengths decide; every word is looked at only where a count may be too small."""
    looked: list[str] = []
    exact = tokens.expected
    monkeypatch.setattr(tokens, "expected", lambda text: looked.append(text) or exact(text))
    text = "an answer of some words " * 1000
    for counted, own in ((30_000, False), (6_000, False), (2_600, True), (2_400, True), (None, True)):
        looked.clear()
        usage = None if counted is None else {"prompt_tokens": 1, "completion_tokens": counted}
        budget = Budget(Limits())
        budget.count(said(text, usage=usage))
        assert budget.generated == (counted if counted and counted >= 2_500 else 5_000)
        assert any(text in whole for whole in looked) is own


async def test_minutes_of_earlier_sessions_count(tmp_path: Path) -> None:
    """A session that begins with no time left sends nothing."""
    run = make_run(tmp_path, Quiz(count=5))
    await run.session(FakeClient(), limits=Limits(requests=3))
    took = build(run.path).timing.wall
    assert took > 0
    client = FakeClient()
    ending = await run.session(client, limits=Limits(minutes=took / 60))
    assert client.bodies == []
    assert "max-minutes" in ending.reason


def wrong(body: Any) -> Completion:
    """No number of any question."""
    del body
    return said("none")


@pytest.mark.parametrize(("answer", "verdict"), [(right, Verdict.INCONCLUSIVE), (wrong, Verdict.FAIL)])
async def test_it_never_passes_but_a_proven_fail_stays(tmp_path: Path, answer: Any, verdict: Verdict) -> None:
    """Right answers so far prove nothing; wrong ones that nothing can make up for do."""
    run = make_run(tmp_path, Quiz(count=400))
    await run.session(FakeClient(answer), workers=8, limits=Limits(requests=390))
    report = run.report()
    assert report.verdict is verdict
    assert "budget spent" in report.reason


async def test_the_report_follows_from_the_journal_alone(tmp_path: Path) -> None:
    """The reason stands in the end line; the budget itself is no part of the plan."""
    run = make_run(tmp_path, Quiz(count=5))
    await run.session(FakeClient(), limits=Limits(requests=2))
    first = run.report()
    assert run.lines("end")[-1]["reason"] == first.state_reason == SPENT.format(2)
    await run.session(FakeClient())
    assert run.report().plan_digest == first.plan_digest


async def test_a_gate_without_budget_leaves_the_rest_unasked(tmp_path: Path) -> None:
    """When the budget ends within the gate nothing behind it is asked."""
    gate = Quiz(id="gate", count=4, gates=True)
    run, client = make_run(tmp_path, gate, Quiz(count=3)), FakeClient()
    await run.session(client, limits=Limits(requests=3))
    assert len(client.bodies) == 3
    assert run.report().benchmarks[1].verdict is Verdict.SKIPPED


async def test_requests_to_a_reference_are_not_part_of_it(tmp_path: Path) -> None:
    """The budget is about the endpoint under test."""

    async def both(sample: Sample, generate: Generate) -> None:
        await generate(asking(question(sample.input), endpoint="reference"))
        await generate(asking(question(sample.input)))

    run = make_run(tmp_path, Quiz(count=4, solving=both))
    budget = Budget(Limits(requests=2))
    await run.session(FakeClient(), reference=FakeClient(), limits=budget.limits)
    assert run.report().usage.requests == 2
    budget.replay(JournalReading(run.path).sent())
    assert budget.requests == 2
