"""Every exception of the engine, by cause.

KvvError
├── UsageError             wrong input; nothing was verified        (exit 2)
├── DatasetError           a dataset is missing, damaged or not the pinned one
├── JournalError           the journal is locked, damaged or of another run
├── EndpointError          one request failed for good; carries its attempts
│   ├── Rejected           the endpoint answered 4xx: an answer to a probe, a failure to a sample
│   └── Misdirected        the address, a certificate or a proxy cannot be right
├── Undecided              a probe could not be judged (its control failed)
├── ScoringError           a scorer broke; never a wrong answer
├── SandboxError           a container or the engine failed; never a wrong answer
│   └── LimitReached       the code in a container used it up or broke it: its own doing
└── RunStopped             the whole run must stop early (key refused, endpoint down, disk full)
"""

from collections.abc import Sequence
from dataclasses import dataclass

from kvv_action.schema import Attempt, FailureKind


class KvvError(Exception):
    """Base of all errors that are explained to the user without a traceback."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One wrong input: what, which value, what is allowed, the nearest right spelling."""

    name: str
    value: str
    allowed: str
    nearest: str | None = None

    def __str__(self) -> str:
        hint = f" Did you mean {self.nearest!r}?" if self.nearest else ""
        value = f" {self.value!r} is not valid." if self.value else ""
        return f"{self.name}:{value} {self.allowed}{hint}"


class UsageError(KvvError):
    """Wrong input; holds one `Problem` for each mistake found."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class DatasetError(KvvError):
    """A dataset cannot be used; the message says which, why and what to do."""


class SandboxError(KvvError):
    """A container or the engine under it failed; says nothing about the endpoint."""


class LimitReached(SandboxError):
    """The code that ran in a container took more than it may, or broke the container for good: nobody else did."""


class JournalError(KvvError):
    """The journal cannot be used or trusted."""


class EndpointError(KvvError):
    """A request that failed after its retries.

    Attributes:
        kind: the cause, as counted in reports.
        attempts: every HTTP try, oldest first; evidence.
        status: HTTP status of the last try, when there was one.
        body: beginning of the last response body, key removed, for diagnosis.
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
    """A probe has no verdict because what it builds on did not hold; counted as failed, never as wrong."""


class ScoringError(KvvError):
    """A scorer could not do its work."""


class RunStopped(KvvError):
    """Going on would only burn time; what was not sent is reported as skipped with this reason."""
