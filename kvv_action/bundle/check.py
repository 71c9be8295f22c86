"""Checks that the files of a bundle follow from its journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from kvv_action import __version__
from kvv_action.bundle.form import Member, is_bundle_manifest, manifest_of, measured, members_of
from kvv_action.plan.difference import AuditDifference, DifferenceKind, differing
from kvv_action.report.files import MANIFEST, REPORT, render
from kvv_action.schema import RunReport


def manifest_in(folder: Path) -> Any:
    """The manifest of a bundle in a folder; None when the folder has no bundle's manifest.

    Raises:
        BundleError: the manifest lists files that no bundle may contain.
    """
    try:
        text = (folder / MANIFEST).read_bytes()
        value = orjson.loads(text)
    except (OSError, orjson.JSONDecodeError):
        return None
    if not is_bundle_manifest(value):
        return None
    members_of(text)
    return value


def differences(folder: Path, manifest: Any, report: RunReport) -> Iterator[AuditDifference]:
    """The files that differ from the manifest, or do not follow from the journal.

    Args:
        folder: the files of the bundle.
        manifest: of the bundle.
        report: computed from the journal.
    """
    members = members_of(orjson.dumps(manifest))
    for name, member in sorted(members.items()):
        path = folder / name
        if not path.is_file():
            yield AuditDifference(place=name, kind=DifferenceKind.NO_FILE)
        elif measured(path) != member:
            yield AuditDifference(place=name, kind=DifferenceKind.FILE)
    yield from _rendered(folder, report)
    left_out = {name: Member(**one) for name, one in manifest.get("left_out", {}).items()}
    expected = orjson.loads(manifest_of(report, members, left_out))
    yield from differing(manifest, expected, MANIFEST)


def _rendered(folder: Path, report: RunReport) -> Iterator[AuditDifference]:
    """Reports that do not follow from the journal; reports of another version are not compared."""
    for name, data in render(report).items():
        same_version = report.provenance.version == __version__
        if name != REPORT and same_version and (folder / name).is_file() and (folder / name).read_bytes() != data:
            yield AuditDifference(place=name, kind=DifferenceKind.RENDERED)
