"""Decides whether to try again after a failure, and after how long."""

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from kvv_action.digits import figure
from kvv_action.endpoint.options import ClientOptions
from kvv_action.schema import FailureKind

RETRIED = frozenset(
    {
        FailureKind.CONNECT,
        FailureKind.DISCONNECTED,
        FailureKind.TIMEOUT_CONNECT,
        FailureKind.TIMEOUT_FIRST_TOKEN,
        FailureKind.TIMEOUT_SILENCE,
        FailureKind.TRUNCATED,
        FailureKind.BAD_RESPONSE,
        FailureKind.STREAM_ERROR,
        FailureKind.EMPTY_STREAM,
        FailureKind.SERVER_ENDED,
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
    }
)
"""Never retried: a content filter, too large, the total deadline, a refused key, a redirect, a refused request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The decision after a failed try.

    Attributes:
        wait: seconds until the next try; None gives up.
        reason: why it gives up; empty for a failure that is never retried.
    """

    wait: float | None = None
    reason: str = ""


def decide(
    kind: FailureKind,
    options: ClientOptions,
    rng: random.Random,
    *,
    tries: int,
    spent: float,
    asked: float | None = None,
) -> Decision:
    """Whether to try again after a failure.

    The back-off is exponential with full jitter (AWS Architecture Blog, "Exponential Backoff And Jitter").
    A pause that the endpoint asks for is kept, plus a jitter, unless it is longer than the time left.

    Args:
        kind: cause of the last failure.
        options: limits of retries.
        rng: source of the jitter.
        tries: number of tries so far.
        spent: seconds of retries and pauses so far.
        asked: pause that the endpoint asked for.
    """
    left = options.retry_max_seconds - spent
    if kind not in RETRIED:
        return Decision()
    if tries >= options.retry_attempts:
        return Decision(reason=f"gave up after {tries} tr{'y' if tries == 1 else 'ies'}")
    if left <= 0:
        return Decision(reason=f"gave up: retries took more than {figure(options.retry_max_seconds)} s")
    if asked is None:
        return Decision(wait=min(rng.uniform(0, _ceiling(options, tries)), left))
    if asked > left:
        return Decision(
            reason=f"gave up: the endpoint asks to wait {figure(asked)} s, {figure(left)} s are left for retries"
        )
    return Decision(wait=min(asked + rng.uniform(0, options.retry_base), left))


def _ceiling(options: ClientOptions, tries: int) -> float:
    return min(options.retry_cap, options.retry_base * 2.0 ** min(tries - 1, 64))


def asked_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds that `Retry-After` (RFC 9110, 10.2.3: seconds or a date) or `retry-after-ms` ask for.

    Args:
        headers: with lower-case names.
        now: seconds since the epoch.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    seconds = _number(value)
    if seconds is not None or value is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError, TypeError):
        return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
