"""The budget that the settings give a run."""

from collections.abc import Iterator
from pathlib import Path

from kvv_action.ask.budget import Budget, Limits
from kvv_action.digits import figure
from kvv_action.errors import Problem
from kvv_action.journal.reading import JournalReading
from kvv_action.journal.state import JournalState
from kvv_action.schema import JUDGE, Prices
from kvv_action.settings import Settings, option_name


def limits_of(settings: Settings) -> Limits:
    """What a run with these settings may spend."""
    return Limits(
        requests=settings.max_requests,
        tokens=settings.max_tokens,
        cost=settings.max_cost,
        minutes=settings.max_minutes,
        price_input=settings.price_input or 0.0,
        price_output=settings.price_output or 0.0,
    )


def limits_of_judge(settings: Settings) -> Limits:
    """What the judge may be asked in all: a share of its own."""
    return Limits(requests=settings.judge_max_requests, tokens=settings.judge_max_tokens)


def unpriced(settings: Settings) -> Iterator[Problem]:
    """A limited cost needs prices."""
    cost = settings.max_cost
    for price, known in priced(settings).items():
        if cost is not None and not known:
            allowed = f"A limit of {figure(cost)} needs {option_name(price)}, the price of a million tokens."
            yield Problem(name="max-cost", value=figure(cost), allowed=allowed)


def priced(settings: Settings) -> dict[str, bool]:
    """Which of the prices are known."""
    return {"price_input": settings.price_input is not None, "price_output": settings.price_output is not None}


def prices_of(settings: Settings) -> Prices | None:
    """What tokens cost; None unless both prices are known."""
    if settings.price_input is None or settings.price_output is None:
        return None
    return Prices(input=settings.price_input, output=settings.price_output)


def budget_of(settings: Settings, journal: Path, found: JournalState) -> Budget:
    """The budget without what earlier sessions spent; the journal is read only if there is a limit."""
    contact = found.sessions[-1].get("contact", {}).get("seconds", 0.0) if found.sessions else 0.0
    budget = Budget(limits_of(settings), seconds=found.seconds + contact)  # no result tells of its time yet
    if budget.limits.any and found.sessions:
        budget.replay(JournalReading(journal).sent(), found.sessions, found.candidates)
    return budget


def budget_of_judge(settings: Settings, journal: Path, found: JournalState) -> Budget:
    """The judge's budget without what earlier sessions spent."""
    budget = Budget(limits_of_judge(settings), role=JUDGE)
    if budget.limits.any and found.sessions:
        budget.replay(JournalReading(journal).sent(), found.sessions)
    return budget
