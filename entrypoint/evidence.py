"""What a run left, as a submission needs it: the report that follows from its journal, and the archive of it."""

from dataclasses import dataclass
from pathlib import Path

from kvv_action.errors import KvvError
from kvv_action.leaderboard.record import Bundle
from kvv_action.report.files import JOURNAL
from kvv_action.run.results import build
from kvv_action.schema import RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A run's report, recomputed, and its archive; None when there is none yet."""

    report: RunReport
    bundle: Bundle | None = None


def read(path: Path, url: str = "") -> Evidence:
    """Evidence from a run's folder.

    Args:
        path: the folder that kvv wrote.
        url: where the archive can be fetched.

    Raises:
        KvvError: it is no evidence, or does not hold together.
    """
    del url
    if not (path / JOURNAL).is_file():
        raise KvvError(f"{path}: no {JOURNAL} there; name the folder that kvv wrote")
    return Evidence(report=build(path / JOURNAL))
