"""The format of a bundle: names, limits, and the manifest, which is the first file."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from kvv_action.errors import KvvError, in_words
from kvv_action.report.files import JOURNAL, MANIFEST, canonical, manifest
from kvv_action.schema import RunReport

FORMAT = 1
NAME, REDACTED_NAME = "evidence.tar.gz", "evidence-redacted.tar.gz"
MOST_MEMBERS = 20_000
MOST_BYTES = 8 * 2**30 - 1
"""Limit of all files together, and so of each: the largest size in a header of the archive."""
MOST_MANIFEST = 16 * 2**20
MEMBER = re.compile(r"(?:[A-Za-z0-9_][A-Za-z0-9._-]{0,98}/)?[A-Za-z0-9_][A-Za-z0-9._-]{0,98}")
"""A file, or a file in one folder; no name begins with a dot."""
PIECE = 2**20


class BundleError(KvvError):
    """A bundle is not as `kvv bundle` writes it, or cannot be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """Digest and size of a file in a bundle."""

    sha256: str
    size: int


def extras(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The additional files of benchmarks in a run's folder, by the patterns of their names."""
    return sorted(path for pattern in patterns for path in folder.glob(pattern) if path.is_file())


def measured(path: Path) -> Member:
    """Digest and size of a file."""
    with path.open("rb") as stream:
        return Member(sha256=hashlib.file_digest(stream, "sha256").hexdigest(), size=path.stat().st_size)


def of_bytes(data: bytes) -> Member:
    """Digest and size of data in memory."""
    return Member(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def manifest_of(report: RunReport, members: Mapping[str, Member], left_out: Mapping[str, Member]) -> bytes:
    """`manifest.json` of a bundle: the manifest of the run, and facts about the bundle.

    Args:
        report: of the journal in the bundle.
        members: all files except the manifest itself.
        left_out: files of the run that a redacted bundle leaves out.
    """
    base: dict[str, Any] = orjson.loads(manifest(report, {name: one.sha256 for name, one in members.items()}))
    return canonical(
        {
            **base,
            "files": dict(members),
            "bundle": FORMAT,
            "redacted": bool(report.journal.redacted_from),
            "left_out": dict(left_out),
            "verdict": report.verdict,
            "state": report.state,
            "started": report.timing.started,
            "finished": report.timing.finished,
        }
    )


def is_bundle_manifest(value: Any) -> bool:
    """Whether the content of a `manifest.json` is the manifest of a bundle."""
    return isinstance(value, dict) and "bundle" in value


def members_of(text: bytes) -> dict[str, Member]:
    """The files in the manifest of a bundle.

    Raises:
        BundleError: not the manifest of a bundle, or it lists files that no bundle may contain.
    """
    try:
        value = orjson.loads(text)
        if value["bundle"] != FORMAT:
            raise BundleError(f"{MANIFEST}: the bundle has format {value['bundle']!r}; this version reads {FORMAT}")
        members = {name: Member(sha256=one["sha256"], size=one["size"]) for name, one in value["files"].items()}
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise BundleError(f"{MANIFEST}: not the manifest of a bundle ({in_words(error)})") from error
    check_names(members)
    if JOURNAL not in members:
        raise BundleError(f"{MANIFEST}: names no {JOURNAL}")
    if not all(type(one.size) is int and 0 <= one.size <= MOST_BYTES for one in members.values()):
        raise BundleError(f"{MANIFEST}: a size is not possible")
    if sum(one.size for one in members.values()) > MOST_BYTES:
        raise BundleError(f"{MANIFEST}: lists more than {MOST_BYTES} bytes")
    return members


def check_names(names: Iterable[str]) -> None:
    """Refuse names that are unsafe or not unique, and too many names.

    Raises:
        BundleError: a name is refused, or there are too many.
    """
    listed = list(names)
    if len(listed) > MOST_MEMBERS:
        raise BundleError(f"{len(listed)} files; a bundle holds at most {MOST_MEMBERS}")
    folded: set[str] = set()
    for name in listed:
        if not MEMBER.fullmatch(name) or name == MANIFEST:
            raise BundleError(f"{name[:80]!r} is not a valid name in a bundle")
        folded.add(name.lower())
    if len(folded) < len(listed):
        raise BundleError("two names differ only in case, which some file systems do not distinguish")
