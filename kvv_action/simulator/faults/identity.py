"""Faults in the name of the model that answers."""

import re

from kvv_action.simulator.faults.chunks import Document, Send, in_answers
from kvv_action.simulator.faults.model import Fault, Turn
from kvv_action.simulator.wire import Reply


def _named(name: str) -> Send:
    def renamed(document: Document) -> Document:
        return {**document, "model": name}

    return in_answers(renamed)


def _unnamed(document: Document) -> Document:
    return {name: value for name, value in document.items() if name != "model"}


def _in_turns(reply: Reply, turn: Turn) -> Reply:
    """Some replicas say another version."""
    if turn.call is None or turn.visit.draw("names-two-models") < 0.5:
        return reply
    return _named(f"{turn.call.model}-preview")(reply, turn)


def _older(reply: Reply, turn: Turn) -> Reply:
    """The first digit in the name is changed; a name without digits gets a version at its end."""
    if turn.call is None:
        return reply
    older = re.sub(r"\d", lambda figure: str((int(figure[0]) - 1) % 10), turn.call.model, count=1)
    return _named(older if older != turn.call.model else f"{older}-0")(reply, turn)


def _as_path(reply: Reply, turn: Turn) -> Reply:
    return _named(f"/models/hub/{turn.call.model.upper()}@main")(reply, turn) if turn.call else reply


FAULTS = (
    Fault("names-another-maker", "answers under the name of another maker's model",
          "a finding: another maker's model answers", send=_named("deepseek-v4-flash")),
    Fault("names-a-small-maker", "answers under the name of a model of a maker that few know",
          "a finding: another maker's model answers", send=_named("meituan/LongCat-Flash-Chat")),
    Fault("names-another-version", "answers under the name of an older model of the same maker",
          "a warning: another version answers", send=_older),
    Fault("names-two-models", "answers under two names in turn", "a warning: the name changes during the run",
          send=_in_turns),
    Fault("names-no-model", "leaves the name of the model out", "information: answers do not name a model",
          send=in_answers(_unnamed)),
    Fault("names-a-path", "names the model by the path of its weights, with a revision",
          "nothing: it is the same model", send=_as_path),
)  # fmt: skip
