"""Faults of long conversations, and of a model that judges answers."""

from collections.abc import Sequence
from dataclasses import replace

import orjson

from kvv_action.profiles.model import Profile
from kvv_action.schema import Answer, Message
from kvv_action.scoring.judging import MATCHES
from kvv_action.simulator.call import Call
from kvv_action.simulator.conversation import messages_of
from kvv_action.simulator.faults.hooks import Body
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.judging import is_judging
from kvv_action.simulator.refusal import Refusal
from kvv_action.simulator.tokens import prompt_tokens
from kvv_action.simulator.wire import Reply, Usage, counting

LONG = 16
"""Messages from which on a conversation has a middle."""
READING = 2e-7
"""Seconds for each byte of a request whose prompt is not cached."""
PROSE = "On the whole this is quite a good answer, and I would call it helpful."


def _parts(messages: Sequence[Message], first: float, last: float) -> Sequence[Message]:
    """A long conversation without the messages between two shares of it; the question is never lost."""
    size = len(messages) - 1
    if size < LONG:
        return messages
    return [*messages[: round(size * first)], *messages[round(size * last) :]]


def _middle_lost(call: Call) -> Call:
    return replace(call, messages=_parts(call.messages, 1 / 3, 2 / 3))


def _beginning_lost(call: Call) -> Call:
    return replace(call, messages=_parts(call.messages, 0.0, 0.5))


def _counted_whole(usage: Usage, call: Call) -> Usage:
    """The count includes the messages that were forgotten."""
    return counting(usage, prompt_tokens=prompt_tokens(replace(call, messages=messages_of(call.body))))


def _computed_anew(call: Call) -> Call:
    return replace(call, cacheable=False)


def _slower(reply: Reply, turn: Turn) -> Reply:
    """The whole of a long conversation is read before the first token."""
    long = turn.call is not None and len(turn.call.messages) > LONG
    return replace(reply, delay=reply.delay + turn.visit.size * READING) if long else reply


def _down(body: Body, _: Profile) -> None:
    if is_judging(messages_of(body)):
        raise Refusal("the judge is out of order", status=500, kind="server_error")


def _garbled(answer: Answer, call: Call) -> Answer:
    return replace(answer, content=PROSE) if is_judging(call.messages) else answer


def _lenient(answer: Answer, call: Call) -> Answer:
    """Full marks for everything."""
    if not is_judging(call.messages):
        return answer
    if call.messages[0]["content"] != MATCHES:
        return replace(answer, content='{"score": 1, "reason": "Well done."}')
    given = orjson.loads(str(call.messages[1]["content"]))
    events, lines = len(given["events"]), len(given["lines"])
    numbers = [number if number <= events else 0 for number in range(1, lines + 1)]
    return replace(answer, content=orjson.dumps({"matches": numbers}).decode())


FAULTS = (
    Fault("forgets-middle", "counts a long conversation whole and answers without its middle",
          "BEAM fails: what is said in the middle of a conversation is forgotten", hear=_middle_lost,
          count=_counted_whole),
    Fault("truncates-history", "drops the older half of a long conversation, and counts what is left",
          "BEAM fails: prompts are truncated", hear=_beginning_lost),
    Fault("prefix-cache-off", "computes every long prompt anew, also one that begins like the prompt before",
          "nothing fails: BEAM tells that no token was cached, and how long first tokens take by length",
          hear=_computed_anew, send=_slower),
    Fault("judge-down", "answers 500 to whoever wants an answer judged",
          "BEAM is inconclusive: no answer is judged, and none counts as wrong", check=_down),
    Fault("judge-garbled", "judges in prose, without a score",
          "BEAM is inconclusive: judgements cannot be read, and no answer counts as wrong", say=_garbled),
    Fault("judge-lenient", "gives full marks to every answer that it judges",
          "BEAM is inconclusive: the judge gives marks to an answer that says nothing", say=_lenient),
)  # fmt: skip
