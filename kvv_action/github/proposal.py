"""What is proposed to a repository, and what became of it."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One new file, as a pull request.

    Attributes:
        repository: `owner/name` that shall have it.
        branch: its name follows from what the file is about, so that the same proposal finds itself again, also with
            another path and content.
        path, content: of the file.
        message: of the commit.
        title, body: of the pull request; `body` is markdown in which everything untrusted is escaped.
        marker: a line of `body` that nobody sees, by which the pull request is known.
    """

    repository: str
    branch: str
    path: str
    content: str
    message: str
    title: str
    body: str
    marker: str

    @property
    def blob(self) -> str:
        """Git's name for the content (SHA-1 of `blob <size>` and the bytes)."""
        data = self.content.encode()
        return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


class Operation(StrEnum):
    """What was done to pull requests."""

    CREATED = "created"
    UPDATED = "updated"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The end of a submission; `note` says why nothing was done, when nothing was."""

    operation: Operation
    url: str = ""
    note: str = ""
