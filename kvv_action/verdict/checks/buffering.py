"""How streams come in: through a buffer that holds chunks back."""

from collections.abc import Iterator

from kvv_action.causes import Cause
from kvv_action.digits import counted
from kvv_action.schema import Completion, Place, Severity
from kvv_action.verdict.checks.sightings import Rule, SeenFinding, Sightings

BUFFERED = "reads-buffered"
LEAST_SHARE = 0.05

BUFFER = Cause(
    id="stream-buffered",
    sentence="streams come in through a buffer: full blocks after pauses, instead of chunk by chunk",
    remedy="turn buffering off between engine and client, or send the header X-Accel-Buffering: no",
    switches={"nginx": "proxy_buffering off"},
)
RULE = Rule(severity=Severity.WARNING)


class BufferCheck:
    """Counts streams of which the endpoint client noted that they came in full blocks."""

    def __init__(self) -> None:
        self._streams = 0
        self._buffered = Sightings(cause=BUFFER)

    def see(self, place: Place, completion: Completion) -> None:
        """Look at one stream."""
        if completion.streamed:
            self._streams += 1
            if BUFFERED in completion.anomalies:
                self._buffered.add(place, f"{counted(completion.chunks, 'chunk')} in {completion.total:.1f} s")

    def findings(self) -> Iterator[SeenFinding]:
        """A warning at most: answers are whole, only late."""
        if self._buffered.count and self._buffered.count >= LEAST_SHARE * self._streams:
            yield self._buffered.seen(self._streams, RULE)
