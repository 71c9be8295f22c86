"""First tries as an endpoint made them, and what the delivery of a run says of them."""

from collections.abc import Iterable
from dataclasses import replace

from kvv_action.journal.reading import Sent
from kvv_action.schema import Attempt, Completion, Delivery, Exchange, FailureKind, Place
from kvv_action.verdict.delivery import DeliveryTally
from tests.report.reports import PLAN

CUT = FailureKind.TRUNCATED
ANSWER = Completion(content="a", finish_reason="stop", choices=1)


def tried(at: float, duration: float, failure: FailureKind | None = None, status: int = 200) -> Sent:
    """One request whose first try began at a time, and whose retry, if it needed one, was answered."""
    first = Attempt(number=1, started=at, duration=duration, status=status, failure=failure)
    again = Attempt(number=2, started=at + duration, duration=duration, status=200)
    completion = replace(ANSWER, attempts=(first, again) if failure else (first,))
    place = Place(benchmark="b", sample="s", index=0, epoch=0)
    return Sent(place=place, endpoint="", exchange=Exchange(call=0, completion=completion))


def delivered(sent: Iterable[Sent], limit: float = 0.02) -> Delivery:
    """What a run with a limit says."""
    tally = DeliveryTally()
    for one in sent:
        tally.add(one)
    found = tally.delivery(replace(PLAN, choices={**PLAN.choices, "max-broken-tries": limit}))
    assert found is not None
    return found
