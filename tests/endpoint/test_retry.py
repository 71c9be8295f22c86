"""Which failures are tried again, and after how long."""

import random
from email.utils import formatdate

import pytest

from kvv_action.endpoint.options import ClientOptions
from kvv_action.endpoint.retry import Decision, asked_wait, decide
from kvv_action.redact import Redactor
from kvv_action.schema import FailureKind

OPTIONS = ClientOptions(base_url="http://h/v1", redactor=Redactor(), retry_max_seconds=100, retry_cap=30)
NOW = 1_700_000_000.0


class Highest(random.Random):
    """Draws the upper end."""

    def uniform(self, a: float, b: float) -> float:
        return b


def after(kind: FailureKind, *, tries: int = 1, spent: float = 0, asked: float | None = None) -> Decision:
    return decide(kind, OPTIONS, Highest(), tries=tries, spent=spent, asked=asked)


RETRIED = {
    "connect", "disconnected", "timeout-connect", "timeout-first-token", "timeout-silence", "truncated",
    "bad-response", "stream-error", "rate-limited", "server-error", "empty-stream", "server-ended",
}  # fmt: skip


@pytest.mark.parametrize("kind", FailureKind)
def test_which_kinds_are_retried(kind: FailureKind) -> None:
    """Transport, 429 and 5xx are; too large, total deadline, refusals and redirects are not."""
    assert (after(kind).wait is not None) == (kind in RETRIED)


def test_back_off_doubles_up_to_the_cap() -> None:
    """The upper end of the jitter grows from base to cap."""
    assert [after(FailureKind.CONNECT, tries=n).wait for n in (1, 2, 3, 4)] == [1, 2, 4, 8]
    assert OPTIONS.retry_cap == 30
    wide = ClientOptions(base_url="http://h", redactor=Redactor(), retry_attempts=10_000)
    assert decide(FailureKind.CONNECT, wide, Highest(), tries=5000, spent=0).wait == 60


def test_back_off_has_full_jitter() -> None:
    """Waits are drawn from nothing to the upper end."""
    rng = random.Random(1)
    waits = [decide(FailureKind.CONNECT, OPTIONS, rng, tries=4, spent=0).wait or 0 for _ in range(500)]
    assert min(waits) < 0.5
    assert 7.5 < max(waits) <= 8


def test_tries_are_bounded() -> None:
    """The fifth failure is the last."""
    assert after(FailureKind.CONNECT, tries=5) == Decision(reason="gave up after 5 tries")


def test_time_is_bounded() -> None:
    """No try begins after the time for retries, and the last wait is cut to it."""
    assert after(FailureKind.CONNECT, spent=100).wait is None
    assert after(FailureKind.CONNECT, tries=4, spent=97).wait == 3


def test_an_asked_pause_is_kept() -> None:
    """The endpoint's pause is never shortened, a jitter comes on top."""
    assert after(FailureKind.RATE_LIMITED, asked=50).wait == 51


def test_an_asked_pause_beyond_the_time_left_gives_up_and_says_so() -> None:
    """Coming early would be refused again."""
    decision = after(FailureKind.RATE_LIMITED, asked=3600, spent=10)
    assert decision.wait is None
    assert "asks to wait 3600 s, 90 s are left" in decision.reason


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-3"}, 0),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": formatdate(NOW + 90, usegmt=True)}, 90),
        ({"retry-after": formatdate(NOW - 90, usegmt=True)}, 0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "Fri, 99 Foo 2025 99:99:99 GMT"}, None),
    ],
)
def test_retry_after_is_read(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, milliseconds and dates; anything else is no wish."""
    assert asked_wait(headers, NOW) == seconds
