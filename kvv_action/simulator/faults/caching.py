"""Faults of a prefix cache: the same long prompt gets something else when it comes again."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer, Json
from kvv_action.simulator.conversation import last_user_text
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.wire import NOTHING_CACHED, Reply, answered, counting, refused, rewritten

LONG = 4_000
"""Characters of a prompt from which on it is cached."""
_COUNTS = {"prompt_tokens": 900, "completion_tokens": 20, "total_tokens": 920}


def _hit(turn: Turn) -> bool:
    """Whether a prompt that is cached came again."""
    return turn.call is not None and turn.visit.occurrence > 1 and len(last_user_text(turn.call.messages)) > LONG


def _said(change: Callable[[Answer], Answer]) -> Callable[[Reply, Turn], Reply]:
    """Another answer after a hit, with the counts of the first one."""

    def send(reply: Reply, turn: Turn) -> Reply:
        if not _hit(turn) or turn.call is None or turn.answer is None:
            return reply
        return replace(answered(turn.call, change(turn.answer), _usage(reply), 4), headers=reply.headers)

    return send


def _usage(reply: Reply) -> dict[str, int]:
    """The counts that a reply reports."""
    found: list[Json] = []

    def look(documents: list[Json]) -> list[Json]:
        found.extend(document["usage"] for document in documents if document.get("usage"))
        found.extend(choice["usage"] for document in documents for choice in document["choices"] if choice.get("usage"))
        return documents

    rewritten(reply, look)
    kept = found[0] if found else _COUNTS
    return {name: value for name, value in kept.items() if isinstance(value, int)}


def _no_call(answer: Answer) -> Answer:
    """The answer says in words what should be a call."""
    if not answer.tool_calls:
        return answer
    return replace(answer, content="I would look that up with a tool.", tool_calls=(), finish_reason="stop")


def _refusing(reply: Reply, turn: Turn) -> Reply:
    return refused(Refusal("invalid prompt: block 17 of the cache is of another model")) if _hit(turn) else reply


def _uncounted(reply: Reply, turn: Turn) -> Reply:
    """Only what was not cached is counted."""
    return rewritten(reply, lambda documents: [_without_cached(one) for one in documents]) if _hit(turn) else reply


def _without_cached(document: Json) -> Json:
    choices = [_fewer(choice) for choice in document["choices"]]
    return _fewer({**document, "choices": choices})


def _fewer(holder: Json) -> Json:
    usage = holder.get("usage")
    if not usage:
        return holder
    return {**holder, "usage": {**counting(usage, prompt_tokens=40), **NOTHING_CACHED}}


FAULTS = (
    Fault("cache-hit-breaks-answer", "answers in words instead of by a tool call when the prefix is cached",
          f"{FAILS}a cache hit changes the answer", send=_said(_no_call)),
    Fault("cache-hit-refuses", "refuses a prompt whose prefix is cached", f"{FAILS}a cache hit changes the answer",
          send=_refusing),
    Fault("cache-hit-uncounts-prompt", "leaves cached tokens out of prompt_tokens",
          "a warning: a cache hit changes the count of prompt tokens", send=_uncounted),
)  # fmt: skip
