"""Writes a file completely or not at all: a disk that fills up leaves the old content, or none."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


def write(path: Path, data: bytes) -> None:
    """Replace a file in one step; a reader sees the old or the new content."""
    with replaced(path) as stream:
        stream.write(data)


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A stream whose content replaces a file in one step, when nothing went wrong.

    A terminal or a pipe is written to. A symbolic link is replaced and not followed: a folder of others may hold one.

    Raises:
        OSError: with the name of the file.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    temporary = _beside(path)
    try:
        with temporary.open("wb") as stream:
            yield stream
            os.fchmod(stream.fileno(), 0o644)
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, str(temporary)):
            error.filename = str(path)
        raise


def _beside(path: Path) -> Path:
    """A new, empty file in the same folder."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    except OSError as error:
        error.filename = str(path)
        raise
    os.close(handle)
    return Path(name)
