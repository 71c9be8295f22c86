"""Writes one comment on a pull request and keeps it up to date."""

from dataclasses import dataclass

from kvv_action.github.api import PAGE, Api, Json, listed, path
from kvv_action.github.fork import text
from kvv_action.github.proposal import Operation, Proposed
from kvv_action.github.refusals import GitHubError

PAGES = 30
"""Pages of a list that are read; GitHub lists at most 3000 files of a pull request."""
BOT = "github-actions[bot]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a pull request, from the event of the finished workflow.

    Attributes:
        owner, branch: its source.
        sha: the commit that was checked; a newer commit has its own check.
    """

    owner: str
    branch: str
    sha: str


def pull_of(api: Api, repository: str, head: Head) -> Json | None:
    """The open pull request whose newest commit was checked; None when there is none."""
    listed = api.find(path("repos", repository, "pulls"), state="open", head=f"{head.owner}:{head.branch}")
    return next((one for one in listed or [] if (one.get("head") or {}).get("sha") == head.sha), None)


def strangers(api: Api, repository: str, number: int, folder: str) -> list[str]:
    """Files of a pull request outside a folder; they could have changed the check itself."""
    files = _pages(api, path("repos", repository, "pulls", str(number), "files"))
    names = (str(item[key]) for item in files for key in ("filename", "previous_filename") if item.get(key))
    return [name for name in names if not name.startswith(f"{folder}/")]


def comment(api: Api, repository: str, number: int, body: str, mark: str, *, author: str = BOT) -> Proposed:
    """Write the comment, or update the one that we wrote before.

    Args:
        api: GitHub.
        repository: `owner/name`.
        number: of the pull request.
        body: markdown that begins with `mark`.
        mark: identifies our comment.
        author: account of our comments, because others may copy the mark.

    Raises:
        GitHubError: see `Api`.
    """
    where = path("repos", repository, "issues", str(number), "comments")

    def ours() -> Json | None:
        return next((one for one in _pages(api, where) if _is_ours(one, mark, author)), None)

    known = ours()
    if known is None:
        made = api.write("POST", where, {"body": body}, landed=ours)
        return Proposed(operation=Operation.CREATED, url=text(made, "html_url"))
    if str(known.get("body")).replace("\r\n", "\n").strip() == body.strip():
        return Proposed(operation=Operation.NONE, url=text(known, "html_url"))
    api.write("PATCH", path("repos", repository, "issues/comments", str(int(known["id"]))), {"body": body})
    return Proposed(operation=Operation.UPDATED, url=text(known, "html_url"))


def _is_ours(found: Json, mark: str, author: str) -> bool:
    return bool((found.get("user") or {}).get("login") == author and str(found.get("body")).startswith(mark))


def _pages(api: Api, where: str) -> list[Json]:
    """All items of a list.

    Raises:
        GitHubError: the list is too long.
    """
    items = list(listed(api, where, PAGES))
    if len(items) >= PAGE * PAGES:
        raise GitHubError(f"{where}: more than {PAGE * PAGES} items")
    return items
