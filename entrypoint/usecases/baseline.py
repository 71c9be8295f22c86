"""Captures next-token probabilities into the folder of a baseline: two starts of a server, and later a candidate."""

from pathlib import Path

from entrypoint.streams import Say
from entrypoint.usecases.fingerprint import CaptureOrder, CaptureResult, capture
from kvv_action.compare.side import captures_in
from kvv_action.fingerprint.reference import POSITIONS
from kvv_action.redact import Redactor
from kvv_action.report.files import CAPTURES
from kvv_action.schema import Thinking
from kvv_action.settings import Settings

OTHER_LOAD = 4
"""By so many times fewer connections every second capture is made: load moves numerics, too."""


def capture_baseline(
    settings: Settings, folder: Path, redactor: Redactor, say: Say, *, restarted: bool, thinking: Thinking
) -> CaptureResult:
    """Add one capture of an endpoint to a baseline; the first one chooses the prefixes.

    Args:
        settings: endpoint, key, deadlines, retries and connections.
        folder: of the baseline; it may hold a run, too.
        redactor: knows the secrets.
        say: takes a line about how far it is.
        restarted: the server was started anew since the last capture.
        thinking: what the requests say about thinking, in the first capture.

    Raises:
        KvvError: the endpoint tells no probabilities, has another prompt than before, or the file cannot be used.
    """
    like = captures_in(folder)
    sessions = like.sessions if like else ()
    if len(sessions) % 2:
        fewer = max(1, settings.max_connections // OTHER_LOAD)
        settings = settings.model_copy(update={"max_connections": fewer})
    order = CaptureOrder(
        out=folder / CAPTURES, calls=1, positions=POSITIONS, thinking=like.asking.thinking if like else thinking,
        like=like, added=like is not None, again=like is not None, restarted=restarted and like is not None,
    )  # fmt: skip
    return capture(settings, order, redactor, say)
