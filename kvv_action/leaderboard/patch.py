"""A pull request's diff, as git and GitHub write it (`https://github.com/o/r/pull/1.diff`), without a checkout.

Only files that are added whole can be read from a diff; of everything else the kind is enough to refuse it.
"""

import hashlib
import re
from collections.abc import Iterator

from kvv_action.errors import KvvError
from kvv_action.leaderboard.changes import REGULAR, Change, Kind
from kvv_action.leaderboard.record import LARGEST

LONGEST = 8 * 2**20
"""Bytes of a diff that are read."""
_HEADER = b"diff --git "
_HUNK = re.compile(rb"@@ -0,0 \+1(?:,(\d+))? @@")


def changes_in(data: bytes, where: str) -> list[Change]:
    """What a diff changes.

    Raises:
        KvvError: it is too large, or no diff of git.
    """
    if len(data) > LONGEST:
        raise KvvError(f"{where}: has {len(data)} bytes; a diff of submissions has at most {LONGEST}")
    sections = list(_sections(data))
    if not sections and data.strip():
        raise KvvError(f"{where}: is no diff as git writes it (lines that begin with `diff --git`)")
    return [_change(lines) for lines in sections]


def _sections(data: bytes) -> Iterator[list[bytes]]:
    """The lines of each file; within a hunk every line begins with a sign, so none can look like a header."""
    section: list[bytes] = []
    for line in data.split(b"\n"):
        if line.startswith(_HEADER):
            if section:
                yield section
            section = [line]
        elif section:
            section.append(line)
        elif line.strip():
            return  # text before the first header is no diff
    if section:
        yield section


def _change(lines: list[bytes]) -> Change:
    head = next(
        (number for number, line in enumerate(lines) if line.startswith((b"@@", b"Binary", b"GIT b"))), len(lines)
    )
    path, words = _path(lines[:head]), b"\n".join(lines[1:head])
    for kind, sign in (
        (Kind.DELETED, b"deleted file mode "),
        (Kind.RENAMED, b"rename from "),
        (Kind.RENAMED, b"copy from "),
    ):
        if re.search(b"^" + sign, words, re.MULTILINE):
            return Change(path=path, kind=kind)
    mode = re.search(rb"^new file mode (\d{6})$", words, re.MULTILINE)
    if mode is None:
        return Change(path=path, kind=Kind.MODIFIED)
    if mode.group(1) != REGULAR.encode():
        return Change(path=path, kind=Kind.ADDED, mode=mode.group(1).decode())
    content = _content(lines[head:])
    if content is None:
        return Change(path=path, kind=Kind.ADDED, problem="cannot be read from the diff: it is binary or damaged")
    if len(content) > LARGEST:
        return Change(path=path, kind=Kind.ADDED, problem=f"has {len(content)} bytes; a record has at most {LARGEST}")
    if not _is_blob(content, words):
        return Change(path=path, kind=Kind.ADDED, problem="differs from what the diff's index line names")
    return Change(path=path, kind=Kind.ADDED, data=content)


def _path(lines: list[bytes]) -> str:
    """The path after the change; git quotes strange ones, which then fit nowhere."""
    named = next((line[4:] for line in lines if line.startswith(b"+++ ") and line != b"+++ /dev/null"), b"")
    if named:
        return named.rstrip(b"\t").removeprefix(b"b/").decode(errors="backslashreplace")
    both = lines[0].removeprefix(_HEADER)
    half = both[: (len(both) - 1) // 2]
    return half.removeprefix(b"a/").decode(errors="backslashreplace")


def _content(lines: list[bytes]) -> bytes | None:
    """The content of a file that is new; None when this is no single hunk that adds it."""
    if not lines:
        return b""
    hunk = _HUNK.fullmatch(lines[0])
    if hunk is None:
        return None
    count = int(hunk.group(1) or 1)
    added, rest = lines[1 : 1 + count], lines[1 + count :]
    if len(added) != count or any(not line.startswith(b"+") for line in added):
        return None
    text = b"\n".join(line[1:] for line in added)
    if rest and rest[0] == b"\\ No newline at end of file":
        rest = rest[1:]
    else:
        text += b"\n"
    return None if any(rest) else text


def _is_blob(content: bytes, words: bytes) -> bool:
    named = re.search(rb"^index 0+\.\.([0-9a-f]{7,64})", words, re.MULTILINE)
    header = b"blob %d\0" % len(content)
    digests = (hashlib.sha1(header + content, usedforsecurity=False), hashlib.sha256(header + content))
    return named is not None and any(digest.hexdigest().startswith(named.group(1).decode()) for digest in digests)
