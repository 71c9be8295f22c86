"""From journal to report: denominators, bounds, metrics, cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kvv_action.benchmark import Generate
from kvv_action.errors import EndpointError
from kvv_action.journal.file import Journal
from kvv_action.journal.lines import answer_line, result_line
from kvv_action.redact import Redactor
from kvv_action.report.markdown import summary
from kvv_action.report.wording import cost_of
from kvv_action.schema import (
    Attempt,
    BenchmarkKind,
    Case,
    Cost,
    Counts,
    DatasetInfo,
    Evidence,
    Exchange,
    FailureKind,
    Outcome,
    Place,
    Prices,
    Quantiles,
    Request,
    RunState,
    Sample,
    SampleFailure,
    Score,
    Verdict,
)
from kvv_action.verdict import tally
from kvv_action.verdict.report import quantiles
from kvv_action.verdict.tally import CaseList
from tests.ask.fakes import (
    FakeClient,
    FakeRows,
    Quiz,
    Reply,
    Run,
    load_quiz,
    make_run,
    plan_of,
    said,
    session_line,
    text_of,
)

OUTCOMES = {
    Outcome.RIGHT: Score(value=1.0, answer="1"),
    Outcome.WRONG: Score(value=0.0, answer="2"),
    Outcome.PARTIAL: Score(value=0.25, answer="3"),
    Outcome.UNPARSED: Score(value=0.0, unparsed=True),
    Outcome.FAILED: SampleFailure(kind=FailureKind.TIMEOUT_TOTAL, message="too long"),
}


def written(path: Path, outcomes: Sequence[Outcome | None], *, epochs: int = 1) -> Run:
    """A journal with these outcomes, sample by sample; None is not sent."""
    path.mkdir(exist_ok=True)
    run = make_run(path, Quiz(count=len(outcomes) // epochs), epochs=epochs)
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan))
        for number, outcome in enumerate(outcomes):
            if outcome is not None:
                index, epoch = divmod(number, epochs)
                place = Place(benchmark="quiz", sample=f"q{index}", index=index, epoch=epoch)
                exchange = Exchange(call=0, completion=said("x"))
                if outcome is not Outcome.FAILED:
                    journal.append(answer_line(place, exchange, key=str(number), request="r"))
                journal.append(result_line(place, OUTCOMES[outcome], 1.0, (0,)))
        journal.append({"kind": "end", "state": RunState.COMPLETE, "reason": "", "at": 2.0})
    return run


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([*Outcome, None]), min_size=1, max_size=24), st.sampled_from([1, 2, 3]))
def test_denominators_always_add_up(outcomes: list[Outcome | None], epochs: int) -> None:
    """planned = sent + skipped, sent = scored + failed, unparsed is part of scored; the score is within its bounds."""
    outcomes = outcomes * epochs
    with TemporaryDirectory() as folder:
        (result,) = written(Path(folder), outcomes, epochs=epochs).report().benchmarks
    counts = result.counts
    assert counts.planned == len(outcomes) == counts.sent + counts.skipped
    assert counts.sent == counts.scored + counts.failed
    assert counts.skipped == outcomes.count(None)
    assert counts.failed == outcomes.count(Outcome.FAILED)
    assert counts.unparsed == outcomes.count(Outcome.UNPARSED)
    assert len(result.cases) + result.cases_omitted == counts.sent
    assert sum(failure.count for failure in result.failures) == counts.failed
    assert sum(result.skips.values()) == counts.skipped
    if result.score is not None and result.bounds is not None and result.interval is not None:
        assert result.bounds[0] <= result.score + 1e-12
        assert result.score <= result.bounds[1] + 1e-12
        assert result.interval[0] <= result.score <= result.interval[1]


@pytest.mark.parametrize(
    "counts",
    [
        {"planned": 3, "sent": 1, "skipped": 1, "scored": 1, "failed": 0, "unparsed": 0},
        {"planned": 2, "sent": 2, "skipped": 0, "scored": 1, "failed": 0, "unparsed": 0},
        {"planned": 2, "sent": 2, "skipped": 0, "scored": 2, "failed": 0, "unparsed": 3},
    ],
)
def test_counts_that_do_not_add_up_cannot_exist(counts: dict[str, int]) -> None:
    """The record itself asserts it."""
    with pytest.raises(AssertionError):
        Counts(**counts)


def test_the_score_is_the_mean_of_what_was_scored(tmp_path: Path) -> None:
    """Failures and skips are in neither part of the fraction."""
    run = written(tmp_path, [Outcome.RIGHT, Outcome.RIGHT, Outcome.PARTIAL, Outcome.FAILED, None])
    (result,) = run.report().benchmarks
    assert result.score == pytest.approx(0.75)
    assert result.metrics["accuracy"] == result.score


def test_bounds_are_the_worst_and_the_best_case(tmp_path: Path) -> None:
    """Everything unknown wrong, everything unknown right."""
    run = written(tmp_path, [Outcome.RIGHT, Outcome.WRONG, Outcome.FAILED, None])
    assert run.report().benchmarks[0].bounds == (0.25, 0.75)


def test_nothing_scored_has_no_score(tmp_path: Path) -> None:
    """Neither a score nor an interval nor metrics are made up."""
    (result,) = written(tmp_path, [Outcome.FAILED, Outcome.FAILED]).report().benchmarks
    assert (result.score, result.interval, result.metrics) == (None, None, {})
    assert result.bounds == (0.0, 1.0)
    assert result.verdict is Verdict.INCONCLUSIVE


def test_unparsed_answers_are_wrong_and_shown_apart(tmp_path: Path) -> None:
    """They lower the score and have a rate of their own."""
    (result,) = written(tmp_path, [Outcome.UNPARSED, Outcome.RIGHT]).report().benchmarks
    assert result.score == 0.5
    assert result.metrics["unparsed_rate"] == 0.5


def test_identical_epochs_do_not_narrow_the_interval(tmp_path: Path) -> None:
    """The same answers four times say no more about other problems than once."""
    outcomes = [Outcome.RIGHT] * 6 + [Outcome.WRONG] * 4
    once = written(tmp_path / "1", outcomes).report().benchmarks[0]
    often = written(tmp_path / "4", [o for o in outcomes for _ in range(4)], epochs=4).report().benchmarks[0]
    assert once.interval is not None
    assert often.interval is not None
    assert often.interval[0] <= once.interval[0]
    assert once.interval[1] <= often.interval[1]


async def test_the_first_try_rate_sees_retries(tmp_path: Path) -> None:
    """An answer that needed a second attempt is right, but not at the first try."""
    run = make_run(tmp_path, Quiz(count=2))
    twice = (Attempt(number=1, started=1.0, duration=0.1, status=503), Attempt(number=2, started=2.0, duration=0.1))

    await run.session(
        FakeClient(lambda body: said("0") if "question 0" in text_of(body) else said("1", attempts=twice))
    )
    assert run.report().benchmarks[0].metrics["first_try_rate"] == 0.5


async def test_contract_probes_have_no_interval(tmp_path: Path) -> None:
    """A contract holds or not."""
    run = make_run(tmp_path, Quiz(kind=BenchmarkKind.CONTRACT))
    await run.session(FakeClient())
    assert run.report().benchmarks[0].interval is None


async def test_bundled_samples_must_all_be_right(tmp_path: Path) -> None:
    """They are a self-check: one wrong answer fails, whatever the reference."""
    rows = FakeRows(DatasetInfo(source="bundled", location="quiz/samples", count=3, digest="0" * 64))
    run = make_run(tmp_path)
    run.loaded = [load_quiz(Quiz(), rows=rows)]
    run.plan = plan_of(run.loaded)
    await run.session(FakeClient(lambda body: said("0")))
    (result,) = run.report().benchmarks
    assert (result.verdict, result.reason) == (Verdict.FAIL, "2 of 3 answers wrong (q1, q2)")


async def test_categories_are_scored_apart(tmp_path: Path) -> None:
    """By name, with their own denominators."""
    run = make_run(tmp_path, Quiz(count=5))
    await run.session(FakeClient(lambda body: said("0")))
    found = [(item.name, item.score, item.scored) for item in run.report().benchmarks[0].categories]
    assert found == [("even", pytest.approx(1 / 3), 3), ("odd", 0.0, 2)]


async def test_answers_cut_short_are_diagnosed(tmp_path: Path) -> None:
    """finish_reason `length` far below the max_tokens that were asked for."""
    run = make_run(tmp_path, Quiz(count=3))
    usage = {"prompt_tokens": 1, "completion_tokens": 20}
    await run.session(FakeClient(lambda body: said("cut", finish_reason="length", usage=usage)))
    (found,) = run.report().benchmarks[0].diagnosis
    assert (found.cause, found.count, found.remedy) == (tally.CUT_SHORT.sentence, 3, tally.CUT_SHORT.remedy)


@pytest.mark.parametrize(
    ("usage", "reason"),
    [({"completion_tokens": 95}, "length"), (None, "length"), ({"completion_tokens": 5}, "stop"), ({}, "length")],
)
async def test_other_endings_are_not_cut_short(tmp_path: Path, usage: Any, reason: str) -> None:
    """The full length, an unknown length, or a natural end."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient(lambda body: said("x", finish_reason=reason, usage=usage)))
    assert run.report().benchmarks[0].diagnosis == ()


async def test_usage_is_summed_over_every_answer(tmp_path: Path) -> None:
    """Failed requests count as requests; answers without usage are counted apart."""

    def reply(body: Mapping[str, Any]) -> Reply:
        match text_of(body).split()[1]:
            case "0":
                return said("0", usage=None)
            case "1":
                return EndpointError(
                    FailureKind.TIMEOUT_TOTAL,
                    "late",
                    attempts=[Attempt(number=n, started=0, duration=1) for n in (1, 2)],
                )
            case number:
                return said(number)

    run = make_run(tmp_path, Quiz(count=4))
    await run.session(FakeClient(reply))
    usage = run.report().usage
    assert (usage.requests, usage.attempts) == (4, 5)
    assert (usage.prompt_tokens, usage.completion_tokens, usage.answers_without_usage) == (20, 10, 1)


async def test_odd_usage_does_not_break_the_report(tmp_path: Path) -> None:
    """Endpoints put anything there."""
    run = make_run(tmp_path, Quiz(count=1))
    await run.session(FakeClient(lambda body: said("0", usage={"prompt_tokens": "many", "completion_tokens": [1]})))
    assert run.report().usage.answers_without_usage == 1


@dataclass(kw_only=True)
class Alike(Quiz):
    """A quiz in which `size` neighbours are forms of one question."""

    size: int = 1

    def samples(self, rows: Any, profile: Any) -> Any:
        for sample in super().samples(rows, profile):
            yield replace(sample, cluster=f"c{sample.input // self.size}")


async def test_the_interval_counts_alike_samples_once(tmp_path: Path) -> None:
    """The same question in two forms, answered alike, is one observation; without a word of it there were two."""

    def judge(sample: Sample, exchanges: Sequence[Exchange]) -> Score:
        del exchanges
        return Score(value=float(sample.input // 2 % 5 != 0))

    widths = []
    for size in (1, 2):
        (tmp_path / str(size)).mkdir()
        run = make_run(tmp_path / str(size), Alike(count=200, judge=judge, size=size))
        await run.session(FakeClient())
        (result,) = run.report().benchmarks
        assert result.interval is not None
        widths.append(result.interval[1] - result.interval[0])
    assert widths[1] == pytest.approx(widths[0] * 2**0.5, rel=0.02)


async def test_bundled_samples_are_held_against_nothing(tmp_path: Path) -> None:
    """Every answer must be right: a published score beside them would only mislead."""
    run = make_run(tmp_path, Quiz(count=3))
    planned = run.plan.benchmarks[0]
    assert planned.reference is not None
    bundled = replace(planned, dataset=replace(planned.dataset, source="bundled"))
    run.plan = replace(run.plan, benchmarks=(bundled,))
    run.loaded = tuple(replace(item, planned=bundled) for item in run.loaded)
    await run.session(FakeClient())
    (result,) = run.report().benchmarks
    assert (result.verdict, result.reference, result.margin, result.interval) == (Verdict.PASS, None, None, None)


async def test_a_failed_precheck_is_advisory_when_warned(tmp_path: Path) -> None:
    """It is in the report; the verdict follows from the rest."""
    gate = Quiz(id="gate", gates=True, kind=BenchmarkKind.CONTRACT, judge=lambda sample, exchanges: Score(value=0.0))
    run = make_run(tmp_path, gate, Quiz(count=200), precheck="warn")
    await run.session(FakeClient())
    report = run.report()
    assert report.benchmarks[0].verdict is Verdict.FAIL
    assert report.verdict is Verdict.PASS


def test_bad_cases_are_kept_before_right_ones() -> None:
    """And early ones before late ones; what is left out is counted."""
    cases = CaseList(limit=4)
    for index in range(10):
        outcome = Outcome.WRONG if index >= 7 else Outcome.RIGHT
        cases.add(index, Case(id=f"q{index}", epoch=0, outcome=outcome, value=0.0))
    assert [case.id for case in cases.cases()] == ["q0", "q7", "q8", "q9"]
    assert cases.seen == 10


async def test_long_texts_are_cut(tmp_path: Path) -> None:
    """An answer of a megabyte is not copied into the report."""
    long = Score(value=0.0, answer="a" * 10**6, explanation="b" * 10**6)
    run = make_run(tmp_path, Quiz(count=1, judge=lambda sample, exchanges: long))
    await run.session(FakeClient())
    (case,) = run.report().benchmarks[0].cases
    assert len(case.answer) == tally.TEXT_LIMIT
    assert case.answer.endswith("…")
    assert len(case.explanation) == 1000


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], Quantiles()),
        ([2.0], Quantiles(p50=2.0, p95=2.0, max=2.0)),
        ([float(n) for n in range(1, 101)], Quantiles(p50=50.0, p95=95.0, max=100.0)),
        ([3.0, 1.0], Quantiles(p50=1.0, p95=3.0, max=3.0)),
    ],
)
def test_quantiles_are_nearest_ranks(values: list[float], found: Quantiles) -> None:
    """They are durations that were really measured."""
    assert quantiles(values) == found


async def test_the_wall_time_leaves_out_the_pause_between_sessions(tmp_path: Path) -> None:
    """A run that was resumed a day later did not take a day."""
    run = make_run(tmp_path, Quiz(count=1))
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan))
        journal.append({"kind": "end", "state": "interrupted", "reason": "", "at": 1_700_000_010.0})
        journal.append({**session_line(run.plan, 2), "started": 1_700_100_000.0})
        journal.append({"kind": "end", "state": "complete", "reason": "", "at": 1_700_100_005.0})
    timing = run.report().timing
    assert (timing.wall, timing.sessions) == (15.0, 2)
    assert timing.started == "2023-11-14T22:13:20+00:00"


def test_the_cost_is_told_where_the_last_session_had_prices(tmp_path: Path) -> None:
    """Of all answers together, at the prices of the last session; a run without prices has no cost."""
    run = make_run(tmp_path, Quiz(count=1))
    place = Place(benchmark="quiz", sample="q0", index=0, epoch=0)
    answer = said("0", usage={"prompt_tokens": 1_000_000, "completion_tokens": 500_000})
    with Journal(run.path, Redactor()) as journal:
        journal.append({**session_line(run.plan), "prices": {"input": 9.0, "output": 9.0}})
        journal.append(answer_line(place, Exchange(call=0, completion=answer), key="0", request="r"))
        journal.append(result_line(place, OUTCOMES[Outcome.RIGHT], 1.0, (0,)))
        journal.append({**session_line(run.plan, 2), "prices": {"input": 0.5, "output": 3.0}})
    report = run.report()
    assert report.cost == Cost(prices=Prices(input=0.5, output=3.0), amount=2.0)
    assert cost_of(report) == "2 (at 0.5 and 3 a million tokens in and out)"
    assert report.cost is not None
    dear = replace(report, cost=replace(report.cost, amount=123456.7))
    assert cost_of(dear) == "123\u2009457 (at 0.5 and 3 a million tokens in and out)"
    assert "| Cost |" not in summary(report), "runs of earlier versions have no speed either"
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan, 3))
    assert run.report().cost is None


async def test_the_example_of_a_failure_is_that_of_the_first_sample(tmp_path: Path) -> None:
    """Whoever failed first: the report does not depend on the order of the lines."""
    run = make_run(tmp_path, Quiz(count=3))
    with Journal(run.path, Redactor()) as journal:
        journal.append(session_line(run.plan))
        for index in (2, 0, 1):
            place = Place(benchmark="quiz", sample=f"q{index}", index=index, epoch=0)
            failure = SampleFailure(kind=FailureKind.CONNECT, message=f"message {index}")
            journal.append(result_line(place, failure, 1.0))
    (failure,) = run.report().benchmarks[0].failures
    assert (failure.count, failure.example) == (3, "message 0")


async def test_the_case_of_a_sample(tmp_path: Path) -> None:
    """What a person needs to find the answer again."""
    run = make_run(tmp_path, Quiz(count=1, calls=2))
    await run.session(FakeClient(lambda body: said("7", finish_reason="content_filter")))
    (case,) = run.report().benchmarks[0].cases
    assert (replace(case, evidence=()),) == (
        Case(
            id="q0", epoch=0, outcome=Outcome.WRONG, value=0.0, answer="7", explanation="not equal", category="even",
            seconds=1.0, finish_reason="content_filter",
        ),
    )  # fmt: skip


@pytest.mark.parametrize(("checks", "told"), [({"version": 3}, ""), ({"version": 2}, "None"), (None, "None")])
async def test_an_answer_without_a_finish_reason_has_none(tmp_path: Path, checks: Any, told: str) -> None:
    """No word of Python stands for it, except in reports of older runs."""
    run = make_run(tmp_path, Quiz(count=1), choices={"checks": checks} if checks else {})
    await run.session(FakeClient(lambda body: said("7", finish_reason=None)))
    (result,) = run.report().benchmarks
    assert (result.cases[0].finish_reason, result.finish_reasons) == (told, {told: 1})


def test_samples_are_judged_by_their_values(tmp_path: Path) -> None:
    """Between nothing and everything is partial."""
    run = written(tmp_path, list(Outcome))
    assert [case.outcome for case in run.report().benchmarks[0].cases] == list(Outcome)


@settings(max_examples=20, deadline=None)
@given(st.permutations(range(9)), st.integers(0, 9))
def test_evidence_is_kept_of_the_first_bad_answers_whatever_came_first(order: list[int], limit: int) -> None:
    """A bounded number of requests and responses; which ones does not depend on the order of arrival."""
    kept = CaseList(evidence_limit=limit)
    for index in order:
        outcome = Outcome.RIGHT if index % 3 == 0 else Outcome.WRONG
        if outcome is Outcome.WRONG:
            kept.evidence(index, 0, lambda i=index: (Evidence(request_id="", request=f"ask {i}", response="no"),))
        kept.add(index, Case(id=f"q{index}", epoch=0, outcome=outcome, value=0.0))
    shown = {case.id: case.evidence[0].request for case in kept.cases() if case.evidence}
    assert shown == {f"q{index}": f"ask {index}" for index in (1, 2, 4, 5, 7, 8)[:limit]}


async def test_a_wrong_answer_is_shown_with_its_request(tmp_path: Path) -> None:
    """The first request of the sample and the answer that was judged; pictures are abbreviated."""
    picture = "data:image/png;base64," + "iVBO" * 3000

    async def look(sample: Sample, generate: Generate) -> None:
        for number in range(4):
            content = [{"type": "image_url", "image_url": {"url": picture}}, {"type": "text", "text": f"ask {number}"}]
            await generate(Request(messages=({"role": "user", "content": content},)))

    run = make_run(tmp_path, Quiz(count=1, solving=look))
    await run.session(FakeClient(lambda body: said(f"no {body['messages'][0]['content'][1]['text']}")))
    (case,) = run.report().benchmarks[0].cases
    first, last = case.evidence
    assert "ask 0" in first.request
    assert "data:image/png;base64,..." in first.request
    assert len(first.request) < 1000
    assert "no ask 3" in last.response
    assert not last.request
