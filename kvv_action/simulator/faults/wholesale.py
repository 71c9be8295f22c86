"""Faults that make every answer wrong in the same way: one text for everything, text backwards, a lost piece."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.chunks import delta_of, in_streams
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import Fault
from kvv_action.simulator.thinking import effort_of

ERROR, REFUSAL = "Internal error, try again", "I cannot help with that."
EASIEST = "low"


def _always(text: str) -> Say:
    return lambda answer, _: replace(answer, content=text, reasoning="", tool_calls=(), finish_reason="stop")


def _reversed(answer: Answer, call: Call) -> Answer:
    """JSON and calls stay as they are."""
    kept = answer.tool_calls or call.schema is not None
    return answer if kept else replace(answer, content=answer.content[::-1])


def _silent(answer: Answer, call: Call) -> Answer:
    return replace(answer, content="", tool_calls=()) if effort_of(call.body) == EASIEST else answer


def _untagged(answer: Answer, _: Call) -> Answer:
    if not answer.reasoning:
        return answer
    return replace(answer, content=f"{answer.reasoning}\n\n{answer.content}".rstrip(), reasoning="")


def _without(place: int) -> Callable[[list[Json]], list[Json]]:
    """The chunks without the first or the last one with text, with thinking and with calls."""

    def changed(chunks: list[Json]) -> list[Json]:
        gone = set[int]()
        for field in ("content", "reasoning_content", "tool_calls"):
            places = [at for at, chunk in enumerate(chunks) if delta_of(chunk).get(field)]
            gone |= {places[place]} if places else set()
        return [chunk for at, chunk in enumerate(chunks) if at not in gone]

    return changed


FAULTS = (
    Fault("answers-with-an-error", "gives an error message as the answer to everything",
          "one cause: one text is the answer to everything", say=_always(ERROR)),
    Fault("answers-with-a-refusal", "gives a refusal as the answer to everything",
          "one cause: one text is the answer to everything", say=_always(REFUSAL)),
    Fault("reverses-text", "writes the content of answers backwards", "one cause: text comes backwards", say=_reversed),
    Fault("silent-at-low-effort", "gives empty answers when the effort is low", "one cause: answers are empty",
          say=_silent),
    Fault("untagged-thinking-in-content", "hands thinking over as content, without any tag",
          "one cause: thinking stands in the content", say=_untagged),
    Fault("loses-first-piece", "loses the first piece of text, of thinking and of calls in each stream",
          "one cause: the beginning of texts is lost", send=in_streams(_without(0))),
    Fault("loses-last-piece", "loses the last piece of text, of thinking and of calls in each stream",
          "one cause: the end of texts is lost", send=in_streams(_without(-1))),
)  # fmt: skip
