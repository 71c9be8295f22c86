"""Reads answers that anyone must give, and the numbers of tokens that they report."""

from collections.abc import Mapping

from benchmarks.precheck.probe import refused
from kvv_action.errors import Undecided
from kvv_action.schema import Completion, Exchange


def answer_of(exchange: Exchange) -> Completion:
    """The answer to a request that anyone must serve.

    Raises:
        Undecided: there is none.
    """
    if exchange.completion is None:
        raise Undecided(f"the request was refused: {refused(exchange)}" if exchange.rejection else "there is no answer")
    return exchange.completion


def count_of(answer: Completion, name: str) -> int | None:
    """A number of tokens as it was reported; None when there is none, or no whole number from 0."""
    value = answer.usage.get(name) if isinstance(answer.usage, Mapping) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
