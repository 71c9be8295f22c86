"""Judges submissions: each file by itself, against the repository, and against its evidence where that is at hand."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from kvv_action.leaderboard.changes import MODES, REGULAR, Change, Kind
from kvv_action.leaderboard.findings import CheckReport, Finding, Judged, error, note, warning, worst_first
from kvv_action.leaderboard.known import Known, disagreements
from kvv_action.leaderboard.plausible import implausible
from kvv_action.leaderboard.record import LARGEST, RESULTS, Mark, Record, RecordError, State, Trust, load, path_of
from kvv_action.leaderboard.rules import Rules
from kvv_action.leaderboard.store import record_files
from kvv_action.leaderboard.whole import deciding
from kvv_action.report.files import sha256
from kvv_action.report.text import visible

MOST_FILES = 50
"""Records in one pull request."""
SHAPE = re.compile(r"results/[a-z0-9][a-z0-9.-]{0,63}/[a-z0-9][a-z0-9.-]{0,63}/[0-9]{8}-[0-9a-f]{12}\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """What evidence says about a record: findings, and the trust tier that it supports."""

    findings: tuple[Finding, ...] = ()
    verified: Trust = Trust.SELF_REPORTED


Weigh = Callable[[Record], Weighed]
"""Looks at the evidence of a record."""


def unweighed(record: Record) -> Weighed:
    """No evidence is at hand."""
    del record
    return Weighed()


@dataclass(frozen=True, slots=True, kw_only=True)
class Court:
    """What submissions are judged by.

    Attributes:
        root: a checkout of the repository, for duplicates; None without one.
        rules: the leaderboard's own; None when it has none.
        now: the time, with time zone.
        weigh: looks at evidence.
    """

    rules: Rules | None
    now: datetime
    root: Path | None = None
    known: Known = field(default_factory=Known)
    weigh: Weigh = unweighed


def check(changes: Sequence[Change], court: Court) -> CheckReport:
    """Judge everything that a pull request changes, or the files given.

    A pull request that touches no result is none of ours; one that does may touch nothing else.
    """
    ours = [change for change in changes if change.path.startswith(f"{RESULTS}/") or change.kind is Kind.PRESENT]
    general = []
    if not ours:
        general.append(note("changes", "no result is submitted here"))
        return CheckReport(files=(), general=tuple(general))
    if court.rules is None:
        general.append(warning("vendors", "there is no leaderboard.toml, so vendors cannot be checked"))
    if len(ours) > MOST_FILES and any(change.kind is not Kind.PRESENT for change in ours):
        general.append(error("changes", f"{len(ours)} records in one pull request; at most {MOST_FILES} are taken"))
        return CheckReport(files=(), general=tuple(general))
    others = [Judged(path=change.path, findings=(_foreign(change),)) for change in changes if change not in ours]
    index = Index(court.root, {change.path for change in ours})
    judged = [_judged(change, court, index) for change in ours]
    return CheckReport(files=(*judged, *others), general=tuple(general))


def _judged(change: Change, court: Court, index: "Index") -> Judged:
    """Judge one file; whatever breaks on it, the others have their findings, and nobody takes it for accepted."""
    try:
        return _judge(change, court, index)
    except Exception as problem:  # noqa: BLE001 - content of strangers; a defect must not hide what else was found
        told = visible(f"{type(problem).__name__}: {problem}", 200)
        return Judged(path=change.path, findings=(error("defect", f"cannot be judged, a defect of kvv: {told}"),))


def _foreign(change: Change) -> Finding:
    return error("changes", f"is {change.kind}; a submission adds files below {RESULTS}/ and changes nothing else")


def _judge(change: Change, court: Court, index: "Index") -> Judged:
    refusal = _unreadable(change)
    if refusal is not None or change.data is None:
        return Judged(path=change.path, findings=(refusal or error("changes", "cannot be read"),))
    digest = sha256(change.data)
    try:
        record = load(change.data)
    except RecordError as problem:
        findings = tuple(error("form", text) for text in problem.problems)
        return Judged(path=change.path, findings=findings, sha256=digest)
    found = [*_place(change.path, record), *implausible(record, court.now, deciding(court.known.options))]
    found += disagreements(record, court.known)
    found += [*_vendor(record, court.rules), *index.duplicates(change.path, change.data, record)]
    weighed = Weighed() if any(one.level == "error" for one in found) else court.weigh(record)
    found += [*weighed.findings, *_trust(record, weighed.verified)]
    return Judged(
        path=change.path,
        findings=worst_first(found),
        sha256=digest,
        claimed=record.trust,
        verified=weighed.verified,
    )


def _unreadable(change: Change) -> Finding | None:
    """Why a change cannot be a submission, before its content is looked at."""
    if change.kind not in (Kind.ADDED, Kind.PRESENT):
        return error("changes", f"is {change.kind}; records are only added, never changed or removed")
    if change.mode != REGULAR:
        return error("changes", f"is {MODES.get(change.mode, 'no regular file')}; a record is a regular file")
    if not SHAPE.fullmatch(change.path):
        return error("path", f"is not of the form {RESULTS}/<vendor>/<model>/<YYYYMMDD>-<digest12>.json")
    if change.problem:
        return error("size" if "bytes" in change.problem else "changes", change.problem)
    if change.data is not None and len(change.data) > LARGEST:
        return error("size", f"has more than {LARGEST} bytes")
    return None


def _place(path: str, record: Record) -> Iterator[Finding]:
    """The path against the content."""
    right = path_of(record)
    if path == right:
        return
    parts = ("vendor", "model", "day and digest")
    wrong = [name for name, is_, be in zip(parts, path.split("/")[1:], right.split("/")[1:], strict=True) if is_ != be]
    yield error("path", f"its content belongs to {right}: another {', '.join(wrong)}")


def _vendor(record: Record, rules: Rules | None) -> Iterator[Finding]:
    if rules is None:
        return
    vendor = rules.vendors.get(record.vendor.id)
    if vendor is None:
        yield error(
            "vendor",
            f"the vendor {record.vendor.id} is not in leaderboard.toml; a pull request of its own introduces it",
        )
        return
    if record.setup and record.setup.base_url and not vendor.serves(record.setup.base_url):
        yield error("vendor", f"was measured at {record.setup.base_url}, which is no host of {record.vendor.id}")
    if record.setup and not record.setup.base_url and Mark.DEMONSTRATION not in record.marks:
        yield warning("vendor", "does not say at which endpoint it was measured")
    if record.state is State.PARTIAL and not rules.submissions.accept_partial:
        yield error("marks", "is a partial result, which this leaderboard does not take")
    elif record.state is State.PARTIAL:
        yield warning("marks", f"is partial: {', '.join(record.marks)}")


def _trust(record: Record, verified: Trust) -> Iterator[Finding]:
    if record.trust is Trust.ATTESTED and verified is not Trust.ATTESTED:
        yield warning("trust", f"claims to be {record.trust}; as far as could be verified it is {verified}")


class Index:
    """The records that a repository has already, searched as bytes: fast for many, and nothing is believed.

    Args:
        root: the checkout, or None.
        judged: paths that are being judged.
    """

    def __init__(self, root: Path | None, judged: Iterable[str]) -> None:
        self._root = root
        self._judged = frozenset(judged)
        self._heads: dict[bytes, str] | None = None
        self._seen: dict[bytes, str] = {}

    def duplicates(self, path: str, data: bytes, record: Record) -> Iterator[Finding]:
        """Other records of the same run, in the repository or in the same pull request."""
        for key in _keys(data):
            other = self._index().get(key) or self._seen.get(key)
            if other is not None and other != path:
                yield error("duplicate", f"is about the same run as {other}")
                break
        self._seen.update(dict.fromkeys(_keys(data), path))
        del record

    def _index(self) -> dict[bytes, str]:
        if self._heads is None:
            self._heads = {}
            for file in record_files(self._root) if self._root else []:
                name = file.relative_to(self._root or file).as_posix()
                if name not in self._judged and file.is_file() and not file.is_symlink():
                    with file.open("rb") as stream:
                        self._heads.update(dict.fromkeys(_keys(stream.read(LARGEST)), name))
        return self._heads


def _keys(data: bytes) -> list[bytes]:
    """What identifies a run: its journal's last line, and its bundle."""
    return re.findall(rb'"(?:journal_head|sha256)": "([0-9a-f]{64})"', data)
