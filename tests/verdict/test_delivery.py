"""Delivery is judged on first tries: what breaks, what is one incident, what is no fault of the server."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest

from kvv_action.journal.lines import Place
from kvv_action.journal.reading import Sent
from kvv_action.schema import Attempt, Completion, Delivery, Exchange, FailureKind, Rejection, RunPlan, Verdict
from kvv_action.verdict.delivery import DeliveryTally, cause_of_delivery, limits, verdict_of
from tests.ask.fakes import Quiz, load_quiz, plan_of

PLACE = Place(benchmark="quiz", sample="q1", index=0, epoch=0)
PLAN = replace(plan_of([load_quiz(Quiz(count=3))]), choices={"max-broken-tries": 0.02})


def tried(at: float, failure: FailureKind | None = None, *, status: int | None = 200, seconds: float = 1.0) -> Attempt:
    return Attempt(
        number=1, started=at - seconds, duration=seconds, status=status, failure=failure,
        characters=100 if failure else 0,
    )  # fmt: skip


def answered(*attempts: Attempt) -> Sent:
    completion = Completion(content="x", attempts=attempts)
    return Sent(place=PLACE, endpoint="", exchange=Exchange(call=0, completion=completion))


def lost(*attempts: Attempt) -> Sent:
    return Sent(place=PLACE, endpoint="", attempts=attempts)


def delivery(sent: Sequence[Sent], plan: RunPlan = PLAN) -> Delivery:
    tally = DeliveryTally()
    for one in sent:
        tally.add(one)
    found = tally.delivery(plan)
    assert found is not None
    return found


def steady(count: int, apart: float = 10.0) -> list[Sent]:
    """An answer every few seconds."""
    return [answered(tried(apart * number)) for number in range(count)]


def test_every_fourth_stream_cut_fails_although_retries_mend_it() -> None:
    """The share is that of first tries; the rate after retries stands beside it."""
    cut = [answered(tried(10 * n + 5, FailureKind.TRUNCATED), tried(10 * n + 7)) for n in range(0, 300, 4)]
    found = delivery([*steady(300), *cut])
    assert found.verdict is Verdict.FAIL
    assert (found.broken, found.requests, found.final_rate) == (75, 375, 1.0)
    assert found.first_try_rate == pytest.approx(0.8)
    assert "75 of 375" in found.reason


def test_an_outage_is_one_incident() -> None:
    """Half a minute in which everything breaks, and a restart that breaks what is in flight, fail no run."""
    outage = [lost(tried(1000 + n, FailureKind.SERVER_ERROR, status=502)) for n in range(30)]
    restart = [lost(tried(2000 + n / 100, FailureKind.TRUNCATED)) for n in range(32)]
    found = delivery([*steady(300), *outage, *restart])
    assert (found.incidents, found.broken) == (2, 62)
    assert found.verdict is Verdict.INCONCLUSIVE


def test_a_rollout_within_a_minute_is_one_incident() -> None:
    """Eight servers restarted one after the other, while others answer."""
    found = delivery([*steady(600), *(lost(tried(1000 + 7 * n, FailureKind.TRUNCATED)) for n in range(8))])
    assert found.incidents == 1


@pytest.mark.parametrize(
    ("failure", "status"),
    [
        (FailureKind.RATE_LIMITED, 429),
        (FailureKind.SERVER_ERROR, 503),
        (FailureKind.SERVER_ERROR, 529),
        (FailureKind.CONNECT, None),
        (FailureKind.TIMEOUT_TOTAL, 200),
        (FailureKind.TIMEOUT_FIRST_TOKEN, None),
        (FailureKind.CONTENT_FILTER, 200),
    ],
)
def test_what_is_no_broken_promise_is_left_out(failure: FailureKind, status: int | None) -> None:
    """Lack of capacity is counted apart; connections that never were, and deadlines of our own, not at all."""
    found = delivery([*steady(100), *(lost(tried(10 * n, failure, status=status)) for n in range(50))])
    assert (found.broken, found.requests) == (0, 100)
    assert found.busy == (50 if status in (429, 503, 529) else 0)
    assert found.verdict is Verdict.INCONCLUSIVE if found.interval[1] > 0.02 else Verdict.PASS


@pytest.mark.parametrize(
    ("failure", "status"),
    [(FailureKind.SERVER_ERROR, 500), (FailureKind.STREAM_ERROR, 200), (FailureKind.EMPTY_STREAM, 200)],
)
def test_requests_that_crash_the_server_say_nothing_about_the_others(failure: FailureKind, status: int) -> None:
    """A class of requests that never gets any text while others are answered is the business of its benchmark."""
    crash = [replace(tried(100.0 + n, failure, status=status), characters=0) for n in (0, 20, 40)]
    assert delivery([*steady(200), *(lost(*crash) for _ in range(20))]).broken == 0


def test_all_requests_are_only_said_to_arrive_where_all_did() -> None:
    """Requests that always crash the server are named, those that were turned away are none that arrived."""
    plain = replace(PLAN, choices={**PLAN.choices, "checks": {"version": 3}})
    crash = lost(*(replace(tried(100.0 + n, FailureKind.SERVER_ERROR, status=500), characters=0) for n in (0, 20, 40)))
    busy = answered(tried(5.0, FailureKind.RATE_LIMITED, status=429), tried(7.0))
    whole = "all 200 requests arrived whole at the first try"
    some = "200 requests were answered whole at the first try, none broke"
    assert delivery(steady(200), plain).reason == whole
    assert delivery([*steady(200), busy], plain).reason == some
    assert delivery([*steady(200), crash], plain).reason == f"{some}; 1 request crashes the server at every try"
    assert delivery([*steady(200), crash, busy]).reason == whole  # older runs keep their words


def test_errors_after_some_text_are_broken_streams() -> None:
    """The server had accepted the request, and broke its answer, however often."""
    late = [tried(100.0 + n, FailureKind.STREAM_ERROR) for n in (0, 20, 40)]
    assert delivery([*steady(200), *(lost(*late) for _ in range(20))]).broken == 20


def test_requests_that_a_gateway_never_waits_for_are_no_crashes() -> None:
    """The longest answers always meet its timeout; the server behind it works."""
    late = [tried(100.0 + n, FailureKind.SERVER_ERROR, status=504, seconds=15.0) for n in (0, 20, 40)]
    found = delivery([*steady(200), *(lost(*late) for _ in range(20))])
    assert (found.broken, found.cut_after) == (20, 15.0)


def test_refusals_are_answers() -> None:
    """A probe that must be refused is delivered."""
    refused = Rejection(status=400, message="no", body="", attempts=(tried(5, FailureKind.REJECTED, status=400),))
    found = delivery([Sent(place=PLACE, endpoint="", exchange=Exchange(call=0, rejection=refused))])
    assert (found.requests, found.broken) == (1, 0)


def test_few_broken_tries_change_no_verdict() -> None:
    """Three of sixty are told, and not judged."""
    broken = [answered(tried(100.0 * n, FailureKind.STREAM_ERROR), tried(100.0 * n + 1)) for n in range(3)]
    found = delivery([*steady(57), *broken])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "3 of 60" in found.reason


def test_cuts_at_one_duration_name_a_timeout() -> None:
    """Sixty seconds, again and again."""
    cut = [lost(tried(100.0 * n, FailureKind.TRUNCATED, seconds=60 + n / 100)) for n in range(20)]
    tally = DeliveryTally()
    for one in [*steady(100, 20), *cut]:
        tally.add(one)
    found = tally.delivery(PLAN)
    assert found is not None
    assert found.cut_after == pytest.approx(60.1, abs=0.2)
    finding = tally.finding(found)
    assert finding is not None
    assert finding.cause_id == "delivery-timeout"
    assert "60.1 s" in finding.cause


def test_plans_that_do_not_ask_have_no_delivery() -> None:
    """Journals of before keep their reports."""
    tally = DeliveryTally()
    tally.add(answered(tried(1)))
    assert tally.delivery(replace(PLAN, choices={})) is None


def judged(broken: Iterable[float], answered: Iterable[float], kind: FailureKind = FailureKind.TRUNCATED) -> Delivery:
    """Delivery of first tries that broke and were answered at these times."""
    tally = DeliveryTally()
    for at in broken:
        cut = Attempt(number=1, started=at, duration=0.0, status=200, failure=kind)
        tally.add(Sent(place=PLACE, endpoint="", attempts=(cut,)))
    for at in answered:
        attempt = Attempt(number=1, started=at, duration=0.0, status=400, failure=FailureKind.REJECTED)
        refusal = Rejection(status=400, message="", body="", attempts=(attempt,))
        tally.add(Sent(place=PLACE, endpoint="", exchange=Exchange(call=0, rejection=refusal)))
    found = tally.delivery(PLAN)
    assert found is not None
    return found


def spread(count: int, seconds: float, start: float = 1000.0) -> list[float]:
    """Times that are evenly spread."""
    return [start + seconds * number / count for number in range(count)]


@pytest.mark.parametrize("seconds", [1.0, 60.0, 3600.0])
def test_a_quarter_that_breaks_all_the_time_fails(seconds: float) -> None:
    """However fast the endpoint is: a chain of moments is not one moment."""
    found = judged(spread(70, seconds), spread(220, seconds))
    assert (found.verdict, found.share) == (Verdict.FAIL, pytest.approx(70 / 290))


def test_a_restart_is_one_incident() -> None:
    """What is in flight breaks at once, and nothing is answered until the server is back."""
    found = judged([1000 + number / 1000 for number in range(50)] + spread(20, 40, 1001), spread(150, 900, 1050))
    assert (found.incidents, found.verdict) == (1, Verdict.INCONCLUSIVE)


def test_what_breaks_at_one_moment_is_one_incident_beside_others_that_are_answered() -> None:
    """One of several replicas dies."""
    assert judged([1000 + number / 1000 for number in range(50)], spread(300, 10, 995)).incidents == 1


def test_a_run_without_broken_tries_passes_when_it_is_large_enough() -> None:
    """All arrived whole."""
    assert judged([], spread(300, 10)).verdict is Verdict.PASS
    assert judged([], spread(30, 10)).verdict is Verdict.INCONCLUSIVE


def test_the_figures_alone_give_the_verdict_again() -> None:
    """As a leaderboard record has them."""
    found = judged(spread(70, 60), spread(220, 60), FailureKind.EMPTY_STREAM)
    assert verdict_of(found) is found.verdict
    assert limits(70, 290) == pytest.approx(found.interval, abs=1e-6)
    assert cause_of_delivery(found).id == "delivery-empty-stream"
