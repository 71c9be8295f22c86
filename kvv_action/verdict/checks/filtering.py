"""Answers that a filter of the server removed: failures of the server, which no answer shows."""

from collections.abc import Iterator

from kvv_action.causes import Cause
from kvv_action.journal.reading import Sent
from kvv_action.schema import FailureKind
from kvv_action.verdict.checks.sightings import Rule, SeenFinding, Sightings

FILTERED = Cause(
    id="content-filtered",
    sentence="a filter of the server removes answers: finish_reason content_filter",
    remedy="turn the filter off, or route this model around it; clients get no answer to harmless requests",
    explains=("answers-empty",),
)


class FilterCheck:
    """Counts requests that came to nothing because of a filter."""

    def __init__(self) -> None:
        self._requests = 0
        self._filtered = Sightings(cause=FILTERED)

    def see(self, sent: Sent) -> None:
        """Look at what came of a request."""
        self._requests += 1
        if sent.exchange is None and any(attempt.failure is FailureKind.CONTENT_FILTER for attempt in sent.attempts):
            self._filtered.add(sent.place, sent.attempts[-1].message)

    def findings(self) -> Iterator[SeenFinding]:
        """The share of all requests."""
        if self._filtered.count:
            yield self._filtered.seen(self._requests, Rule())
