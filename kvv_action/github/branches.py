"""Creates the branch of a proposal: one commit that adds one file to the base branch."""

from kvv_action.github.api import Api, Json, path
from kvv_action.github.fork import BranchRepository, TargetRepository, text
from kvv_action.github.proposal import Proposal
from kvv_action.github.refusals import GitHubError, Refused

TRIES = 3


def ensure_branch(api: Api, target: TargetRepository, source: BranchRepository, proposal: Proposal) -> bool:
    """Make the branch hold exactly the proposal; returns whether it had to be changed.

    Raises:
        GitHubError: see `Api`; or somebody else keeps changing the branch.
    """
    for _ in range(TRIES):
        try:
            return _ensure(api, target, source, proposal)
        except Refused as refused:
            if not (refused.status == 422 and refused.says("already exists")):
                raise
    raise GitHubError(
        f"the branch {proposal.branch} of {source.full_name} is being changed by somebody else; try again"
    )


def _ensure(api: Api, target: TargetRepository, source: BranchRepository, proposal: Proposal) -> bool:
    found = api.find(path("repos", source.full_name, "git/ref/heads", proposal.branch))
    if found is not None and _is_right(api, source, proposal, text(found, "object", "sha")):
        return False
    head = api.find(path("repos", target.full_name, "git/ref/heads", target.base))
    if head is None:
        raise GitHubError(f"{target.full_name} has no branch {target.base}; a maintainer must make the first commit")
    commit = _commit(api, source, proposal, text(head, "object", "sha"))
    _point(api, source, proposal.branch, commit, exists=found is not None)
    return True


def _is_right(api: Api, source: BranchRepository, proposal: Proposal, sha: str) -> bool:
    """Whether a commit adds exactly the proposed file to its only parent."""
    commit = api.find(path("repos", source.full_name, "git/commits", sha))
    parents = (commit or {}).get("parents") or []
    if commit is None or len(parents) != 1:
        return False
    before = _tree_of(api, source, text(parents[0], "sha"))
    return before is not None and _tree(api, source, proposal, before) == text(commit, "tree", "sha") != before


def _commit(api: Api, source: BranchRepository, proposal: Proposal, parent: str) -> str:
    before = _tree_of(api, source, parent)
    if before is None:
        raise GitHubError(
            f"{source.full_name} does not have the newest commit of {proposal.repository}: it has commits of its own. "
            "Synchronize the fork (discard its commits) or delete it, and run the same command again"
        )
    made = api.write(
        "POST",
        path("repos", source.full_name, "git/commits"),
        {"message": proposal.message, "tree": _tree(api, source, proposal, before), "parents": [parent]},
    )
    return text(made, "sha")


def _tree_of(api: Api, source: BranchRepository, commit: str) -> str | None:
    found = api.find(path("repos", source.full_name, "git/commits", commit))
    return None if found is None else text(found, "tree", "sha")


def _tree(api: Api, source: BranchRepository, proposal: Proposal, before: str) -> str:
    """The tree `before` plus the file; creating the same tree twice is harmless."""
    entry = {"path": proposal.path, "mode": "100644", "type": "blob", "content": proposal.content}
    made = api.write("POST", path("repos", source.full_name, "git/trees"), {"base_tree": before, "tree": [entry]})
    return text(made, "sha")


def _point(api: Api, source: BranchRepository, branch: str, commit: str, *, exists: bool) -> None:
    def landed() -> Json | None:
        found = api.find(path("repos", source.full_name, "git/ref/heads", branch))
        return found if found is not None and text(found, "object", "sha") == commit else None

    if exists:
        where = path("repos", source.full_name, "git/refs/heads", branch)
        api.write("PATCH", where, {"sha": commit, "force": True}, landed=landed)
    else:
        body = {"ref": f"refs/heads/{branch}", "sha": commit}
        api.write("POST", path("repos", source.full_name, "git/refs"), body, landed=landed)
