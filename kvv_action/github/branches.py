"""The branch of a proposal: one commit that adds one file to the base, and nothing else."""

from kvv_action.github.api import Api, Json, path
from kvv_action.github.homes import Home, Target, text
from kvv_action.github.proposal import Proposal
from kvv_action.github.refusals import GitHubError, Refused

TRIES = 3


def ensure_branch(api: Api, target: Target, home: Home, proposal: Proposal) -> bool:
    """Make the branch what the proposal says; True when it had to be changed.

    Raises:
        GitHubError: see `Api`; or the branch keeps changing under our hands.
    """
    for _ in range(TRIES):
        try:
            return _ensure(api, target, home, proposal)
        except Refused as refused:
            if not (refused.status == 422 and refused.says("already exists")):
                raise
    raise GitHubError(f"the branch {proposal.branch} of {home.full_name} is being changed by somebody else; try again")


def _ensure(api: Api, target: Target, home: Home, proposal: Proposal) -> bool:
    found = api.find(path("repos", home.full_name, "git/ref/heads", proposal.branch))
    if found is not None and _is_right(api, home, proposal, text(found, "object", "sha")):
        return False
    head = api.find(path("repos", target.full_name, "git/ref/heads", target.base))
    if head is None:
        raise GitHubError(f"{target.full_name} has no branch {target.base}; its first commit is its maintainers' work")
    commit = _commit(api, home, proposal, text(head, "object", "sha"))
    _point(api, home, proposal.branch, commit, exists=found is not None)
    return True


def _is_right(api: Api, home: Home, proposal: Proposal, sha: str) -> bool:
    """Whether a commit adds exactly the proposed file to its only parent."""
    commit = api.find(path("repos", home.full_name, "git/commits", sha))
    parents = (commit or {}).get("parents") or []
    if commit is None or len(parents) != 1:
        return False
    before = _tree_of(api, home, text(parents[0], "sha"))
    return before is not None and _tree(api, home, proposal, before) == text(commit, "tree", "sha") != before


def _commit(api: Api, home: Home, proposal: Proposal, parent: str) -> str:
    before = _tree_of(api, home, parent)
    if before is None:
        raise GitHubError(
            f"{home.full_name} does not have the newest commit of {proposal.repository}: it has commits of its own. "
            "Synchronize the fork (discard its commits) or delete it, and run the same command again"
        )
    made = api.write(
        "POST",
        path("repos", home.full_name, "git/commits"),
        {"message": proposal.message, "tree": _tree(api, home, proposal, before), "parents": [parent]},
    )
    return text(made, "sha")


def _tree_of(api: Api, home: Home, commit: str) -> str | None:
    found = api.find(path("repos", home.full_name, "git/commits", commit))
    return None if found is None else text(found, "tree", "sha")


def _tree(api: Api, home: Home, proposal: Proposal, before: str) -> str:
    """The tree `before` with the file; making the same tree twice is harmless."""
    entry = {"path": proposal.path, "mode": "100644", "type": "blob", "content": proposal.content}
    made = api.write("POST", path("repos", home.full_name, "git/trees"), {"base_tree": before, "tree": [entry]})
    return text(made, "sha")


def _point(api: Api, home: Home, branch: str, commit: str, *, exists: bool) -> None:
    def landed() -> Json | None:
        found = api.find(path("repos", home.full_name, "git/ref/heads", branch))
        return found if found is not None and text(found, "object", "sha") == commit else None

    if exists:
        where = path("repos", home.full_name, "git/refs/heads", branch)
        api.write("PATCH", where, {"sha": commit, "force": True}, landed=landed)
    else:
        body = {"ref": f"refs/heads/{branch}", "sha": commit}
        api.write("POST", path("repos", home.full_name, "git/refs"), body, landed=landed)
