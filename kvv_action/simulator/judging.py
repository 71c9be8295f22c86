"""How the embedded vendor judges answers: a criterion is met if its words stand in the answer, in their order."""

from collections.abc import Mapping, Sequence

import orjson

from kvv_action.schema import Json, Message
from kvv_action.scoring.judging import CRITERION, ORDER, SAME, TASKS


def is_judging(messages: Sequence[Message]) -> bool:
    """Whether an answer is to be judged."""
    return len(messages) == 2 and messages[0].get("role") == "system" and messages[0].get("content") in TASKS


def judged(messages: Sequence[Message]) -> str | None:
    """The judgement that is asked for; None where none is, or its material cannot be read."""
    if not is_judging(messages):
        return None
    try:
        given = orjson.loads(str(messages[1].get("content")))
        return orjson.dumps(_judgement(str(messages[0]["content"]), given)).decode()
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError):
        return None


def _judgement(task: str, given: Mapping[str, Json]) -> Json:
    if task == CRITERION:
        return {"score": _met(given["criterion"], given["answer"]), "reason": "By the words of the criterion."}
    if task == ORDER:
        return {"score": float(_ordered(given["events"], given["answer"])), "reason": "By the places of the events."}
    if task == SAME:
        found = _first([_plain(given["event"])], _plain(given["line"]))
        return {"score": float(found), "reason": "By the words of the event."}
    events = [_plain(event) for event in given["events"]]
    return {"matches": [_first(events, _plain(line)) for line in given["lines"]]}


def _plain(text: str) -> str:
    """The words of a text, without those of a rubric about the answer ("should mention:")."""
    said = text.partition(": ")[2] if text.lower().startswith("llm response should") else text
    return " ".join("".join(sign if sign.isalnum() else " " for sign in (said or text).casefold()).split())


def _met(criterion: str, answer: str) -> float:
    """1 where the whole criterion stands in the answer, a half where its first half does."""
    wanted, said = _plain(criterion), f" {_plain(answer)} "
    half = " ".join(wanted.split()[: max(3, len(wanted.split()) // 2)])
    return 1.0 if f" {wanted} " in said else 0.5 if f" {half} " in said else 0.0


def _ordered(events: Sequence[str], answer: str) -> bool:
    said, at = _plain(answer), 0
    for event in map(_plain, events):
        at = said.find(event, at)
        if at < 0:
            return False
        at += len(event)
    return True


def _first(events: Sequence[str], line: str) -> int:
    return next((number for number, event in enumerate(events, 1) if event and event in line), 0)
