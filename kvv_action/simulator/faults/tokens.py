"""Faults in how tokens are counted."""

from collections.abc import Callable
from dataclasses import replace

from kvv_action.profiles.prompt import Share
from kvv_action.schema import Json
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import text_of
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.tokens import KNOWN, count, shares_of
from kvv_action.simulator.wire import NOTHING_CACHED, Reply, Usage, rewritten

Count = Callable[[Usage, Call], Usage]
PREFIX = 3
SYSTEM_PROMPT = 17
STREAM_EXTRA = 5
PATTERN = "Pre-Verification fails where exact counts are known, and the pattern tells why: {}"


def _more(usage: Usage, tokens: int) -> Usage:
    """`usage` of a prompt that is longer by `tokens`, the total with it."""
    prompt = usage["prompt_tokens"] + tokens
    return {**usage, "prompt_tokens": prompt, "total_tokens": prompt + usage["completion_tokens"]}


def _added(tokens: int) -> Count:
    return lambda usage, _: _more(usage, tokens)


def _when_streamed(usage: Usage, call: Call) -> Usage:
    return _more(usage, STREAM_EXTRA) if call.stream else usage


def _without_streams(usage: Usage, call: Call) -> Usage | None:
    return None if call.stream else usage


def _completed(usage: Usage, tokens: int) -> Usage:
    return {**usage, "completion_tokens": tokens, "total_tokens": usage["prompt_tokens"] + tokens}


def _none_completed(usage: Usage, _: Call) -> Usage:
    return _completed(usage, 0)


def _characters_completed(usage: Usage, _: Call) -> Usage:
    return _completed(usage, usage["completion_tokens"] * 12)


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
    """What came before counts for one token."""
    return rewritten(reply, _forgotten) if turn.call is not None and turn.visit.occurrence > 1 else reply


def _forgotten(documents: list[Json]) -> list[Json]:
    return [
        {**document, "usage": {**_more(document["usage"], 1 - document["usage"]["prompt_tokens"]), **NOTHING_CACHED}}
        if document.get("usage")
        else document
        for document in documents
    ]


FAULTS = (
    Fault(
        name="drops-usage-of-streams",
        summary="reports usage of plain answers only, although a stream asks for it",
        conclusion="Pre-Verification fails: usage is missing from streams",
        count=_without_streams,
    ),
    Fault(
        name="counts-generation-prefix",
        summary=f"counts the {PREFIX} tokens that open the assistant's turn as part of the prompt",
        conclusion="nothing fails: the constant offset is found and named",
        count=_added(PREFIX),
    ),
    Fault(
        name="adds-system-prompt",
        summary=f"puts a system prompt of its own, {SYSTEM_PROMPT} tokens, before every conversation",
        conclusion="Pre-Verification fails where counts are published: a constant is added to every prompt",
        count=_added(SYSTEM_PROMPT),
    ),
    Fault(
        name="counts-streams-differently",
        summary=f"counts {STREAM_EXTRA} more prompt tokens when it streams",
        conclusion="Pre-Verification fails: the modes disagree about one prompt",
        count=_when_streamed,
    ),
    Fault(
        name="counts-without-cache",
        summary="leaves tokens that came from its prefix cache out of prompt_tokens",
        conclusion="Pre-Verification fails: the same prompt is counted differently each time",
        send=_uncached,
    ),
    Fault(
        name="counts-no-completion",
        summary="reports 0 completion tokens",
        conclusion="Pre-Verification fails: completion tokens are miscounted",
        count=_none_completed,
    ),
    Fault(
        name="counts-characters",
        summary="reports about the characters of an answer as its completion tokens",
        conclusion="Pre-Verification fails: completion tokens are miscounted",
        count=_characters_completed,
    ),
    Fault(
        name="wrong-total-tokens",
        summary="leaves completion tokens out of the total",
        conclusion="Pre-Verification fails: usage does not add up",
        count=_wrong_total,
    ),
    Fault(
        name="foreign-tokenizer",
        summary="counts with a tokenizer that is not the model's: the same for English, another one for the rest",
        conclusion="Pre-Verification fails when it is given the tokenizer, or where exact counts are known",
        count=_foreign,
    ),
    Fault(
        name="template-drops-tools",
        summary="renders no declaration of the request's tools",
        conclusion=PATTERN.format("tools of the request are not in the prompt"),
        count=_unrendered(Share.TOOLS),
    ),
    Fault(
        name="template-drops-dynamic-tools",
        summary="renders no declaration of the tools in system messages",
        conclusion=PATTERN.format("tools of messages are not in the prompt"),
        count=_unrendered(Share.DYNAMIC_TOOLS),
    ),
    Fault(
        name="template-drops-tool-choice",
        summary="does not tell the model that it must or must not call tools",
        conclusion=PATTERN.format("tool_choice is not in the prompt"),
        count=_unrendered(Share.CHOICE),
    ),
    Fault(
        name="template-drops-response-format",
        summary="does not tell the model which response_format is wanted",
        conclusion=PATTERN.format("response_format is not in the prompt"),
        count=_unrendered(Share.FORMAT),
    ),
    Fault(
        name="template-drops-thoughts",
        summary="renders answers of the history without their block of thoughts",
        conclusion=PATTERN.format("thoughts of earlier answers are not in the prompt"),
        count=_unrendered(Share.THOUGHTS),
    ),
    Fault(
        name="template-drops-effort",
        summary="does not tell the model how hard it should think",
        conclusion=PATTERN.format("the note about effort is not in the prompt"),
        count=_unrendered(Share.EFFORT),
    ),
    Fault(
        name="template-fixes-effort",
        summary="tells the model to think at effort max whatever is asked",
        conclusion=PATTERN.format("the prompt names one effort for all"),
        count=_rendered_as(effort="max"),
    ),
    Fault(
        name="ignores-partial-mode",
        summary="takes a message that begins the answer for an earlier answer",
        conclusion="nothing fails: a warning says that Partial Mode is ignored",
        hear=_closed,
    ),
    Fault(
        name="template-never-thinks",
        summary="renders every prompt as one without thinking",
        conclusion=PATTERN.format("prompts are those without thinking"),
        count=_rendered_as(thinking=False),
    ),
)
