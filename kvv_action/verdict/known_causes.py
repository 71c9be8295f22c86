"""Every cause that delivery and the checks over all answers can find, by its id, with the rule for its severity."""

import re
from collections.abc import Mapping

from kvv_action.causes import Cause, id_of_sentence
from kvv_action.schema import Severity
from kvv_action.verdict import delivery
from kvv_action.verdict.checks import buffering, calls, damage, filing, filtering, identity, markers, usage
from kvv_action.verdict.checks.sightings import Rule, severity_of

_OF_ANSWERS = (*calls.CAUSES, *damage.CAUSES, *filing.CAUSES, *identity.CAUSES, *markers.CAUSES, *usage.CAUSES)
_ALL = (*delivery.ALL_CAUSES, *_OF_ANSWERS, usage.CAP, buffering.BUFFER, filtering.FILTERED)
_CAUSES: Mapping[str, Cause] = {cause.id: cause for cause in _ALL}
_RULES: Mapping[str, Rule] = {
    **{cause.id: Rule(severity=Severity.FAILURE) for cause in delivery.ALL_CAUSES},
    **calls.RULES,
    **damage.RULES,
    **filing.RULES,
    **identity.RULES,
    **markers.RULES,
    **usage.RULES,
    buffering.BUFFER.id: buffering.RULE,
}
_ORDER = (Severity.FAILURE, Severity.WARNING, Severity.INFORMATION)
EXPLAINED = 0.8
"""Share of a symptom's answers that its cause must have at least, to explain it."""
_BLANK = re.compile(r"\{([a-z]+)(?::[^}]*)?\}")


def all_causes() -> tuple[Cause, ...]:
    """All of them."""
    return _ALL


def cause_of(cause_id: str) -> Cause | None:
    """The cause with this id; None for an id that this version does not know."""
    return _CAUSES.get(cause_id)


def id_of(sentence: str) -> str:
    """The id of the cause that says this sentence: that of a cause of the checks, else the name of the sentence."""
    return next((cause.id for cause in _ALL if in_general(cause.id) == sentence), id_of_sentence(sentence))


def is_delivery(cause_id: str) -> bool:
    """Whether the cause is that answers do not arrive whole."""
    return _CAUSES.get(cause_id) in delivery.ALL_CAUSES


def severity_by_rule(cause_id: str, count: int, of: int) -> Severity | None:
    """The severity that so many answers give to a cause; None for an id that this version does not know."""
    if cause_id not in _CAUSES:
        return None
    rule = _RULES.get(cause_id, Rule())
    return rule.severity or severity_of(count, of, rule)


def explained(cause_id: str, count: int, severity: Severity, other_id: str, others: int, other: Severity) -> bool:
    """Whether another cause, as severe and seen about as often, explains this one.

    Args:
        cause_id: the cause.
        count: answers that show it.
        severity: by its rule.
        other_id: the other cause.
        others: answers that show that one.
        other: its severity by its rule.
    """
    known = _CAUSES.get(other_id)
    severe = _ORDER.index(other) <= _ORDER.index(severity)
    return known is not None and cause_id in known.explains and severe and others >= EXPLAINED * count


def in_general(cause_id: str, **known: str) -> str:
    """The sentence of a cause without what only its run knows; an unknown id stands for itself.

    Args:
        cause_id: the cause.
        known: what can be filled into the sentence.
    """
    sentence = _CAUSES[cause_id].sentence if cause_id in _CAUSES else cause_id
    head, _, tail = sentence.partition(": ")
    kept = head if set(_BLANK.findall(tail)) - known.keys() else sentence
    return _BLANK.sub(lambda blank: known.get(blank[1], "…"), kept)
