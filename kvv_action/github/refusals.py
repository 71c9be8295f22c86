"""Explains why GitHub refused a request, and what to do about it."""

from collections.abc import Mapping
from typing import Any

from kvv_action.errors import KvvError

ADVICE = (
    "A workflow's own GITHUB_TOKEN cannot write to another repository: use the token of a GitHub App that is installed "
    "there (contents and pull requests: write), or a classic token with the scope public_repo"
)


class GitHubError(KvvError):
    """GitHub cannot be reached, refuses, or gives an undocumented answer."""


class Refused(GitHubError):
    """An answer with status 4xx that is not a rate limit.

    Attributes:
        status: HTTP status of the answer.
        said: GitHub's message and errors, on one line.
    """

    def __init__(self, message: str, *, status: int, said: str) -> None:
        super().__init__(message)
        self.status = status
        self.said = said

    def says(self, words: str) -> bool:
        """Whether GitHub's message contains these words, in any case."""
        return words.lower() in self.said.lower()


def said(data: Any) -> str:
    """Message and errors of an answer, on one line of at most 400 characters."""
    if not isinstance(data, dict):
        return ""
    errors = data.get("errors")
    parts = [data.get("message"), *(errors if isinstance(errors, list) else [errors])]
    words = [_words(part) for part in parts if part]
    return " ".join("; ".join(word for word in words if word).split())[:400]


def _words(part: Any) -> str:
    if isinstance(part, dict):
        listed = part.get("message") or " ".join(str(part.get(name) or "") for name in ("resource", "field", "code"))
        return str(listed)
    return str(part)


def explain(what: str, status: int, words: str, headers: Mapping[str, str]) -> str:
    """An explanation for the person who set the token.

    Args:
        what: the request, such as `POST /repos/o/r/forks`.
        status: HTTP status of the answer.
        words: GitHub's message.
        headers: with lower-case names.
    """
    text = f"GitHub refuses {what} with HTTP {status}" + (f" ({words})" if words else "")
    match status:
        case 401:
            return f"{text}. The token is not valid: it has expired, was revoked or was not copied whole"
        case 403:
            return f"{text}. {_permissions(headers)}"
        case 404:
            return f"{text}. It does not exist, or the token may not see it: check the name, and {_lower(ADVICE)}"
        case _:
            return text


def moved(what: str, status: int) -> str:
    """An explanation for a redirect; none is followed, because the token goes only to the configured address."""
    return (
        f"GitHub answers {what} with a redirect (HTTP {status}): the repository has another name now, or "
        "leaderboard-api-url is not the API's address. Give the new one"
    )


def _permissions(headers: Mapping[str, str]) -> str:
    parts = []
    if needed := headers.get("x-accepted-github-permissions"):
        parts.append(f"The token needs these permissions: {_cut(needed)}")
    if scopes := headers.get("x-accepted-oauth-scopes"):
        has = _cut(headers.get("x-oauth-scopes", "")) or "none"
        parts.append(f"A classic token needs one of the scopes {_cut(scopes)}; it has {has}")
    if "x-github-sso" in headers:
        parts.append("The organization wants the token authorized for its single sign-on")
    return ". ".join([*parts, ADVICE])


def _cut(text: str) -> str:
    return " ".join(text.split())[:200]


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
