"""What is wrong with log probabilities, by the form that OpenAI's API gives them."""

import math
from collections.abc import Iterator, Mapping

from kvv_action.schema import Json

ROUNDING = 1e-3
"""How far above 0 a log probability may be by rounding."""


def problem_in(logprobs: Json, asked: int) -> str:
    """What is wrong with the `logprobs` of one choice; empty for nothing.

    Args:
        logprobs: as they were sent.
        asked: `top_logprobs` of the request; engines may add the token that was taken.
    """
    if not isinstance(logprobs, Mapping) or "content" not in logprobs:
        return "logprobs has no content"
    content = logprobs["content"]
    if content is None:
        return ""
    if not isinstance(content, list):
        return "logprobs.content is no list"
    return next((problem for entry in content for problem in _of_entry(entry, asked)), "")


def _of_entry(entry: Json, asked: int) -> Iterator[str]:
    yield from _of_token(entry)
    top = entry.get("top_logprobs") if isinstance(entry, Mapping) else None
    if not isinstance(top, list):
        yield "top_logprobs is no list"
        return
    if len(top) > asked + 1:
        yield f"top_logprobs has {len(top)} entries where {asked} were asked for"
    for one in top:
        yield from _of_token(one)


def _of_token(entry: Json) -> Iterator[str]:
    if not isinstance(entry, Mapping) or not isinstance(entry.get("token"), str):
        yield "an entry has no token that is text"
        return
    value, raw = entry.get("logprob"), entry.get("bytes")
    if isinstance(value, bool) or not isinstance(value, int | float) or math.isnan(value) or value > ROUNDING:
        yield f"logprob is {value!r}"
    if raw is not None and not (isinstance(raw, list) and all(isinstance(one, int) and 0 <= one < 256 for one in raw)):
        yield "bytes is no list of bytes"
