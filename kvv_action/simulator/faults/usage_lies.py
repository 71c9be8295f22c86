"""Faults in counts that contradict the text, and in limits that only counts show."""

from collections.abc import Callable, Mapping
from typing import Any

from kvv_action.schema import Answer, Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_user_text
from kvv_action.simulator.faults.chunks import in_streams
from kvv_action.simulator.faults.hooks import Say
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.tokens import count, cut
from kvv_action.simulator.wire import Reply, counting, recounted

CAP = 300
"""Tokens after which every answer ends; more than the vendor's own answers have, so it writes on until there."""
DRIFT = 40
"""Tokens by which the count of a prompt may be too high."""
CHUNK = 4
"""Tokens in a chunk that is counted as one."""
MORE = " ".join(f"I look at point {point} once more." for point in range(CAP))

Change = Callable[[Mapping[str, Any], Answer], Mapping[str, Any]]


def _counted(change: Change) -> Callable[[Reply, Turn], Reply]:
    """A hook that changes the usage of answers."""

    def sent(reply: Reply, turn: Turn) -> Reply:
        answer = turn.answer
        if answer is None:
            return reply
        return recounted(reply, lambda usage: change(usage, answer))

    return sent


def _without_reasoning(usage: Mapping[str, Any], answer: Answer) -> Mapping[str, Any]:
    return counting(usage, completion_tokens=usage["completion_tokens"] - count(answer.reasoning))


def _by_chunks(usage: Mapping[str, Any], _: Answer) -> Mapping[str, Any]:
    return counting(usage, completion_tokens=1 + usage["completion_tokens"] // CHUNK)


def _cached(more: int) -> Change:
    """So many more tokens from the cache than the prompt has."""
    return lambda usage, _: {**usage, "prompt_tokens_details": {"cached_tokens": usage["prompt_tokens"] + more}}


def _reasoned(tokens: Callable[[Mapping[str, Any]], int]) -> Change:
    return lambda usage, _: {**usage, "completion_tokens_details": {"reasoning_tokens": tokens(usage)}}


def _always(**counts: int) -> Change:
    """The same count in every answer."""
    return lambda usage, _: counting(usage, **counts)


def _counted_twice(chunks: list[Json]) -> list[Json]:
    return [*chunks, chunks[-1]] if chunks[-1].get("usage") else chunks


def _counted_along(chunks: list[Json]) -> list[Json]:
    """Usage with every chunk, as far as the answer has come."""
    last = next((chunk["usage"] for chunk in chunks if chunk.get("usage")), None)
    if last is None:
        return chunks
    prompt, whole, size = last["prompt_tokens"], last["completion_tokens"], len(chunks)
    counts = [{"prompt_tokens": prompt, "completion_tokens": whole * at // size} for at in range(size)]
    return [
        chunk if chunk.get("usage") else {**chunk, "usage": {**one, "total_tokens": sum(one.values())}}
        for chunk, one in zip(chunks, counts, strict=True)
    ]


def _drifting(reply: Reply, turn: Turn) -> Reply:
    """The tokens of the prompt differ from one request to the next, though the prompts are the same."""
    more = int(turn.visit.draw("drift") * DRIFT)
    return _counted(lambda usage, _: counting(usage, prompt_tokens=usage["prompt_tokens"] + more))(reply, turn)


def _capped(finish_reason: str) -> Say:
    """Answers that go on thinking until the cap ends them; requests with a lower limit are served well."""

    def say(answer: Answer, call: Call) -> Answer:
        if not answer.reasoning or (call.max_tokens is not None and call.max_tokens <= CAP):
            return answer
        thought = cut(f"I am asked: {last_user_text(call.messages)} {MORE}", CAP).text
        return Answer(reasoning=thought, finish_reason=finish_reason)

    return say


FAULTS = (
    Fault("leaves-reasoning-out-of-usage", "does not count the tokens of the reasoning",
          "a finding: usage leaves the reasoning out", send=_counted(_without_reasoning)),
    Fault("counts-chunks", "counts chunks of many tokens as one completion token each",
          "a finding: usage counts fewer tokens than the text can have", send=_counted(_by_chunks)),
    Fault("caches-more-than-prompt", "reports more cached tokens than the prompt has",
          "a warning: cached tokens contradict the prompt", send=_counted(_cached(64))),
    Fault("caches-every-prompt", "reports all prompt tokens as cached, also of new prompts",
          "a warning: whole prompts are said to come from a cache", send=_counted(_cached(0))),
    Fault("counts-no-reasoning", "reports 0 tokens of reasoning", "a warning: reasoning tokens contradict the answer",
          send=_counted(_reasoned(lambda _: 0))),
    Fault("counts-the-same-completion", "reports 100 completion tokens, whatever was written",
          "a finding: the same number in nearly all answers", send=_counted(_always(completion_tokens=100))),
    Fault("counts-the-same-prompt", "reports 100 prompt tokens, whatever was asked",
          "a finding: the same number in nearly all answers", send=_counted(_always(prompt_tokens=100))),
    Fault("counts-nothing", "reports 0 completion tokens", "a finding: the same number in nearly all answers",
          send=_counted(_always(completion_tokens=0))),
    Fault("totals-without-prompt", "reports the completion tokens as total_tokens", "a finding: total_tokens is no sum",
          send=_counted(lambda usage, _: {**usage, "total_tokens": usage["completion_tokens"]})),
    Fault("sends-usage-twice", "sends the last chunk of a stream, which brings usage, twice",
          "a warning: usage comes several times", send=in_streams(_counted_twice)),
    Fault("sends-usage-with-every-chunk", "sends usage so far with every chunk, unasked",
          "a warning: usage comes several times", send=in_streams(_counted_along)),
    Fault("counts-prompts-differently", "reports other prompt tokens when the same prompt comes again",
          f"{FAILS}the same prompt is counted differently each time", send=_drifting),
    Fault("reasons-more-than-completion", "reports more tokens of reasoning than of the completion",
          "a finding: usage leaves the reasoning out",
          send=_counted(_reasoned(lambda usage: usage["completion_tokens"] * 2 + 1))),
    Fault("caps-output-early",
          f"ends every answer at {CAP} tokens with finish_reason length, however many are asked for",
          f"a finding: output is capped at {CAP} tokens", say=_capped("length")),
    Fault("caps-and-stops", f"ends every answer at {CAP} tokens with finish_reason stop",
          f"a finding: output is capped at {CAP} tokens", say=_capped("stop")),
)  # fmt: skip
