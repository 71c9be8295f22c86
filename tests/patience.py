"""Time for the embedded vendor on a busy machine, which must look neither late nor as if it held its answers back."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

SECONDS = {"first_token_timeout": 60, "silence_timeout": 60, "total_timeout": 120}
"""Deadlines by name. Those of `kvv demo` are short: a busy machine would miss them."""
SETTINGS = {"retry_base": "0.01", **{name: str(most) for name, most in SECONDS.items()}}
"""The same as settings, with quick retries."""
ABOUT_TIME = ("hangs", "slow", "buffers-streams")
"""Faults that are noticed by when an answer comes."""


def about_time(words: Sequence[str]) -> bool:
    """Whether some of these words name a fault that is noticed by when answers come."""
    return any(word.startswith(ABOUT_TIME) for word in words)


@contextmanager
def unhurried(words: Sequence[str]) -> Iterator[None]:
    """Inside, the probe of the pace finds no answer held back; where these words name a fault that does that, it does.

    On a busy machine it would ask again, and two runs would differ by a request, or it could not tell. What audits such
    a run must not hurry either.
    """
    from benchmarks.precheck.suites import streaming  # takes longer to import than many tests
    from kvv_action.endpoint import attempt

    never_late = mock.patch.object(attempt, "LATE_SHARE", math.inf)
    never_held_back = mock.patch.object(streaming, "held_back", return_value=False)
    with never_late if about_time(words) else never_held_back:
        yield


def program(words: Sequence[str]) -> list[str]:
    """Python's arguments, before these words, for a `kvv` process; one that runs something does not hurry either."""
    if words[:1] not in (["run"], ["demo"]) or about_time(words):
        return ["-m", "entrypoint.cli"]
    change = "from benchmarks.precheck.suites import streaming; streaming.held_back = lambda *_: False"
    return ["-c", f"import sys; {change}; from entrypoint.cli import main; sys.exit(main())"]
