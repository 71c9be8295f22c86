"""How the pieces of tool calls arrive: what a strict client would join wrongly."""

import re
from collections.abc import Iterator

import orjson

from kvv_action.causes import Cause
from kvv_action.verdict.checks.sightings import Rule, SeenAnswer, Sign

_REMEDY = "use a version of the engine's tool-call parser that streams by OpenAI's contract, or take the gateway out"
ANOMALIES = {
    "tool-call-index-reused": Cause(
        id="calls-index-reused",
        sentence="parallel tool calls have the same index, so that in a client the second overwrites the first",
        remedy="number the calls of an answer 0, 1, 2 ... in the deltas of the stream",
    ),
    "tool-call-header-repeated": Cause(
        id="calls-header-repeated",
        sentence="id or name of a tool call is sent again with later pieces, so that clients join names",
        remedy="send id, type and name once, with the first piece of a call",
    ),
    "tool-calls-out-of-order": Cause(
        id="calls-out-of-order",
        sentence="tool calls do not come one after the other in the order of their indexes",
        remedy=_REMEDY,
    ),
    "tool-call-name-split": Cause(
        id="calls-name-split",
        sentence="the name of a tool call comes in several pieces, which clients do not join",
        remedy="send the whole name with the first piece of a call",
    ),
}
AGAIN = Cause(
    id="calls-arguments-again",
    sentence="all arguments of a tool call are sent again at the end of the stream",
    remedy="do not add the whole call to the stream whose pieces were sent already; " + _REMEDY,
)
CUMULATIVE = Cause(
    id="calls-arguments-cumulative",
    sentence="each piece of a tool call holds all arguments so far, and clients join them",
    remedy="send only what is new in each delta; " + _REMEDY,
)
_OPENING = re.compile(r"[\[{]")
MOST_TRIED = 64
"""Places at which a repeated beginning of the arguments is looked for."""


CAUSES = (*ANOMALIES.values(), AGAIN, CUMULATIVE)
RULES = {cause.id: Rule(of_calls=True) for cause in CAUSES}


def call_signs(answer: SeenAnswer) -> Iterator[Sign]:
    """Indexes, headers, names and arguments of the calls."""
    calls = answer.completion.tool_calls
    for word in answer.completion.anomalies:
        if calls and word in ANOMALIES:
            yield Sign(cause=ANOMALIES[word], shown=f"{word}: {', '.join(call.name for call in calls)}")
    for call in calls:
        if kind := repeated(call.arguments):
            yield Sign(cause=AGAIN if kind == "again" else CUMULATIVE, shown=call.arguments)
            return


def repeated(arguments: str) -> str:
    """Whether joined arguments hold themselves `again`, or are `cumulative` beginnings of themselves; else empty."""
    if _is_json(arguments):
        return ""
    for number, opening in enumerate(_OPENING.finditer(arguments)):
        if number > MOST_TRIED:
            return ""
        before, last = arguments[: opening.start()], arguments[opening.start() :]
        if not before or before[0] != last[0] or not _is_json(last):
            continue
        if before.strip() == last.strip():
            return "again"
        if _is_json(before) and orjson.loads(before) == orjson.loads(last):
            return "again"
        if _of_beginnings(before, last):
            return "cumulative"
    return ""


def _of_beginnings(text: str, whole: str) -> bool:
    """Whether a text is made of growing beginnings of another one."""
    size = 0
    while text:
        lengths = range(min(len(text), len(whole)), size, -1)
        size = next((length for length in lengths if text[:length] == whole[:length]), 0)
        if not size:
            return False
        text = text[size:]
    return True


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
