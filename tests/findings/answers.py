"""Single answers for the checks, and what they say of them."""

from typing import Any

from kvv_action.schema import Completion, Place, ToolCall
from kvv_action.verdict.checks.findings import text_signs
from kvv_action.verdict.checks.markers import echo_of
from kvv_action.verdict.checks.sightings import SeenAnswer

PLACE = Place(benchmark="b", sample="s", index=0, epoch=0)
K2 = ("<|im_end|>", "<|tool_call_begin|>", "[EOS]", "[BOS]")


def calling(*arguments: str, name: str = "look_up") -> tuple[ToolCall, ...]:
    """Calls of one tool."""
    return tuple(ToolCall(id=f"{name}:{at}", name=name, arguments=text) for at, text in enumerate(arguments))


def counted(prompt: int, completion: int, **details: Any) -> dict[str, Any]:
    """Usage."""
    return {"prompt_tokens": prompt, "completion_tokens": completion, **details}


def answer(content: str = "", *, request: str = "", limit: int | None = None, **facts: Any) -> SeenAnswer:
    """One answer; `facts` are fields of the completion."""
    completion = Completion(content=content, **{"finish_reason": "stop", "streamed": True, "choices": 1, **facts})
    echo = frozenset(echo_of(request.encode()))
    return SeenAnswer(place=PLACE, completion=completion, request=request, echo=echo, limit=limit)


def signs(content: str = "", **facts: Any) -> list[str]:
    """Ids of the causes that one answer shows."""
    return [sign.cause.id for sign in text_signs(answer(content, **facts), K2)]
