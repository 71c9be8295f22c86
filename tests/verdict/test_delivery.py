"""Delivery: broken tries of one event are one incident, those that are spread over a run are many."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from kvv_action.journal.lines import Place
from kvv_action.journal.reading import Sent
from kvv_action.schema import Attempt, Delivery, Exchange, FailureKind, Rejection, Verdict
from kvv_action.verdict.delivery import DeliveryTally, cause_of_delivery, limits, verdict_of
from tests.report.reports import PLAN

ASKED = replace(PLAN, choices={"max-broken-tries": 0.02})
PLACE = Place(benchmark="quiz", sample="q0", index=0, epoch=0)


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
    found = tally.delivery(ASKED)
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
