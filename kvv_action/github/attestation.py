"""Verifies who produced a file, by GitHub's artifact attestations and `gh attestation verify`.

gh checks the signature, the certificate chain, the transparency log and the digest of the file. This module compares
the certificate's repository, workflow and run once more, from the JSON of gh. The signer is a reusable workflow, so its
caller cannot add steps to the signed job. It counts only at a ref that its maintainers publish, because anybody can
change a workflow at the head of a pull request.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from kvv_action.errors import in_words

SLSA = "https://slsa.dev/provenance/v1"
ISSUER = "https://token.actions.githubusercontent.com"
"""The issuer of github.com; an enterprise may have its own."""
COMMIT = re.compile(r"[0-9a-f]{40}")
SECONDS = 120
_PASSED_ON = ("HOME", "PATH", "GH_TOKEN", "GITHUB_TOKEN", "GH_HOST", "GH_ENTERPRISE_TOKEN", "HTTPS_PROXY", "HTTP_PROXY",
              "NO_PROXY", "https_proxy", "http_proxy", "no_proxy", "SSL_CERT_FILE", "XDG_CACHE_HOME")  # fmt: skip
_REFUSALS = (
    "no attestations found",
    "no matching attestations",
    "no attestations",
    "failed to verify",
    "verification failed",
    "verifying with issuer",
    "does not match",
    "expected source",
    "expected build",
    "expected issuer",
    "expected subject",
)
"""Words of gh (pkg/cmd/attestation/verify) that mean *not attested*; any others mean *could not verify*."""
_UNSEEN = ("http 4", "http 5", "tuf client", "trusted root", "dial tcp", "no such host", "timeout")
"""Words that mean that gh got no answer; they are checked first. GitHub answers 404 for a private repository, too."""
TAGS = "refs/tags/v*"
"""Refs at which a signer without its own ref is accepted."""


class AttestationOutcome(StrEnum):
    """Result of a verification; `unavailable` says nothing about the file, because the verification could not run."""

    VERIFIED = "verified"
    REFUSED = "refused"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """The result of a verification; `signer` and `run` are set only when it is verified."""

    outcome: AttestationOutcome
    reason: str = ""
    signer: str = ""
    run: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """The facts that must be attested.

    Attributes:
        sha256: digest of the file.
        repository: `owner/name` of the repository whose workflow ran.
        run_id: id of the workflow run; empty accepts any.
        signers: accepted workflows, as `owner/name/.github/workflows/file.yml`, optionally with `@` and a ref
            (`refs/heads/main`; `*` matches any part) or a commit; without one only tags `v*` are accepted.
        bundle, trusted_root: files for a machine without network; None asks GitHub.
        server: address of GitHub.
        issuer: issuer of the workflow's identity token.
    """

    sha256: str
    repository: str
    signers: Sequence[str]
    run_id: str = ""
    bundle: Path | None = None
    trusted_root: Path | None = None
    server: str = "https://github.com"
    issuer: str = ISSUER


def verify(file: Path, expected: Expected) -> Attestation:
    """Verify that one of the signers attested this file for a run of this repository."""
    gh = shutil.which("gh")
    if not expected.signers:
        return Attestation(outcome=AttestationOutcome.UNAVAILABLE, reason="leaderboard.toml names no signer")
    if gh is None:
        return Attestation(outcome=AttestationOutcome.UNAVAILABLE, reason="the command gh is not installed here")
    last = Attestation(outcome=AttestationOutcome.REFUSED, reason="none of the signers attested it")
    for signer in expected.signers:
        last = _by(gh, file, expected, signer)
        if last.outcome is not AttestationOutcome.REFUSED:
            return last
    return last


def _by(gh: str, file: Path, expected: Expected, signer: str) -> Attestation:
    workflow = signer.partition("@")[0]
    options = ["--repo", expected.repository, "--signer-workflow", workflow, "--cert-oidc-issuer", expected.issuer]
    options += ["--predicate-type", SLSA, "--format", "json"]
    if expected.bundle:
        options += ["--bundle", str(expected.bundle.absolute())]
    if expected.trusted_root:
        options += ["--custom-trusted-root", str(expected.trusted_root.absolute())]
    command = [gh, "attestation", "verify", str(file.absolute()), *options, "--deny-self-hosted-runners"]
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False, env=environment)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        return Attestation(outcome=AttestationOutcome.UNAVAILABLE, reason=f"gh cannot run: {in_words(error)}")
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())[:300] or f"exit status {done.returncode}"
        return Attestation(outcome=_meaning(words.lower()), reason=f"gh says: {words}")
    return _read(done.stdout, expected, signer)


def _meaning(words: str) -> AttestationOutcome:
    """Whether gh refused the file, or could not verify it."""
    if any(word in words for word in _UNSEEN):
        return AttestationOutcome.UNAVAILABLE
    return AttestationOutcome.REFUSED if any(word in words for word in _REFUSALS) else AttestationOutcome.UNAVAILABLE


def _read(output: bytes, expected: Expected, signer: str) -> Attestation:
    """Compare the JSON of gh with the expected facts; one matching attestation is enough."""
    try:
        found = json.loads(output)
    except ValueError:
        return Attestation(outcome=AttestationOutcome.UNAVAILABLE, reason="gh did not print JSON")
    reasons = []
    for one in found if isinstance(found, list) else []:
        result = one.get("verificationResult") if isinstance(one, dict) else None
        problems = list(_problems(result if isinstance(result, dict) else {}, expected, signer))
        if not problems:
            certificate = _certificate(result or {})
            return Attestation(
                outcome=AttestationOutcome.VERIFIED,
                signer=certificate["buildSignerURI"],
                run=certificate["runInvocationURI"],
            )
        reasons += problems
    return Attestation(outcome=AttestationOutcome.REFUSED, reason="; ".join(reasons[:3]) or "gh listed no attestation")


def _problems(result: dict[str, Any], expected: Expected, signer: str) -> Iterator[str]:
    certificate, statement = _certificate(result), result.get("statement")
    statement = statement if isinstance(statement, dict) else {}
    if not _is_subject(statement.get("subject"), expected.sha256):
        yield "it attests another file"
    if statement.get("predicateType") != SLSA:
        yield "it is not a build provenance"
    if not result.get("verifiedTimestamps"):
        yield "its timestamp is not verified"
    server, wanted = expected.server.rstrip("/"), expected.repository
    if certificate.get("issuer") != expected.issuer:
        yield "its certificate was not issued to a GitHub workflow"
    if str(certificate.get("sourceRepositoryURI")).lower() != f"{server}/{wanted}".lower():
        yield f"it comes from another repository than {wanted}"
    yield from _signed_by(certificate, server, signer)
    if certificate.get("runnerEnvironment") != "github-hosted":
        yield "it did not run on a GitHub-hosted runner"
    run = f"{server}/{wanted}/actions/runs/{expected.run_id}/attempts/".lower()
    if expected.run_id and not str(certificate.get("runInvocationURI")).lower().startswith(run):
        yield f"it comes from another run than {expected.run_id}"


def _signed_by(certificate: Mapping[str, Any], server: str, signer: str) -> Iterator[str]:
    """Problems with the signing workflow, and with the ref or commit at which it ran."""
    workflow, _, wanted = signer.partition("@")
    found, _, ref = str(certificate.get("buildSignerURI")).partition("@")
    if found.lower() != f"{server}/{workflow}".lower():
        yield f"it is signed by another workflow than {workflow}"
    elif COMMIT.fullmatch(wanted):
        if certificate.get("buildSignerDigest") != wanted:
            yield f"it is signed by {workflow} at another commit than {wanted}"
    elif not fnmatchcase(ref, wanted or TAGS):
        yield f"it is signed by {workflow} at {ref[:100]}, which is not {wanted or TAGS}"


def _certificate(result: dict[str, Any]) -> dict[str, Any]:
    signature = result.get("signature")
    found = signature.get("certificate") if isinstance(signature, dict) else None
    return {"buildSignerURI": "", "runInvocationURI": "", **(found if isinstance(found, dict) else {})}


def _is_subject(subjects: object, sha256: str) -> bool:
    listed = subjects if isinstance(subjects, list) else []
    digests = [one.get("digest") for one in listed if isinstance(one, dict)]
    return any(isinstance(digest, dict) and digest.get("sha256") == sha256 for digest in digests)
