"""How broken first tries are counted: events, moments and timeouts."""

import random

import pytest

from kvv_action.journal.reading import Sent
from kvv_action.schema import FailureKind, Verdict
from kvv_action.verdict.delivery import cause_of_delivery
from tests.findings.tries import CUT, delivered, tried


def steady(count: int, every: float, duration: float) -> list[Sent]:
    """Requests that are answered, one after the other."""
    return [tried(at * every, duration) for at in range(count)]


@pytest.mark.parametrize("duration", [0.02, 1.0, 20.0])
def test_a_server_that_cuts_some_answers_fails_however_fast_it_is(duration: float) -> None:
    """A quarter of the streams of a steady run, whether the run takes seconds or hours."""
    rng = random.Random(1)
    sent = [tried(at * duration / 4, duration * rng.uniform(0.5, 1), CUT if at % 4 == 1 else None) for at in range(60)]
    found = delivered(sent)
    assert (found.verdict, found.broken, found.retries) == (Verdict.FAIL, 15, 15)
    assert found.incidents >= 3
    assert (found.first_try_rate, found.final_rate) == (0.75, 1.0)


def test_one_restart_does_not_fail() -> None:
    """What is in flight breaks in one moment, and for half a minute nothing is answered."""
    broken = [tried(30.0, 10.0 + 0.001 * at, CUT) for at in range(32)]
    broken += [tried(40.5 + at, 0.01, FailureKind.DISCONNECTED) for at in range(30)]
    found = delivered([*steady(30, 1, 5.0), *broken, *(tried(80.0 + at, 5.0) for at in range(30))])
    assert (found.verdict, found.incidents) == (Verdict.INCONCLUSIVE, 1)
    assert "62 of 122" in found.reason


def test_the_restart_of_one_replica_does_not_fail() -> None:
    """Others answer in between, within the tenth of a second in which its streams break."""
    broken = [tried(30.0, 10.0 + 0.02 * at, CUT) for at in range(5)]
    others = [tried(30.0, 10.01 + 0.02 * at) for at in range(5)]
    assert delivered([*steady(60, 0.4, 5.0), *broken, *others]).incidents == 1


@pytest.mark.parametrize("kind", [CUT, FailureKind.DISCONNECTED])
@pytest.mark.parametrize("seconds", [5.2, 60.0, 299.9])
def test_answers_that_are_cut_after_the_same_time_show_a_timeout(kind: FailureKind, seconds: float) -> None:
    """Whatever stands between client and model; answers that are cut here and there show none."""
    rng = random.Random(2)
    same = [tried(at * 9, seconds * rng.uniform(0.995, 1.005), kind if at % 3 == 1 else None) for at in range(60)]
    other = [tried(at * 9, seconds * rng.uniform(0.1, 1), kind if at % 3 == 1 else None) for at in range(60)]
    found = delivered(same).cut_after
    assert found is not None
    assert found == pytest.approx(seconds, rel=0.01)
    assert delivered(other).cut_after is None


@pytest.mark.parametrize("status", [504, 524])
def test_a_gateway_that_does_not_wait_is_a_timeout(status: int) -> None:
    """It says so itself, before the first byte; what it cuts later ends after the same time. Also short ones count."""
    told = [tried(at * 9, 2.0 + at / 900, FailureKind.SERVER_ERROR, status) for at in range(0, 60, 6)]
    cut = [tried(at * 9 + 20, 2.01, FailureKind.DISCONNECTED) for at in range(0, 60, 6)]
    found = delivered([*steady(60, 9, 1.0), *told, *cut])
    assert (found.verdict, found.broken, found.cut_after) == (Verdict.FAIL, 20, 2.0)
    assert cause_of_delivery(found).id == "delivery-timeout"


@pytest.mark.parametrize("status", [504, 524])
def test_a_gateway_that_says_so_at_once_did_not_wait(status: int) -> None:
    """What it stands for is down: a server error, no timeout."""
    told = [tried(at * 9, 0.01, FailureKind.SERVER_ERROR, status) for at in range(0, 60, 6)]
    found = delivered([*steady(60, 9, 1.0), *told])
    assert (found.cut_after, cause_of_delivery(found).id) == (None, "delivery-server-error")


def test_a_few_timeouts_are_not_the_cause_of_other_failures() -> None:
    """The cause explains most of what broke."""
    errors = [tried(at * 9, 1.0, FailureKind.STREAM_ERROR) for at in range(0, 120, 6)]
    cut = [tried(at * 9 + 3, 60.0, CUT) for at in range(0, 120, 30)]
    found = delivered([*steady(120, 9, 1.0), *errors, *cut])
    assert (found.cut_after, cause_of_delivery(found).id) == (None, "delivery-stream-error")


@pytest.mark.parametrize("status", [429, 503, 529])
def test_lack_of_capacity_is_not_broken(status: int) -> None:
    """It is counted apart, and is no first try that was judged."""
    kind = FailureKind.RATE_LIMITED if status == 429 else FailureKind.SERVER_ERROR
    found = delivered([tried(at, 1.0, kind if at % 2 else None, status if at % 2 else 200) for at in range(40)])
    assert (found.requests, found.broken, found.busy) == (20, 0, 20)


@pytest.mark.parametrize("status", [500, 502, 504, 520])
def test_other_server_errors_are_broken(status: int) -> None:
    """5xx other than those that say: no capacity."""
    sent = [tried(at, 1.0, FailureKind.SERVER_ERROR if at % 4 == 1 else None, status) for at in range(60)]
    assert delivered(sent).verdict is Verdict.FAIL


def test_few_broken_tries_change_no_verdict() -> None:
    """Three of three hundred are told."""
    found = delivered([tried(at, 1.0, CUT if at in (50, 150, 250) else None) for at in range(300)])
    assert found.verdict is Verdict.INCONCLUSIVE
    assert "3 of 300" in found.reason
