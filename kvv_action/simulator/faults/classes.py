"""Faults that hit one class of valid requests."""

import re
from dataclasses import replace

from kvv_action.schema import Answer
from kvv_action.simulator.call import Call
from kvv_action.simulator.faults.model import Fault

_OWN_ID = re.compile(r"(?:functions\.)?[\w.-]+:\d+")
"""Ids as K2 and K3 write them."""


def _foreign_ids(answer: Answer, call: Call) -> Answer:
    """An empty turn where the history holds calls with ids of another API."""
    made = (call_ for message in call.messages for call_ in message.get("tool_calls") or ())
    if all(_OWN_ID.fullmatch(str(one.get("id", ""))) for one in made):
        return answer
    return replace(answer, content="", reasoning="", tool_calls=(), finish_reason="stop")


FAULTS = (
    Fault("silent-on-foreign-ids", "answers with an empty turn when ids in the history are not the model's own",
          "foreign ids in the history break the turn", say=_foreign_ids),
)  # fmt: skip
