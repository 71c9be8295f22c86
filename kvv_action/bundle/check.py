"""Whether the files of a bundle are what follows from its journal."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from kvv_action import __version__
from kvv_action.bundle.form import Member, is_bundle_manifest, manifest_of, measured, members_of
from kvv_action.report.files import MANIFEST, REPORT, render
from kvv_action.schema import RunReport
from kvv_action.verdict.audit import compare


def manifest_in(folder: Path) -> Any:
    """The manifest of a bundle in a folder; None where it is that of a run, or none.

    Raises:
        BundleError: it announces what no bundle may hold.
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


def differences(folder: Path, manifest: Any, report: RunReport) -> Iterator[str]:
    """Every file that is not what the manifest says, or does not follow from the journal.

    Args:
        folder: the files of the bundle.
        manifest: theirs.
        report: made again from the journal.
    """
    members = members_of(orjson.dumps(manifest))
    for name, member in sorted(members.items()):
        path = folder / name
        if not path.is_file():
            yield f"{name}: is missing"
        elif measured(path) != member:
            yield f"{name}: is not the file of the manifest"
    yield from _rendered(folder, report)
    left_out = {name: Member(**one) for name, one in manifest.get("left_out", {}).items()}
    expected = orjson.loads(manifest_of(report, members, left_out))
    yield from compare(manifest, expected, MANIFEST)


def _rendered(folder: Path, report: RunReport) -> Iterator[str]:
    """Reports that are not those of the journal; another version may write them in another way."""
    for name, data in render(report).items():
        same_version = report.provenance.version == __version__
        if name != REPORT and same_version and (folder / name).is_file() and (folder / name).read_bytes() != data:
            yield f"{name}: is not what follows from the journal"
