"""What a commit changes, as git's objects say it, however somebody would like it to be read."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from kvv_action.errors import KvvError
from kvv_action.leaderboard.changes import Change, Kind, between, since
from kvv_action.leaderboard.record import LARGEST

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


def changed(git: Git, tmp_path: Path) -> list[Change]:
    """What the work tree changes, once it is committed."""
    git("add", "-A")
    git("commit", "-q", "-m", "second")
    return since(tmp_path, *between(tmp_path, "HEAD~1", "HEAD"))


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
        b"\0\1",
    ],
)
def test_an_added_file_is_read_whole(git: Git, tmp_path: Path, content: bytes) -> None:
    """Byte for byte, whatever it looks like."""
    (tmp_path / "new.json").write_bytes(content)
    (change,) = changed(git, tmp_path)
    assert (change.path, change.kind, change.data, change.problem) == ("new.json", Kind.ADDED, content, "")


def test_attributes_and_line_ends_do_not_touch_the_content(git: Git, tmp_path: Path) -> None:
    """A checkout may convert what it writes; the object stays what was submitted."""
    git("config", "core.autocrlf", "false")
    (tmp_path / ".gitattributes").write_text("*.json text eol=crlf ident\n")
    (tmp_path / "new.json").write_bytes(b"$Id$\n")
    found = {change.path: change.data for change in changed(git, tmp_path)}
    assert found["new.json"] == b"$Id$\n"


def test_other_changes_have_their_kind(git: Git, tmp_path: Path) -> None:
    """Nothing of them is read."""
    (tmp_path / "old").write_bytes(b"one\nthree\n")
    (tmp_path / "gone").unlink()
    (tmp_path / "link").symlink_to("old")
    (tmp_path / "run").write_bytes(b"x")
    (tmp_path / "run").chmod(0o755)
    found = {change.path: change for change in changed(git, tmp_path)}
    assert {name: change.kind for name, change in found.items()} == {
        "old": Kind.MODIFIED, "gone": Kind.DELETED, "link": Kind.ADDED, "run": Kind.ADDED,
    }  # fmt: skip
    assert (found["link"].mode, found["run"].mode) == ("120000", "100755")
    assert all(change.data is None for change in found.values())


def test_a_renamed_file(git: Git, tmp_path: Path) -> None:
    """It is a file that is gone and another one, not an addition alone."""
    (tmp_path / "old").rename(tmp_path / "newer")
    assert [(change.path, change.kind) for change in changed(git, tmp_path)] == [
        ("newer", Kind.ADDED), ("old", Kind.DELETED),
    ]  # fmt: skip


def test_a_changed_mode(git: Git, tmp_path: Path) -> None:
    """A file that becomes executable, or a link."""
    (tmp_path / "old").chmod(0o755)
    (tmp_path / "gone").unlink()
    (tmp_path / "gone").symlink_to("old")
    assert {(change.path, change.kind) for change in changed(git, tmp_path)} == {
        ("old", Kind.MODIFIED), ("gone", Kind.MODIFIED),
    }  # fmt: skip


def test_names_with_odd_characters(git: Git, tmp_path: Path) -> None:
    """They are told as they are; none has the form that a record's name has."""
    for name in ('a"b', "ü", "a b", "tab\there"):
        (tmp_path / name).write_bytes(b"x\n")
    found = changed(git, tmp_path)
    assert {change.path for change in found} == {'a"b', "ü", "a b", "tab\there"}
    assert {change.kind for change in found} == {Kind.ADDED}


def test_a_file_without_end_is_not_read(git: Git, tmp_path: Path) -> None:
    """Its size is known before its content."""
    (tmp_path / "new.json").write_bytes(b"x" * (LARGEST + 1))
    (change,) = changed(git, tmp_path)
    assert (change.data, change.size) == (None, LARGEST + 1)


def test_nothing_changed(git: Git, tmp_path: Path) -> None:
    """Nothing."""
    assert since(tmp_path, *between(tmp_path, "HEAD", "HEAD")) == []


def test_no_common_history(git: Git, tmp_path: Path) -> None:
    """It is said what to fetch."""
    git("checkout", "-q", "--orphan", "other")
    git("commit", "-q", "-m", "from nowhere")
    with pytest.raises(KvvError, match=r"\(git merge-base: it found nothing\); fetch both, with their whole history"):
        between(tmp_path, "main", "HEAD")
