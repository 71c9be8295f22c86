"""Faults of a prefix cache: a prompt whose beginning is cached gets something else."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from kvv_action.schema import Answer
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.wire import NOTHING_CACHED, Reply, answered, counting, recounted, refused


def _cached(turn: Turn) -> int:
    """Tokens of the prompt that came from the cache."""
    return turn.call.cached if turn.call is not None else 0


def _said(change: Callable[[Answer], Answer]) -> Callable[[Reply, Turn], Reply]:
    """Another answer after a hit, with the counts of the first one."""

    def send(reply: Reply, turn: Turn) -> Reply:
        if not _cached(turn) or turn.call is None or turn.answer is None:
            return reply
        return replace(reply, parts=answered(turn.call, change(turn.answer), _usage(reply), 4).parts)

    return send


def _usage(reply: Reply) -> dict[str, int] | None:
    """The counts that a reply reports; None for none."""
    found: list[Mapping[str, Any]] = []

    def look(usage: Mapping[str, Any]) -> Mapping[str, Any]:
        found.append(usage)
        return usage

    recounted(reply, look)
    return {name: value for name, value in found[0].items() if isinstance(value, int)} if found else None


def _no_call(answer: Answer) -> Answer:
    """The answer says in words what should be a call."""
    if not answer.tool_calls:
        return answer
    return replace(answer, content="I would look that up with a tool.", tool_calls=(), finish_reason="stop")


def _refusing(reply: Reply, turn: Turn) -> Reply:
    return refused(Refusal("invalid prompt: block 17 of the cache is of another model")) if _cached(turn) else reply


def _uncounted(reply: Reply, turn: Turn) -> Reply:
    """Only the tokens that were not cached are counted."""
    cached = _cached(turn)
    if not cached:
        return reply
    return recounted(
        reply, lambda usage: {**counting(usage, prompt_tokens=usage["prompt_tokens"] - cached), **NOTHING_CACHED}
    )


FAULTS = (
    Fault("cache-hit-breaks-answer", "answers in words instead of by a tool call when the prefix is cached",
          f"{FAILS}a cache hit changes the answer", send=_said(_no_call)),
    Fault("cache-hit-refuses", "refuses a prompt whose prefix is cached", f"{FAILS}a cache hit changes the answer",
          send=_refusing),
    Fault("cache-hit-uncounts-prompt", "leaves cached tokens out of prompt_tokens",
          "a warning: a cache hit changes the count of prompt tokens", send=_uncounted),
)  # fmt: skip
