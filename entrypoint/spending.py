"""The budget that the settings give, and what a plan says about it."""

from collections.abc import Iterator
from pathlib import Path

from kvv_action.ask.budget import Budget, Limits
from kvv_action.errors import Problem
from kvv_action.journal.file import Reader
from kvv_action.journal.reading import JournalState
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


def unpriced(settings: Settings) -> Iterator[Problem]:
    """A limited cost needs prices."""
    limited = {"max-cost": settings.max_cost, "swebench-limits": settings.swebench_limits.get("cost") or None}
    for name, cost in limited.items():
        for price in ("price_input", "price_output"):
            if cost is not None and getattr(settings, price) is None:
                allowed = f"A limit of {cost:g} needs {option_name(price)}, the price of a million tokens."
                yield Problem(name=name, value=f"{cost:g}", allowed=allowed)


def budget_of(settings: Settings, journal: Path, found: JournalState) -> Budget:
    """The budget with everything counted that a journal's sessions spent; the journal is read only for a limit."""
    budget = Budget(limits_of(settings), seconds=found.seconds)
    if budget.limits.any:
        budget.replay(Reader(journal))
    return budget
