"""A dry run of a submission: shows each request, and answers in place of GitHub.

The real code makes the requests. Facts that only GitHub knows are names in braces.
"""

from collections.abc import Callable, Mapping
from urllib.parse import unquote, urlencode

import orjson

from kvv_action.github.api import Json, Landed, check_address

USER = "{you}"


class Rehearsal:
    """Replaces `GitHub` with an account without write access, fork and pull request.

    Args:
        url: of the API.
        repository: `owner/name` of the leaderboard.
        show: receives each request as text.
    """

    def __init__(self, url: str, repository: str, show: Callable[[str], None]) -> None:
        check_address(url)
        self._url = url.rstrip("/")
        self._repository = repository
        self._show = show
        self._forked = False

    def find(self, path: str, **query: str) -> Json | None:
        """Show a GET; answers like a repository without this result."""
        plain = unquote(path)
        self._print("GET", plain + (f"?{unquote(urlencode(query))}" if query else ""), None)
        fork = f"{USER}/{self._repository.partition('/')[2]}"
        known: dict[str, Json] = {
            "/user": {"login": USER},
            f"/repos/{self._repository}": {
                "full_name": self._repository, "default_branch": "{default_branch}", "permissions": {"push": False}
            },
            f"/repos/{self._repository}/git/ref/heads/{{default_branch}}": {"object": {"sha": "{head}"}},
            f"/repos/{fork}/git/commits/{{head}}": {"tree": {"sha": "{tree of head}"}},
            f"/repos/{self._repository}/pulls": [],
        }  # fmt: skip
        if self._forked:
            known[f"/repos/{fork}"] = {"full_name": fork, "parent": {"full_name": self._repository}}
            known[f"/repos/{fork}/git/ref/heads/{{default_branch}}"] = {"object": {"sha": "{head}"}}
        return known.get(plain)

    def write(self, method: str, path: str, body: Mapping[str, Json], *, landed: Landed | None = None) -> Json:
        """Show a POST or PATCH; answers as if it succeeded."""
        del landed  # no answer is lost in a dry run
        plain = unquote(path)
        self._print(method, plain, body)
        last = plain.rpartition("/")[2]
        if last == "forks":
            self._forked = True
        answers: dict[str, Json] = {
            "forks": {"full_name": f"{USER}/{self._repository.partition('/')[2]}"},
            "trees": {"sha": "{new tree}"},
            "commits": {"sha": "{new commit}"},
            "pulls": {"html_url": "", "number": 0},
        }
        return answers.get(last, {})

    def _print(self, method: str, path: str, body: Json) -> None:
        lines = [f"{method} {self._url}{path}", "Authorization: Bearer ***"]
        if body is not None:
            lines += ["", orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()]
        self._show("\n".join(lines) + "\n")
