"""Faults in the limits of answers and prompts, and in which request gets which answer."""

import re
from collections import OrderedDict
from dataclasses import replace

from kvv_action.schema import Answer, Json, Message
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import last_user_text
from kvv_action.simulator.faults.model import FAILS, Fault, Turn
from kvv_action.simulator.wire import Reply, rewritten

KEPT = 12_000
"""Characters of a message that a cutting vendor keeps: its end."""


def _unlimited(call: Call) -> Call:
    return replace(call, max_tokens=None)


def _only_old_name(call: Call) -> Call:
    return replace(call, max_tokens=None) if "max_completion_tokens" in call.body else call


def _endless(call: Call) -> Call:
    return replace(call, stop=())


def _with_stop(call: Call) -> Call:
    """Stops where asked to, but keeps the text that made it stop."""
    return replace(call, stop=tuple(f"{stop} " for stop in call.stop))


def _kept_stop(answer: Answer, call: Call) -> Answer:
    """The content with every stop said twice, so that cutting at the second keeps the first."""
    content = answer.content
    for stop in (text.strip() for text in call.stop):
        content = content.replace(stop, f"{stop}{stop} ")
    return replace(answer, content=content)


def _called_whole(reply: Reply, turn: Turn) -> Reply:
    return rewritten(reply, _renamed) if turn.answer is not None else reply


def _renamed(documents: list[Json]) -> list[Json]:
    return [
        {
            **document,
            "choices": [
                {**choice, "finish_reason": "stop" if choice["finish_reason"] == "length" else choice["finish_reason"]}
                for choice in document["choices"]
            ],
        }
        for document in documents
    ]


def _cut(call: Call) -> Call:
    return replace(call, messages=[_shortened(message) for message in call.messages])


def _shortened(message: Message) -> Message:
    content = message.get("content")
    return {**message, "content": content[-KEPT:]} if isinstance(content, str) else message


def _inattentive(answer: Answer, call: Call) -> Answer:
    """Only the end of a prompt is read."""
    return replace(answer, content="There is only filler.") if len(last_user_text(call.messages)) > KEPT else answer


class _Slots:
    """Answers by what a question says beside its numbers: a key that is too short."""

    def __init__(self, limit: int = 1000) -> None:
        self._answers: OrderedDict[str, str] = OrderedDict()
        self._limit = limit

    def mixed(self, answer: Answer, call: Call) -> Answer:
        """The first answer to a question that differs in a word with a number only."""
        text = last_user_text(call.messages)
        key = re.sub(r"\b[\w-]*-\d+\b", "", text)
        if key == text or answer.tool_calls or len(text) > KEPT:
            return answer
        content = self._answers.setdefault(key, answer.content)
        if len(self._answers) > self._limit:
            self._answers.popitem(last=False)
        return replace(answer, content=content)


FAULTS = (
    Fault("ignores-max-tokens", "writes on beyond max_tokens", f"{FAILS}max_tokens is not kept", hear=_unlimited),
    Fault("ignores-max-completion-tokens", "knows max_tokens by its old name only",
          "Pre-Verification at full fails: max_completion_tokens is not kept", hear=_only_old_name),
    Fault("hides-cut-answers", "ends at max_tokens and calls it stop",
          f"{FAILS}an answer that was cut off does not say so", send=_called_whole),
    Fault("ignores-stop", "writes on beyond stop sequences", f"{FAILS}stop sequences are not kept", hear=_endless),
    Fault("keeps-stop-text", "stops where asked to and leaves the stop sequence in the content",
          f"{FAILS}stop sequences are not kept", hear=_with_stop, say=_kept_stop),
    Fault("cuts-long-prompts", "cuts the beginning of a long message off and answers as if nothing were missing",
          f"{FAILS}long prompts are cut silently", hear=_cut),
    Fault("forgets-long-prompts", "counts a long prompt whole and knows nothing of its beginning",
          f"{FAILS}the beginning of a long prompt does not reach the model", say=_inattentive),
    Fault("mixes-answers",
          "hands out one answer for questions that differ in a number: a shared slot, or a key that is too short",
          f"{FAILS}requests get each other's answers", say=_Slots().mixed),
)  # fmt: skip
