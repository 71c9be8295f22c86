"""What a check found, as data for people and programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from kvv_action.leaderboard.record import Trust

REPORT_VERSION = 1


class FindingLevel(StrEnum):
    """`error` refuses the submission, `warning` asks a maintainer to look, `note` is for the reader."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckFinding:
    """One observation; `rule` is a stable word, `message` may hold untrusted text."""

    level: FindingLevel
    rule: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFindings:
    """One file of a submission.

    Attributes:
        path: as submitted, untrusted.
        sha256: of its bytes; empty when it was not read.
        claimed, verified: trust tier of the record, and what could be verified here; None for what is no record.
    """

    path: str
    findings: tuple[CheckFinding, ...]
    sha256: str = ""
    claimed: Trust | None = None
    verified: Trust | None = None

    @property
    def refused(self) -> bool:
        """Whether any finding is an error."""
        return any(finding.level is FindingLevel.ERROR for finding in self.findings)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """A whole check; `general` findings belong to no single file."""

    schema_version: int = REPORT_VERSION
    accepted: bool = field(init=False)
    files: tuple[FileFindings, ...]
    general: tuple[CheckFinding, ...] = ()

    def __post_init__(self) -> None:
        errors = any(finding.level is FindingLevel.ERROR for finding in self.general)
        object.__setattr__(self, "accepted", not errors and not any(one.refused for one in self.files))


def error(rule: str, message: str) -> CheckFinding:
    """A reason to refuse."""
    return CheckFinding(level=FindingLevel.ERROR, rule=rule, message=message)


def warning(rule: str, message: str) -> CheckFinding:
    """Something to look at."""
    return CheckFinding(level=FindingLevel.WARNING, rule=rule, message=message)


def note(rule: str, message: str) -> CheckFinding:
    """Something to know."""
    return CheckFinding(level=FindingLevel.NOTE, rule=rule, message=message)


def about(subject: str, findings: Iterable[CheckFinding]) -> Iterator[CheckFinding]:
    """The findings with their subject in front of the message."""
    return (replace(finding, message=f"{subject}: {finding.message}") for finding in findings)


def worst_first(findings: Iterable[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Errors, warnings, notes."""
    order = list(FindingLevel)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.level)))
