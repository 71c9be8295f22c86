"""The folder of a site: written beside its place, then moved there as a whole or not at all."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from kvv_action.errors import Problem, UsageError

MARKER = "site.json"
"""A file that every site has; a folder without it is never replaced."""


class SiteFolder:
    """Takes the files of a site."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[PurePosixPath] = set()
        self.files = 0

    def write(self, name: str, data: bytes) -> None:
        """Write one file. Its name comes from ids that were checked; it is checked again."""
        path = PurePosixPath(name)
        assert not path.is_absolute(), name
        assert all(part not in ("", ".", "..") and "\\" not in part and "\0" not in part for part in path.parts), name
        if path.parent not in self._made:
            (self._folder / path.parent).mkdir(parents=True, exist_ok=True)
            self._made.add(path.parent)
        with (self._folder / path).open("xb") as stream:
            stream.write(data)
        self.files += 1


@contextmanager
def replaced(out: Path) -> Iterator[SiteFolder]:
    """A new folder whose files become `out` in one step, unless an error occurs.

    Raises:
        UsageError: `out` is something else than an earlier site or an empty folder, or cannot be written.
    """
    _refuse_foreign(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    except OSError as error:
        raise _problem(out, f"Cannot be written: {error.strerror}.") from error
    try:
        yield SiteFolder(made)
        made.chmod(0o755)
        _swap(made, out)
    except OSError as error:
        raise _problem(out, f"Cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _swap(made: Path, out: Path) -> None:
    old = None
    if out.exists():
        old = Path(tempfile.mkdtemp(prefix=f".{out.name}.old.", dir=out.parent))
        out.replace(old / out.name)
    made.replace(out)
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)


def _refuse_foreign(out: Path) -> None:
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise _problem(out, "Is not a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / MARKER).is_file():
        raise _problem(out, f"Holds something that is not a site of kvv (no {MARKER}); choose another folder.")


def _problem(out: Path, allowed: str) -> UsageError:
    return UsageError([Problem(name="out", value=str(out), allowed=allowed)])
