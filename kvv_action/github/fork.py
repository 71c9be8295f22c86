"""Finds the repository for the branch of a proposal: the target itself, or a fork of it."""

from collections.abc import Callable
from dataclasses import dataclass

from kvv_action.github.api import Api, Json, path
from kvv_action.github.refusals import GitHubError, Refused

FORK_DEADLINE = 300.0
"""Seconds to wait for a fork; GitHub creates forks in the background, normally within five minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRepository:
    """The repository that a proposal adds a file to."""

    owner: str
    name: str
    base: str
    writable: bool

    @property
    def full_name(self) -> str:
        """`owner/name`."""
        return f"{self.owner}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class BranchRepository:
    """The repository that gets the branch: the target itself, or a fork."""

    full_name: str
    fork: bool

    @property
    def owner(self) -> str:
        """The account that owns it."""
        return self.full_name.partition("/")[0]


def target_repository(api: Api, repository: str) -> TargetRepository:
    """Read the facts about a repository.

    Raises:
        GitHubError: it does not exist, or takes no pull requests.
    """
    found = api.find(path("repos", repository))
    if found is None:
        raise GitHubError(
            f"there is no repository {repository}, or the token may not see it: check leaderboard-repo and "
            "leaderboard-token"
        )
    if found.get("archived"):
        raise GitHubError(f"{repository} is archived and takes no more results")
    owner, _, name = text(found, "full_name").partition("/")
    push = (found.get("permissions") or {}).get("push") is True
    return TargetRepository(owner=owner, name=name, base=text(found, "default_branch"), writable=push)


def branch_repository(
    api: Api, target: TargetRepository, sleep: Callable[[float], None], tell: Callable[[str], None]
) -> BranchRepository:
    """The repository for the branch: the target with write access, else a fork, created when there is none.

    The token of a GitHub App has no account to fork into, and GitHub does not tell its permissions: it writes directly.

    Raises:
        GitHubError: the fork cannot be created, or is not ready in time.
    """
    direct = BranchRepository(full_name=target.full_name, fork=False)
    if target.writable:
        return direct
    try:
        user = api.find(path("user"))
    except Refused as refused:
        if refused.status == 403 and refused.says("not accessible by integration"):
            return direct
        raise
    if user is None:
        return direct
    return _forked(api, target, text(user, "login"), sleep, tell)


def _forked(
    api: Api, target: TargetRepository, login: str, sleep: Callable[[float], None], tell: Callable[[str], None]
) -> BranchRepository:
    usual = f"{login}/{target.name}"
    there = _fork_of(api, usual, target)
    if there is None:
        made = api.write(
            "POST",
            path("repos", target.full_name, "forks"),
            {"default_branch_only": True},
            landed=lambda: _fork_of(api, usual, target),
        )
        usual = text(made, "full_name")
        tell(f"waiting for the fork {usual}")
    _wait(api, usual, target, sleep)
    _synchronize(api, usual, target, tell)
    return BranchRepository(full_name=usual, fork=True)


def _fork_of(api: Api, name: str, target: TargetRepository) -> Json | None:
    """The repository of this name, if it is a fork of the target."""
    found = api.find(path("repos", name))
    parent = ((found or {}).get("parent") or {}).get("full_name")
    return found if str(parent).lower() == target.full_name.lower() else None


def _wait(api: Api, fork: str, target: TargetRepository, sleep: Callable[[float], None]) -> None:
    """Wait until the fork has its default branch."""
    waited, pause = 0.0, 1.0
    while _fork_of(api, fork, target) is None or api.find(path("repos", fork, "git/ref/heads", target.base)) is None:
        if waited >= FORK_DEADLINE:
            raise GitHubError(
                f"the fork {fork} of {target.full_name} is not ready after {FORK_DEADLINE:.0f} s; GitHub creates it in "
                "the background: run the same command again in some minutes"
            )
        sleep(pause)
        waited, pause = waited + pause, min(10.0, pause * 2)


def _synchronize(api: Api, fork: str, target: TargetRepository, tell: Callable[[str], None]) -> None:
    """Bring the fork's default branch up to date, unless the fork has its own commits."""
    try:
        api.write("POST", path("repos", fork, "merge-upstream"), {"branch": target.base})
    except Refused as refused:
        if refused.status not in (409, 422):
            raise
        tell(f"{fork} cannot be brought up to date ({refused.said}); going on from {target.full_name}")


def text(found: Json, *names: str) -> str:
    """A text in an answer, by its path of names.

    Raises:
        GitHubError: the answer has no such text.
    """
    value = found
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    if not isinstance(value, str) or not value.isprintable() or len(value) > 1000:
        raise GitHubError(f"GitHub's answer has no {'.'.join(names)}; is leaderboard-api-url the address of its API?")
    return value
