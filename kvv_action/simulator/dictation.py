"""Answers that a user dictates: copies, first and last words, characters by name, the text of signs on gates."""

import re
from collections.abc import Callable, Mapping, Sequence

from kvv_action.schema import Message
from kvv_action.simulator.conversation import last_user_text, text_of

_BETWEEN = re.compile(
    r"text between the two lines of equals signs.*?^=====$\n(.*?)(?:\n=====|\Z)", re.DOTALL | re.MULTILINE
)
_SIGNS: Mapping[str, str] = {
    "euro sign": "€", "less-than sign": "<", "ampersand": "&", "Chinese character for tree": "木",
    "Greek small letter pi": "π", "capital letter Q": "Q",
}  # fmt: skip
_READS = re.compile(r"the sign on the (\w+) gate reads ([\w-]+)", re.IGNORECASE)
_ASKED_SIGNS = re.compile(r"what does the sign on (.+?) read\?", re.IGNORECASE)


def dictated(messages: Sequence[Message]) -> str:
    """The answer that the last user message dictates; empty when it dictates none."""
    text = last_user_text(messages)
    between = _BETWEEN.search(text)
    if between is not None:
        return _of_text(text.lower(), between[1])
    if text.startswith("Reply with these signs"):
        named = sorted((text.find(name), sign) for name, sign in _SIGNS.items() if name in text)
        return "".join(sign for _, sign in named)
    asked = _ASKED_SIGNS.search(text)
    return _read(asked[1], messages) if asked else ""


def _of_text(asked: str, text: str) -> str:
    """What is asked of a text: a copy, or its first and last words."""
    rules: Mapping[str, Callable[[str], str]] = {"copy the": str, "reply with the word words": _ends}
    return next((rule(text) for begins, rule in rules.items() if asked.startswith(begins)), "")


def _ends(text: str) -> str:
    words = text.split()
    return f"WORDS {words[0]} {words[-1]} END" if words else ""


def _read(named: str, messages: Sequence[Message]) -> str:
    """What the signs on gates read, as anyone told it last, in the order in which they are asked for."""
    told = {gate.lower(): sign for message in messages for gate, sign in _READS.findall(text_of(message))}
    return " ".join(told.get(gate.lower(), "unknown") for gate in re.findall(r"(\w+) gate", named))
