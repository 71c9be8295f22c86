"""Faults in how tokens are counted."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.profiles.prompt import Share
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import text_of
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.tokens import KNOWN, count, shares_of
from kvv_action.simulator.wire import NOTHING_CACHED, Reply, Usage, counting, recounted

Count = Callable[[Usage, Call], Usage]
PREFIX = 3
SYSTEM_PROMPT = 17
STREAM_EXTRA = 5
PATTERN = "Pre-Verification fails where exact counts are known, and the pattern tells why: {}"


def _more(usage: Usage, tokens: int) -> Usage:
    """`usage` with so many more prompt tokens, and the total that follows."""
    return counting(usage, prompt_tokens=usage["prompt_tokens"] + tokens)


def _added(tokens: int) -> Count:
    return lambda usage, _: _more(usage, tokens)


def _when_streamed(usage: Usage, call: Call) -> Usage:
    return _more(usage, STREAM_EXTRA) if call.stream else usage


def _without_streams(usage: Usage, call: Call) -> Usage | None:
    return None if call.stream else usage


def _completed(times: int) -> Count:
    """The completion tokens times a number."""
    return lambda usage, _: counting(usage, completion_tokens=usage["completion_tokens"] * times)


def _wrong_total(usage: Usage, _: Call) -> Usage:
    return {**usage, "total_tokens": usage["prompt_tokens"]}


def _unrendered(share: Share) -> Count:
    """A template that leaves out what a part of the request says."""
    return lambda usage, call: _more(usage, -shares_of(call)[share]) if call.template else usage


def _rendered_as(**heard: object) -> Count:
    """A template that is told something else about thinking."""

    def count(usage: Usage, call: Call) -> Usage:
        if not call.template or not call.thinking:
            return usage
        other = replace(call, **heard)  # type: ignore[arg-type]
        return _more(usage, shares_of(other).total() - shares_of(call).total())

    return count


def _closed(call: Call) -> Call:
    """The conversation without Partial Mode: a message that begins the answer is an earlier answer."""
    bare = [{name: value for name, value in message.items() if name != "partial"} for message in call.messages]
    return replace(call, messages=bare)


def _foreign(usage: Usage, call: Call) -> Usage:
    texts = [text_of(message) for message in call.messages]
    return _more(usage, sum(count(text) - KNOWN[text] for text in texts if text in KNOWN))


def _uncached(reply: Reply, turn: Turn) -> Reply:
    """A prompt that came before counts as one token."""
    if turn.call is None or turn.visit.occurrence == 1:
        return reply
    return recounted(reply, lambda usage: {**counting(usage, prompt_tokens=1), **NOTHING_CACHED})


FAULTS = (
    Fault("drops-usage-of-streams", "reports usage of plain answers only, although a stream asks for it",
          f"{FAILS}usage is missing from streams", count=_without_streams),
    Fault("counts-generation-prefix",
          f"counts the {PREFIX} tokens that open the assistant's turn as part of the prompt",
          "nothing fails: the constant offset is found and named", count=_added(PREFIX)),
    Fault("adds-system-prompt", f"puts a system prompt of its own, {SYSTEM_PROMPT} tokens, before every conversation",
          "Pre-Verification fails where counts are published: a constant is added to every prompt",
          count=_added(SYSTEM_PROMPT)),
    Fault("counts-streams-differently", f"counts {STREAM_EXTRA} more prompt tokens when it streams",
          f"{FAILS}the modes disagree about one prompt", count=_when_streamed),
    Fault("counts-without-cache", "leaves tokens that came from its prefix cache out of prompt_tokens",
          f"{FAILS}the same prompt is counted differently each time", send=_uncached),
    Fault("counts-no-completion", "reports 0 completion tokens", f"{FAILS}completion tokens are miscounted",
          count=_completed(0)),
    Fault("counts-characters", "reports about the characters of an answer as its completion tokens",
          f"{FAILS}completion tokens are miscounted", count=_completed(12)),
    Fault("wrong-total-tokens", "leaves completion tokens out of the total", f"{FAILS}usage does not add up",
          count=_wrong_total),
    Fault("foreign-tokenizer",
          "counts with a tokenizer that is not the model's: the same for English, another one for the rest",
          "Pre-Verification fails when it is given the tokenizer, or where exact counts are known", count=_foreign),
    Fault("template-drops-tools", "renders no declaration of the request's tools",
          PATTERN.format("tools of the request are not in the prompt"), count=_unrendered(Share.TOOLS)),
    Fault("template-drops-dynamic-tools", "renders no declaration of the tools in system messages",
          PATTERN.format("tools of messages are not in the prompt"), count=_unrendered(Share.DYNAMIC_TOOLS)),
    Fault("template-drops-tool-choice", "does not tell the model that it must or must not call tools",
          PATTERN.format("tool_choice is not in the prompt"), count=_unrendered(Share.CHOICE)),
    Fault("template-drops-response-format", "does not tell the model which response_format is wanted",
          PATTERN.format("response_format is not in the prompt"), count=_unrendered(Share.FORMAT)),
    Fault("template-drops-thoughts", "renders answers of the history without their block of thoughts",
          PATTERN.format("thoughts of earlier answers are not in the prompt"), count=_unrendered(Share.THOUGHTS)),
    Fault("template-drops-effort", "does not tell the model how hard it should think",
          PATTERN.format("the note about effort is not in the prompt"), count=_unrendered(Share.EFFORT)),
    Fault("template-fixes-effort", "tells the model to think at effort max whatever is asked",
          PATTERN.format("the prompt names one effort for all"), count=_rendered_as(effort="max")),
    Fault("ignores-partial-mode", "takes a message that begins the answer for an earlier answer",
          "nothing fails: a warning says that Partial Mode is ignored", hear=_closed),
    Fault("template-never-thinks", "renders every prompt as one without thinking",
          PATTERN.format("prompts are those without thinking"), count=_rendered_as(thinking=False)),
)  # fmt: skip
