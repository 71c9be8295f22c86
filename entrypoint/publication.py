"""The step's submission: it follows the run and never changes its verdict."""

from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from entrypoint.evidence import RunEvidence, packed
from entrypoint.submission import NotFit, Submitted, problems_of, submit
from kvv_action.errors import KvvError, UsageError
from kvv_action.github.annotations import Annotation, AnnotationLevel
from kvv_action.github.proposal import Operation
from kvv_action.leaderboard.record import path_of
from kvv_action.redact import Redactor
from kvv_action.report.text import visible
from kvv_action.settings import Settings

FAILED, INTERRUPTED = 2, 130
TITLE = "kvv: leaderboard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What became of a run's result; `status` is not 0 when the submission failed."""

    annotation: Annotation
    operation: Operation = Operation.NONE
    url: str = ""
    status: int = 0


STOPPED = Published(
    annotation=Annotation(
        level=AnnotationLevel.WARNING,
        title=TITLE,
        message="Stopped during the submission; the verdict stands. Submit again: what was done already is found.",
    ),
    status=INTERRUPTED,
)


def require(settings: Settings, *, always: bool = False) -> None:
    """Find mistakes of the submission before the run.

    Args:
        settings: the user's.
        always: the submission is the only task, so a missing repository is a mistake too.

    Raises:
        UsageError: the token is missing.
    """
    if (settings.leaderboard_repo or always) and (problems := problems_of(settings)):
        raise UsageError(problems)


def submitted(
    settings: Settings, folder: Path, secrets: Redactor, log: TextIO, given: RunEvidence | None = None
) -> Published:
    """Submit the run in a folder; a problem is reported and leaves the verdict as it is.

    Args:
        settings: the user's.
        folder: the run.
        secrets: removed from whatever is written.
        log: gets lines about progress.
        given: the run's evidence, where it was read or packed already.
    """

    def say(text: str) -> None:
        log.write(visible(f"leaderboard: {text}", 1000) + "\n")

    def show(text: str) -> None:
        log.write(text + "\n")

    try:
        found = given or packed(folder, settings.leaderboard_evidence_url, secrets)
        done = submit(found, settings, secrets=secrets, say=say, show=show)
    except NotFit as reason:
        return Published(annotation=Annotation(level=AnnotationLevel.WARNING, title=TITLE, message=str(reason)))
    except KvvError as error:
        message = f"The result could not be submitted: {error}"
        return Published(
            annotation=Annotation(level=AnnotationLevel.ERROR, title=TITLE, message=message), status=FAILED
        )
    annotation = Annotation(level=AnnotationLevel.NOTICE, title=TITLE, message=told(done))
    return Published(annotation=annotation, operation=done.proposed.operation, url=done.proposed.url)


def told(done: Submitted) -> str:
    """What happened, as one line."""
    if done.dry:
        return f"dry run: nothing was sent; the record would be {path_of(done.record)}"
    note = f" ({done.proposed.note})" if done.proposed.note else ""
    return f"{done.proposed.operation}: {done.proposed.url or path_of(done.record)}{note}"
