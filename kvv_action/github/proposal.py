"""A proposal to a repository, and its result."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One new file, as a pull request.

    Attributes:
        repository: `owner/name` of the repository that gets the file.
        branch: its name; it depends only on the run in the file, so a proposal with a new path or content finds the
            branch again.
        path, content: of the file.
        message: of the commit.
        title, body: of the pull request; `body` is markdown in which everything untrusted is escaped.
        marker: an invisible line of `body` that identifies the pull request.
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
    """What a submission did to pull requests."""

    CREATED = "created"
    UPDATED = "updated"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """The result of a submission; `note` says why nothing was done."""

    operation: Operation
    url: str = ""
    note: str = ""
