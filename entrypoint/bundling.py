"""Packs a run's folder and opens packed evidence, for the command line and the container action."""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from benchmarks import registry
from kvv_action.bundle.form import NAME, REDACTED_NAME, BundleError, Member, measured, members_of
from kvv_action.bundle.pack import Packing, gather, suspects, write
from kvv_action.bundle.scan import Suspect
from kvv_action.bundle.unpack import FETCH_AGAIN, read_manifest, unpack
from kvv_action.errors import JournalError, KvvError, refusal
from kvv_action.redact import Redactor
from kvv_action.report.files import JOURNAL
from kvv_action.report.place import no_run
from kvv_action.report.text import visible
from kvv_action.schema import RunReport
from kvv_action.whole_files import replaced

SUSPECTS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A bundle that was written, and the report in it."""

    path: Path
    archive: Member
    report: RunReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Evidence at hand.

    Attributes:
        folder: where its files lie.
        archive: digest and size of the bundle that they came from; None for a folder.
        members: what the bundle's manifest announced, and what was there.
    """

    folder: Path
    archive: Member | None = None
    members: Mapping[str, Member] | None = None


def bundle(
    folder: Path, out: Path | None = None, *, redact: bool, secrets: Redactor, allow_suspects: bool = False
) -> Bundled:
    """Write the archive of a run.

    Args:
        folder: what kvv wrote.
        out: the archive; by default in the folder.
        redact: leave the texts out.
        secrets: the keys that no byte of the archive may hold.
        allow_suspects: a person looked at the texts that only look like keys, and they are none.

    Raises:
        KvvError: there is no run, it does not hold together, or it holds what looks like a key.
    """
    if not (folder / JOURNAL).is_file():
        raise KvvError(no_run(folder, JOURNAL))
    target = out or folder / (REDACTED_NAME if redact else NAME)
    try:
        with tempfile.TemporaryDirectory(prefix=".kvv-bundle-", dir=target.parent) as scratch:
            packing = _gathered(folder, Path(scratch), redact=redact)
            archive = Path(scratch) / NAME
            found = _packed(packing, archive, secrets)
            if any(one.known for one in found) or (found and not allow_suspects):
                raise _refused(found)
            with replaced(target) as stream, archive.open("rb") as packed:
                shutil.copyfileobj(packed, stream)
    except OSError as error:
        about = f" ({error.filename})" if error.filename not in (None, str(target)) else ""
        raise KvvError(f"{target}: cannot be written{about}: {refusal(error)}") from error
    return Bundled(path=target, archive=measured(target), report=packing.report)


def _gathered(folder: Path, scratch: Path, *, redact: bool) -> Packing:
    """The contents of a bundle; errors name the journal of the run and not the copy of it."""
    try:
        return gather(folder, scratch, redact=redact, patterns=registry.extras())
    except JournalError as error:
        raise JournalError(str(error).replace(str(scratch / JOURNAL), str(folder / JOURNAL))) from error


def _packed(packing: Packing, archive: Path, secrets: Redactor) -> list[Suspect]:
    """Write the archive, and search the files for secrets while a thread compresses them.

    What comes in between, such as Ctrl-C, closes the archive; so the thread ends with its next piece.
    """
    with ThreadPoolExecutor(1) as aside, archive.open("wb") as stream:
        written = aside.submit(write, packing, stream)
        found = suspects(packing, secrets, SUSPECTS)
        written.result()
    return found


def _refused(found: list[Suspect]) -> BundleError:
    places = "; ".join(visible(str(one), 200) for one in found)
    known = any(one.known for one in found)
    advice = (
        "nothing was written; this run cannot be published"
        if known
        else "nothing was written; look at these places; if they are not secrets, set --allow-key-like"
    )
    return BundleError(f"the evidence holds what looks like a key: {places}. {advice}")


def is_archive(path: Path) -> bool:
    """Whether a path is that of an archive and not of a folder or journal."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def origin_of(archive: Path) -> str:
    """The last digest of the journal that a bundle was made from, as its manifest says.

    Raises:
        BundleError: the archive is not as `kvv bundle` writes it.
    """
    text = read_manifest(archive)
    members_of(text)
    try:
        journal = orjson.loads(text)["journal"]
        return str(journal["redacted_from"] or journal["head"])
    except (KeyError, TypeError) as error:
        raise BundleError(f"{archive}: its manifest does not describe a journal") from error


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A run's folder, or the files of a bundle for as long as they are needed.

    Raises:
        BundleError: the archive is not as `kvv bundle` writes it.
    """
    if not is_archive(path):
        if path.is_file() and path.name.endswith((".gz", ".tgz")):
            raise BundleError(f"{path}: is no bundle, because it is not compressed by gzip. {FETCH_AGAIN}")
        yield Opened(folder=path)
        return
    with tempfile.TemporaryDirectory(prefix="kvv-bundle-") as folder:
        members = unpack(path, Path(folder))
        yield Opened(folder=Path(folder), archive=measured(path), members=members)
