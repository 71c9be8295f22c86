"""One text for every refusal is the cause, told once."""

import pytest

from kvv_action.journal.lines import Place
from kvv_action.journal.reading import Sent
from kvv_action.schema import Attempt, Completion, Exchange, FailureKind, Rejection, RunState
from kvv_action.spoken import began_to_refuse
from kvv_action.verdict.refusals import RefusalTally
from kvv_action.verdict.verdict import with_one_cause

PLACE = Place(benchmark="aime2025", sample="1", index=0, epoch=0)


def rejected(message: str) -> Sent:
    rejection = Rejection(status=400, message=message, body="")
    return Sent(place=PLACE, endpoint="", exchange=Exchange(call=0, rejection=rejection))


def failed(message: str, status: int | None = 500) -> Sent:
    attempt = Attempt(number=1, started=0, duration=0, status=status, failure=FailureKind.SERVER_ERROR, message=message)
    return Sent(place=PLACE, endpoint="", attempts=(attempt,))


def answer() -> Sent:
    return Sent(place=PLACE, endpoint="", exchange=Exchange(call=0, completion=Completion(content="4")))


def cause(*sent: Sent) -> str:
    tally = RefusalTally()
    for one in sent:
        tally.add(one)
    return tally.cause()


def test_refusals_that_differ_only_in_ids_are_alike() -> None:
    """The first one's text stands for all, its status said once."""
    told = cause(rejected("no thinking (request id: a1b2c3)"), rejected("HTTP 400: no thinking (request id: d4e5f6)"))
    assert told == "the endpoint refused all 2 requests alike (HTTP 400: no thinking (request id: a1b2c3))"


@pytest.mark.parametrize(
    "sent",
    [
        (rejected("no tools"), rejected("no pictures")),
        (rejected("no tools"),),
        (rejected("no tools"), rejected("no tools"), answer()),
        (rejected("no tools"), rejected("no tools"), failed("the connection broke", status=None)),
        (answer(),),
        (),
    ],
)
def test_what_is_no_one_cause(sent: tuple[Sent, ...]) -> None:
    """Two texts, a single refusal, answers between, connections that broke."""
    assert cause(*sent) == ""


def test_server_errors_are_refusals_too() -> None:
    """They have words."""
    assert "HTTP 500: out of memory" in cause(failed("HTTP 500: out of memory"), failed("HTTP 500: out of memory"))


def test_the_reason_tells_it_once() -> None:
    """What only repeats it is left out, what adds to it stays; a stopped run has said it."""
    parts = [
        "A: no answer could be scored: 3 failed (rejected: no tools)", "2 of 9 probes wrong (x)",
        "B: no answer could be scored: 4 failed (rejected: no tools)",
    ]  # fmt: skip
    reason = "; ".join(parts)
    assert with_one_cause(reason, "all refused (no tools)", RunState.COMPLETE) == (
        "all refused (no tools); 2 of 9 probes wrong (x)"
    )
    assert with_one_cause(reason, "", RunState.COMPLETE) == reason
    assert with_one_cause(reason, "all refused (no tools)", RunState.STOPPED) == reason


@pytest.mark.parametrize(
    ("answers", "plain", "told"),
    [(1, True, "after 1 answer: "), (1, False, "after 1 answers: "), (3, True, "3 answers: ")],
)
def test_an_endpoint_that_begins_to_refuse_is_told_in_the_right_number(answers: int, plain: bool, told: str) -> None:
    """One answer is no plural, but in reports of earlier versions, which are written again as they were."""
    found = RefusalTally().began(began_to_refuse(answers, "HTTP 401: expired", "Check the key."), plain=plain)
    assert found is not None
    assert told in found.cause
