"""Time for the embedded vendor on a busy machine, which must look neither late nor as if it held its answers back."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from unittest import mock

from kvv_action.verdict import pace

SECONDS = {"first_token_timeout": 60, "silence_timeout": 60, "total_timeout": 120}
"""Deadlines by name. Those of `kvv demo` are short: a busy machine would miss them."""
SETTINGS = {"retry_base": "0.01", **{name: str(most) for name, most in SECONDS.items()}}
"""The same as settings, with quick retries."""
UNHURRIED = 120.0
"""Seconds from which on an answer is judged by its pace."""
ABOUT_TIME = ("hangs", "slow", "buffers-streams")
"""Faults that are noticed by when an answer comes."""


def about_time(words: Sequence[str]) -> bool:
    """Whether some of these words name a fault that is noticed by when answers come."""
    return any(word.startswith(ABOUT_TIME) for word in words)


@contextmanager
def unhurried(words: Sequence[str]) -> Iterator[None]:
    """Inside, an answer of a second or two is not judged by its pace, unless these words name a fault in that.

    The probe of the pace would else ask again on a busy machine, and two runs would differ by a request. What reads
    such a run must not hurry either.
    """
    with mock.patch.object(pace, "SLOW", pace.SLOW if about_time(words) else UNHURRIED):
        yield


def program(words: Sequence[str]) -> list[str]:
    """Python's arguments for a `kvv` process that does not hurry either; they come before the words."""
    if about_time(words):
        return ["-m", "entrypoint.cli"]
    change = f"from kvv_action.verdict import pace; pace.SLOW = {UNHURRIED}"
    return ["-c", f"import sys; {change}; from entrypoint.cli import main; sys.exit(main())"]
