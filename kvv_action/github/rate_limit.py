"""Reads from an answer of GitHub how long a client must wait.

Source: docs.github.com, "Best practices for using the REST API": `retry-after` first; `x-ratelimit-reset` when nothing
remains; else at least a minute, longer each time.
"""

import math
from collections.abc import Mapping

AT_LEAST = 60.0
"""Seconds to wait at a secondary limit without a time."""
BETWEEN_WRITES = 1.0
"""Seconds between two writes."""


def asked_pause(status: int, headers: Mapping[str, str], message: str, *, now: float, tries: int) -> float | None:
    """Seconds to wait before the request may be sent again; None when no rate limit was hit.

    Args:
        status: HTTP status of the answer.
        headers: with lower-case names.
        message: GitHub's message.
        now: seconds since the epoch.
        tries: how often this request has hit a limit before.
    """
    if status not in (403, 429):
        return None
    after = _number(headers.get("retry-after"))
    if after is not None:
        return after
    reset = _number(headers.get("x-ratelimit-reset"))
    if headers.get("x-ratelimit-remaining") == "0" and reset is not None:
        return max(0.0, reset - now) + 1
    if status == 429 or any(word in message.lower() for word in ("rate limit", "abuse detection")):
        return AT_LEAST * 2.0 ** min(tries, 8)
    return None


def _number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None
