"""What the body of a failed request says: the message of an error in any usual form, or the title of a web page."""

import html
import re
from collections.abc import Iterator, Mapping

from kvv_action.schema import Json

_PAGE = re.compile(
    r"[\s\ufeff]*+(<\?xml\b[^>]{0,200}+>\s*+)?(<!--([^-]++|-(?!->)){0,4000}-->\s*+){0,5}"
    r"<(!doctype html|(html|head|title|meta|link|base|style|script|noscript|body|center|div|h1)\b)",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(r"<title[^<>]*+>((?:[^<]++|<(?!/?title))*)</title", re.IGNORECASE)
"""No pattern here goes back far over what it has matched: a page of 64 KB could take hours otherwise."""
LONGEST_TITLE = 80
_WRAPPERS = ("error", "errors", "detail", "fault", "response", "base_resp")
"""Keys that hold an error, or a list of errors."""
_MESSAGES = (
    "message",
    "msg",
    "error_message",
    "errormessage",
    "error_msg",
    "status_msg",
    "error_description",
    "detail",
    "title",
)
"""Keys that hold the sentence of an error, the most telling first."""
_DEEPEST, _MOST = 4, 3
"""Wrappers inside one another, and errors of a list, that are read."""


def is_page(body: str) -> bool:
    """Whether a body is a page for people."""
    return _PAGE.match(body) is not None


def page_in_words(body: str) -> str:
    """A page by its title."""
    found = _TITLE.search(body)
    title = " ".join(html.unescape(found[1]).split())[:LONGEST_TITLE] if found else ""
    return f"a web page titled {title!r}" if title else "a web page"


def message_in(answer: Json, depth: int = 0) -> str:
    """The sentence of an error; empty where no usual form has one.

    A short name beside the sentence (`{"error": "invalid_token", "error_description": ...}`) stands before it.
    """
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list) and depth < _DEEPEST:
        said = [message_in(one, depth + 1) for one in answer[:_MOST] if isinstance(one, dict)]
        return "; ".join(dict.fromkeys(filter(None, said)))
    return _of_object(answer, depth) if isinstance(answer, dict) else ""


def _of_object(answer: Mapping[str, Json], depth: int) -> str:
    fields = {name.lower(): value for name, value in answer.items()}
    inner = next((fields[name] for name in _WRAPPERS if fields.get(name)), None)
    if isinstance(inner, dict | list) and depth < _DEEPEST and (said := message_in(inner, depth + 1)):
        return said
    own = next((value for name in _MESSAGES if isinstance(value := fields.get(name), str) and value.strip()), "")
    if isinstance(inner, str) and inner != own:
        return f"{inner}: {own}" if own else inner
    where = ".".join(_place(fields.get("loc")))
    return f"{where}: {own}" if where and own else own


def _place(path: Json) -> Iterator[str]:
    """The place in a request that an error is about."""
    if isinstance(path, list):
        yield from (str(part) for part in path if isinstance(part, str | int))


_BEGAN = re.compile(r"The endpoint began to refuse after (\d+) answers?: (.*?)\. (?:Check|Look)\b", re.DOTALL)


def began_to_refuse(answers: int, words: str, advice: str) -> str:
    """Why a run ends whose endpoint refuses everything from some answer on; `began_in` reads it."""
    return f"The endpoint began to refuse after {answers} answer{'s' * (answers != 1)}: {words}. {advice}"


def began_in(reason: str) -> tuple[int, str] | None:
    """After how many answers an endpoint began to refuse, and in which words; None where a run ended otherwise."""
    found = _BEGAN.search(reason)
    return (int(found[1]), found[2]) if found else None
