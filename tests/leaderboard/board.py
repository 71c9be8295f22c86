"""A leaderboard's repository in git, with a submission on a branch; and everything that can be done to it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kvv_action.report.files import canonical, sha256

RULES = b"""
[vendors.acme-ai]
name = "Acme AI"
hosts = ["127.0.0.1"]
repositories = ["acme/evals"]

[vendors.other]
name = "Other"

[attestation]
signers = ["moonshot/kvv-action/.github/workflows/verify.yml"]
"""
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"],
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b.example", "GIT_COMMITTER_NAME": "a",
    "GIT_COMMITTER_EMAIL": "a@b.example",
}  # fmt: skip


class Board:
    """A checkout whose HEAD is a submission on top of `main`."""

    def __init__(self, root: Path, source: Path | str, branch: str) -> None:
        self.root = root
        self.evidence = root.parent / "evidence.tar.gz"
        self._git("clone", "-q", "--branch", branch, "--single-branch", str(source), str(root), at=root.parent)
        (self.path,) = self.git("diff", "--name-only", "HEAD~1", "HEAD").splitlines()

    def git(self, *arguments: str) -> str:
        """A git command's output."""
        return self._git(*arguments, at=self.root)

    def _git(self, *arguments: str, at: Path) -> str:
        done = subprocess.run(["git", *arguments], cwd=at, env=_ENVIRONMENT, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    @property
    def file(self) -> Path:
        """The submitted record."""
        return self.root / self.path

    def value(self) -> dict[str, Any]:
        """Its content."""
        found: dict[str, Any] = json.loads(self.file.read_bytes())
        return found

    def put(self, data: bytes, path: str = "") -> str:
        """Exchange the record by other bytes, in their right place unless another is given."""
        if not path:
            vendor, model, name = self.path.split("/")[1:]
            try:
                value = json.loads(data)
                day = value["date"].replace("-", "")
                vendor = vendor if "/" in value["vendor"]["id"] else value["vendor"]["id"]
                model = value["model"]["id"]
            except (ValueError, KeyError, TypeError, RecursionError):
                day = name[:8]
            path = f"results/{vendor}/{model}/{day}-{sha256(data)[:12]}.json"
        self.file.unlink()
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return path

    def edit(self, change: Callable[[dict[str, Any]], None]) -> None:
        """Forge the record with care: canonical bytes, the right digest, the right place."""
        value = self.value()
        change(value)
        self.put(canonical(value))

    def commit(self) -> None:
        """Make what is in the checkout the submission."""
        self.git("add", "-A", "--force")
        self.git("commit", "-q", "--amend", "--allow-empty", "-m", "A submission")


def setting(*path: str | int, to: Any) -> Callable[[Board], None]:
    """A careful forgery of one value."""

    def change(value: dict[str, Any]) -> None:
        inner: Any = value
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = to

    return lambda board: board.edit(change)


def bytes_with(old: bytes, new: bytes) -> Callable[[Board], None]:
    """A forgery of bytes, in the place that their digest demands."""

    def forge(board: Board) -> None:
        data = board.file.read_bytes()
        assert old in data, old
        board.put(data.replace(old, new, 1))

    return forge
