"""A GitHub that keeps its state and its git objects: repositories are real bare ones, made by git itself.

What it does not do: permissions beyond push or not, reviews, webhooks. What it does like the real one: forks appear
later, refs and pull requests exist once, lists have filters, limits and breakdowns come when a test wants them.
"""

import asyncio
import contextlib
import json
import os
import re
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.github import openapi

TOKEN = "ghs_0123456789abcdefTOKEN"
LEADERBOARD = "board/results"
USER = "vendor-bot"
BASE = "main"
PERMISSIONS = {"X-Accepted-GitHub-Permissions": "contents=write"}
_GIT = {
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": USER, "GIT_AUTHOR_EMAIL": "bot@v.example",
    "GIT_COMMITTER_NAME": USER, "GIT_COMMITTER_EMAIL": "bot@v.example", "PATH": os.environ["PATH"],
}  # fmt: skip


class Absent(Exception):
    """HTTP 404."""


class Invalid(Exception):
    """HTTP 422, with GitHub's words."""


@dataclass(kw_only=True)
class Repo:
    """A repository and its bare git directory."""

    name: str
    git: Path
    parent: "Repo | None" = None
    polls_until_ready: int = 0
    archived: bool = False

    def run(self, *arguments: str, data: bytes | None = None, index: Path | None = None) -> str:
        """A git command's output."""
        env = {**_GIT, **({"GIT_INDEX_FILE": str(index)} if index else {})}
        done = subprocess.run(["git", "--git-dir", self.git, *arguments], input=data, capture_output=True, env=env)
        if done.returncode:
            raise Invalid(done.stderr.decode())
        return done.stdout.decode(errors="surrogateescape").strip()

    def ref(self, name: str) -> str | None:
        """The commit of a branch."""
        with contextlib.suppress(Invalid):
            return self.run("rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
        return None

    def has(self, sha: str) -> bool:
        """Whether the object is there."""
        with contextlib.suppress(Invalid):
            return bool(self.run("cat-file", "-t", sha))
        return False

    def commit(self, files: dict[str, bytes], branch: str = BASE, message: str = "A commit") -> str:
        """Commit files onto a branch."""
        with tempfile.TemporaryDirectory() as folder:
            index, parent = Path(folder) / "index", self.ref(branch)
            if parent:
                self.run("read-tree", parent, index=index)
            for path, content in files.items():
                blob = self.run("hash-object", "-w", "--stdin", data=content)
                self.run("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", index=index)
            tree = self.run("write-tree", index=index)
        sha = self.run("commit-tree", tree, *(["-p", parent] if parent else []), "-m", message)
        self.run("update-ref", f"refs/heads/{branch}", sha)
        return sha


@dataclass(kw_only=True)
class Fault:
    """What goes wrong with the next `times` requests that match.

    `how`: `lose` does the work and cuts the connection, `cut` only cuts it, `late-error` does the work and answers
    `status`, `refuse` answers `status` with headers and message.
    """

    method: str
    path: str
    how: str
    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    message: str = ""
    times: int = 1


@dataclass(kw_only=True)
class Seen:
    """A request that arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass(kw_only=True)
class FakeGitHub:
    """The state, and what went over the wire."""

    root: Path
    login: str | None = USER
    push: bool = False
    repos: dict[str, Repo] = field(default_factory=dict)
    pulls: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    fork_polls: int = 0
    fork_name: str = ""
    list_lag: int = 0
    fork_collab: bool = True
    hide_permissions: bool = False
    url: str = ""
    checked: bool = field(init=False)

    def __post_init__(self) -> None:
        self.checked = openapi.at_hand()
        self.board = self.add(LEADERBOARD)
        self.board.commit({"README.md": b"results\n", "leaderboard.toml": b"[vendors.acme]\nname = 'Acme'\n"})

    def add(self, name: str, parent: Repo | None = None, polls: int = 0) -> Repo:
        """A repository, empty or a fork."""
        git = self.root / f"{name}.git"
        git.parent.mkdir(parents=True, exist_ok=True)
        source = ["clone", "--bare", "-q", str(parent.git)] if parent else ["init", "--bare", "-q", "-b", BASE]
        subprocess.run(["git", *source, str(git)], check=True, env=_GIT, capture_output=True)
        self.repos[name] = Repo(name=name, git=git, parent=parent, polls_until_ready=polls)
        return self.repos[name]

    def writes(self) -> list[str]:
        """Methods and paths of every request that changes something."""
        return [f"{one.method} {one.path}" for one in self.seen if one.method != "GET"]

    def open_pulls(self) -> list[dict[str, Any]]:
        """The pull requests that are open."""
        return [pull for pull in self.pulls if pull["state"] == "open"]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Every request."""
        body = await request.read()
        query = dict(request.query)
        headers = {name.lower(): value for name, value in request.headers.items()}
        seen = Seen(
            method=request.method, path=request.rel_url.raw_path, query=query, headers=headers,
            body=json.loads(body) if body else None,
        )  # fmt: skip
        self.seen.append(seen)
        if self.checked:
            self.violations += openapi.violations(seen.method, seen.path, query, headers, body)
        if headers.get("authorization") != f"Bearer {TOKEN}":
            return web.json_response({"message": "Bad credentials"}, status=401)
        fault = next((one for one in self.faults if one.times and self._hits(one, seen)), None)
        if fault:
            fault.times -= 1
            if fault.how in ("lose", "late-error"):
                self._answer(seen)
            if fault.how in ("lose", "cut"):
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            message = {"message": fault.message} if fault.message else {}
            return web.json_response(message, status=fault.status, headers=fault.headers)
        status, data, extra = self._answer(seen)
        return web.json_response(data, status=status, headers=extra)

    def _hits(self, fault: Fault, seen: Seen) -> bool:
        return fault.method == seen.method and re.search(fault.path, seen.path) is not None

    def _answer(self, seen: Seen) -> tuple[int, Any, dict[str, str]]:
        for method, pattern, work in self._routes():
            found = re.fullmatch(pattern, seen.path)
            if found and method == seen.method:
                try:
                    status, data = work(seen, *found.groups())
                except Absent:
                    return 404, {"message": "Not Found"}, {}
                except PermissionError as error:
                    return 403, {"message": str(error)}, PERMISSIONS
                except Invalid as error:
                    words = {"message": "Validation Failed", "errors": [{"message": str(error)}]}
                    return 422, words, {}
                return status, data, {}
        return 404, {"message": "Not Found"}, {}

    def _routes(self) -> list[tuple[str, str, Callable[..., tuple[int, Any]]]]:
        repo = r"/repos/([^/]+/[^/]+)"
        return [
            ("GET", "/user", self._user),
            ("GET", repo, self._repo),
            ("GET", f"{repo}/contents/(.+)", self._contents),
            ("GET", f"{repo}/git/ref/heads/(.+)", self._get_ref),
            ("GET", f"{repo}/git/commits/([0-9a-f]+)", self._get_commit),
            ("GET", f"{repo}/pulls", self._list_pulls),
            ("GET", f"{repo}/pulls/([0-9]+)/files", self._list_files),
            ("GET", f"{repo}/issues/([0-9]+)/comments", self._list_comments),
            ("POST", f"{repo}/forks", self._make_fork),
            ("POST", f"{repo}/merge-upstream", self._merge_upstream),
            ("POST", f"{repo}/git/trees", self._make_tree),
            ("POST", f"{repo}/git/commits", self._make_commit),
            ("POST", f"{repo}/git/refs", self._make_ref),
            ("PATCH", f"{repo}/git/refs/heads/(.+)", self._move_ref),
            ("POST", f"{repo}/pulls", self._make_pull),
            ("PATCH", f"{repo}/pulls/([0-9]+)", self._edit_pull),
            ("POST", f"{repo}/issues/([0-9]+)/comments", self._make_comment),
            ("PATCH", f"{repo}/issues/comments/([0-9]+)", self._edit_comment),
        ]

    def _there(self, name: str) -> Repo:
        repo = self.repos.get(name)
        if repo is None or repo.polls_until_ready > 0:
            raise Absent
        return repo

    def _writable(self, name: str) -> Repo:
        repo = self._there(name)
        if not (self.push or self.login is None) and name.partition("/")[0] != self.login:
            raise PermissionError("Resource not accessible by personal access token")
        return repo

    def _user(self, seen: Seen) -> tuple[int, Any]:
        if self.login is None:
            raise PermissionError("Resource not accessible by integration")
        return 200, {"login": self.login}

    def _repo(self, seen: Seen, name: str) -> tuple[int, Any]:
        repo = self.repos.get(name)
        if repo is not None and repo.polls_until_ready > 0:
            repo.polls_until_ready -= 1
        return 200, self._described(self._there(name))

    def _described(self, repo: Repo) -> dict[str, Any]:
        push = repo.name.partition("/")[0] == self.login or self.push
        found: dict[str, Any] = {
            "full_name": repo.name, "default_branch": BASE, "archived": repo.archived, "fork": repo.parent is not None,
        }  # fmt: skip
        if not self.hide_permissions:
            found["permissions"] = {"admin": False, "push": push, "pull": True}
        if repo.parent:
            found["parent"] = {"full_name": repo.parent.name}
        return found

    def _contents(self, seen: Seen, name: str, path: str) -> tuple[int, Any]:
        repo = self._there(name)
        commit = repo.ref(seen.query["ref"]) or seen.query["ref"]
        listed = repo.run("ls-tree", commit, path).split()
        if not listed:
            raise Absent
        return 200, {"type": "file", "path": path, "sha": listed[2]}

    def _get_ref(self, seen: Seen, name: str, branch: str) -> tuple[int, Any]:
        sha = self._there(name).ref(branch)
        if sha is None:
            raise Absent
        return 200, {"ref": f"refs/heads/{branch}", "object": {"type": "commit", "sha": sha}}

    def _get_commit(self, seen: Seen, name: str, sha: str) -> tuple[int, Any]:
        repo = self._there(name)
        if not repo.has(sha):
            raise Absent
        tree, parents = (repo.run("log", "-1", f"--format={form}", sha) for form in ("%T", "%P"))
        return 200, {"sha": sha, "tree": {"sha": tree}, "parents": [{"sha": one} for one in parents.split()]}

    def _make_fork(self, seen: Seen, name: str) -> tuple[int, Any]:
        parent = self._there(name)
        there = [
            repo for repo in self.repos.values() if repo.parent is parent and repo.name.startswith(f"{self.login}/")
        ]
        if self.login is None:
            raise PermissionError("Resource not accessible by integration")
        usual = self.fork_name or f"{self.login}/{name.partition('/')[2]}"
        fork = there[0] if there else self.add(usual, parent, self.fork_polls)
        return 202, self._described(fork)

    def _merge_upstream(self, seen: Seen, name: str) -> tuple[int, Any]:
        repo, branch = self._writable(name), seen.body["branch"]
        assert repo.parent is not None
        theirs, mine = repo.parent.ref(branch), repo.ref(branch)
        try:
            repo.parent.run("merge-base", "--is-ancestor", str(mine), str(theirs))
        except Invalid:
            raise Invalid("There are merge conflicts") from None
        repo.run("fetch", "-q", str(repo.parent.git), f"+refs/heads/{branch}:refs/upstream/{branch}")
        repo.run("update-ref", f"refs/heads/{branch}", str(theirs))
        return 200, {"message": "Successfully fetched", "merge_type": "fast-forward", "base_branch": "x"}

    def _make_tree(self, seen: Seen, name: str) -> tuple[int, Any]:
        repo = self._writable(name)
        with tempfile.TemporaryDirectory() as folder:
            index = Path(folder) / "index"
            repo.run("read-tree", seen.body["base_tree"], index=index)
            for entry in seen.body["tree"]:
                blob = repo.run("hash-object", "-w", "--stdin", data=entry["content"].encode())
                repo.run("update-index", "--add", "--cacheinfo", f"{entry['mode']},{blob},{entry['path']}", index=index)
            return 201, {"sha": repo.run("write-tree", index=index)}

    def _make_commit(self, seen: Seen, name: str) -> tuple[int, Any]:
        repo, body = self._writable(name), seen.body
        parents = [part for parent in body["parents"] for part in ("-p", parent)]
        return 201, {"sha": repo.run("commit-tree", body["tree"], *parents, "-m", body["message"])}

    def _make_ref(self, seen: Seen, name: str) -> tuple[int, Any]:
        repo, branch = self._writable(name), seen.body["ref"].removeprefix("refs/heads/")
        if repo.ref(branch) is not None:
            raise Invalid("Reference already exists")
        repo.run("update-ref", seen.body["ref"], seen.body["sha"])
        return 201, {"ref": seen.body["ref"], "object": {"sha": seen.body["sha"]}}

    def _move_ref(self, seen: Seen, name: str, branch: str) -> tuple[int, Any]:
        repo = self._writable(name)
        if repo.ref(branch) is None:
            raise Invalid("Reference does not exist")
        repo.run("update-ref", f"refs/heads/{branch}", seen.body["sha"])
        return 200, {"ref": f"refs/heads/{branch}", "object": {"sha": seen.body["sha"]}}

    def _list_pulls(self, seen: Seen, name: str) -> tuple[int, Any]:
        self._there(name)
        if self.list_lag:
            self.list_lag -= 1
            return 200, []
        state, head = seen.query["state"], seen.query.get("head")
        found = [
            pull
            for pull in self.pulls
            if state in ("all", pull["state"])
            and (head is None or pull["head"]["label"] == head)
            and pull["base"]["ref"] == seen.query.get("base", BASE)
        ]
        return 200, self._page(seen, found)

    def _list_files(self, seen: Seen, name: str, number: str) -> tuple[int, Any]:
        pull = self.pulls[int(number) - 1]
        repo = self.repos[pull["head"]["repo"]["full_name"]]
        listed = repo.run("diff", "--name-only", f"{self.board.ref(BASE)}...{pull['head']['sha']}").splitlines()
        return 200, self._page(seen, [{"filename": path} for path in listed])

    def _page(self, seen: Seen, items: list[Any]) -> list[Any]:
        page, size = int(seen.query.get("page", 1)), int(seen.query.get("per_page", 30))
        return items[(page - 1) * size : page * size]

    def add_pull(self, repo: Repo, branch: str, **words: Any) -> dict[str, Any]:
        """A pull request as GitHub describes it."""
        number = len(self.pulls) + 1
        owner = repo.name.partition("/")[0]
        pull = {
            "number": number, "state": "open", "html_url": f"https://github.example/{LEADERBOARD}/pull/{number}",
            "head": {
                "ref": branch, "label": f"{owner}:{branch}", "user": {"login": owner}, "sha": repo.ref(branch),
                "repo": {"full_name": repo.name},
            },
            "base": {"ref": BASE, "repo": {"full_name": LEADERBOARD}}, "title": "", "body": "", **words,
        }  # fmt: skip
        self.pulls.append(pull)
        return pull

    def _make_pull(self, seen: Seen, name: str) -> tuple[int, Any]:
        self._there(name)
        owner, _, branch = seen.body["head"].rpartition(":")
        owner = owner or name.partition("/")[0]
        repo = next(
            (one for one in self.repos.values() if one.name.startswith(f"{owner}/") and one.ref(branch) is not None),
            None,
        )
        if repo is None:
            raise Invalid("head is invalid")
        if any(pull["state"] == "open" and pull["head"]["label"] == f"{owner}:{branch}" for pull in self.pulls):
            raise Invalid(f"A pull request already exists for {owner}:{branch}.")
        if seen.body.get("maintainer_can_modify") and not self.fork_collab:
            raise Invalid("Fork collab can't be granted by someone without permission")
        return 201, self.add_pull(repo, branch, title=seen.body["title"], body=seen.body["body"].replace("\n", "\r\n"))

    def _edit_pull(self, seen: Seen, name: str, number: str) -> tuple[int, Any]:
        pull = self.pulls[int(number) - 1]
        pull.update(seen.body)
        return 200, pull

    def _list_comments(self, seen: Seen, name: str, number: str) -> tuple[int, Any]:
        return 200, self._page(seen, [one for one in self.comments if one["issue"] == int(number)])

    def _make_comment(self, seen: Seen, name: str, number: str) -> tuple[int, Any]:
        comment = {
            "id": len(self.comments) + 1, "issue": int(number), "body": seen.body["body"],
            "user": {"login": "github-actions[bot]"}, "html_url": "https://github.example/comment",
        }  # fmt: skip
        self.comments.append(comment)
        return 201, comment

    def _edit_comment(self, seen: Seen, name: str, number: str) -> tuple[int, Any]:
        comment = self.comments[int(number) - 1]
        comment["body"] = seen.body["body"]
        return 200, comment


@contextlib.contextmanager
def running(root: Path, **options: Any) -> Iterator[FakeGitHub]:
    """A fake GitHub on the loopback, in a thread of its own."""
    fake, ready, done = FakeGitHub(root=root, **options), threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", fake.handle)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        assert site._server is not None
        fake.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"  # type: ignore[attr-defined]
        ready.set()
        await done.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()), daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield fake
    finally:
        loop.call_soon_threadsafe(done.set)
        thread.join(10)
        loop.close()
