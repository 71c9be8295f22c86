"""Diffs as git writes them, and as somebody would like them to be read."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kvv_action.errors import KvvError
from kvv_action.leaderboard.changes import Kind
from kvv_action.leaderboard.patch import changes_in

Git = Callable[..., bytes]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}

    def run(*arguments: str) -> bytes:
        command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.example", *arguments]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, check=True).stdout

    run("init", "-q", "-b", "main")
    (tmp_path / "old").write_bytes(b"one\ntwo\n")
    (tmp_path / "gone").write_bytes(b"x\n")
    run("add", "-A")
    run("commit", "-q", "-m", "first")
    return run


def diff(git: Git) -> bytes:
    git("add", "-A")
    return git("diff", "--cached")


@pytest.mark.parametrize(
    "content",
    [
        b"{}\n",
        b"{}",
        b"",
        b"a\n\nb\n",
        b"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+y\n",
        b"\r\n\r",
        "ü\u2028\n".encode(),
        b"\\ No newline at end of file",
        b"\n" * 50,
    ],
)
def test_an_added_file_is_read_whole(git: Git, tmp_path: Path, content: bytes) -> None:
    """Byte for byte, whatever it looks like."""
    (tmp_path / "new.json").write_bytes(content)
    (change,) = changes_in(diff(git), "diff")
    assert (change.path, change.kind, change.data, change.problem) == ("new.json", Kind.ADDED, content, "")


def test_other_changes_have_their_kind(git: Git, tmp_path: Path) -> None:
    """Nothing of them is read."""
    (tmp_path / "old").write_bytes(b"one\nthree\n")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").symlink_to("old")
    (tmp_path / "run").write_bytes(b"x")
    (tmp_path / "run").chmod(0o755)
    (tmp_path / "binary").write_bytes(b"\0\1")
    found = {change.path: change for change in changes_in(diff(git), "diff")}
    assert {name: change.kind for name, change in found.items()} == {
        "old": Kind.MODIFIED, "gone": Kind.DELETED, "link": Kind.ADDED, "run": Kind.ADDED, "binary": Kind.ADDED,
    }  # fmt: skip
    assert (found["link"].mode, found["run"].mode) == ("120000", "100755")
    assert "binary" in found["binary"].problem
    assert all(change.data is None for change in found.values())


def test_a_renamed_file(git: Git, tmp_path: Path) -> None:
    """It is no addition."""
    (tmp_path / "old").rename(tmp_path / "newer")
    git("add", "-A")
    (change,) = changes_in(git("diff", "--cached", "-M"), "diff")
    assert change.kind is Kind.RENAMED


def test_a_changed_mode(git: Git, tmp_path: Path) -> None:
    """A file that becomes executable."""
    (tmp_path / "old").chmod(0o755)
    (change,) = changes_in(diff(git), "diff")
    assert (change.path, change.kind) == ("old", Kind.MODIFIED)


def test_names_with_odd_characters(git: Git, tmp_path: Path) -> None:
    """They are quoted by git, and so are of no form that a record has."""
    for name in ('a"b', "ü", "a b", "tab\there"):
        (tmp_path / name).write_bytes(b"x\n")
    found = changes_in(diff(git), "diff")
    assert len(found) == 4
    assert {change.kind for change in found} == {Kind.ADDED}


NEW = b"diff --git a/n b/n\nnew file mode 100644\nindex 0000000..587be6b\n--- /dev/null\n+++ b/n\n"


@pytest.mark.parametrize(
    "data",
    [
        NEW + b"@@ -0,0 +1,2 @@\n+x\n",
        NEW + b"@@ -0,0 +1 @@\n+x\n+y\n",
        NEW + b"@@ -0,0 +1 @@\n-x\n",
        NEW + b"@@ -0,0 +1 @@\n x\n",
        NEW + b"@@ -1 +1 @@\n+x\n",
        NEW + b"@@ -0,0 +1 @@\n+x\n@@ -5 +5 @@\n+y\n",
        NEW + b"@@ -0,0 +1,99999999999 @@\n+x\n",
        NEW + b"@@ -0,0 +1 @@\n+z\n",
        NEW.replace(b"587be6b", b"0000000") + b"@@ -0,0 +1 @@\n+x\n",
        NEW.replace(b"index 0000000..587be6b\n", b"") + b"@@ -0,0 +1 @@\n+x\n",
        NEW + b"GIT binary patch\nliteral 5\nxxxx\n",
    ],
)
def test_a_damaged_addition_is_not_read(data: bytes) -> None:
    """Its hunk, its length and git's name of its content must agree."""
    assert changes_in(NEW + b"@@ -0,0 +1 @@\n+x\n", "diff")[0].data == b"x\n"
    (change,) = changes_in(data, "diff")
    assert change.data is None
    assert change.problem


@pytest.mark.parametrize("data", [b"hello\n", b"--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", b" diff --git a/x b/x\n"])
def test_what_is_no_diff(data: bytes) -> None:
    """Said with its name."""
    with pytest.raises(KvvError, match=r"^diff: is no diff"):
        changes_in(data, "diff")


def test_an_empty_diff_changes_nothing() -> None:
    """Nothing."""
    assert changes_in(b"", "diff") == []


def test_a_diff_without_end() -> None:
    """Eight megabytes are read."""
    with pytest.raises(KvvError, match="at most"):
        changes_in(b"x" * (8 * 2**20 + 1), "diff")
