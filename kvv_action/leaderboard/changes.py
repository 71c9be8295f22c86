"""What a pull request changes, read from git's objects: none of its files is checked out, followed or run."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kvv_action.errors import KvvError
from kvv_action.leaderboard.record import LARGEST
from kvv_action.report.text import visible

REGULAR = "100644"
MODES = {"120000": "a symbolic link", "160000": "a submodule", "100755": "an executable file", "040000": "a folder"}
SECONDS = 60


class Kind(StrEnum):
    """What happens to a file."""

    ADDED = "added"
    MODIFIED = "modified"
    DELETED = "deleted"
    PRESENT = "present"


_KINDS = {
    "A": Kind.ADDED,
    "M": Kind.MODIFIED,
    "D": Kind.DELETED,
    "T": Kind.MODIFIED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One file of a pull request, or of a folder that is checked as it is (`present`).

    Attributes:
        path: untrusted; bytes that are no UTF-8 are escaped.
        mode: as git writes it, `100644` for a regular file.
        size: bytes of a regular file that was added.
        data: its content, at most one byte more than a record may have; None for everything else.
        problem: why it could not be read.
        taken: it is a result that the leaderboard has already.
    """

    path: str
    kind: Kind
    mode: str = REGULAR
    size: int = 0
    data: bytes | None = None
    problem: str = ""
    taken: bool = False


def git(root: Path, *arguments: str) -> bytes:
    """A git command's output, without configuration of the user or hooks of the repository.

    Raises:
        KvvError: git is missing or fails; the message has its words.
    """
    program = shutil.which("git")
    if program is None:
        raise KvvError("there is no git on this machine; it is needed to see what a pull request changes")
    environment = {
        "PATH": os.defpath,
        "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
    }  # fmt: skip
    command = [program, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", f"safe.directory={root}"]
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, arguments are separate
            [*command, "-C", str(root), *arguments], capture_output=True, env=environment, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise KvvError(f"git {arguments[0]} took more than {SECONDS} s") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip() or "it found nothing"
        raise KvvError(f"git {arguments[0]}: {visible(said, 300)}")
    return done.stdout


def between(root: Path, base: str, head: str) -> tuple[str, str]:
    """The last commit that the head shares with the base's branch, and the head's own commit.

    Raises:
        KvvError: a branch is missing, or there is no common commit, as in a shallow checkout.
    """
    try:
        theirs, ours = (
            git(root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}").decode().strip()
            for ref in (base, head)
        )
        return git(root, "merge-base", theirs, ours).decode().strip(), ours
    except KvvError as error:
        raise KvvError(
            f"{root}: the changes of {visible(head, 100)} against {visible(base, 100)} cannot be found ({error}); "
            "fetch both, with their whole history (in a workflow, fetch-depth: 0)"
        ) from None


def since(root: Path, base: str, head: str) -> list[Change]:
    """Everything that one commit changes against another one."""
    raw = git(root, "diff", "--raw", "-z", "--no-renames", "--no-abbrev", "--ignore-submodules=none", base, head)
    fields = raw.decode(errors="backslashreplace").split("\0")
    return [_change(root, header, path) for header, path in zip(fields[::2], fields[1::2], strict=False) if header]


def _change(root: Path, header: str, path: str) -> Change:
    _, mode, _, blob, status = header.removeprefix(":").split(" ")
    kind = _KINDS.get(status[0], Kind.MODIFIED)
    if kind is not Kind.ADDED or mode != REGULAR:
        return Change(path=path, kind=kind, mode=mode)
    size = int(git(root, "cat-file", "-s", blob))
    data = None if size > LARGEST else git(root, "cat-file", "blob", blob)
    return Change(path=path, kind=kind, size=size, data=data)


def at(root: Path, commit: str, path: str) -> bytes | None:
    """A file's content in a commit; None when it has none."""
    if not git(root, "ls-tree", commit, "--", path):
        return None
    return git(root, "cat-file", "blob", f"{commit}:{path}")
