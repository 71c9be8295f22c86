"""Opens or updates the one pull request of a proposal; repeating it is safe."""

import time
from collections.abc import Callable

from kvv_action.github.api import Api, Json, listed, path, silent
from kvv_action.github.branches import ensure_branch
from kvv_action.github.fork import BranchRepository, TargetRepository, branch_repository, target_repository, text
from kvv_action.github.proposal import Operation, Proposal, Proposed
from kvv_action.github.refusals import GitHubError, Refused

PAGES = 10
LOOKS = 5
"""How often to look for a pull request that GitHub says exists."""


def propose(
    api: Api,
    proposal: Proposal,
    *,
    sleep: Callable[[float], None] = time.sleep,
    tell: Callable[[str], None] = silent,
) -> Proposed:
    """Make sure that the proposal has exactly one open pull request, unless nothing is to be done.

    Args:
        api: GitHub.
        proposal: the file to add.
        sleep: waits some seconds.
        tell: reports progress.

    Raises:
        GitHubError: it failed; completed steps stay, and the next try finds them.
    """
    target = target_repository(api, proposal.repository)
    if _has_it(api, target, proposal):
        return Proposed(operation=Operation.NONE, note=f"{target.full_name} has this result already")
    source = branch_repository(api, target, sleep, tell)
    known = _find(api, target, source, proposal)
    if known is not None and known.get("state") != "open":
        note = (
            "this run was merged already; a record never changes"
            if known.get("merged_at")
            else "its pull request was closed by the maintainers; ask there, or reopen it"
        )
        return Proposed(operation=Operation.NONE, url=text(known, "html_url"), note=note)
    if known is None and (theirs := _elsewhere(api, target, proposal)) is not None:
        return Proposed(
            operation=Operation.NONE, url=text(theirs, "html_url"), note="another account proposes the same already"
        )
    tell(f"branch {proposal.branch} in {source.full_name}")
    moved = ensure_branch(api, target, source, proposal)
    if known is None:
        return _created(api, target, source, proposal, sleep)
    return _updated(api, target, proposal, known, moved=moved)


def _has_it(api: Api, target: TargetRepository, proposal: Proposal) -> bool:
    found = api.find(path("repos", target.full_name, "contents", proposal.path), ref=target.base)
    if not isinstance(found, dict):
        return False
    if found.get("sha") != proposal.blob:
        raise GitHubError(f"{target.full_name} has another content at {proposal.path}; a record never changes")
    return True


def _find(api: Api, target: TargetRepository, source: BranchRepository, proposal: Proposal) -> Json | None:
    """The pull request of the branch; an open one before closed ones."""
    head = f"{source.owner}:{proposal.branch}"
    found = api.find(path("repos", target.full_name, "pulls"), state="all", head=head, base=target.base)
    mine = [one for one in found or [] if _is_mine(one, source, proposal)]
    return min(mine, key=lambda one: one.get("state") != "open", default=None)


def _elsewhere(api: Api, target: TargetRepository, proposal: Proposal) -> Json | None:
    """An open pull request of another account with the marker and the same file."""
    for one in listed(api, path("repos", target.full_name, "pulls"), PAGES, state="open", base=target.base):
        head = one.get("head") or {}
        name = (head.get("repo") or {}).get("full_name")
        if proposal.marker not in str(one.get("body")) or not isinstance(name, str):
            continue
        there = api.find(path("repos", name, "contents", proposal.path), ref=text(head, "sha"))
        if isinstance(there, dict) and there.get("sha") == proposal.blob:
            return one
    return None


def _is_mine(pull: Json, source: BranchRepository, proposal: Proposal) -> bool:
    head = pull.get("head") or {}
    owner = (head.get("user") or {}).get("login") or str(head.get("label", "")).partition(":")[0]
    return bool(head.get("ref") == proposal.branch and str(owner).lower() == source.owner.lower())


def _created(
    api: Api, target: TargetRepository, source: BranchRepository, proposal: Proposal, sleep: Callable[[float], None]
) -> Proposed:
    body = {
        "title": proposal.title,
        "head": f"{source.owner}:{proposal.branch}" if source.fork else proposal.branch,
        "base": target.base,
        "body": proposal.body,
        "maintainer_can_modify": True,
    }

    def landed() -> Json | None:
        return _find(api, target, source, proposal)

    try:
        try:
            made = api.write("POST", path("repos", target.full_name, "pulls"), body, landed=landed)
        except Refused as refused:
            if not (refused.status == 422 and refused.says("fork collab")):
                raise
            body["maintainer_can_modify"] = False
            made = api.write("POST", path("repos", target.full_name, "pulls"), body, landed=landed)
    except Refused as refused:
        if refused.status == 422 and refused.says("already exists"):
            return _updated(api, target, proposal, _look(landed, sleep, proposal), moved=False)
        raise
    return Proposed(operation=Operation.CREATED, url=text(made, "html_url"))


def _look(landed: Callable[[], Json | None], sleep: Callable[[float], None], proposal: Proposal) -> Json:
    """The pull request that GitHub says exists; GitHub's list may lag behind."""
    for attempt in range(LOOKS):
        if attempt:
            sleep(2.0**attempt)
        found = landed()
        if found is not None:
            return found
    raise GitHubError(f"GitHub says that {proposal.branch} has a pull request, but does not list it; try again later")


def _updated(api: Api, target: TargetRepository, proposal: Proposal, known: Json, *, moved: bool) -> Proposed:
    """Restore our title and body of an open pull request, when they differ."""
    url = text(known, "html_url")
    same = known.get("title") == proposal.title and _lines(known.get("body")) == _lines(proposal.body)
    if not same:
        words = {"title": proposal.title, "body": proposal.body}
        api.write("PATCH", path("repos", target.full_name, "pulls", str(int(known["number"]))), words)
    if same and not moved:
        return Proposed(operation=Operation.NONE, url=url, note="its pull request is open and up to date")
    return Proposed(operation=Operation.UPDATED, url=url)


def _lines(body: object) -> list[str]:
    """A body without the changes that GitHub makes: line ends and trailing blanks."""
    return [line.rstrip() for line in str(body or "").strip().splitlines()]
