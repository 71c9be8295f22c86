"""Evidence at hand, weighed: scores computed again, the record made again, the attestation verified."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from benchmarks import registry
from entrypoint.commands import audit
from entrypoint.evidence import Evidence, read, workflows
from kvv_action.errors import KvvError
from kvv_action.github.attestation import Expected, Outcome, verify
from kvv_action.leaderboard.check import Weighed
from kvv_action.leaderboard.convert import record_of
from kvv_action.leaderboard.findings import Finding, error, note, warning
from kvv_action.leaderboard.record import Record, Trust, dump
from kvv_action.leaderboard.rules import Rules
from kvv_action.verdict.audit import compare

HOSTED = "github-hosted"
MOST = 10
"""Differences that are named."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """Weighs records.

    Attributes:
        evidence: folders and bundles, by nothing but their path; which belongs to a record follows from their content.
        rules: whose signatures count.
        attestation, trusted_root: files for verifying without network.
        options: passed on to `kvv audit`.
    """

    evidence: Sequence[Path]
    rules: Rules | None
    attestation: Path | None = None
    trusted_root: Path | None = None
    options: Sequence[str] = ()
    _read: dict[Path, Evidence | None] = field(default_factory=dict)
    _broken: list[str] = field(default_factory=list)

    def __call__(self, record: Record) -> Weighed:
        """Everything that evidence says about a record."""
        found, path, mine = list[Finding](), *self._of(record)
        if path is None or mine is None:
            found += [error("evidence", f"the evidence at hand cannot be used: {problem}") for problem in self._broken]
            if self.evidence and not found:
                found.append(warning("evidence", "none of the evidence given belongs to it, so nothing was recomputed"))
            return self._attested(record, None, found)
        found += _recomputed(record, path, mine, self.options)
        return self._attested(record, path, found)

    def _of(self, record: Record) -> tuple[Path | None, Evidence | None]:
        """The evidence whose journal or archive the record names."""
        for path in self.evidence:
            mine = self._opened(path)
            if mine is None or record.evidence is None:
                continue
            bundle = record.evidence.bundle
            same = mine.report.journal.head == record.evidence.journal_head
            if same or (mine.bundle and bundle and mine.bundle.sha256 == bundle.sha256):
                return path, mine
        return None, None

    def _opened(self, path: Path) -> Evidence | None:
        """Evidence, read once; None when it cannot be."""
        if path not in self._read:
            try:
                self._read[path] = read(path)
            except KvvError as problem:
                self._read[path] = None
                self._broken.append(str(problem))
        return self._read[path]

    def _attested(self, record: Record, path: Path | None, found: list[Finding]) -> Weighed:
        if record.trust is not Trust.ATTESTED or any(one.level == "error" for one in found):
            return Weighed(findings=tuple(found))
        finding = self._signature(record, path)
        verified = Trust.ATTESTED if finding.level == "note" else Trust.SELF_REPORTED
        return Weighed(findings=(*found, finding), verified=verified)

    def _signature(self, record: Record, path: Path | None) -> Finding:
        bundle = record.evidence.bundle if record.evidence else None
        repository, run = record.provenance.get("repository", ""), record.provenance.get("run_id", "")
        if bundle is None or not repository or not run:
            return error("attestation", "claims to be attested without a bundle or without the run that made it")
        vendor = self.rules.vendors.get(record.vendor.id) if self.rules else None
        if self.rules is None or vendor is None:
            return warning("attestation", "was not verified: there is no leaderboard.toml that names signers")
        if repository.lower() not in (known.lower() for known in vendor.repositories):
            return error("attestation", f"{repository} is not among the repositories of {record.vendor.id}")
        if path is None or not path.is_file():
            return warning("attestation", "was not verified: the bundle is not at hand")
        if elsewhere := _elsewhere(path, repository, run):
            return error("attestation", f"is not attested as it claims: a part of it ran {elsewhere}")
        expected = Expected(
            sha256=bundle.sha256,
            repository=repository,
            run_id=run,
            signers=self.rules.attestation.signers,
            issuer=self.rules.attestation.issuer,
            bundle=self.attestation,
            trusted_root=self.trusted_root,
            server=record.provenance.get("server", "https://github.com"),
        )
        done = verify(path, expected)
        match done.outcome:
            case Outcome.VERIFIED:
                return note("attestation", f"signed by {done.signer} in {done.run}")
            case Outcome.REFUSED:
                return error("attestation", f"is not attested as it claims: {done.reason}")
            case Outcome.UNAVAILABLE:
                return warning("attestation", f"was not verified: {done.reason}")


def _elsewhere(path: Path, repository: str, run: str) -> str:
    """Where a session ran that is none of the workflow run's; empty when there is none.

    The bundle of a run that was resumed in a workflow is signed whole, but only the last session has its provenance.
    """
    for found in workflows(path):
        if (found.get("repository"), found.get("run_id")) != (repository, run):
            return f"in run {found.get('run_id', '?')} of {found['repository']}" if "repository" in found else "outside"
        if found.get("runner_environment", HOSTED) != HOSTED:
            return "on a machine that is not GitHub's"
    return ""


def _recomputed(record: Record, path: Path, mine: Evidence, options: Sequence[str]) -> Iterator[Finding]:
    """The record against the one that follows from the evidence, and the evidence against its own answers."""
    bundle = record.evidence.bundle if record.evidence else None
    if mine.bundle is not None and bundle is not None:
        if mine.bundle.sha256 != bundle.sha256:
            yield error("evidence", f"names the bundle {bundle.sha256}, the one at hand is {mine.bundle.sha256}")
        if mine.bundle.size != bundle.size:
            yield error("evidence", f"names a bundle of {bundle.size} bytes, the one at hand has {mine.bundle.size}")
        if mine.bundle.redacted != bundle.redacted:
            yield error("evidence", "says another thing about redaction than its bundle")
    attested = record.trust is Trust.ATTESTED
    expected = record_of(mine.report, askable=registry.IDS, vendor=record.vendor.id, bundle=bundle, attested=attested)
    differences = list(compare(_plain(record), _plain(expected), "record"))
    for difference in differences[:MOST]:
        yield error("evidence", difference.replace("written ", "says ").replace("recomputed ", "the evidence says "))
    if len(differences) > MOST:
        yield error("evidence", f"and {len(differences) - MOST} more differences from its evidence")
    if not differences:
        yield from _audited(path, options, redacted=bundle is not None and bundle.redacted)


def _audited(path: Path, options: Sequence[str], *, redacted: bool) -> Iterator[Finding]:
    """What `kvv audit` says: every answer scored again, unless the record says that its texts were taken out."""
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told):
            status = audit.main([str(path), *options])
    except KvvError as problem:
        yield error("audit", f"its evidence is at hand, but the scores cannot be computed again: {problem}")
        return
    lines = [line for line in told.getvalue().splitlines() if line.strip()]
    if status == audit.UNCHECKED and not redacted:
        yield error("audit", "the texts of its evidence were taken out, which the record does not say")
        return
    if status == audit.UNCHECKED:
        yield warning("audit", "the evidence is redacted: its counts agree, its scores cannot be computed again")
        return
    if status:
        for line in lines[:MOST]:
            yield error("audit", line)
        return
    yield note("audit", lines[-1] if lines else "every score was reached again")


def _plain(record: Record) -> Any:
    return orjson.loads(dump(record))
