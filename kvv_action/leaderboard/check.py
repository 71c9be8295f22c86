"""Judges submissions: each file alone, against the repository, and against its evidence where there is some."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from kvv_action.leaderboard.changes import MODES, REGULAR, Change, Kind
from kvv_action.leaderboard.completeness import deciding
from kvv_action.leaderboard.data_consistency import own_pin
from kvv_action.leaderboard.findings import CheckFinding, CheckReport, FileFindings, error, note, warning, worst_first
from kvv_action.leaderboard.known import Known, disagreements
from kvv_action.leaderboard.names import misleading
from kvv_action.leaderboard.plausible import implausible
from kvv_action.leaderboard.record import LARGEST, RESULTS, Mark, Record, RecordError, State, Trust, load, path_of
from kvv_action.leaderboard.rules import NEEDS, Need, Rules, SubmissionRule
from kvv_action.leaderboard.standing import (
    MEANINGS,
    BoardMark,
    EvidenceKind,
    board_marks,
    evidence_of,
    has_fingerprint,
    has_holdout,
)
from kvv_action.leaderboard.store import record_files
from kvv_action.report.files import sha256
from kvv_action.report.text import visible

ALONE = f"a submission adds files below {RESULTS}/ and changes nothing else"
MOST_FILES = 50
"""The most records in one pull request."""
SHAPE = re.compile(r"results/[a-z0-9][a-z0-9.-]{0,63}/[a-z0-9][a-z0-9.-]{0,63}/[0-9]{8}-[0-9a-f]{12}\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFindings:
    """The result of checking a record against its evidence: findings, and the trust tier that the evidence supports.

    `recomputed`: every score was computed again from the evidence, and reached.
    """

    findings: tuple[CheckFinding, ...] = ()
    verified: Trust = Trust.SELF_REPORTED
    recomputed: bool = False


class VerifyEvidence(Protocol):
    """Checks records against the evidence at hand."""

    def __call__(self, record: Record) -> EvidenceFindings:
        """What the evidence says about a record."""

    def unclaimed(self, records: Sequence[Record]) -> Iterable[CheckFinding]:
        """Evidence that belongs to none of these records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What a check needs beside the submission.

    Attributes:
        root: a checkout of the repository, to find duplicates; None without one.
        rules: those of the leaderboard; None when it has none.
        now: the time, with time zone.
        known: what this version of kvv knows.
        verify: checks a record against its evidence; None without evidence.
    """

    rules: Rules | None
    now: datetime
    root: Path | None = None
    known: Known = field(default_factory=Known)
    verify: VerifyEvidence | None = None


def check(changes: Sequence[Change], context: CheckContext) -> CheckReport:
    """Judge everything that a pull request changes, or the files given.

    A pull request without results is not judged. One with results may change nothing else.
    """
    ours = [change for change in changes if change.path.startswith(f"{RESULTS}/") or change.kind is Kind.PRESENT]
    general = []
    if not ours:
        general.append(note("changes", "no result is submitted here"))
        return CheckReport(files=(), general=tuple(general))
    if context.rules is None:
        general.append(warning("vendors", "there is no leaderboard.toml, so vendors cannot be checked"))
    if len(ours) > MOST_FILES and any(change.kind is not Kind.PRESENT for change in ours):
        general.append(error("changes", f"{len(ours)} records in one pull request; at most {MOST_FILES} are taken"))
        return CheckReport(files=(), general=tuple(general))
    others = [
        FileFindings(path=change.path, findings=(error("changes", f"is {change.kind}; {ALONE}"),))
        for change in changes
        if change not in ours
    ]
    index = Index(context.root, {change.path for change in ours})
    judged = [_judged(change, context, index) for change in ours]
    if context.verify is not None and index.complete:
        general += context.verify.unclaimed(index.records)
    return CheckReport(files=(*judged, *others), general=tuple(general))


def _judged(change: Change, context: CheckContext, index: "Index") -> FileFindings:
    """Judge one file. An exception refuses this file; the findings of the others stay."""
    try:
        return _judge(change, context, index)
    except Exception as problem:  # noqa: BLE001 - content of strangers; a defect must not hide what else was found
        told = visible(f"{type(problem).__name__}: {problem}", 200)
        return FileFindings(path=change.path, findings=(error("defect", f"cannot be judged, a defect of kvv: {told}"),))


def _judge(change: Change, context: CheckContext, index: "Index") -> FileFindings:
    refusal = _unreadable(change)
    if refusal is not None or change.data is None:
        return FileFindings(path=change.path, findings=(refusal or error("changes", "cannot be read"),))
    digest = sha256(change.data)
    try:
        record = load(change.data)
    except RecordError as problem:
        index.complete = False
        findings = tuple(error("form", text) for text in problem.problems)
        return FileFindings(path=change.path, findings=findings, sha256=digest)
    index.records.append(record)
    found = [*_place(change.path, record), *implausible(record, context.now, deciding(context.known.options))]
    found += disagreements(record, replace(context.known, taken=change.taken))
    found += misleading(record, context.rules, {name: one.title for name, one in context.known.listed.items()})
    found += [*_vendor(record, context.rules, taken=change.taken), *index.duplicates(change.path, change.data)]
    evidence = EvidenceFindings()
    if context.verify is not None:
        evidence = context.verify(record)
    found += [*evidence.findings, *_trust(record, evidence.verified)]
    if not change.taken and context.rules is not None:
        found += _needs(record, context.rules.submissions, evidence)
    found += _board_marks(record, context)
    return FileFindings(
        path=change.path,
        findings=worst_first(found),
        sha256=digest,
        claimed=record.trust,
        verified=evidence.verified,
    )


def _unreadable(change: Change) -> CheckFinding | None:
    """Why a change cannot be a submission, before its content is looked at."""
    if change.kind not in (Kind.ADDED, Kind.PRESENT):
        return error("changes", f"is {change.kind}; records are only added, never changed or removed")
    if change.mode != REGULAR:
        return error("changes", f"is {MODES.get(change.mode, 'no regular file')}; a record is a regular file")
    if not SHAPE.fullmatch(change.path):
        return error("path", f"is not of the form {RESULTS}/<vendor>/<model>/<YYYYMMDD>-<digest12>.json")
    if change.problem:
        return error("changes", change.problem)
    if change.size > LARGEST:
        return error("size", f"has {change.size} bytes; a record has at most {LARGEST}")
    return None


def _place(path: str, record: Record) -> Iterator[CheckFinding]:
    """Whether the file is where its content belongs."""
    right = path_of(record)
    if path == right:
        return
    parts = ("vendor", "model", "day and digest")
    wrong = [name for name, is_, be in zip(parts, path.split("/")[1:], right.split("/")[1:], strict=True) if is_ != be]
    yield error("path", f"its content belongs to {right}: another {', '.join(wrong)}")


def _vendor(record: Record, rules: Rules | None, *, taken: bool) -> Iterator[CheckFinding]:
    if rules is None:
        return
    if rules.models and record.model.id not in rules.models:
        yield error("model", f"the model {record.model.id} is not in the list of models of leaderboard.toml")
    elif rules.models and rules.models[record.model.id].official == record.vendor.id:
        yield note("vendor", f"is the official vendor of {record.model.id}")
    address = record.setup.base_url if record.setup else ""
    vendor = rules.vendors.get(record.vendor.id)
    if vendor is None:
        told = f"the vendor {record.vendor.id} is not in leaderboard.toml; a pull request of its own introduces it"
        known = [name for name, one in rules.vendors.items() if address and one.hosts and one.serves(address)]
        here = f" ({address} belongs to {', '.join(known)}: submit again with leaderboard-vendor)" if known else ""
        yield error("vendor", told + here)
        return
    if address and not vendor.serves(address):
        yield error("vendor", f"was measured at {address}, which is no host of {record.vendor.id}")
    if record.setup and not address and Mark.DEMONSTRATION not in record.marks:
        level = error if vendor.hosts else warning
        yield level("vendor", f"does not say at which endpoint of {record.vendor.id} it was measured")
    if record.state is State.PARTIAL and not rules.submissions.accept_partial and not taken:
        yield error("marks", "is a partial result, which this leaderboard does not take")
    elif record.state is State.PARTIAL:
        yield warning("marks", f"is partial: {', '.join(record.marks)}")


def _trust(record: Record, verified: Trust) -> Iterator[CheckFinding]:
    if record.trust is Trust.ATTESTED and verified is not Trust.ATTESTED:
        yield warning("trust", f"claims to be {record.trust}; as far as could be verified it is {verified}")


def _needs(record: Record, needs: SubmissionRule, evidence: EvidenceFindings) -> Iterator[CheckFinding]:
    """What the leaderboard requires and the record lacks."""
    met = {
        "evidence": evidence_of(record) is EvidenceKind.RECOMPUTABLE and evidence.recomputed,
        "holdout": has_holdout(record),
        "fingerprint": has_fingerprint(record),
        "attested": evidence.verified is Trust.ATTESTED,
    }
    for name in NEEDS:
        if getattr(needs, name) is Need.REQUIRED and not met[name]:
            yield error(name, _LACKS[name])


_LACKS = {
    "evidence": "this leaderboard requires evidence that anybody can fetch and compute again, at hand in this check",
    "holdout": "this leaderboard requires varied items beside the published ones (holdout: both)",
    "fingerprint": "this leaderboard requires a fingerprint that was judged",
    "attested": "this leaderboard requires an attestation that could be verified",
}


def _board_marks(record: Record, context: CheckContext) -> Iterator[CheckFinding]:
    """The marks that the site shows beside the result."""
    found = set(board_marks(record, context.rules, context.known.version))
    if any(own_pin(one, context.known.pins.get(one.id, ()), context.rules) for one in record.benchmarks):
        found.add(BoardMark.NOT_PINNED)
    for mark in BoardMark:
        if mark in found:
            yield note("mark", f"is marked *{mark}*: {MEANINGS[mark]}")


class Index:
    """Finds other records of the same run. It searches bytes and parses no record, so it is fast for many records.

    Args:
        root: the checkout, or None.
        judged: the paths of the submission.

    Attributes:
        records: of the submission, as far as they were read.
        complete: every file of the submission is a record.
    """

    def __init__(self, root: Path | None, judged: Iterable[str]) -> None:
        self._root = root
        self._judged = frozenset(judged)
        self._heads: dict[bytes, str] | None = None
        self._seen: dict[bytes, str] = {}
        self.records: list[Record] = []
        self.complete = True

    def duplicates(self, path: str, data: bytes) -> Iterator[CheckFinding]:
        """Other records of the same run, in the repository or in the same pull request."""
        for key in _keys(data):
            other = self._index().get(key) or self._seen.get(key)
            if other is not None and other != path:
                same = "has the durations of" if key.startswith(b"{") else "is about the same run as"
                yield error("duplicate", f"{same} {other}")
                break
        self._seen.update(dict.fromkeys(_keys(data), path))

    def _index(self) -> dict[bytes, str]:
        if self._heads is None:
            self._heads = {}
            for file in record_files(self._root) if self._root else []:
                name = file.relative_to(self._root or file).as_posix()
                if name not in self._judged and file.is_file() and not file.is_symlink():
                    with file.open("rb") as stream:
                        self._heads.update(dict.fromkeys(_keys(stream.read(LARGEST)), name))
        return self._heads


_DIGESTS = re.compile(rb'"(?:journal_head|sha256)": "([0-9a-f]{64})"')
_DURATIONS = re.compile(
    rb'"first_token": (\{[^}]*\}),.{0,200}?"total": (\{[^}]*"max": (?!0\.0\b)[0-9.e-]+[^}]*\})', re.DOTALL
)


def _keys(data: bytes) -> list[bytes]:
    """What identifies a run: digests of its journal's last line and of its bundle, and the durations of its answers.

    Six durations to a tenth of a millisecond are never the same in two runs: who dates an old run anew has them still.
    """
    durations = _DURATIONS.search(data)
    return _DIGESTS.findall(data) + ([b"".join(durations.groups()[:2])] if durations else [])
