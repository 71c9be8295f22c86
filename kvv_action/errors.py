"""The exceptions of the engine, by cause.

KvvError
├── UsageError             wrong input; nothing was verified        (exit 2)
├── DatasetError           a dataset is missing, damaged or not the pinned one
├── JournalError           the journal is locked, damaged or of another run
├── EndpointError          one request failed for good; carries its attempts
│   ├── Rejected           the endpoint answered 4xx: an answer for a probe, a failure for a sample
│   └── Misdirected        the address, a certificate or a proxy cannot be right
├── Undecided              a probe could not be judged (its control failed)
├── JudgeError             the model that judges answers failed, or cannot be understood; never a wrong answer
├── ScoringError           a scorer broke; never a wrong answer
├── SandboxError           a container or the engine failed; never a wrong answer
│   └── LimitReached       the code in a container exceeded a limit or broke the container
│       └── ContainerDied  the container ended from inside, or for want of memory, while its engine stayed up
└── RunStopped             the whole run must stop early (key refused, endpoint down, disk full)
"""

import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from re import sub

from kvv_action.schema import Attempt, FailureKind

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a disk, or a share of it, that can take no more."""


class KvvError(Exception):
    """Base of all errors that are reported to the user without a traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One wrong input: its name and value, what is allowed, the nearest valid spelling, and the place that set it."""

    name: str
    value: str
    allowed: str
    nearest: str | None = None
    place: str = ""

    def __str__(self) -> str:
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        value = f" {self.value!r} is not valid." if self.value else ""
        place = f" It is set in {self.place}." if self.place else ""
        return f"{self.name}:{value} {self.allowed}{hint}{place}"


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The known spelling that `word` most likely means, whatever its capitals; None when none is close."""
    from difflib import get_close_matches

    word, spelt = word.lower(), {name.lower(): name for name in known}
    if begun := [name for name in spelt if name and word.startswith(f"{name}-")]:
        return spelt[max(begun, key=len)]
    found = get_close_matches(word, spelt, n=1)
    return spelt[found[0]] if found else None


def in_words(error: BaseException, limit: int = 300) -> str:
    """An exception of Python or of a library as a user can read it: what was wrong, without the name of a class."""
    from pydantic_core import ValidationError

    match error:
        case ValidationError():
            first = error.errors(include_url=False)[0]
            told = first["msg"].removeprefix("Value error, ")
            said = f"{'.'.join(map(str, first['loc']))}: {told[:1].lower()}{told[1:]}"
        case KeyError() if error.args:
            said = f"{error.args[0]!r} is missing"
        case ValueError() if isinstance(error, UnicodeDecodeError) or str(error).startswith("str is not valid UTF-8"):
            said = "it is not UTF-8 text"  # as the decoders of Python and orjson say in words of their own
        case OSError() if error.strerror:
            said = error.strerror
        case _:
            said = str(error) or sub(r"(?<=[a-z])(?=[A-Z])", " ", type(error).__name__).lower()
    return " ".join(said.split())[:limit]


def absent(path: Path, *, folder: bool = False) -> str:
    """Why a path is not the file, or the folder, that is expected there."""
    if not path.exists():
        return "There is no such file or folder."
    found = "folder" if path.is_dir() else "file" if folder else "device"
    return f"It is a {found}; name a {'folder' if folder else 'file'}."


def refusal(error: BaseException) -> str:
    """Why a file or a folder cannot be used, and what to do where the system's words show it."""
    why = in_words(error)
    if not isinstance(error, OSError):
        return why
    if error.errno in DISK_FULL:
        return f"{why}; make room on its disk, or name a folder on another one, and run the same command again"
    if error.errno in (errno.EMFILE, errno.ENFILE):
        return f"{why}; allow more of them (ulimit -n), or use fewer connections and containers"
    if error.errno == errno.EROFS:
        return f"{why}; name a folder on another disk"
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{why}; let this user (id {os.geteuid()}) use it, or name another one"
    return why


def about_file(error: OSError) -> str:
    """An error of the system about a file or a disk, in a sentence; empty where it is about neither."""
    if error.filename is None and error.errno not in (*DISK_FULL, errno.EMFILE, errno.ENFILE):
        return ""
    told = refusal(error)
    advice = "" if ";" in told else "; check the path"
    return f"{error.filename or 'a file'}: {told}{advice}."


class UsageError(KvvError):
    """Wrong input; contains one `Problem` per mistake."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DatasetError(KvvError):
    """A dataset cannot be used; the message names it, the reason and the remedy."""


class DatasetNotHere(DatasetError):
    """A published dataset is not in the cache, and its source cannot be reached from here."""


class SandboxError(KvvError):
    """A container or its engine failed; this says nothing about the endpoint."""


class LimitReached(SandboxError):
    """The code in a container exceeded a limit, or broke the container for good."""


class ContainerDied(LimitReached):
    """A container ended by what ran inside, or for want of memory, while its engine stayed up."""


class JournalError(KvvError):
    """The journal cannot be used or trusted."""


class EndpointError(KvvError):
    """A request that failed after its retries.

    Attributes:
        kind: the cause, as counted in reports.
        attempts: all HTTP tries as evidence, oldest first.
        status: HTTP status of the last try; None without a response.
        body: redacted beginning of the last response's body.
    """

    def __init__(
        self,
        kind: FailureKind,
        message: str,
        *,
        attempts: Sequence[Attempt] = (),
        status: int | None = None,
        body: str = "",
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.attempts = tuple(attempts)
        self.status = status
        self.body = body


class Rejected(EndpointError):
    """HTTP 4xx other than 401, 403, 408 and 429: the endpoint refuses this request."""


class Misdirected(EndpointError):
    """What was sent cannot have reached the endpoint; the message says what to set instead."""


class Undecided(KvvError):
    """A probe has no verdict because its control failed; counted as failed, never as wrong."""


class JudgeError(KvvError):
    """The model that judges answers gave no judgement; this says nothing about the endpoint under test."""


class ScoringError(KvvError):
    """A scorer failed."""


class RunStopped(KvvError):
    """The run must stop; the report shows unsent samples as skipped with this reason."""
