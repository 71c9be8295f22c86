"""A client of GitHub's REST API for submissions.

It sends one request at a time and waits at rate limits. Before it repeats a write whose answer was lost, it checks
whether the write took place. The token goes only to the configured address, in one header, and into no message.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

import httpx
import orjson

from kvv_action import __version__
from kvv_action.authorities import trusted
from kvv_action.errors import Problem, UsageError
from kvv_action.github.rate_limit import BETWEEN_WRITES, asked_pause
from kvv_action.github.refusals import GitHubError, Refused, explain, moved, said
from kvv_action.redact import Redactor

Json = Any
LARGEST = 8 * 2**20
"""Bytes of an answer that are read."""
PAGE = 100
"""Items on a page of a list."""
REPEATED = (500, 502, 503, 504)
Landed = Callable[[], Json | None]
"""Checks whether a write took place whose answer was lost; returns the object in place of that answer, or None."""
VERSION = "2022-11-28"
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Api(Protocol):
    """GitHub, or a rehearsal for a dry run."""

    def find(self, path: str, **query: str) -> Json | None:
        """GET; None when the resource does not exist. Raises GitHubError."""
        ...

    def write(self, method: str, path: str, body: Mapping[str, Json], *, landed: Landed | None = None) -> Json:
        """POST or PATCH. Raises GitHubError, or Refused for status 4xx."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Clock, pauses and deadlines of a client. Durations are in seconds.

    Attributes:
        budget: limit for all pauses together.
        tries: attempts of a request whose answer was lost or had status 5xx.
        first, longest: back-off between those.
    """

    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], float] = time.time
    budget: float = 1800.0
    tries: int = 5
    first: float = 1.0
    longest: float = 30.0
    deadline: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    data: Json


def silent(text: str) -> None:
    """Drop the message."""


def path(*parts: str) -> str:
    """The parts as a path such as `/repos/o/r/git/ref/heads/b`; slashes within a part stay, all else is quoted."""
    return "".join("/" + quote(part, safe="/") for part in parts)


def listed(api: Api, where: str, pages: int, **query: str) -> Iterator[Json]:
    """The items of a list, of so many pages at most."""
    for page in range(1, pages + 1):
        found = api.find(where, **query, per_page=str(PAGE), page=str(page)) or []
        yield from found
        if len(found) < PAGE:
            return


def check_address(url: str) -> None:
    """Refuse an address to which a token must not be sent.

    Raises:
        UsageError: not https (except on this machine), or with credentials.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not secure or not parts.hostname or parts.username is not None:
        allowed = "Write an https:// address without credentials: https://api.github.com, https://HOST/api/v3."
        raise UsageError([Problem(name="leaderboard-api-url", value="", allowed=allowed)])


@dataclass(slots=True, kw_only=True)
class GitHub:
    """A client; use it in one thread.

    Attributes:
        url: of the API.
        tell: reports each pause.
    """

    url: str
    token: str = field(repr=False)
    tell: Callable[[str], None] = silent
    pace: Pace = field(default_factory=Pace)
    _waited: float = 0.0
    _wrote: bool = False
    _client: httpx.Client = field(init=False, repr=False)
    _redact: Redactor = field(init=False, repr=False)

    def __post_init__(self) -> None:
        check_address(self.url)
        self._redact = Redactor([self.token])
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "User-Agent": f"kvv-action/{__version__}",
            "X-GitHub-Api-Version": VERSION,
        }
        authorities = trusted() if self.url.startswith("https:") else True
        try:
            self._client = httpx.Client(
                headers=headers, verify=authorities, timeout=self.pace.deadline, follow_redirects=False
            )
        except (ValueError, UnicodeError):
            allowed = "It contains characters that an HTTP header cannot carry; check how it was pasted."
            raise UsageError([Problem(name="leaderboard-token", value="", allowed=allowed)]) from None

    def __enter__(self) -> "GitHub":
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def find(self, path: str, **query: str) -> Json | None:
        """See `Api`."""
        reply = self._send("GET", path, query=query)
        if reply is None:
            raise GitHubError(f"{self._name('GET', path)}: no answer from GitHub after {self.pace.tries} tries")
        if reply.status in (404, 409):  # 409: the repository is still empty
            return None
        return self._checked("GET", path, reply)

    def write(self, method: str, path: str, body: Mapping[str, Json], *, landed: Landed | None = None) -> Json:
        """See `Api`."""
        for attempt in range(self.pace.tries):
            if attempt and landed is not None and (found := landed()) is not None:
                return found
            if self._wrote:
                self.pace.sleep(BETWEEN_WRITES)
            self._wrote = True
            reply = self._send(method, path, body=body, tries=1)
            if reply is not None:
                return self._checked(method, path, reply)
            self._pause(self._backoff(attempt), f"{self._name(method, path)}: no answer")
        raise GitHubError(
            f"{self._name(method, path)}: no answer from GitHub after {self.pace.tries} tries; "
            "run the same command again: it finds what was done already"
        )

    def _send(
        self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Json = None, tries: int = 0
    ) -> _Reply | None:
        """The answer, after all pauses that GitHub asks for; None when all tries are lost or have status 5xx."""
        lost = limited = 0
        while True:
            reply = self._once(method, path, query or {}, body)
            if reply is not None and reply.status not in REPEATED:
                pause = asked_pause(reply.status, reply.headers, said(reply.data), now=self.pace.now(), tries=limited)
                if pause is None:
                    return reply
                limited += 1
                self._pause(pause, f"GitHub's rate limit: waiting {pause:.0f} s")
                continue
            lost += 1
            if lost >= (tries or self.pace.tries):
                return None
            self._pause(self._backoff(lost - 1), f"{self._name(method, path)}: no answer, trying again")

    def _once(self, method: str, path: str, query: Mapping[str, str], body: Json) -> _Reply | None:
        content = None if body is None else orjson.dumps(body)
        headers = {} if body is None else {"Content-Type": "application/json"}
        url = self.url.rstrip("/") + path
        try:
            with self._client.stream(method, url, params=query or None, content=content, headers=headers) as answer:
                data = bytearray()
                for chunk in answer.iter_bytes():
                    data += chunk
                    if len(data) > LARGEST:
                        raise GitHubError(f"{self._name(method, path)}: the answer is larger than {LARGEST} bytes")
        except httpx.TransportError:
            return None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise GitHubError(self._redact.text(f"{self._name(method, path)}: {error}")) from None
        named = {name.lower(): value for name, value in answer.headers.items()}
        return _Reply(status=answer.status_code, headers=named, data=_parsed(bytes(data)))

    def _checked(self, method: str, path: str, reply: _Reply) -> Json:
        what = self._name(method, path)
        if 200 <= reply.status < 300 and isinstance(reply.data, (dict, list)):
            return reply.data
        if 300 <= reply.status < 400:
            raise GitHubError(moved(what, reply.status))
        words = self._redact.text(said(reply.data))
        if 400 <= reply.status < 500:
            text = self._redact.text(explain(what, reply.status, words, reply.headers))
            raise Refused(text, status=reply.status, said=words)
        raise GitHubError(f"{what}: HTTP {reply.status} without the JSON that GitHub documents; is {self.url} its API?")

    def _pause(self, seconds: float, why: str) -> None:
        self._waited += seconds
        if self._waited > self.pace.budget:
            at = time.strftime("%H:%M UTC", time.gmtime(self.pace.now() + seconds))
            raise GitHubError(
                f"{why}: the pauses are longer than a submission may wait ({self.pace.budget:.0f} s in all). "
                f"Run the same command again after {at}; it finds what was done already"
            )
        self.tell(why)
        self.pace.sleep(seconds)

    def _backoff(self, attempt: int) -> float:
        return min(self.pace.longest, self.pace.first * 2.0**attempt)

    def _name(self, method: str, path: str) -> str:
        return self._redact.text(f"{method} {path}")


def _parsed(data: bytes) -> Json:
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return None
