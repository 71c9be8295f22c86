"""Keeps what a step writes inside the workspace, and gives it to the workspace's owner."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from kvv_action.errors import Problem, UsageError


def out_folder(workspace: Path, out: str) -> Path:
    """The absolute path of the folder for reports, verified to be below the workspace.

    A pull request controls the content of the workspace, so nothing there may make us write elsewhere.

    Raises:
        UsageError: the folder is elsewhere, is the workspace itself, or contains a symbolic link.
    """
    root = workspace.resolve()
    folder = root / out
    if ".." in folder.parts:
        raise _problem(out, "It must be a folder below the workspace, without '..'.")
    if not folder.is_relative_to(root) or folder == root:
        raise _problem(out, "It must be a folder below the workspace.")
    if folder.resolve() != folder:
        raise _problem(out, "A symbolic link in its path leads elsewhere; remove it, or choose another folder.")
    link = next((path for path in _tree(folder) if path.is_symlink()), None)
    if link is not None:
        raise _problem(
            out, f"It contains a symbolic link ({link.relative_to(root)}); remove it, or choose another folder."
        )
    return folder


@contextmanager
def handed_over(workspace: Path, *folders: Path) -> Iterator[None]:
    """At the end give all files in the folders, and new parent folders, to the workspace's owner.

    Files of root would break the next checkout on a self-hosted runner.
    """
    tops = [_first_missing(folder) for folder in folders]
    try:
        yield
    finally:
        with suppress(OSError):
            owner = workspace.stat()
            for top in tops:
                _give(top, owner.st_uid, owner.st_gid)


def _problem(out: str, allowed: str) -> UsageError:
    return UsageError([Problem(name="out", value=out, allowed=allowed)])


def _first_missing(folder: Path) -> Path:
    """The topmost part of the path that does not exist, else the folder itself."""
    return next((path for path in reversed([folder, *folder.parents]) if not path.exists()), folder)


def _give(top: Path, uid: int, gid: int) -> None:
    for path in (top, *_tree(top)):
        with suppress(FileNotFoundError):
            status = path.lstat()
            if (status.st_uid, status.st_gid) != (uid, gid):
                os.chown(path, uid, gid, follow_symlinks=False)


def _tree(folder: Path) -> Iterator[Path]:
    """All paths below a folder; links are not followed."""
    for parent, folders, names in os.walk(folder):
        yield from (Path(parent, name) for name in (*folders, *names))
